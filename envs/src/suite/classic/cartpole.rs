//! # A pole on a cart, as in Gymnasium, for comparing agents with published curves
//!
//! A cart on a track is pushed left or right at every step, with the same force; the pole on it must not fall. The
//! equations, the limits and Euler's step are those of `CartPole-v1` of Gymnasium, in f64 as there, so that a step from
//! the same state gives the same state up to rounding (below 10^-12).
//!
//! With x the place of the cart, θ the angle of the pole, F = ±10 the force, m = 0.1 the mass of the pole, M = 1.1 the
//! whole mass, l = 0.5 half the pole's length, g = 9.8 and τ = 0.02:
//!
//! - u = (F + m l θ'² sin θ)/M
//! - θ'' = (g sin θ − cos θ · u)/(l (4/3 − m cos² θ/M))
//! - x'' = u − m l θ'' cos θ/M
//! - x += τ x', x' += τ x'', θ += τ θ', θ' += τ θ'', all from the values before the step
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(2)`: 0 left, 1 right |
//! | Observation | `position`: x in metres (1 number in ±4.8); `velocity`: x' (1 in ±11); `angle`: θ in radians (1 in ±0.419); `angular_velocity`: θ' (1 in ±5) |
//! | Reward | 1 per step, the last included |
//! | Start | each of the four uniform in ±0.05 |
//! | End | terminated when \|x\| > 2.4 or \|θ\| > 12°; truncated after 500 steps |
//! | Discount | 1 |
//! | Parameters | none: the id means Gymnasium's numbers |
//! | Metrics | `balanced`: 1 if the pole still stood at the step limit |
//! | Reference policies | `random`; `lean`: pushes to where the pole leans; `oracle`: pushes to where 0.12 x + 0.15 x' + θ + 0.24 θ' leans, the rule that is optimal for small angles and quadratic costs |
//! | Optimum | 500, the step limit: `oracle` reaches it (in every one of 10^6 episodes, hence the tolerance: a failure in 3·10^5 could have escaped). Random: a constant from 10^6 episodes, 22.231 with standard error 0.012 |
//! | Learning | easy, yet a DQN often loses a good policy again: judge the whole curve |
//! | Source | Barto, Sutton, Anderson 1983; Gymnasium 1.x `classic_control/cartpole.py`, whose velocities have no declared bounds |
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::Result,
    math::sin_cos64,
    rng::{Purpose, Rng},
    space::{Discrete, RowMut},
};
use serde::{Deserialize, Serialize};

const GRAVITY: f64 = 9.8;
const POLE_MASS: f64 = 0.1;
const MASS: f64 = POLE_MASS + 1.0;
/// Half the pole's length.
const LENGTH: f64 = 0.5;
const FORCE: f64 = 10.0;
const STEP: f64 = 0.02;
const FARTHEST: f64 = 2.4;
const STEEPEST: f64 = 12.0 * 2.0 * std::f64::consts::PI / 360.0;
const HORIZON: u32 = 500;
/// Feedback on x, x', θ, θ': the linear quadratic regulator with costs 1, 0.1, 10, 0.1 of the state and 0.01 of the
/// force, of which only the sign of the push is used.
const BALANCE: [f64; 4] = [0.12, 0.15, 1.0, 0.24];
/// Mean return of random pushes and its standard error: `a_million_episodes_give_the_published_numbers` recomputes them.
const RANDOM: (f64, f64) = (22.230892, 0.011852853);

/// The cart and its pole: nothing to set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CartPole {}

/// An episode: place, velocity, angle, angular velocity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    x: f64,
    x_dot: f64,
    theta: f64,
    theta_dot: f64,
}

impl State {
    #[inline]
    fn stands(&self) -> bool {
        self.x.abs() <= FARTHEST && self.theta.abs() <= STEEPEST
    }
}

impl Env for CartPole {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = &["balanced"];
    const POLICIES: &'static [&'static str] = &["lean", "oracle"];

    fn validate(&self) -> Result<()> {
        Ok(())
    }

    fn action_space(&self) -> Discrete {
        Discrete(2)
    }

    // Gymnasium leaves the velocities unbounded. What stays within an interval of length L with accelerations up to A is
    // never faster than v with v² = 2 A (L + v τ/2) at a step: with A = 10.2, L = 4.8 for the cart and A = 18.3,
    // L = 0.42 for the pole, plus A τ for the last step, below 11 and 5.
    fn observation(&self) -> Vec<Field> {
        let field = |name, bound: f64| Field { name, len: 1, low: -bound as f32, high: bound as f32 };
        vec![
            field("position", 2.0 * FARTHEST),
            field("velocity", 11.0),
            field("angle", 2.0 * STEEPEST),
            field("angular_velocity", 5.0),
        ]
    }

    fn horizon(&self) -> u32 {
        HORIZON
    }

    fn discount(&self) -> f64 {
        1.0
    }

    fn reset(&self, rng: &Rng) -> State {
        let mut draws = rng.stream(Purpose::RESET);
        let [x, x_dot, theta, theta_dot] = std::array::from_fn(|_| -0.05 + 0.1 * draws.uniform64());
        State { x, x_dot, theta, theta_dot }
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, _: &Rng) -> Outcome {
        let State { x, x_dot, theta, theta_dot } = *state;
        let force = if action == 1 { FORCE } else { -FORCE };
        let (sin, cos) = sin_cos64(theta);
        // Gymnasium's order, but for the divisions by the mass, which are in the constants: four divisions take longer
        // than sine and cosine together.
        let push = (force + POLE_MASS * LENGTH * (theta_dot * theta_dot) * sin) * (1.0 / MASS);
        let theta_acc = (GRAVITY * sin - cos * push) / (LENGTH * (4.0 / 3.0 - POLE_MASS / MASS * (cos * cos)));
        let x_acc = push - POLE_MASS * LENGTH / MASS * theta_acc * cos;
        *state = State {
            x: x + STEP * x_dot,
            x_dot: x_dot + STEP * x_acc,
            theta: theta + STEP * theta_dot,
            theta_dot: theta_dot + STEP * theta_acc,
        };
        Outcome { reward: 1.0, terminated: !state.stands() }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        let State { x, x_dot, theta, theta_dot } = *state;
        row.copy_from_slice(&[x as f32, x_dot as f32, theta as f32, theta_dot as f32]);
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        out[0] = f64::from(u8::from(state.stands()));
    }

    fn expected_reward(&self, _: &State, _: Elem<'_, Self>) -> f64 {
        1.0
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let tilt = match policy.name {
            "oracle" => {
                BALANCE[0] * state.x
                    + BALANCE[1] * state.x_dot
                    + BALANCE[2] * state.theta
                    + BALANCE[3] * state.theta_dot
            }
            _ => state.theta,
        };
        action.items[0] = u32::from(tilt > 0.0);
    }

    fn optimum(&self) -> Optimum {
        let limit = f64::from(HORIZON);
        Optimum {
            lower: limit,
            upper: limit,
            // No failure in n episodes leaves, with 95 % confidence, at most 3/n.
            tolerance: 3e-6 * limit,
            method: "the step limit, reached by the oracle in each of 10^6 episodes",
            random: RANDOM.0,
            random_se: RANDOM.1,
            others: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    /// Computed by Gymnasium 1.4.0: `env.unwrapped.state` set to the start, action 1 while 0.1 x + 0.2 x' + θ + 0.2 θ' is
    /// positive, and always from step 41 on.
    #[test]
    fn steps_are_gymnasiums() {
        let known = [
            (1, [0.009600000000000001, 0.17467919574755525, 0.030799999999999998, -0.2430687179600081]),
            (2, [0.013093583914951107, 0.3693479760579556, 0.025938625640799837, -0.5258796280501483]),
            (10, [0.040883446549237625, -0.021388099887277023, -0.00943497526679633, 0.07060390349839252]),
            (40, [0.04076095410184421, -0.018609091816180756, -0.006759096080307074, 0.009296879684184467]),
            (49, [0.17812214470521828, 1.742372014026881, -0.22169827984728824, -2.785381176303782]),
        ];
        let rng = Rng::new(0, crate::rng::Domain::Evaluation);
        let mut state = State { x: 0.01, x_dot: -0.02, theta: 0.03, theta_dot: 0.04 };
        for step in 1..=49 {
            let State { x, x_dot, theta, theta_dot } = state;
            let right = 0.1 * x + 0.2 * x_dot + theta + 0.2 * theta_dot > 0.0 || step >= 41;
            let outcome = CartPole {}.step(&mut state, u32::from(right), &rng);
            assert_eq!(outcome, Outcome { reward: 1.0, terminated: step == 49 });
            if let Some((_, known)) = known.iter().find(|(at, _)| *at == step) {
                let here = [state.x, state.x_dot, state.theta, state.theta_dot];
                assert!(here.iter().zip(known).all(|(a, b)| (a - b).abs() < 1e-12), "step {step}: {here:?}");
            }
        }
    }

    /// Every episode lasts to the step limit, so the oracle's mean is the limit without any spread.
    #[test]
    fn oracle_never_drops_the_pole() {
        let played = play(&CartPole {}, "oracle", 10_000);
        assert_eq!((played.value, played.se, &played.metrics[..]), (500.0, 0.0, &[1.0][..]));
    }

    #[test]
    fn leaning_is_not_enough() {
        let played = play(&CartPole {}, "lean", 1000);
        assert!((30.0..60.0).contains(&played.value), "{played:?}");
    }

    #[test]
    fn random_pushes_drop_it_soon() {
        play(&CartPole {}, "random", 5000).agrees_with(RANDOM.0, 4.0 * RANDOM.1);
    }

    /// The source of the constant and of the claim about the oracle.
    #[test]
    #[ignore = "half a minute: 10^6 episodes of each; run with --release -- --ignored --nocapture to see the numbers"]
    fn a_million_episodes_give_the_published_numbers() {
        let played = play(&CartPole {}, "oracle", 1_000_000);
        assert_eq!((played.value, played.se), (500.0, 0.0));
        let played = play(&CartPole {}, "random", 1_000_000);
        println!("{} ± {}", played.value, played.se);
        assert!((played.value - RANDOM.0).abs() < 5e-7 && (played.se - RANDOM.1).abs() < 5e-7, "{played:?}");
    }
}
