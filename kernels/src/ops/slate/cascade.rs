//! The cascade (Craswell et al. 2008): the user looks at the first place and takes its item with probability w = σ(u), else
//! looks on with probability γ = σ(u_nothing), and so on to the last place.
//!
//! Beside taking nothing an item gains G = q − q_nothing, so that a list from some place on is worth w G + γ (1 − w) times
//! what the rest is worth. Two neighbours stand best in falling order of w G / (1 − γ (1 − w)) (Kempe and Mahdian 2008), hence
//! one pass over the items in rising order finds the best list of each length: with the item in front of a shorter one, or
//! without it. Worlds whose optimum needs the same have `envs::oracle::slate::cascade`, in f64.
use super::{MOST_CANDIDATES, MOST_SLOTS};
use envs::math::{ln, sigmoid};
use std::cmp::Ordering;

/// A row of outputs as values and log-odds; nothing, or looking on, is the last of each.
pub struct Cascade<'a> {
    q: &'a [f32],
    u: &'a [f32],
    on: f32,
    stops: f32,
}

impl<'a> Cascade<'a> {
    #[inline(always)]
    pub fn new(row: &'a [f32]) -> Self {
        let (q, u) = row.split_at(row.len() / 2);
        let last = u[u.len() - 1];
        Cascade { q, u, on: sigmoid(last), stops: sigmoid(-last) }
    }

    /// The value of taking nothing.
    #[inline(always)]
    fn nothing(&self) -> f32 {
        self.q[self.q.len() - 1]
    }

    /// The probabilities that an item which is looked at is taken, and is not.
    #[inline(always)]
    fn chances(&self, item: u32) -> [f32; 2] {
        let u = self.u[item as usize];
        [sigmoid(u), sigmoid(-u)]
    }

    /// Of an item in front of a list: what it earns beyond taking nothing, how much of the list's gain remains behind it, and
    /// what neighbours are ordered by, the first over 1 minus the second without cancellation.
    #[inline(always)]
    fn front(&self, item: u32) -> [f32; 3] {
        let [taken, passed] = self.chances(item);
        let gain = taken * (self.q[item as usize] - self.nothing());
        // Both underflow where an item is never taken and the user always looks on.
        let weight = taken + self.stops * passed;
        [gain, self.on * passed, if weight > 0.0 { gain / weight } else { gain }]
    }

    /// What a list is worth.
    #[inline(always)]
    pub fn value(&self, slate: &[u32]) -> f32 {
        let gain = slate.iter().rev().fold(0.0, |rest, item| {
            let [gain, remains, _] = self.front(*item);
            gain + remains * rest
        });
        self.nothing() + gain
    }

    /// Writes the best list. Closed items fill it where too few are open.
    #[inline(always)]
    pub fn best(&self, slate: &mut [u32]) {
        let candidates = self.q.len() as u32 - 1;
        let mut order = [(0, [0.0; 3]); MOST_CANDIDATES];
        let mut known = 0;
        for item in 0..candidates {
            order[known] = (item, self.front(item));
            known += usize::from(!order[known].1[2].is_nan());
        }
        let order = &mut order[..known];
        // Of equals the first item comes last here, and so first in the list.
        order.sort_unstable_by(|(i, [.., a]), (j, [.., b])| a.partial_cmp(b).unwrap_or(Ordering::Equal).then(j.cmp(i)));

        // The gain of the best list of each length, and its code; with a closed item in front it would be −∞.
        let mut reached = [f32::NEG_INFINITY; MOST_SLOTS + 1];
        let mut code = [0; MOST_SLOTS + 1];
        reached[0] = 0.0;
        for (item, [gain, remains, _]) in order.iter() {
            for length in (1..=slate.len()).rev() {
                let longer = gain + remains * reached[length - 1];
                if longer > reached[length] {
                    reached[length] = longer;
                    code[length] = item + candidates * code[length - 1];
                }
            }
        }
        let length = (1..=slate.len()).rev().find(|length| reached[*length] > f32::NEG_INFINITY).unwrap_or(0);
        let mut rest = code[length];
        for place in 0..slate.len() {
            slate[place] = match place < length {
                true => rest % candidates,
                false => (0..candidates).find(|item| !slate[..place].contains(item)).unwrap_or(0),
            };
            rest /= candidates;
        }
    }

    /// −ln of the probability that what stands at `place`, or nothing, is taken of `slate`; `slope` hears the derivatives by
    /// log-odds.
    ///
    /// Each is that of a logistic regression, times the probability, given what was taken, that the place was looked at.
    #[inline(always)]
    pub fn surprise(&self, slate: &[u32], place: Option<usize>, mut slope: impl FnMut(usize, f32)) -> f32 {
        // Probability that nothing is taken from a place on, if it is looked at.
        let mut nothing = [1.0; MOST_SLOTS + 1];
        for (at, item) in slate.iter().enumerate().rev() {
            nothing[at] = self.chances(*item)[1] * (self.stops + self.on * nothing[at + 1]);
        }
        let (mut looked, mut probability, mut on) = (1.0, 1.0, 0.0);
        for (at, item) in slate.iter().enumerate() {
            let [taken, passed] = self.chances(*item);
            if place == Some(at) {
                probability *= taken;
                slope(*item as usize, taken - 1.0);
                break;
            }
            probability *= self.on * passed;
            slope(*item as usize, looked * taken);
            if at + 1 < slate.len() {
                let later = self.on * nothing[at + 1];
                let stays = match place {
                    Some(_) => 1.0,
                    None if later > 0.0 => later / (self.stops + later),
                    None => 0.0,
                };
                on += looked * (self.on - stays);
                looked *= stays;
            }
        }
        slope(self.q.len() - 1, on);
        -ln(if place.is_some() { probability } else { nothing[0] })
    }
}
