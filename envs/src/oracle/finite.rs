//! Finite Markov decision problems that end or are discounted: exact values by linear equations, optima by policy
//! iteration (Howard 1960).

/// A finite decision problem. Rows of `reward` and `next` are numbered `state · actions + action`.
#[derive(Clone, Debug)]
pub struct Finite {
    /// Number of actions, the same in every state.
    pub actions: usize,
    /// Discount of the next state's value.
    pub discount: f64,
    /// E[reward | state, action].
    pub reward: Vec<f64>,
    /// The next states with their probabilities; what is missing to 1 ends the episode.
    pub next: Vec<Vec<(usize, f64)>>,
}

/// An optimal policy and its value.
#[derive(Clone, Debug)]
pub struct Solution {
    /// The action of each state; the lowest of those within rounding of the best.
    pub policy: Vec<usize>,
    /// The optimal value of each state.
    pub value: Vec<f64>,
}

/// Above so many states, elimination takes longer than sweeps.
const DENSE: usize = 128;
/// Sweeps end when no value changes by more than this share of the largest.
const SETTLED: f64 = 1e-15;

/// Actions whose values differ by less than this share of the largest value are tied.
const TIE: f64 = 1e-11;

impl Finite {
    /// Number of states.
    pub fn states(&self) -> usize {
        self.reward.len() / self.actions
    }

    /// Value of one action, when the states after it are worth `value`.
    pub fn action_value(&self, state: usize, action: usize, value: &[f64]) -> f64 {
        let row = state * self.actions + action;
        self.next[row].iter().fold(self.reward[row], |sum, &(next, p)| sum + self.discount * p * value[next])
    }

    /// Value of the policy that takes `action` in `state` with probability `policy(state, action)`, exact to rounding.
    pub fn evaluate(&self, policy: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let states = self.states();
        if states > DENSE && self.discount < 1.0 {
            return self.sweep(policy);
        }
        // (I − discount · P) V = R, one row per state, the right-hand side in the last column.
        let mut equations = vec![vec![0.0; states + 1]; states];
        for (state, equation) in equations.iter_mut().enumerate() {
            equation[state] = 1.0;
            for action in 0..self.actions {
                let taken = policy(state, action);
                if taken != 0.0 {
                    let row = state * self.actions + action;
                    equation[states] += taken * self.reward[row];
                    for &(next, p) in &self.next[row] {
                        equation[next] -= taken * self.discount * p;
                    }
                }
            }
        }
        solve(equations)
    }

    /// [`evaluate`](Self::evaluate) by Gauss–Seidel sweeps, for many states with few next states each.
    fn sweep(&self, policy: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let states = self.states();
        let mut weight = vec![0.0; states];
        let rows: Vec<(f64, Vec<(usize, f64)>)> = (0..states)
            .map(|state| {
                let (mut reward, mut nexts) = (0.0, Vec::new());
                for action in 0..self.actions {
                    let taken = policy(state, action);
                    if taken != 0.0 {
                        let row = state * self.actions + action;
                        reward += taken * self.reward[row];
                        for &(next, p) in &self.next[row] {
                            if weight[next] == 0.0 {
                                nexts.push(next);
                            }
                            weight[next] += taken * self.discount * p;
                        }
                    }
                }
                (reward, nexts.into_iter().map(|next| (next, std::mem::take(&mut weight[next]))).collect())
            })
            .collect();
        let mut value = vec![0.0; states];
        loop {
            let (mut change, mut scale) = (0.0, 0.0);
            for (state, (reward, nexts)) in rows.iter().enumerate() {
                let now = nexts.iter().fold(*reward, |sum, &(next, p)| sum + p * value[next]);
                let moved = (now - value[state]).abs();
                change = if moved > change { moved } else { change };
                scale = if now.abs() > scale { now.abs() } else { scale };
                value[state] = now;
            }
            if change <= SETTLED * scale {
                return value;
            }
        }
    }

    /// Discounted number of times that each row's action is taken in its state, from the start distribution `start`
    /// under the policy that takes `action` in `state` with probability `policy(state, action)`.
    pub fn occupancy(&self, start: &[f64], policy: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let states = self.states();
        // (I − discount · Pᵀ) d = start.
        let mut equations = vec![vec![0.0; states + 1]; states];
        for state in 0..states {
            equations[state][state] += 1.0;
            equations[state][states] = start[state];
            for action in 0..self.actions {
                let taken = policy(state, action);
                if taken != 0.0 {
                    for &(next, p) in &self.next[state * self.actions + action] {
                        equations[next][state] -= taken * self.discount * p;
                    }
                }
            }
        }
        let visits = solve(equations);
        (0..self.reward.len())
            .map(|row| (row / self.actions, row % self.actions))
            .map(|(s, a)| visits[s] * policy(s, a))
            .collect()
    }

