//! What somebody earns in a world, as `rollout` and `eval` print it for programs.
use crate::error::Result;
use agents::{Evaluation, Metric, evaluate, simple::Untrained};
use envs::Params;
use serde_json::{Map, Value, json};

/// `episodes` episodes of the world `id`, `rows` of them held at once, played by a reference policy of the world or by
/// `constant=V[,V…]`: the result for programs, and the evaluation.
///
/// # Errors
/// When the id, a parameter or the policy is unknown, or a value is not admissible.
pub fn rollout(
    id: &str,
    params: &Params,
    policy: &str,
    episodes: u32,
    seed: u64,
    rows: u32,
) -> Result<(Value, Evaluation)> {
    let rows = if rows < episodes { rows } else { episodes };
    let mut env = envs::make(id, params, rows as usize)?;
    let spec = env.spec().clone();
    let mut player = Untrained::parse(policy, &spec)?;
    let evaluation = evaluate(env.as_mut(), player.player(), seed, episodes)?;
    let result = json!({
        "schema": 1,
        "env": spec.id,
        "params": spec.params,
        "policy": policy,
        "episodes": episodes,
        "seed": seed,
        "metrics": metrics(&evaluation),
    });
    Ok((result, evaluation))
}

/// Mean, standard deviation over episodes and standard error of the mean, by metric.
pub fn metrics(evaluation: &Evaluation) -> Map<String, Value> {
    let metric = |metric: &Metric| {
        let (mean, sd, se) = (metric.mean, metric.sd, standard_error(metric.sd, evaluation));
        (metric.name.clone(), json!({ "mean": mean, "sd": sd, "se": se }))
    };
    evaluation.metrics.iter().map(metric).collect()
}

/// Standard error of a mean over the episodes of `evaluation`.
pub fn standard_error(sd: f64, evaluation: &Evaluation) -> f64 {
    sd / f64::from(evaluation.episodes).sqrt()
}
