//! The conditional choice: of a slate A, i is taken with probability w_i / (w_nothing + Σ_A w), w = exp(u − max u), wherever
//! it stands.
use super::{BestSlate, MOST_CANDIDATES, MOST_SLOTS};
use envs::math::{exp, ln};

/// A row of outputs as values and choice weights; nothing is the last of each.
pub struct Conditional<'a> {
    q: &'a [f32],
    w: [f32; MOST_CANDIDATES + 1],
}

impl<'a> Conditional<'a> {
    #[inline(always)]
    pub fn new(row: &'a [f32]) -> Self {
        let (q, u) = row.split_at(row.len() / 2);
        let most = u.iter().fold(f32::NEG_INFINITY, |most, &u| if u > most { u } else { most });
        let mut w = [0.0; MOST_CANDIDATES + 1];
        for (w, u) in w.iter_mut().zip(u) {
            *w = exp(u - most);
        }
        Conditional { q, w }
    }

    /// The mean of the values under the choice, or that of the first item.
    #[inline(always)]
    pub fn value(&self, best: BestSlate, slate: &[u32]) -> f32 {
        if best == BestSlate::Items {
            return self.q[slate[0] as usize];
        }
        let nothing = self.q.len() - 1;
        let (mut sum, mut total) = (0.0, 0.0);
        for i in slate.iter().map(|&item| item as usize).chain([nothing]) {
            sum += self.w[i] * self.q[i];
            total += self.w[i];
        }
        sum / total
    }

    /// The items with the k largest w_i (q_i − λ), or q_i alone, largest first, ties to the lowest index.
    #[inline(always)]
    fn largest(&self, by: BestSlate, lambda: f32, slate: &mut [u32]) {
        for place in 0..slate.len() {
            let (mut best, mut most) = (None, f32::NEG_INFINITY);
            for (i, (w, q)) in self.w.iter().zip(&self.q[..self.q.len() - 1]).enumerate() {
                // A closed item stays closed where its weight is 0.
                let plain = by == BestSlate::Items || *q == f32::NEG_INFINITY;
                let gain = if plain { *q } else { w * (q - lambda) };
                if (gain > most || best.is_none()) && !slate[..place].contains(&(i as u32)) {
                    (best, most) = (Some(i), gain);
                }
            }
            slate[place] = best.unwrap_or(0) as u32;
        }
    }

    /// Writes the best slate and returns its value.
    #[inline(always)]
    pub fn best(&self, best: BestSlate, slate: &mut [u32]) -> f32 {
        self.largest(best, 0.0, slate);
        let mut value = self.value(best, slate);
        if best != BestSlate::Exact {
            return value;
        }
        // The value rises strictly, and there are finitely many slates; a handful of rounds is usual. A NaN ends it too.
        loop {
            let mut next = [0; MOST_SLOTS];
            let next = &mut next[..slate.len()];
            self.largest(best, value, next);
            let risen = self.value(best, next);
            if risen > value {
                value = risen;
                slate.copy_from_slice(next);
            } else {
                return value;
            }
        }
    }

    /// −ln of the probability that what stands at `place`, or nothing, is taken of `slate`; `slope` hears the derivatives by
    /// utilities.
    #[inline(always)]
    pub fn surprise(&self, slate: &[u32], place: Option<usize>, mut slope: impl FnMut(usize, f32)) -> f32 {
        let nothing = self.q.len() - 1;
        let taken = place.map_or(nothing, |place| slate[place] as usize);
        let sum = slate.iter().fold(0.0, |sum, item| sum + self.w[*item as usize]) + self.w[nothing];
        for at in slate.iter().map(|item| *item as usize).chain([nothing]) {
            let probability = self.w[at] / sum;
            slope(at, if at == taken { probability - 1.0 } else { probability });
        }
        -ln(self.w[taken] / sum)
    }
}
