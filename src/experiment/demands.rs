//! What an experiment demands of its agents: a mean score over the seeds.
use crate::trial::Trial;
use reports::Record;
use std::{collections::HashMap, fmt};

/// An agent whose mean score is below what was demanded of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shortfall {
    /// The world's id.
    pub env: String,
    /// The agent's name.
    pub agent: String,
    /// The mean score over the seeds; `None` where the optimum is no better than chance, so that there is none.
    pub score: Option<f64>,
    /// What it must be at least.
    pub at_least: f64,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shortfall { env, agent, score, at_least } = self;
        match score {
            Some(score) => write!(f, "{agent} in {env}: the mean score is {score:.3}; at least {at_least} is demanded"),
            None => write!(f, "{agent} in {env}: there is no score here; at least {at_least} is demanded"),
        }
    }
}

/// The demands of `trials` that `records` do not meet. A run that did not end well counts as the random policy, as in
/// reports.
pub fn shortfalls(trials: &[Trial], records: &[Record]) -> Vec<Shortfall> {
    let records: HashMap<&str, &Record> = records.iter().map(|record| (record.trial.as_str(), record)).collect();
    // The seeds of an agent stand side by side.
    let alike = |a: &Trial, b: &Trial| Trial { seed: b.seed, ..a.clone() } == *b;
    let mut shortfalls = Vec::new();
    for seeds in trials.chunk_by(alike) {
        let Some(at_least) = seeds[0].at_least else { continue };
        let found: Option<Vec<&Record>> = seeds.iter().map(|trial| records.get(trial.id().as_str()).copied()).collect();
        let score = found.and_then(|found| {
            let reference = &found[0].reference;
            let sum: f64 = found.iter().map(|record| record.result().unwrap_or(reference.random)).sum();
            reference.score(sum / found.len() as f64)
        });
        if score.is_none_or(|score| score < at_least) {
            shortfalls.push(Shortfall { env: seeds[0].env.clone(), agent: seeds[0].agent.clone(), score, at_least });
        }
    }
    shortfalls
}
