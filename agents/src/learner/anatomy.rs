//! A learner from inside: what its last update looked like, and why it would do what.
use super::{
    Learner, Rule,
    parts::{Parts, host},
};
use crate::{
    agent::{Appeal, Explanation, Policy, Trace},
    error::Result,
};
use envs::Actions;
use kernels::Backend;

impl<B: Backend, R: Rule<B>> Learner<B, R> {
    /// The last update from inside.
    pub(super) fn traced(&self) -> Result<Option<Trace>> {
        let (b, rows) = (&self.backend, self.parts.config.rows);
        if self.parts.updates == 0 {
            return Ok(None);
        }
        let names = self.rule.names(&self.parts.network).len();
        let each = self.rule.numbers(&self.parts.network);
        let values = host(b, self.rule.values(&self.pass), rows * each)?;
        let values: Vec<f32> = values.chunks_exact(each).flat_map(|row| &row[..names]).copied().collect();
        let chosen = self.rule.is_greedy_choice().then(|| host(b, &self.choice.action, rows)).transpose()?;
        self.parts.traced(b, &values, chosen.as_deref()).map(Some)
    }

    /// How many rows `observations` are.
    pub(crate) fn rows_of(&self, observations: &[f32]) -> usize {
        observations.len() / self.parts.memory.width
    }

    /// Values at `observations`, and the learner's own actions there, which `own` is for.
    pub(crate) fn explained(&self, observations: &[f32], mut own: Actions) -> Result<(Vec<Explanation>, Actions)> {
        let names = self.rule.names(&self.parts.network);
        let rows = self.rows_of(observations);
        let each = self.rule.numbers(&self.parts.network);
        let mut values = vec![0.0; rows * each];
        let mut player = self.player(rows)?;
        player.slot().observation.copy_from_slice(observations);
        player.choose(&mut own, Some(&mut values))?;
        let appeal = self.rule.appeal();
        let explained = values.chunks_exact(each).enumerate().map(|(row, numbers)| {
            let (values, appeals) = numbers.split_at(names.len());
            let named =
                |names: &[String], numbers: &[f32]| names.iter().cloned().zip(numbers.iter().copied()).collect();
            Explanation {
                margin: self.rule.is_greedy_choice().then(|| margin(values)).flatten(),
                appeal: appeal.as_ref().map(|(measure, of)| Appeal { measure, numbers: named(of, appeals) }),
                values: named(&names, values),
                items: own.row(row).items.to_vec(),
                reals: own.row(row).reals.to_vec(),
            }
        });
        let explained = explained.collect();
        Ok((explained, own))
    }
}

impl<B: Backend> Parts<B> {
    /// The last update, and the last choice: `values` of all rows, and the actions `chosen` where they are to be greedy.
    fn traced(&self, b: &B, values: &[f32], chosen: Option<&[u32]>) -> Result<Trace> {
        let rows = self.config.rows;
        let summary = host(b, &self.summary, 2)?;
        let weight = host(b, &self.batch.weight, self.batch.size)?;
        let gradient = host(b, &self.weights.gradient, self.weights.len)?;
        let total =
            |numbers: &[f32], f: fn(f64) -> f64| numbers.iter().map(|number| f(f64::from(*number))).sum::<f64>();
        let (sum, squares) = (total(&weight, |w| w), total(&weight, |w| w * w));
        let largest = |row: &[f32]| row.iter().fold(f32::NEG_INFINITY, |most, q| if *q > most { *q } else { most });
        let is_best = |(row, action): (&[f32], &u32)| row[*action as usize] == largest(row);
        let best =
            |chosen: &[u32]| values.chunks_exact(values.len() / rows).zip(chosen).filter(|x| is_best(*x)).count();
        Ok(Trace {
            update: self.updates,
            loss: summary[0],
            mean_q: summary[1],
            max_q: largest(values),
            gradient_norm: total(&gradient, |g| g * g).sqrt(),
            effective_sample: sum * sum / squares,
            greedy: chosen.map(|chosen| best(chosen) as f64 / rows as f64),
        })
    }
}

/// How much the largest number is above the next one, if there is another.
fn margin(values: &[f32]) -> Option<f32> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    Some(sorted.first()? - sorted.get(1)?)
}
