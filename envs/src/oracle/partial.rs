//! Partially observed decision problems: certified bounds on the optimum and the policy that reaches the lower one.
//!
//! First, trial-based heuristic search (Smith, Simmons 2005, "Point-based POMDP algorithms: improved analysis and
//! implementation"): walks to beliefs where the bounds are far apart, improving both on the way back. Then rehearsals
//! of the best plans found, which improve the lower bound where they lead. The lower bound is a set of plans, each with
//! the exact value of what it says to do. The upper bound starts as the fast informed bound (Hauskrecht 2000) and is
//! improved at single beliefs; in between it follows from convexity.
use super::finite::Finite;

/// The n-th rehearsal improves the lower bound at n times so many beliefs: far ones count only when near ones are good.
const REHEARSAL: usize = 25;

/// A decision problem whose state shows itself only through observations.
#[derive(Clone, Debug)]
pub struct Partial {
    /// The problem behind the observations; it must be discounted.
    pub hidden: Finite,
    /// Number of different observations after a step.
    pub observations: usize,
    /// P(observation | state, action before the step), independent of the next state; rows as in [`Finite`].
    pub seen: Vec<f64>,
    /// Probability of each state at the start.
    pub start: Vec<f64>,
}

/// What to do first, and what the whole plan is worth from each state.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The first action.
    pub action: usize,
    /// The plan's value from each state.
    pub value: Vec<f64>,
}

/// Bounds on the optimum from the start, and plans that reach the lower one.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Value of the best plan: a policy reaches it.
    pub lower: f64,
    /// No policy is worth more.
    pub upper: f64,
    /// The plans, those that the rehearsals needed.
    pub plans: Vec<Plan>,
}

impl Bounds {
    /// The first action of the best plan at `belief`.
    pub fn act(&self, belief: &[f64]) -> usize {
        self.plans[best_plan(&self.plans, belief).0].action
    }
}

impl Partial {
    /// The belief after `action` and `observation`, not normalised: its sum is the probability that this is seen and
    /// the episode goes on.
    pub fn after(&self, belief: &[f64], action: usize, observation: usize) -> Vec<f64> {
        let mut after = vec![0.0; belief.len()];
        for (state, &weight) in belief.iter().enumerate() {
            let row = state * self.hidden.actions + action;
            let weight = weight * self.seen[row * self.observations + observation];
            if weight != 0.0 {
                for &(next, p) in &self.hidden.next[row] {
                    after[next] += weight * p;
                }
            }
        }
        after
    }

    /// Exact value of playing the actions of `cycle` over and over without looking, or `None` as soon as it is clear
    /// that it does not exceed `least`, when no policy is worth more than `above` from each state.
    pub fn cycle_value(&self, cycle: &[usize], above: &[f64], least: f64) -> Option<f64> {
        let (mut belief, mut value) = (self.start.clone(), 0.0);
        for &action in cycle.iter().cycle() {
            let rest = product(&belief, above);
            if value + rest <= least {
                return None;
            }
            if rest < 1e-13 * value.abs() || rest == 0.0 {
                return Some(value);
            }
            let mut after = vec![0.0; belief.len()];
            for (state, &weight) in belief.iter().enumerate() {
                if weight != 0.0 {
                    let row = state * self.hidden.actions + action;
                    value += weight * self.hidden.reward[row];
                    for &(next, p) in &self.hidden.next[row] {
                        after[next] += self.hidden.discount * weight * p;
                    }
                }
            }
            belief = after;
        }
        None
    }

