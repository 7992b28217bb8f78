//! The loop over instructions of a warp, with branches, barriers and the end.
use super::warp::{Group, Warp};
use super::{Machine, access, collective, convert, float, integer};
use crate::ptx::instruction::{Binary, Comparison, Condition, Join, Operation, Space, Ternary, Type, Unary};

/// Where the generic address space shows shared memory.
const SHARED: u64 = 0x7100_0000_0000;
/// Where it shows local memory.
const LOCAL: u64 = 0x7200_0000_0000;

/// The space of a generic address, and the address in it.
pub fn resolve(generic: u64) -> (Space, u64) {
    match generic {
        LOCAL.. => (Space::Local, generic - LOCAL),
        SHARED.. => (Space::Shared, generic - SHARED),
        _ => (Space::Global, generic),
    }
}

pub fn holds(warp: &Warp, condition: Condition) -> u32 {
    let values = warp.predicates[condition.predicate as usize];
    if condition.negated { !values } else { values }
}

/// Runs until every lane has ended or waits at a barrier.
pub fn run(warp: &mut Warp, machine: &mut Machine<'_>) -> Result<(), String> {
    let code = &machine.launch.kernel.code[..];
    'group: while let Some(Group { mut pc, lanes: mut group }) = warp.pop() {
        let mut limit = warp.limit();
        loop {
            if pc > limit {
                warp.push(pc, group);
                continue 'group;
            }
            if pc == limit {
                group |= warp.pop().map_or(0, |other| other.lanes);
                limit = warp.limit();
            }
            warp.pc = pc;
            let instruction = &code[pc];
            let lanes = group & instruction.guard.map_or(u32::MAX, |guard| holds(warp, guard));
            machine.counts.warp_instructions += 1;
            machine.counts.thread_instructions += u64::from(lanes.count_ones());
            match instruction.operation {
                Operation::Bra { target } => {
                    warp.branches -= 1;
                    if warp.branches == 0 {
                        return Err(format!("warp {} hangs: it has taken too many branches", warp.index));
                    }
                    machine.counts.branches += u64::from(instruction.guard.is_some());
                    if lanes == 0 {
                        pc += 1;
                    } else if lanes == group {
                        pc = target;
                    } else {
                        machine.counts.divergent_branches += 1;
                        warp.push(target, lanes);
                        warp.push(pc + 1, group & !lanes);
                        continue 'group;
                    }
                    continue;
                }
                _ if lanes == 0 => {}
                Operation::Bar => {
                    if lanes != group {
                        warp.push(pc + 1, group & !lanes);
                    }
                    match &mut warp.waiting {
                        Some(waiting) if waiting.pc != pc => {
                            return Err(format!(
                                "barrier in divergent code: lanes {:#x} wait at another",
                                waiting.lanes
                            ));
                        }
                        Some(waiting) => waiting.lanes |= lanes,
                        waiting => *waiting = Some(Group { pc, lanes }),
                    }
                    continue 'group;
                }
                Operation::Exit => {
                    if let Some(waiting) = warp.waiting {
                        let (index, line) = (warp.index, code[waiting.pc].line);
                        return Err(format!(
                            "lanes {lanes:#x} of warp {index} end while lanes {:#x} wait at the barrier of PTX line {line}: \
                             barrier in divergent code",
                            waiting.lanes
                        ));
                    }
                    group &= !lanes;
                    warp.alive &= !lanes;
                    if group == 0 {
                        continue 'group;
                    }
                }
                operation => plain(warp, machine, operation, lanes, group)?,
            }
            pc += 1;
        }
    }
    Ok(())
}