    /// An optimal policy and its exact value.
    pub fn solve(&self) -> Solution {
        let mut policy = vec![0; self.states()];
        loop {
            let value = self.evaluate(|state, action| if policy[state] == action { 1.0 } else { 0.0 });
            let scale = value.iter().fold(1.0, |largest, v| if v.abs() > largest { v.abs() } else { largest });
            let mut improved = false;
            for (state, action) in policy.iter_mut().enumerate() {
                let best = self.greedy(state, &value, TIE * scale);
                let gain = self.action_value(state, best, &value) - self.action_value(state, *action, &value);
                if gain > TIE * scale {
                    (*action, improved) = (best, true);
                }
            }
            if !improved {
                let policy = (0..self.states()).map(|state| self.greedy(state, &value, TIE * scale)).collect();
                return Solution { policy, value };
            }
        }
    }

    /// The lowest action whose value is within `slack` of the best, when the states after it are worth `value`.
    pub fn greedy(&self, state: usize, value: &[f64], slack: f64) -> usize {
        let mut best = self.action_value(state, 0, value);
        for action in 1..self.actions {
            let worth = self.action_value(state, action, value);
            best = if worth > best { worth } else { best };
        }
        (0..self.actions)
            .find(|&action| self.action_value(state, action, value) >= best - slack)
            .expect("the best action is within any slack of itself")
    }
}

/// Gaussian elimination with partial pivoting; each equation ends with its right-hand side.
fn solve(mut equations: Vec<Vec<f64>>) -> Vec<f64> {
    let n = equations.len();
    for column in 0..n {
        let mut pivot = column;
        for row in column + 1..n {
            if equations[row][column].abs() > equations[pivot][column].abs() {
                pivot = row;
            }
        }
        equations.swap(column, pivot);
        let (above, below) = equations.split_at_mut(column + 1);
        let pivot = &above[column];
        for row in below {
            let factor = row[column] / pivot[column];
            if factor != 0.0 {
                for (x, p) in row[column..].iter_mut().zip(&pivot[column..]) {
                    *x -= factor * p;
                }
            }
        }
    }
    let mut solution = vec![0.0; n];
    for row in (0..n).rev() {
        let known = (row + 1..n).fold(equations[row][n], |sum, k| sum - equations[row][k] * solution[k]);
        solution[row] = known / equations[row][row];
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stay for 1 or leave for good with 10; by hand: staying for ever is worth 1/(1 − 0.95) = 20.
    #[test]
    fn staying_for_ever_beats_leaving() {
        let problem =
            Finite { actions: 2, discount: 0.95, reward: vec![10.0, 1.0], next: vec![vec![], vec![(0, 1.0)]] };
        let solution = problem.solve();
        assert_eq!(solution.policy, [1]);
        assert!((solution.value[0] - 20.0).abs() < 1e-12, "{solution:?}");
        let mixed = problem.evaluate(|_, _| 0.5)[0];
        assert!((mixed - 5.5 / (1.0 - 0.475)).abs() < 1e-12, "{mixed}");
    }

    /// A ring of 200 cells with a coin at one of them: sweeps and elimination agree.
    #[test]
    fn sweeps_agree_with_elimination() {
        let next =
            (0..200).flat_map(|cell| [vec![((cell + 1) % 200, 1.0)], vec![(cell, 0.5), ((cell + 199) % 200, 0.5)]]);
        let mut ring = Finite { actions: 2, discount: 0.95, reward: vec![0.0; 400], next: next.collect() };
        ring.reward[1] = 1.0;
        let swept = ring.evaluate(|_, action| if action == 0 { 0.25 } else { 0.75 });
        let mut equations = vec![vec![0.0; 201]; 200];
        for (cell, equation) in equations.iter_mut().enumerate() {
            equation[cell] += 1.0 - 0.95 * 0.75 * 0.5;
            equation[(cell + 1) % 200] -= 0.95 * 0.25;
            equation[(cell + 199) % 200] -= 0.95 * 0.75 * 0.5;
            equation[200] = if cell == 0 { 0.75 } else { 0.0 };
        }
        for (swept, solved) in swept.iter().zip(solve(equations)) {
            assert!((swept - solved).abs() < 1e-13, "{swept} {solved}");
        }
    }

    /// The pivot of the first column is zero in the first row.
    #[test]
    fn elimination_exchanges_rows() {
        assert_eq!(solve(vec![vec![0.0, 2.0, 4.0], vec![1.0, 1.0, 5.0]]), [3.0, 2.0]);
    }

    #[test]
    fn ties_go_to_the_lowest_action() {
        let problem = Finite { actions: 3, discount: 0.5, reward: vec![0.0, 1.0, 1.0], next: vec![vec![]; 3] };
        assert_eq!(problem.solve().policy, [1]);
    }
}