    /// The best cycle of at most `longest` actions (the shortest and lexically first of equals) and its exact value;
    /// rewards must not be negative.
    pub fn best_cycle(&self, longest: usize) -> (Vec<usize>, f64) {
        let above = self.hidden.solve().value;
        let (mut best, mut value) = (vec![0], f64::NEG_INFINITY);
        for length in 1..=longest {
            let mut cycle = vec![0; length];
            'all: loop {
                if let Some(worth) = self.cycle_value(&cycle, &above, value * (1.0 + value.signum() * 1e-12)) {
                    (best, value) = (cycle.clone(), worth);
                }
                for place in (0..length).rev() {
                    cycle[place] += 1;
                    if cycle[place] < self.hidden.actions {
                        continue 'all;
                    }
                    cycle[place] = 0;
                }
                break;
            }
        }
        (best, value)
    }

    /// Bounds on the optimum after improving both at `improvements` beliefs and the lower one in `rehearsals`.
    pub fn bounds(&self, improvements: usize, rehearsals: usize) -> Bounds {
        let mut search = Search::new(self);
        while search.improvements < improvements {
            let gap = search.upper(&self.start) - search.lower(&self.start);
            search.walk(&self.start, 0.5 * gap, improvements);
        }
        for rehearsal in 1..=rehearsals {
            search.rehearse(rehearsal * REHEARSAL);
        }
        Bounds { lower: search.lower(&self.start), upper: search.upper(&self.start), plans: search.plans }
    }
}

struct Search<'a> {
    problem: &'a Partial,
    plans: Vec<Plan>,
    /// The fast informed bound: one vector per action, the largest counts.
    informed: Vec<Vec<f64>>,
    points: Vec<Point>,
    improvements: usize,
}

/// A belief at which the upper bound has been improved.
struct Point {
    /// The states that it deems possible.
    belief: Vec<(usize, f64)>,
    /// No policy is worth more from here.
    value: f64,
    /// How much less that is than the informed bound.
    gain: f64,
}

impl<'a> Search<'a> {
    fn new(problem: &'a Partial) -> Self {
        let actions = problem.hidden.actions;
        let always = |action| Plan {
            action,
            value: problem.hidden.evaluate(|_, taken| if taken == action { 1.0 } else { 0.0 }),
        };
        Search {
            problem,
            plans: (0..actions).map(always).collect(),
            informed: fast_informed_bound(problem),
            points: Vec::new(),
            improvements: 0,
        }
    }

    fn lower(&self, belief: &[f64]) -> f64 {
        best_plan(&self.plans, belief).1
    }

    fn upper(&self, belief: &[f64]) -> f64 {
        let informed = largest(&self.informed, belief);
        let mut least = informed;
        let mut rest = vec![0.0; belief.len()];
        for point in &self.points {
            // The value function is convex and homogeneous, hence subadditive: V(b) ≤ c V(point) + V(b − c · point).
            // The informed bound is so too, hence this gains at most c · gain: smaller c need no further look.
            let needed = (informed - least) / point.gain;
            let mut share = f64::INFINITY;
            for &(state, weight) in &point.belief {
                let ratio = belief[state] / weight;
                if ratio < share {
                    share = ratio;
                    if share <= needed {
                        break;
                    }
                }
            }
            if share > needed {
                rest.copy_from_slice(belief);
                for &(state, weight) in &point.belief {
                    let left = rest[state] - share * weight;
                    rest[state] = if left > 0.0 { left } else { 0.0 };
                }
                let bound = share * point.value + largest(&self.informed, &rest);
                least = if bound < least { bound } else { least };
            }
        }
        least
    }

    /// Walks from `belief` to where the bounds are `target` apart, each step where they are widest, and improves them
    /// backwards.
    fn walk(&mut self, belief: &[f64], target: f64, improvements: usize) {
        let hidden = &self.problem.hidden;
        if self.upper(belief) - self.lower(belief) <= target || self.improvements + 1 >= improvements {
            return self.improve(belief);
        }
        let mut action = (0, f64::NEG_INFINITY);
        for candidate in 0..hidden.actions {
            let worth = self.upper_action_value(belief, candidate);
            if worth > action.1 {
                action = (candidate, worth);
            }
        }
        let mut widest = (Vec::new(), 0.0);
        for observation in 0..self.problem.observations {
            let after = self.problem.after(belief, action.0, observation);
            let mass = sum(&after);
            let excess = self.upper(&after) - self.lower(&after) - mass * target / hidden.discount;
            if excess > widest.1 {
                widest = (after.iter().map(|weight| weight / mass).collect(), excess);
            }
        }
        if widest.1 > 0.0 {
            self.walk(&widest.0, target / hidden.discount, improvements);
        }
        self.improve(belief);
    }

