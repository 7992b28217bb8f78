//! Loads, stores and atomic operations.
use super::convert::extended;
use super::shared::{Thread, Touch};
use super::step::resolve;
use super::warp::{Lanes, Warp};
use super::{Machine, Space};
use crate::counts::{self, sectors, wavefronts};
use crate::memory::Memory;
use crate::ptx::instruction::{Access, Address, Atomic, Type};

/// The addresses of a request, after its space was found.
struct Request {
    space: Space,
    addresses: Lanes<u64>,
    /// Bytes per lane.
    size: u64,
    lanes: u32,
}

impl Request {
    fn new(warp: &Warp, space: Space, address: Address, size: u64, lanes: u32) -> Result<Self, String> {
        let offset = address.offset as u64;
        let base = address.base as usize;
        let mut addresses: Lanes<u64> = if address.wide {
            let base = &warp.wide[base];
            std::array::from_fn(|lane| base[lane].wrapping_add(offset))
        } else {
            let base = &warp.narrow[base];
            std::array::from_fn(|lane| u64::from(base[lane]).wrapping_add(offset))
        };
        let mut space = space;
        if space == Space::Generic {
            space = resolve(addresses[lanes.trailing_zeros() as usize]).0;
            for lane in counts::lanes(lanes) {
                let (of_lane, address) = resolve(addresses[lane]);
                if of_lane != space {
                    return Err("lanes of one access mean different memories".into());
                }
                addresses[lane] = address;
            }
        }
        let mut low_bits = 0;
        for lane in 0..32 {
            low_bits |= if lanes >> lane & 1 == 1 { addresses[lane] } else { 0 };
        }
        if low_bits & (size - 1) != 0 {
            let lane = counts::lanes(lanes).find(|lane| !addresses[*lane].is_multiple_of(size)).unwrap_or_default();
            let (at, index) = (addresses[lane], warp.index);
            return Err(format!("lane {lane} of warp {index}: address {at:#x} is misaligned for {size} bytes"));
        }
        Ok(Self { space, addresses, size, lanes })
    }

    fn lanes(&self) -> impl Iterator<Item = usize> + use<> {
        counts::lanes(self.lanes)
    }

    /// The bytes that all lanes together span, from which address on; none if they are not one piece of memory.
    fn window<'m>(&self, memory: &'m mut Memory, shared: &'m mut [u8]) -> Option<(u64, &'m mut [u8])> {
        let (mut low, mut high) = (u64::MAX, 0);
        for lane in 0..32 {
            let on = self.lanes >> lane & 1 == 1;
            low = low.min(if on { self.addresses[lane] } else { u64::MAX });
            high = high.max(if on { self.addresses[lane] } else { 0 });
        }
        let length = (high - low).checked_add(self.size)?;
        let bytes = match self.space {
            Space::Shared => {
                shared.get_mut(usize::try_from(low).ok()?..usize::try_from(low.checked_add(length)?).ok()?)?
            }
            Space::Global | Space::Const => memory.slice(low, length)?,
            _ => return None,
        };
        Some((low, bytes))
    }
}

impl Machine<'_> {
    /// The bytes of one lane, or the fault.
    fn bytes(&mut self, warp: &Warp, request: &Request, lane: usize, does: &str) -> Result<&mut [u8], String> {
        let (at, size) = (request.addresses[lane], request.size);
        let fault =
            |place: String| Err(format!("lane {lane} of warp {}: {does} of {size} bytes at {place}", warp.index));
        let within = |start: u64, length: usize| {
            at.checked_add(size)
                .filter(|end| *end <= length as u64)
                .map(|_| (start + at) as usize..(start + at + size) as usize)
        };
        match request.space {
            Space::Shared => match within(0, self.shared.bytes.len()) {
                Some(range) => Ok(&mut self.shared.bytes[range]),
                None => fault(format!("shared address {at:#x}, of {} bytes", self.shared.bytes.len())),
            },
            Space::Local => {
                let length = self.launch.kernel.local;
                let start = (u64::from(warp.index) * 32 + lane as u64) * length as u64;
                match within(start, length) {
                    Some(range) => Ok(&mut self.local[range]),
                    None => fault(format!("local address {at:#x}, of {length} bytes")),
                }
            }
            _ if self.memory.slice(at, size).is_none() => fault(format!("{at:#x}: {}", self.memory.explain(at))),
            _ => Ok(self.memory.slice(at, size).unwrap_or_default()),
        }
    }

    /// Looks for a race with what other threads did since the last barrier.
    fn touch(&mut self, warp: &Warp, request: &Request, touch: Touch) -> Result<(), String> {
        if request.space != Space::Shared || !self.shared.is_checked() {
            return Ok(());
        }
        let line = self.launch.kernel.code[warp.pc].line;
        for lane in request.lanes() {
            let index = (warp.index * 32) as u16 + lane as u16;
            let thread = Thread { index, warp_epoch: warp.epoch, line };
            self.shared.touch(request.addresses[lane], request.size, thread, touch)?;
        }
        Ok(())
    }
}

