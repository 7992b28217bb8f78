//! Best slates of exactly k items, and what slates drawn at random are worth, for three ways of choosing.
//!
//! Slates have their items in the order of their places. Attractions are probabilities, weights and rewards are not
//! negative; values may be.

/// A slate and what it is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// Its items, the first place first.
    pub slate: Vec<u32>,
    /// Its value.
    pub value: f64,
}

/// The best slate for a user who looks from the top, takes the first item that attracts and else looks on with
/// probability c = `looks_on`: Σ_j r_j w_j Π_{l<j} c (1 − w_l). Rewards may be negative here.
///
/// A set is best shown with falling r w / (1 − c (1 − w)), which is r for c = 1 (exchange two neighbours), so that one
/// pass over the items in that order decides which to take: with F(j, k) the most that k items from j on bring, F(j, k)
/// is the larger of F(j + 1, k) and w r + c (1 − w) F(j + 1, k − 1).
pub fn cascade(attraction: &[f64], reward: &[f64], looks_on: f64, slots: usize) -> Best {
    let mut slate = vec![0; slots];
    let value = CascadeTable::new(attraction.len(), slots).best(attraction, reward, looks_on, &mut slate);
    Best { slate, value }
}

/// What [`cascade`] works on, for those who ask often.
#[derive(Clone, Debug)]
pub struct CascadeTable {
    rank: Vec<f64>,
    order: Vec<usize>,
    /// Row j, column k: F(j, k).
    most: Vec<f64>,
}

impl CascadeTable {
    /// For up to `items` items and at most as many `slots`.
    pub fn new(items: usize, slots: usize) -> Self {
        CascadeTable { rank: vec![0.0; items], order: vec![0; items], most: vec![0.0; (items + 1) * (slots + 1)] }
    }

    /// Writes the best slate, as [`cascade`] has it, into `slate`, which is as long as the table's slots; returns its value.
    pub fn best(&mut self, attraction: &[f64], reward: &[f64], looks_on: f64, slate: &mut [u32]) -> f64 {
        let (items, slots) = (attraction.len(), slate.len());
        let CascadeTable { rank, order, most } = self;
        let order = &mut order[..items];
        for (rank, (&w, &r)) in rank.iter_mut().zip(attraction.iter().zip(reward)) {
            *rank = if w > 0.0 { r * (w / (1.0 - looks_on * (1.0 - w))) } else { 0.0 };
        }
        order.iter_mut().enumerate().for_each(|(index, item)| *item = index);
        order.sort_unstable_by(|&a, &b| rank[b].total_cmp(&rank[a]).then(a.cmp(&b)));
        // Fewer items than places are no slate.
        most.fill(f64::NEG_INFINITY);
        let at = |j: usize, k: usize| j * (slots + 1) + k;
        let take = |most: &[f64], j: usize, k: usize| {
            let item = order[j];
            attraction[item] * reward[item] + looks_on * (1.0 - attraction[item]) * most[at(j + 1, k - 1)]
        };
        most[at(items, 0)] = 0.0;
        for j in (0..items).rev() {
            most[at(j, 0)] = 0.0;
            for k in 1..=slots.min(items - j) {
                let (taken, left) = (take(most, j, k), most[at(j + 1, k)]);
                most[at(j, k)] = if taken >= left { taken } else { left };
            }
        }
        let mut left = slots;
        for (j, &item) in order.iter().enumerate() {
            if left > 0 && take(most, j, left) >= most[at(j + 1, left)] {
                slate[slots - left] = item as u32;
                left -= 1;
            }
        }
        most[at(0, slots)]
    }
}

/// The best slate for a user who looks at place j with probability e_j, whatever stands there: Σ_j e_j v_j, v the value
/// of an item that is looked at. Both sorted, by the rearrangement inequality.
pub fn position(examination: &[f64], value: &[f64]) -> Best {
    let mut places: Vec<usize> = (0..examination.len()).collect();
    places.sort_by(|&a, &b| examination[b].total_cmp(&examination[a]));
    let items = top(value, examination.len());
    let mut slate = vec![0; examination.len()];
    for (&place, item) in places.iter().zip(items) {
        slate[place] = item;
    }
    let value = slate.iter().zip(examination).fold(0.0, |sum, (&item, e)| sum + e * value[item as usize]);
    Best { slate, value }
}

/// The best slate for a user who takes one item or nothing in proportion to weights: the largest
/// (w₀ q₀ + Σ w q) / (w₀ + Σ w), `nothing` being (w₀, q₀).
///
/// Dinkelbach's method (1967, "On nonlinear fractional programming"): with λ the value so far, the k items with the
/// largest w (q − λ) are worth more than λ unless λ is the optimum. Every round improves, and slates are finitely many.
pub fn logit(weight: &[f64], value: &[f64], nothing: (f64, f64), slots: usize) -> Best {
    let worth = |slate: &[u32]| {
        let (total, sum) = slate.iter().fold((nothing.0, nothing.0 * nothing.1), |(total, sum), &item| {
            let item = item as usize;
            (total + weight[item], sum + weight[item] * value[item])
        });
        sum / total
    };
    let mut best = Best { slate: top(value, slots), value: f64::NEG_INFINITY };
    let mut slate = best.slate.clone();
    loop {
        let value_now = worth(&slate);
        if value_now <= best.value {
            return best;
        }
        best = Best { slate, value: value_now };
        let gains: Vec<f64> = weight.iter().zip(value).map(|(w, q)| w * (q - value_now)).collect();
        slate = top(&gains, slots);
    }
}