    fn upper_action_value(&self, belief: &[f64], action: usize) -> f64 {
        let hidden = &self.problem.hidden;
        let reward =
            belief.iter().enumerate().fold(0.0, |sum, (s, b)| sum + b * hidden.reward[s * hidden.actions + action]);
        (0..self.problem.observations).fold(reward, |sum, observation| {
            sum + hidden.discount * self.upper(&self.problem.after(belief, action, observation))
        })
    }

    /// Improves both bounds at `belief`.
    fn improve(&mut self, belief: &[f64]) {
        self.improvements += 1;
        let mut upper = f64::NEG_INFINITY;
        for action in 0..self.problem.hidden.actions {
            let worth = self.upper_action_value(belief, action);
            upper = if worth > upper { worth } else { upper };
        }
        if upper < self.upper(belief) {
            let gain = largest(&self.informed, belief) - upper;
            let belief = belief.iter().copied().enumerate().filter(|(_, weight)| *weight > 0.0).collect();
            self.points.push(Point { belief, value: upper, gain });
        }
        self.improve_lower(belief);
    }

    fn improve_lower(&mut self, belief: &[f64]) {
        let mut best: Option<(Plan, f64)> = None;
        for action in 0..self.problem.hidden.actions {
            let plan = self.plan(belief, action);
            let worth = product(&plan.value, belief);
            if best.as_ref().is_none_or(|(_, best)| worth > *best) {
                best = Some((plan, worth));
            }
        }
        let (plan, worth) = best.expect("there is at least one action");
        if worth > self.lower(belief) {
            self.plans.retain(|old| old.value.iter().zip(&plan.value).any(|(old, new)| old > new));
            self.plans.push(plan);
        }
    }

    /// Follows the best plans from the start and improves the lower bound at the `count` beliefs that weigh most,
    /// the lightest first.
    fn rehearse(&mut self, count: usize) {
        let mut open = vec![self.problem.start.clone()];
        let mut visited = Vec::new();
        while visited.len() < count && !open.is_empty() {
            let heaviest = (1..open.len()).fold(0, |best, i| if sum(&open[i]) > sum(&open[best]) { i } else { best });
            let belief = open.swap_remove(heaviest);
            let action = self.plans[best_plan(&self.plans, &belief).0].action;
            for observation in 0..self.problem.observations {
                let mut after = self.problem.after(&belief, action, observation);
                after.iter_mut().for_each(|weight| *weight *= self.problem.hidden.discount);
                if sum(&after) > 0.0 {
                    open.push(after);
                }
            }
            visited.push(belief);
        }
        for belief in visited.iter().rev() {
            self.improve_lower(belief);
        }
        let mut needed = vec![false; self.plans.len()];
        for belief in visited.iter().chain(&open) {
            needed[best_plan(&self.plans, belief).0] = true;
        }
        let mut needed = needed.into_iter();
        self.plans.retain(|_| needed.next() == Some(true));
    }

    /// The plan that takes `action`, then the best known plan at the belief that each observation leads to.
    fn plan(&self, belief: &[f64], action: usize) -> Plan {
        let Partial { hidden, observations, seen, .. } = self.problem;
        let then: Vec<&Plan> = (0..*observations)
            .map(|observation| self.problem.after(belief, action, observation))
            .map(|after| &self.plans[best_plan(&self.plans, &after).0])
            .collect();
        let value = (0..belief.len())
            .map(|state| {
                let row = state * hidden.actions + action;
                then.iter().enumerate().fold(hidden.reward[row], |sum, (observation, plan)| {
                    let later = hidden.next[row].iter().fold(0.0, |sum, &(next, p)| sum + p * plan.value[next]);
                    sum + hidden.discount * seen[row * observations + observation] * later
                })
            })
            .collect();
        Plan { action, value }
    }
}