pub fn load(warp: &mut Warp, machine: &mut Machine<'_>, access: Access, lanes: u32) -> Result<(), String> {
    let element = access.of.size();
    if access.space == Space::Param {
        return parameter(warp, machine, access, lanes);
    }
    let request = Request::new(warp, access.space, access.address, (element * access.count as usize) as u64, lanes)?;
    let counts = &mut *machine.counts;
    match request.space {
        Space::Global => {
            counts.global_load_requests += 1;
            counts.global_load_sectors += sectors(&request.addresses, lanes, request.size);
        }
        Space::Shared => {
            let (wavefronts, ideal) = wavefronts(&request.addresses, lanes, request.size);
            counts.shared_requests += 1;
            counts.shared_wavefronts += wavefronts;
            counts.shared_ideal_wavefronts += ideal;
        }
        Space::Const => counts.constant_requests += 1,
        _ => counts.local_requests += 1,
    }
    if let Some((low, bytes)) = request.window(machine.memory, &mut machine.shared.bytes) {
        if access.count == 1 && element == 4 && !access.widened {
            let Some(to) = access.registers[0] else { return Ok(()) };
            let to = &mut warp.narrow[to as usize];
            for lane in 0..32 {
                if lanes >> lane & 1 == 1 {
                    let at = (request.addresses[lane] - low) as usize;
                    to[lane] = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
                }
            }
        } else {
            for lane in request.lanes() {
                let at = (request.addresses[lane] - low) as usize;
                fill(warp, access, lane, &bytes[at..at + request.size as usize]);
            }
        }
    } else {
        for lane in request.lanes() {
            let bytes = machine.bytes(warp, &request, lane, "read")?;
            fill(warp, access, lane, bytes);
        }
    }
    machine.touch(warp, &request, Touch::Read)
}

/// Loads of parameters, which no memory system sees.
fn parameter(warp: &mut Warp, machine: &Machine<'_>, access: Access, lanes: u32) -> Result<(), String> {
    let size = access.of.size() * access.count as usize;
    for lane in counts::lanes(lanes) {
        let at = warp.wide[access.address.base as usize][lane].wrapping_add(access.address.offset as u64);
        let bytes = usize::try_from(at).ok().and_then(|at| machine.launch.parameters.get(at..at.checked_add(size)?));
        let bytes = bytes.ok_or_else(|| format!("lane {lane} of warp {}: no parameter at {at:#x}", warp.index))?;
        fill(warp, access, lane, bytes);
    }
    Ok(())
}

/// Registers of one lane from memory.
fn fill(warp: &mut Warp, access: Access, lane: usize, bytes: &[u8]) {
    let size = access.of.size();
    for (part, to) in access.registers.iter().take(access.count as usize).enumerate() {
        let Some(to) = *to else { continue };
        let mut padded = [0; 8];
        padded[..size].copy_from_slice(&bytes[part * size..(part + 1) * size]);
        let bits = u64::from_le_bytes(padded);
        if access.widened {
            let unused = 64 - 8 * size as u32;
            let signed = ((bits << unused) as i64 >> unused) as u64;
            warp.wide[to as usize][lane] = if access.of.is_signed() { signed } else { bits };
        } else if access.of.is_wide() {
            warp.wide[to as usize][lane] = bits;
        } else {
            warp.narrow[to as usize][lane] = extended(bits, access.of) as u32;
        }
    }
}

