//! The interpreter: blocks one after the other, warps in turns from barrier to barrier, 32 lanes in lockstep.
mod access;
mod collective;
mod convert;
mod float;
mod integer;
mod order;
mod shared;
mod step;
#[cfg(test)]
mod tests;
mod warp;

use crate::counts::Counts;
use crate::memory::Memory;
use crate::ptx::instruction::Space;
use crate::ptx::{File, Kernel, Special, Value};
use order::Order;
use shared::Shared;
use std::sync::Arc;
use warp::Warp;

/// A launch with its arguments.
#[derive(Clone, Debug)]
pub struct Launch {
    /// What runs.
    pub kernel: Arc<Kernel>,
    /// Blocks by dimension.
    pub grid: [u32; 3],
    /// Threads of a block by dimension.
    pub block: [u32; 3],
    /// Bytes of dynamic shared memory.
    pub dynamic_shared: u32,
    /// The parameter block.
    pub parameters: Vec<u8>,
    /// Addresses of the module's variables.
    pub variables: Arc<[u64]>,
}

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seed of the order of blocks and warps; 0 is the natural order.
    pub order: u64,
    /// Whether races in shared memory are looked for.
    pub races: bool,
    /// Branches that a warp may take in a block before it counts as hanging.
    pub branches: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { order: 0, races: true, branches: 1 << 26 }
    }
}

/// What a warp works on beside its registers.
struct Machine<'a> {
    launch: &'a Launch,
    memory: &'a mut Memory,
    shared: Shared,
    /// Local memory of all threads of the block.
    local: Vec<u8>,
    counts: &'a mut Counts,
}

/// Runs a launch to its end; an error is a fault with kernel, line, lane and address.
pub fn run(launch: &Launch, options: &Options, memory: &mut Memory, counts: &mut Counts) -> Result<(), String> {
    let kernel = &*launch.kernel;
    let threads = launch.block.iter().product::<u32>();
    let dynamic = launch.dynamic_shared as usize;
    // No rounding up: the first byte beyond is a fault.
    let shared = if dynamic > 0 { kernel.dynamic_shared() + dynamic } else { kernel.static_shared };
    let mut warps: Vec<Warp> =
        (0..threads.div_ceil(32)).map(|index| Warp::new(kernel, index, options.branches)).collect();
    for warp in &mut warps {
        constants(warp, launch);
    }
    let mut order = Order::new(options.order);
    let mut machine = Machine {
        launch,
        memory,
        shared: Shared::new(shared, options.races && threads > 1),
        local: vec![0xFF; kernel.local * threads as usize],
        counts,
    };
    machine.counts.launches += 1;
    let [width, height, depth] = launch.grid;
    for block in order.of(width as u64 * height as u64 * depth as u64) {
        let place = [block % width as u64, block / width as u64 % height as u64, block / width as u64 / height as u64];
        let place = place.map(|index| index as u32);
        machine.counts.blocks += 1;
        machine.counts.warps += warps.len() as u64;
        machine.shared.clear();
        machine.local.fill(0xFF);
        for warp in &mut warps {
            let first = warp.index * 32;
            warp.start((threads - first).min(32), options.branches);
            for (register, special) in &kernel.special {
                if let Special::Block(dimension) = special {
                    warp.narrow[*register as usize] = [place[*dimension]; 32];
                }
            }
        }
        loop {
            for index in order.of(warps.len() as u64) {
                let warp = &mut warps[index as usize];
                step::run(warp, &mut machine).map_err(|message| {
                    let instruction = &kernel.code[warp.pc];
                    let (name, line) = (&kernel.name, instruction.line);
                    format!("kernel {name}, PTX line {line} `{}`, block {place:?}: {message}", instruction.opcode)
                })?;
            }
            if warps.iter().all(|warp| warp.alive == 0) {
                break;
            }
            // All live threads wait: the barrier opens. A thread that has ended is not waited for.
            machine.counts.barriers += 1;
            machine.shared.barrier();
            for warp in &mut warps {
                warp.pass_barrier();
            }
        }
    }
    Ok(())
}

/// Fills the registers that hold constants and special registers that do not depend on the block.
fn constants(warp: &mut Warp, launch: &Launch) {
    let kernel = &*launch.kernel;
    for constant in &kernel.constants {
        let value = match constant.value {
            Value::Bits(bits) => bits,
            Value::Variable(index) => launch.variables[index],
            Value::DynamicShared => kernel.dynamic_shared() as u64,
        };
        let register = constant.register as usize;
        match constant.file {
            File::Narrow => warp.narrow[register] = [value as u32; 32],
            File::Wide => warp.wide[register] = [value; 32],
            File::Predicate => warp.predicates[register] = if value == 0 { 0 } else { u32::MAX },
        }
    }
    let threads = launch.block.iter().product::<u32>();
    for (register, special) in &kernel.special {
        warp.narrow[*register as usize] = std::array::from_fn(|lane| {
            let lane = lane as u32;
            let thread = warp.index * 32 + lane;
            let [width, height, _] = launch.block;
            match special {
                Special::Thread(0) => thread % width,
                Special::Thread(1) => thread / width % height,
                Special::Thread(_) => thread / width / height,
                Special::Threads(dimension) => launch.block[*dimension],
                Special::Block(_) => 0,
                Special::Blocks(dimension) => launch.grid[*dimension],
                Special::Lane => lane,
                Special::Warp => warp.index,
                Special::Warps => threads.div_ceil(32),
                Special::LanesBelow => (1 << lane) - 1,
                Special::LanesUpTo => u32::MAX >> (31 - lane),
                Special::LaneBit => 1 << lane,
                Special::LanesFrom => u32::MAX << lane,
                Special::LanesAbove => !(u32::MAX >> (31 - lane)),
            }
        });
    }
}
