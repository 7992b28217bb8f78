//! What somebody earns in a world, as `rollout` and `eval` print it for programs.
use crate::error::{Error, Result};
use agents::{Evaluation, Metric, Mixture, Player, evaluate, simple::Untrained};
use envs::Params;
use serde_json::{Map, Value, json};

/// `episodes` episodes of the world `id`, `rows` of them held at once, played by a reference policy of the world or by
/// `constant=V[,V…]`; a reference policy takes a random action instead with probability `epsilon`. The result for programs,
/// and the evaluation.
///
/// # Errors
/// When the id, a parameter or the policy is unknown, or a value is not admissible, such as an exploring constant.
pub fn rollout(
    id: &str,
    params: &Params,
    (policy, epsilon): (&str, f32),
    episodes: u32,
    seed: u64,
    rows: u32,
) -> Result<(Value, Evaluation)> {
    let rows = if rows < episodes { rows } else { episodes };
    let entry = envs::find(id)?;
    let mut env = entry.make(params, entry.whole(params, rows as usize)?)?;
    let spec = env.spec().clone();
    let mut player = Untrained::parse(policy, &spec)?;
    let mut mixture = match &player {
        Untrained::Reference(reference) => Some(Mixture::new(&spec, reference.clone(), epsilon)?),
        Untrained::Constant(_) if epsilon != 0.0 => {
            let problem = "a constant action does not explore; take a reference policy".into();
            return Err(Error::Spec { path: format!("--policy {policy}"), problem });
        }
        Untrained::Constant(_) => None,
    };
    let who = mixture.as_mut().map_or_else(|| player.player(), Player::Mixture);
    let evaluation = evaluate(env.as_mut(), who, seed, episodes)?;
    let result = json!({
        "schema": 1,
        "env": spec.id,
        "params": spec.params,
        "policy": policy,
        "epsilon": epsilon,
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