pub fn store(warp: &mut Warp, machine: &mut Machine<'_>, access: Access, lanes: u32) -> Result<(), String> {
    let element = access.of.size();
    let request = Request::new(warp, access.space, access.address, (element * access.count as usize) as u64, lanes)?;
    let counts = &mut *machine.counts;
    match request.space {
        Space::Global => {
            counts.global_store_requests += 1;
            counts.global_store_sectors += sectors(&request.addresses, lanes, request.size);
        }
        Space::Shared => {
            let (wavefronts, ideal) = wavefronts(&request.addresses, lanes, request.size);
            counts.shared_requests += 1;
            counts.shared_wavefronts += wavefronts;
            counts.shared_ideal_wavefronts += ideal;
        }
        _ => counts.local_requests += 1,
    }
    if let Some((low, bytes)) = request.window(machine.memory, &mut machine.shared.bytes) {
        for lane in request.lanes() {
            let at = (request.addresses[lane] - low) as usize;
            empty(warp, access, lane, &mut bytes[at..at + request.size as usize]);
        }
    } else {
        for lane in request.lanes() {
            let bytes = machine.bytes(warp, &request, lane, "write")?;
            empty(warp, access, lane, bytes);
        }
    }
    machine.touch(warp, &request, Touch::Write)
}

/// Memory from registers of one lane.
fn empty(warp: &Warp, access: Access, lane: usize, bytes: &mut [u8]) {
    let size = access.of.size();
    for (part, from) in access.registers.iter().take(access.count as usize).enumerate() {
        let Some(from) = *from else { continue };
        let wide = access.widened || access.of.is_wide();
        let bits = if wide { warp.wide[from as usize][lane] } else { warp.narrow[from as usize][lane].into() };
        bytes[part * size..(part + 1) * size].copy_from_slice(&bits.to_le_bytes()[..size]);
    }
}

/// Lanes one after the other, ascending.
#[expect(clippy::too_many_arguments, reason = "the instruction's operands")]
pub fn atomic(
    warp: &mut Warp,
    machine: &mut Machine<'_>,
    with: Atomic,
    (space, of): (Space, Type),
    to: Option<u16>,
    address: Address,
    [b, c]: [u16; 2],
    lanes: u32,
) -> Result<(), String> {
    let size = of.size();
    let request = Request::new(warp, space, address, size as u64, lanes)?;
    machine.counts.atomics += u64::from(lanes.count_ones());
    let mut seen = Vec::new();
    for lane in request.lanes() {
        if seen.contains(&request.addresses[lane]) {
            machine.counts.atomic_conflicts += 1;
        } else {
            seen.push(request.addresses[lane]);
        }
        let operand = |register: u16| {
            if of.is_wide() { warp.wide[register as usize][lane] } else { warp.narrow[register as usize][lane].into() }
        };
        let (value, other) = (operand(b), if with == Atomic::Cas { operand(c) } else { 0 });
        let bytes = machine.bytes(warp, &request, lane, "atomic operation")?;
        let mut padded = [0; 8];
        padded[..size].copy_from_slice(bytes);
        let old = u64::from_le_bytes(padded);
        bytes.copy_from_slice(&combined(with, of, old, value, other).to_le_bytes()[..size]);
        match to {
            Some(to) if of.is_wide() => warp.wide[to as usize][lane] = old,
            Some(to) => warp.narrow[to as usize][lane] = old as u32,
            None => {}
        }
    }
    machine.touch(warp, &request, Touch::Atomic)
}

/// What an atomic operation leaves in memory.
fn combined(with: Atomic, of: Type, old: u64, value: u64, other: u64) -> u64 {
    let signed = |bits: u64| if of == Type::S32 { i64::from(bits as i32) } else { bits as i64 };
    let less = if of.is_signed() { signed(value) < signed(old) } else { value < old };
    match with {
        Atomic::Add if of == Type::F32 => {
            u64::from((f32::from_bits(old as u32) + f32::from_bits(value as u32)).to_bits())
        }
        Atomic::Add if of == Type::F64 => (f64::from_bits(old) + f64::from_bits(value)).to_bits(),
        Atomic::Add => old.wrapping_add(value),
        Atomic::Min => {
            if less {
                value
            } else {
                old
            }
        }
        Atomic::Max => {
            if less {
                old
            } else {
                value
            }
        }
        Atomic::Exch => value,
        Atomic::Cas => {
            if old == value {
                other
            } else {
                old
            }
        }
        Atomic::And => old & value,
        Atomic::Or => old | value,
        Atomic::Xor => old ^ value,
        Atomic::Inc => {
            if old >= value {
                0
            } else {
                old + 1
            }
        }
        Atomic::Dec => {
            if old == 0 || old > value {
                value
            } else {
                old - 1
            }
        }
    }
}
