//! The best policy of a finite problem under one linear constraint on what it does, with its multiplier.
//!
//! Over discounted occupancies x(s, a) the problem is a linear program: the largest Σ x · reward with Σ x · slack ≥ 0
//! (Altman 1999, "Constrained Markov decision processes"). With one constraint it needs no program: for a price m on the
//! slack the best policy is that of reward + m · slack. Two policies, one on either side of the constraint, name the
//! price at which they are worth the same; a policy that is worth more at this price replaces one of them. Policies are
//! finitely many, so this ends, and then mixing two that differ in a single state is optimal.
use super::finite::Finite;

/// The optimum under a constraint.
#[derive(Clone, Debug)]
pub struct Constrained {
    /// Its value from the start.
    pub value: f64,
    /// The price of the constraint: how much the value grows when one unit of slack is given away. 0 if it does not bind.
    pub multiplier: f64,
    /// Probability of each row's action in its state; states that are never reached have some policy.
    pub policy: Vec<f64>,
}

/// A deterministic policy and what it does from the start.
struct Corner {
    policy: Vec<usize>,
    occupancy: Vec<f64>,
    reward: f64,
    slack: f64,
}

/// Gains below this share of the largest value are rounding.
const ROUNDING: f64 = 1e-11;

impl Constrained {
    /// The best policy with Σ occupancy · `slack` ≥ 0 from the start distribution `start`; `None` if no policy keeps the
    /// constraint. Rows of `slack` are those of `problem`.
    pub fn solve(problem: &Finite, start: &[f64], slack: &[f64]) -> Option<Self> {
        let at = |policy: Vec<usize>| {
            let occupancy = problem.occupancy(start, |state, action| if policy[state] == action { 1.0 } else { 0.0 });
            let (reward, slack) = (product(&occupancy, &problem.reward), product(&occupancy, slack));
            Corner { policy, occupancy, reward, slack }
        };
        let corner = |reward: Vec<f64>| at(Finite { reward, ..problem.clone() }.solve().policy);
        let priced = |price: f64| {
            corner(problem.reward.iter().zip(slack).map(|(reward, slack)| reward + price * slack).collect())
        };
        let mut outside = priced(0.0);
        if outside.slack >= 0.0 {
            return Some(Self::mixed(problem, [&outside, &outside], 0.0, 0.0));
        }
        let mut inside = corner(slack.to_vec());
        let total = inside.occupancy.iter().fold(0.0, |sum, x| sum + x);
        if inside.slack < -ROUNDING * total {
            return None;
        }
        loop {
            let price = (outside.reward - inside.reward) / (inside.slack - outside.slack);
            let worth = |corner: &Corner| corner.reward + price * corner.slack;
            let better = priced(price);
            if worth(&better) - worth(&outside) <= ROUNDING * (1.0 + worth(&outside).abs()) {
                // Both are optimal at this price, and so is every policy between them: one state at a time from the one
                // to the other, until the constraint is crossed.
                for state in 0..problem.states() {
                    if outside.policy[state] != inside.policy[state] {
                        let mut policy = outside.policy.clone();
                        policy[state] = inside.policy[state];
                        let between = at(policy);
                        if between.slack >= 0.0 {
                            inside = between;
                            break;
                        }
                        outside = between;
                    }
                }
                let share = -outside.slack / (inside.slack - outside.slack);
                return Some(Self::mixed(problem, [&outside, &inside], share, price));
            }
            if better.slack < 0.0 {
                outside = better;
            } else {
                inside = better;
            }
        }
    }

    /// The policy with the occupancy that has `share` of the second corner's.
    fn mixed(problem: &Finite, [one, other]: [&Corner; 2], share: f64, multiplier: f64) -> Self {
        let mix = |a: f64, b: f64| (1.0 - share) * a + share * b;
        let occupancy: Vec<f64> = one.occupancy.iter().zip(&other.occupancy).map(|(&a, &b)| mix(a, b)).collect();
        let mut policy = Vec::with_capacity(occupancy.len());
        for (state, row) in occupancy.chunks(problem.actions).enumerate() {
            let visits = row.iter().fold(0.0, |sum, x| sum + x);
            let taken = |action: usize| if other.policy[state] == action { 1.0 } else { 0.0 };
            policy.extend((0..row.len()).map(|action| if visits > 0.0 { row[action] / visits } else { taken(action) }));
        }
        Constrained { value: mix(one.reward, other.reward), multiplier, policy }
    }
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One state, by hand: work earns 1, rest 0, and at least `rest` of the time must be rest.
    fn work(rest: f64) -> Option<Constrained> {
        let problem =
            Finite { actions: 2, discount: 0.9, reward: vec![1.0, 0.0], next: vec![vec![(0, 1.0)], vec![(0, 1.0)]] };
        Constrained::solve(&problem, &[1.0], &[-rest, 1.0 - rest])
    }

    #[test]
    fn the_constraint_is_met_exactly() {
        let found = work(0.25).expect("possible");
        assert!((found.value - 7.5).abs() < 1e-12 && (found.multiplier - 1.0).abs() < 1e-12, "{found:?}");
        assert!((found.policy[0] - 0.75).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn what_does_not_bind_costs_nothing_and_what_cannot_be_is_none() {
        let free = work(0.0).expect("possible");
        assert_eq!((free.multiplier, &free.policy[..]), (0.0, &[1.0, 0.0][..]));
        assert!(work(1.5).is_none());
    }
}
