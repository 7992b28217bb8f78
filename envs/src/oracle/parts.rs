//! Long sums in parts, each on a thread of its own.
use std::{ops::Range, panic::resume_unwind, thread};

/// What `part` returns for the pieces of `0..count`, one after the other: as many pieces as there are cores.
///
/// Not on rayon's pool: a forked process has none of its threads, and would wait for them without end.
pub fn in_parts<T: Send>(count: u32, part: impl Fn(Range<u32>) -> Vec<T> + Sync) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = (count as usize).div_ceil(cores).max(1);
    thread::scope(|scope| {
        let part = &part;
        let piece = |first: usize| first as u32..(first + share).min(count as usize) as u32;
        let threads: Vec<_> =
            (0..count as usize).step_by(share).map(piece).map(|piece| scope.spawn(move || part(piece))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_in_order_and_leave_nothing_out() {
        for count in [0, 1, 2, 3, 64, 1001] {
            let squares = in_parts(count, |piece| piece.map(u64::from).map(|i| i * i).collect());
            assert_eq!(squares, (0..u64::from(count)).map(|i| i * i).collect::<Vec<_>>());
        }
    }
}