/// The `count` items with the largest scores, the largest first, lower ones first among equals.
pub fn top(score: &[f64], count: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..score.len() as u32).collect();
    order.sort_by(|&a, &b| score[b as usize].total_cmp(&score[a as usize]));
    order.truncate(count);
    order
}

/// Probability that each item is taken by the user of [`cascade`] from a uniformly drawn slate.
///
/// What stands at place j is looked at with c^(j − 1) times the mean of Π (1 − w) over the sets of j − 1 other items: an
/// elementary symmetric polynomial over a binomial coefficient.
pub fn random_cascade(attraction: &[f64], looks_on: f64, slots: usize) -> Vec<f64> {
    let items = attraction.len();
    let share = |shown: usize| {
        // e[j] = Σ over sets of j others of Π c (1 − w), divided by the number of such sets at the end.
        let mut e = vec![0.0; slots];
        e[0] = 1.0;
        for other in (0..items).filter(|&other| other != shown) {
            for j in (1..slots).rev() {
                e[j] += looks_on * (1.0 - attraction[other]) * e[j - 1];
            }
        }
        let (mut sum, mut sets) = (0.0, 1.0);
        for (j, e) in e.into_iter().enumerate() {
            sum += e / sets;
            sets *= (items - 1 - j) as f64 / (j + 1) as f64;
        }
        attraction[shown] * sum / items as f64
    };
    (0..items).map(share).collect()
}

/// Every set of `slots` out of `items` items (at most 31), as ascending lists in the order of their bits.
pub fn sets(items: usize, slots: usize) -> impl Iterator<Item = Vec<u32>> {
    (0u32..1 << items)
        .filter(move |set| set.count_ones() as usize == slots)
        .map(move |set| (0..items as u32).filter(|item| set >> item & 1 == 1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        choice::{cascade_shares, logit_shares},
        rng::{Domain, Purpose, Rng},
    };

    /// All ordered slates of `slots` out of `items`.
    fn slates(items: u32, slots: usize) -> Vec<Vec<u32>> {
        let mut slates = vec![vec![]];
        for _ in 0..slots {
            let longer = |slate: &Vec<u32>| {
                let slate = slate.clone();
                let unseen = (0..items).filter(|item| !slate.contains(item)).collect::<Vec<_>>();
                unseen.into_iter().map(move |item| [slate.clone(), vec![item]].concat())
            };
            slates = slates.iter().flat_map(longer).collect();
        }
        slates
    }

    fn numbers(count: usize, seed: u32) -> Vec<f64> {
        let mut draws = Rng::new(9, Domain::Statistics).at(seed, 0, 0).stream(Purpose::BOOTSTRAP);
        (0..count).map(|_| draws.uniform64()).collect()
    }

    fn pick<'a>(of: &'a [f64], slate: &'a [u32]) -> impl Iterator<Item = f64> + Clone + 'a {
        slate.iter().map(|&item| of[item as usize])
    }

    /// The best and the mean over all ordered slates, against the methods above, for fifty random instances.
    #[test]
    fn no_slate_is_better_and_the_mean_is_the_mean() {
        for seed in 0..50 {
            let (w, mut r, e) = (numbers(6, 3 * seed), numbers(6, 3 * seed + 1), numbers(3, 3 * seed + 2));
            // Some rewards that are better not earned.
            r.iter_mut().for_each(|r| *r -= 0.25 * f64::from(seed % 3));
            let slates = slates(6, 3);
            let look = |found: Best, worth: &dyn Fn(&[u32]) -> f64| {
                let values: Vec<f64> = slates.iter().map(|slate| worth(slate)).collect();
                let most = values.iter().copied().max_by(f64::total_cmp).expect("slates");
                assert!((found.value - most).abs() < 1e-12 && (worth(&found.slate) - most).abs() < 1e-12, "{found:?}");
                values.iter().sum::<f64>() / values.len() as f64
            };
            let dot = |shares: &mut dyn Iterator<Item = f64>, slate: &[u32]| {
                shares.zip(pick(&r, slate)).map(|(share, reward)| share * reward).sum::<f64>()
            };
            for looks_on in [1.0, 0.7, 0.0] {
                let shares = |slate: &[u32]| cascade_shares(pick(&w, slate), looks_on).collect::<Vec<_>>();
                let worth = |slate: &[u32]| dot(&mut shares(slate).into_iter(), slate);
                let mean = look(cascade(&w, &r, looks_on, 3), &worth);
                let random = random_cascade(&w, looks_on, 3).iter().zip(&r).map(|(share, r)| share * r).sum::<f64>();
                assert!((mean - random).abs() < 1e-12, "{mean} {random}");
            }
            let product: Vec<f64> = w.iter().zip(&r).map(|(w, r)| w * r).collect();
            look(position(&e, &product), &|slate| pick(&product, slate).zip(&e).map(|(v, e)| v * e).sum());
            // Some values below that of taking nothing, so that the k best are not the k most wanted.
            let nothing = (0.3, 0.5);
            look(logit(&w, &r, nothing, 3), &|slate| {
                let shares: Vec<f64> = logit_shares(pick(&w, slate), nothing.0).collect();
                let none = 1.0 - shares.iter().sum::<f64>();
                dot(&mut shares.into_iter(), slate) + none * nothing.1
            });
        }
    }

    #[test]
    fn sets_are_all_and_distinct() {
        let sets: Vec<Vec<u32>> = sets(5, 2).collect();
        assert_eq!(sets.len(), 10);
        assert_eq!((&sets[0][..], &sets[9][..]), (&[0, 1][..], &[3, 4][..]));
    }
}