/// Everything that only computes.
fn plain(
    warp: &mut Warp,
    machine: &mut Machine<'_>,
    operation: Operation,
    lanes: u32,
    group: u32,
) -> Result<(), String> {
    match operation {
        Operation::Unary { with: Unary::Mov, of, to, a } => copy(warp, of, to, a, lanes),
        Operation::Unary { with, of, to, a } if of.is_float() => float::unary(warp, with, of, to, a, lanes),
        Operation::Unary { with, of, to, a } => integer::unary(warp, with, of, to, a, lanes),
        Operation::Binary { with, of, to, a, b } if of.is_float() => float::binary(warp, with, of, to, [a, b], lanes),
        Operation::Binary { with, of: Type::Pred, to, a, b } => {
            let (a, b) = (warp.predicates[a as usize], warp.predicates[b as usize]);
            let values = match with {
                Binary::And => a & b,
                Binary::Or => a | b,
                _ => a ^ b,
            };
            warp.set_predicate(to, values, lanes);
        }
        Operation::Binary { with, of, to, a, b } => integer::binary(warp, with, of, to, [a, b], lanes),
        Operation::Ternary { with: Ternary::Fma, of, to, a, b, c } => {
            machine.counts.fma_instructions += 1;
            float::fma(warp, of, to, [a, b, c], lanes);
        }
        Operation::Ternary { with, of, to, a, b, c } => integer::ternary(warp, with, of, to, [a, b, c], lanes),
        Operation::Insert { of, to, a, b, position, length } => {
            integer::insert(warp, of, to, [a, b, position, length], lanes);
        }
        Operation::Setp { with, of, to, complement, a, b, join } => {
            let values = compare(warp, with, of, a, b);
            let joined = |values: u32| match join {
                None => values,
                Some((Join::And, condition)) => values & holds(warp, condition),
                Some((Join::Or, condition)) => values | holds(warp, condition),
                Some((Join::Xor, condition)) => values ^ holds(warp, condition),
            };
            let (values, others) = (joined(values), joined(!values));
            warp.set_predicate(to, values, lanes);
            if let Some(complement) = complement {
                warp.set_predicate(complement, others, lanes);
            }
        }
        Operation::Selp { of, to, a, b, condition } => {
            let chosen = warp.predicates[condition as usize];
            if of.is_wide() {
                let (a, b) = (&warp.wide[a as usize], &warp.wide[b as usize]);
                let values = std::array::from_fn(|lane| if chosen >> lane & 1 == 1 { a[lane] } else { b[lane] });
                warp.set_wide(to, values, lanes);
            } else {
                let (a, b) = (&warp.narrow[a as usize], &warp.narrow[b as usize]);
                let values = std::array::from_fn(|lane| if chosen >> lane & 1 == 1 { a[lane] } else { b[lane] });
                warp.set_narrow(to, values, lanes);
            }
        }
        Operation::Cvt { from, into, rounding, saturate, to, a } => {
            convert::cvt(warp, (from, into), rounding, saturate, to, a, lanes);
        }
        Operation::Cvta { space, from_generic, to, a } => {
            let base = match space {
                Space::Shared => SHARED,
                Space::Local => LOCAL,
                _ => 0,
            };
            let base = if from_generic { base.wrapping_neg() } else { base };
            warp.wide1(to, a, lanes, |address| address.wrapping_add(base));
        }
        Operation::Pack { of, to, low, high } if of.is_wide() => {
            warp.widen2(to, low, high, lanes, |low, high| u64::from(low) | u64::from(high) << 32);
        }
        Operation::Pack { to, low, high, .. } => {
            warp.narrow2(to, low, high, lanes, |low, high| low & 0xFFFF | high << 16);
        }
        Operation::Unpack { of, low, high, a } => {
            // Both are read before either is written: a destination may be the source.
            for (half, to) in [(0, low), (1, high)] {
                let Some(to) = to else { continue };
                if of.is_wide() {
                    warp.shrink1(to, a, lanes, |value| (value >> (32 * half)) as u32);
                } else {
                    warp.narrow1(to, a, lanes, |value| value >> (16 * half) & 0xFFFF);
                }
            }
        }
        Operation::Ld(access) => access::load(warp, machine, access, lanes)?,
        Operation::St(access) => access::store(warp, machine, access, lanes)?,
        Operation::Atom { with, space, of, to, address, b, c } => {
            access::atomic(warp, machine, with, (space, of), to, address, [b, c], lanes)?;
        }
        Operation::WarpBar { members } => {
            collective::check_members(warp, members, lanes)?;
            warp.epoch += 1;
        }
        Operation::Fence => {}
        Operation::Shfl { with, to, valid, a, b, clamp, members } => {
            collective::check_members(warp, members, lanes)?;
            collective::shuffle(warp, with, (to, valid), [a, b, clamp], lanes);
        }
        Operation::Vote { with, to, condition, members } => {
            collective::check_members(warp, members, lanes)?;
            collective::vote(warp, with, to, condition, lanes);
        }
        Operation::Redux { with, of, to, a, members } => {
            collective::check_members(warp, members, lanes)?;
            collective::reduce(warp, with, of, to, a, lanes);
        }
        Operation::Activemask { to } => warp.set_narrow(to, [group; 32], lanes),
        Operation::Trap => return Err(format!("trap in lanes {lanes:#x} of warp {}", warp.index)),
        Operation::Bra { .. } | Operation::Bar | Operation::Exit => unreachable!("handled by the loop"),
    }
    Ok(())
}