/// One vector per action: its value when the state is seen right after one more step (Hauskrecht 2000, section 4.4).
fn fast_informed_bound(problem: &Partial) -> Vec<Vec<f64>> {
    let Partial { hidden, observations, seen, .. } = problem;
    let optimal = hidden.solve().value;
    // From above: the fully observed problem's action values, so that every iterate is itself a bound.
    let mut bound: Vec<Vec<f64>> = (0..hidden.actions)
        .map(|action| (0..hidden.states()).map(|state| hidden.action_value(state, action, &optimal)).collect())
        .collect();
    loop {
        let next: Vec<Vec<f64>> = (0..hidden.actions)
            .map(|action| {
                (0..hidden.states())
                    .map(|state| {
                        let row = state * hidden.actions + action;
                        (0..*observations).fold(hidden.reward[row], |sum, observation| {
                            let mut best = f64::NEG_INFINITY;
                            for vector in &bound {
                                let later = hidden.next[row].iter().fold(0.0, |sum, &(next, p)| sum + p * vector[next]);
                                best = if later > best { later } else { best };
                            }
                            sum + hidden.discount * seen[row * observations + observation] * best
                        })
                    })
                    .collect()
            })
            .collect();
        let change = bound.iter().flatten().zip(next.iter().flatten()).fold(0.0, |largest, (old, new)| {
            let change: f64 = (old - new).abs();
            if change > largest { change } else { largest }
        });
        bound = next;
        if change < 1e-9 {
            return bound;
        }
    }
}

/// The first best plan at `belief`, and what it is worth there.
fn best_plan(plans: &[Plan], belief: &[f64]) -> (usize, f64) {
    plans.iter().enumerate().fold((0, f64::NEG_INFINITY), |best, (i, plan)| {
        let worth = product(&plan.value, belief);
        if worth > best.1 { (i, worth) } else { best }
    })
}

fn largest(vectors: &[Vec<f64>], belief: &[f64]) -> f64 {
    vectors.iter().map(|vector| product(vector, belief)).fold(f64::NEG_INFINITY, |a, b| if b > a { b } else { a })
}

/// Σ a·b: nine tenths of the search, hence plain indices and two chains, which are fast in a debug build too.
fn product(a: &[f64], b: &[f64]) -> f64 {
    let (mut even, mut odd, mut i) = (0.0, 0.0, 0);
    while i + 1 < a.len() {
        even += a[i] * b[i];
        odd += a[i + 1] * b[i + 1];
        i += 2;
    }
    if i < a.len() { even + odd + a[i] * b[i] } else { even + odd }
}

fn sum(weights: &[f64]) -> f64 {
    weights.iter().fold(0.0, |sum, weight| sum + weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tiger of Kaelbling, Littman, Cassandra (1998): two doors, one with a tiger (−100), the other with a reward
    /// (10); listening costs 1 and is right with probability 0.85. Opening starts anew. The known optimum at discount
    /// 0.95 is 19.3714.
    #[test]
    fn bounds_enclose_the_tigers_known_optimum() {
        let anew = vec![(0, 0.5), (1, 0.5)];
        let problem = Partial {
            hidden: Finite {
                actions: 3,
                discount: 0.95,
                reward: vec![-1.0, -100.0, 10.0, -1.0, 10.0, -100.0],
                next: vec![vec![(0, 1.0)], anew.clone(), anew.clone(), vec![(1, 1.0)], anew.clone(), anew],
            },
            observations: 2,
            seen: vec![0.85, 0.15, 0.5, 0.5, 0.5, 0.5, 0.15, 0.85, 0.5, 0.5, 0.5, 0.5],
            start: vec![0.5, 0.5],
        };
        let bounds = problem.bounds(1500, 1);
        assert!(bounds.lower <= bounds.upper && bounds.upper - bounds.lower < 1e-4, "{bounds:?}");
        assert!((bounds.lower - 19.3714).abs() < 1e-4, "{bounds:?}");
        // After two more growls on the left than on the right, the right door.
        assert_eq!(bounds.act(&[0.5, 0.5]), 0);
        assert_eq!(bounds.act(&[0.97, 0.03]), 2);
    }
}
