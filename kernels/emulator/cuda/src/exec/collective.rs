//! What the lanes of a warp do together.
use super::step::holds;
use super::warp::{Lanes, Warp};
use crate::counts;
use crate::ptx::instruction::{Condition, Reduction, Shuffle, Type, Vote};

/// Every lane's member mask must name the lanes that are here, and them only (of those that have not ended).
pub fn check_members(warp: &Warp, members: u16, lanes: u32) -> Result<(), String> {
    for lane in counts::lanes(lanes) {
        let mask = warp.narrow[members as usize][lane];
        if mask & warp.alive != lanes {
            let index = warp.index;
            return Err(format!("lane {lane} of warp {index}: members {mask:#x}, but lanes {lanes:#x} are here"));
        }
    }
    Ok(())
}

pub fn shuffle(warp: &mut Warp, with: Shuffle, (to, valid): (u16, Option<u16>), [a, b, clamp]: [u16; 3], lanes: u32) {
    let (a, b, clamp) = (warp.narrow[a as usize], &warp.narrow[b as usize], &warp.narrow[clamp as usize]);
    let mut inside = 0;
    let values: Lanes<u32> = std::array::from_fn(|index| {
        let lane = index as u32;
        let (by, bound, segment) = (b[index] & 31, clamp[index] & 31, clamp[index] >> 8 & 31);
        let first = lane & segment;
        let last = first | bound & !segment;
        let (from, within) = match with {
            Shuffle::Down => (lane + by, lane + by <= last),
            Shuffle::Up => (lane.wrapping_sub(by), lane as i32 - by as i32 >= last as i32),
            Shuffle::Butterfly => (lane ^ by, lane ^ by <= last),
            Shuffle::Index => (first | by & !segment, first | by & !segment <= last),
        };
        inside |= u32::from(within) << lane;
        match from {
            _ if !within => a[index],
            // What a lane that takes no part holds is not defined: poison.
            from if lanes >> from & 1 == 0 => u32::MAX,
            from => a[from as usize],
        }
    });
    warp.set_narrow(to, values, lanes);
    if let Some(valid) = valid {
        warp.set_predicate(valid, inside, lanes);
    }
}

pub fn vote(warp: &mut Warp, with: Vote, to: u16, condition: Condition, lanes: u32) {
    let votes = holds(warp, condition) & lanes;
    let answer = match with {
        Vote::Ballot => return warp.set_narrow(to, [votes; 32], lanes),
        Vote::Any => votes != 0,
        Vote::All => votes == lanes,
        Vote::Uniform => votes == 0 || votes == lanes,
    };
    warp.set_predicate(to, if answer { lanes } else { 0 }, lanes);
}

pub fn reduce(warp: &mut Warp, with: Reduction, of: Type, to: u16, a: u16, lanes: u32) {
    let a = &warp.narrow[a as usize];
    let signed = of.is_signed();
    let combine = |x: u32, y: u32| match with {
        Reduction::Add => x.wrapping_add(y),
        Reduction::Min if signed => (x as i32).min(y as i32) as u32,
        Reduction::Max if signed => (x as i32).max(y as i32) as u32,
        Reduction::Min => x.min(y),
        Reduction::Max => x.max(y),
        Reduction::And => x & y,
        Reduction::Or => x | y,
        Reduction::Xor => x ^ y,
    };
    let total = counts::lanes(lanes).map(|lane| a[lane]).reduce(combine).unwrap_or_default();
    warp.set_narrow(to, [total; 32], lanes);
}