fn copy(warp: &mut Warp, of: Type, to: u16, a: u16, lanes: u32) {
    if of == Type::Pred {
        warp.set_predicate(to, warp.predicates[a as usize], lanes);
    } else if of.is_wide() {
        warp.wide1(to, a, lanes, |a| a);
    } else {
        warp.narrow1(to, a, lanes, |a| a);
    }
}

/// The lanes where the comparison holds.
fn compare(warp: &Warp, with: Comparison, of: Type, a: u16, b: u16) -> u32 {
    let (a, b) = (a as usize, b as usize);
    match of {
        Type::F32 => ordered(with, |lane| (f32::from_bits(warp.narrow[a][lane]), f32::from_bits(warp.narrow[b][lane]))),
        Type::F64 => ordered(with, |lane| (f64::from_bits(warp.wide[a][lane]), f64::from_bits(warp.wide[b][lane]))),
        Type::S64 => ordered(with, |lane| (warp.wide[a][lane] as i64, warp.wide[b][lane] as i64)),
        Type::U64 => ordered(with, |lane| (warp.wide[a][lane], warp.wide[b][lane])),
        Type::S32 => ordered(with, |lane| (warp.narrow[a][lane] as i32, warp.narrow[b][lane] as i32)),
        Type::S16 => ordered(with, |lane| (warp.narrow[a][lane] as i16, warp.narrow[b][lane] as i16)),
        Type::U16 => ordered(with, |lane| (warp.narrow[a][lane] as u16, warp.narrow[b][lane] as u16)),
        _ => ordered(with, |lane| (warp.narrow[a][lane], warp.narrow[b][lane])),
    }
}

#[expect(clippy::eq_op, clippy::neg_cmp_op_on_partial_ord, reason = "only NaN differs from itself, and is not ordered")]
fn ordered<T: PartialOrd>(with: Comparison, pair: impl Fn(usize) -> (T, T)) -> u32 {
    let lanes = |test: &dyn Fn(&T, &T) -> bool| {
        (0..32).fold(0, |bits, lane| {
            let (a, b) = pair(lane);
            bits | u32::from(test(&a, &b)) << lane
        })
    };
    match with {
        Comparison::Eq => lanes(&|a, b| a == b),
        Comparison::Ne => lanes(&|a, b| a != b && a == a && b == b),
        Comparison::Lt => lanes(&|a, b| a < b),
        Comparison::Le => lanes(&|a, b| a <= b),
        Comparison::Gt => lanes(&|a, b| a > b),
        Comparison::Ge => lanes(&|a, b| a >= b),
        Comparison::Equ => lanes(&|a, b| a == b || a != a || b != b),
        Comparison::Neu => lanes(&|a, b| a != b),
        Comparison::Ltu => lanes(&|a, b| !(a >= b)),
        Comparison::Leu => lanes(&|a, b| !(a > b)),
        Comparison::Gtu => lanes(&|a, b| !(a <= b)),
        Comparison::Geu => lanes(&|a, b| !(a < b)),
        Comparison::Num => lanes(&|a, b| a == a && b == b),
        Comparison::Nan => lanes(&|a, b| a != a || b != b),
    }
}
