//! Episodes of a reference policy, for tests of worlds: what they were worth and whether the rewards were as expected.
use crate::{
    env::Env,
    rng::Domain,
    space::Actions,
    vector::{Slot, Stage, Start, Vector, VectorEnv},
};

/// The first episodes of many rows.
#[derive(Debug)]
pub struct Played {
    /// Mean return, discounted where the world is; per step where it is a bandit.
    pub value: f64,
    /// Its standard error.
    pub se: f64,
    /// Mean number of steps.
    pub length: f64,
    /// Mean of each metric.
    pub metrics: Vec<f64>,
}

impl Played {
    /// Asserts that `value` is within four standard errors and `tolerance` of what was played.
    #[track_caller]
    pub fn agrees_with(&self, value: f64, tolerance: f64) {
        assert!((self.value - value).abs() <= 4.0 * self.se + tolerance, "{value} expected: {self:?}");
    }
}

/// Plays `episodes` episodes and asserts on the way that every observation lies in its declared range and that rewards
/// are on average what `expected_reward` says.
#[track_caller]
pub fn play<E: Env>(env: &E, policy: &str, episodes: usize) -> Played {
    let mut vector = Vector::new("test", env.clone(), episodes).expect("admissible parameters");
    let spec = vector.spec().clone();
    let policy = spec.policy(policy).expect("a reference policy");
    let discount = if spec.discount > 0.0 { spec.discount } else { 1.0 };
    let ranges: Vec<[f32; 2]> =
        spec.fields.iter().flat_map(|field| std::iter::repeat_n([field.low, field.high], field.len)).collect();

    let (mut observation, mut reward) = (vec![f32::NAN; episodes * spec.observation], vec![0.0; episodes]);
    let mut stage = vec![Stage::First; episodes];
    let mut actions = Actions::new(episodes, spec.width);
    let mut expected = vec![0.0; episodes];
    let (mut returns, mut surprise, mut lengths) = (vec![0.0; episodes], vec![0.0; episodes], vec![0u32; episodes]);
    let mut metrics = vec![vec![0.0; spec.metrics.len()]; episodes];
    let mut weight = 1.0;
    let start = Start { seed: 11, domain: Domain::Evaluation, first_row: 0 };
    vector
        .reset(start, Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage })
        .expect("buffers fit");
    let mut over = vec![false; episodes];
    while over.contains(&false) {
        for row in observation.chunks(spec.observation) {
            for (i, (value, [low, high])) in row.iter().zip(&ranges).enumerate() {
                assert!(low <= value && value <= high, "number {i} of the observation is {value}");
            }
        }
        vector.reference(&policy, &mut actions).expect("buffers fit");
        vector.expected_reward(&actions, &mut expected).expect("buffers fit");
        vector
            .step(&actions, Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage })
            .expect("admissible actions");
        for row in (0..episodes).filter(|&row| !over[row]) {
            returns[row] += weight * f64::from(reward[row]);
            surprise[row] += f64::from(reward[row]) - expected[row];
            lengths[row] += 1;
        }
        for row in 0..episodes {
            if !over[row] && stage[row].is_last() {
                over[row] = true;
                returns[row] /= if spec.discount > 0.0 { 1.0 } else { f64::from(lengths[row]) };
                vector.metrics(row, &mut metrics[row]);
            }
        }
        weight *= discount;
    }
    let (drift, drift_se) = mean(&surprise);
    assert!(drift.abs() <= 4.0 * drift_se + 1e-6, "rewards differ from expected ones by {drift} ± {drift_se}");
    let (value, se) = mean(&returns);
    let metrics = (0..spec.metrics.len()).map(|i| mean(&metrics.iter().map(|m| m[i]).collect::<Vec<_>>()).0).collect();
    Played { value, se, length: mean(&lengths.iter().map(|&n| f64::from(n)).collect::<Vec<_>>()).0, metrics }
}

/// Mean and standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (n - 1.0);
    (mean, (square / n).sqrt())
}
