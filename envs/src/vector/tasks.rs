//! Rows split over threads. What is done with them differs from world to world; rayon is compiled once, not again for each.
use super::{Episode, Slot};

/// Below this many rows per thread, handing rows to threads costs more than stepping them.
const ROWS_PER_TASK: usize = 2048;

/// From this many rows on, a step uses rayon's pool of threads.
pub const THREADED_ROWS: usize = 2 * ROWS_PER_TASK;

/// What steps some of the episodes: told which is their first, and given their rows of the slot.
type Step<'a, S> = dyn Fn(usize, &mut [Episode<S>], Slot<'_>) + Sync + 'a;

/// Steps all `episodes`, each with a row of `out` for every one of its `agents`; on several threads where that pays.
pub(crate) fn in_tasks<S: Send>(episodes: &mut [Episode<S>], agents: usize, out: Slot<'_>, step: &Step<'_, S>) {
    if out.reward.len() < THREADED_ROWS || rayon::current_num_threads() == 1 {
        return step(0, episodes, out);
    }
    split(0, episodes, agents, out, step);
}

fn split<S: Send>(first: usize, episodes: &mut [Episode<S>], agents: usize, mut out: Slot<'_>, step: &Step<'_, S>) {
    let each = ROWS_PER_TASK.div_ceil(agents);
    if episodes.len() <= each {
        return step(first, episodes, out);
    }
    let half = episodes.len().div_ceil(each) / 2 * each;
    let (left, right) = episodes.split_at_mut(half);
    let (mut here, mut there) = out.split_at(half * agents);
    both(&mut || split(first, left, agents, here.reborrow(), step), &mut || {
        split(first + half, right, agents, there.reborrow(), step)
    });
}

fn both(left: &mut (dyn FnMut() + Send), right: &mut (dyn FnMut() + Send)) {
    rayon::join(left, right);
}
