//! Golden traces: what a world does in its first steps, as text, and the digest that each has had since its first release.
//!
//! A world keeps its bits under its id for ever. The traces themselves are kept beside the tests, where a difference shows its
//! line; the digests are compiled in, so that every build can say on every machine whether it makes the same bits
//! (`mercato doctor --bits`).
use crate::{
    env::{Optimum, Reference},
    error::{Error, Result},
    registry::{Entry, Params, find},
    space::Actions,
    suite::ENVS,
    vector::{Slot, Stage, Start, VectorEnv},
};
use sha2::{Digest, Sha256};

const ROWS: usize = 4;
const STEPS: u32 = 64;
const MORE_STEPS: u32 = 10_000;

/// What is traced: a world as it comes, or with modifiers.
#[derive(Clone, Copy, Debug)]
pub struct Traced {
    /// What it is called: the id, or a name for the modifiers.
    pub name: &'static str,
    /// The world's id.
    pub id: &'static str,
    /// Its parameters as a JSON table.
    settings: &'static str,
}

/// One world for each modifier, and one with all of them: the name of the trace, the world, the settings.
const MODIFIED: &[(&str, &str, &str)] = &[
    ("reward_noise", "rec/markov-interest-v1", r#"{"reward_noise": 0.5}"#),
    ("reward_delay", "rec/topic-bandit-v1", r#"{"reward_delay": 5}"#),
    ("reward_missing", "rec/topic-bandit-v1", r#"{"reward_missing": 0.25}"#),
    ("sticky_actions", "rec/markov-interest-v1", r#"{"sticky_actions": 0.25}"#),
    ("drift_step", "pricing/wine-club-v1", r#"{"drift_step": 4}"#),
    ("mask_rate", "rec/slate-cascade-v1", r#"{"mask_rate": 0.3}"#),
    ("cost_signal", "health/dose-v1", r#"{"cost_signal": "toxicity", "cost_weight": 0.1}"#),
    (
        "all",
        "rec/markov-interest-v1",
        r#"{"reward_noise": 0.5, "reward_delay": 3, "reward_missing": 0.1, "sticky_actions": 0.2, "drift_step": 7,
            "mask_rate": 0.2, "cost_signal": "bait", "cost_weight": 0.3}"#,
    ),
];

/// Everything that has a trace: the worlds, then the modifiers.
pub fn traced() -> impl Iterator<Item = Traced> {
    let worlds = ENVS.iter().map(|entry| Traced { name: entry.id, id: entry.id, settings: "{}" });
    worlds.chain(MODIFIED.iter().map(|&(name, id, settings)| Traced { name, id, settings }))
}

/// A line for each: the name, and the SHA-256 of its trace.
const DIGESTS: &str = include_str!("golden.txt");

impl Traced {
    /// Whether it is a world as it comes.
    pub fn is_world(&self) -> bool {
        self.name == self.id
    }
    /// Plays it: the optimum, 64 steps of four rows that follow the reference policies in turn, and the hash of 10,000 more
    /// at random. Numbers are the shortest decimals that read back as the same bits.
    ///
    /// # Errors
    /// When a reference policy acts inadmissibly.
    pub fn trace(&self) -> Result<String> {
        let settings: Params =
            serde_json::from_str(self.settings).map_err(|error| Error::Restore(error.to_string()))?;
        trace(find(self.id)?, &settings)
    }
    /// Whether the trace has the digest that it always had.
    ///
    /// # Errors
    /// As [`trace`](Traced::trace).
    pub fn repeats(&self) -> Result<bool> {
        let line = format!("{} {}", digest(self.trace()?.as_bytes()), self.name);
        Ok(DIGESTS.lines().any(|kept| kept == line))
    }
}

/// SHA-256 in hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn trace(entry: &Entry, params: &Params) -> Result<String> {
    let mut play = Play::new(entry, params)?;
    let optimum = play.world.optimum();
    let mut text = format!("# {} {}\n", entry.id, play.world.spec().params);
    let Optimum { lower, upper, random, .. } = optimum;
    text += &format!("# optimum {lower:?} to {upper:?}, random {random:?}\n");
    text += "step,row,policy,items,reals,expected_reward,reward,stage,observation\n";
    for step in 0..=STEPS {
        for row in 0..ROWS {
            text += &format!("{step},{row},{},{}\n", play.policy(row).name, play.row(row));
        }
        if step < STEPS {
            play.step(Play::policy)?;
        }
    }
    let mut hash = Sha256::new();
    for _ in 0..MORE_STEPS {
        play.step(|_, _| RANDOM)?;
        play.hash(&mut hash);
    }
    text += &format!("# {MORE_STEPS} more steps at random: SHA-256 {}\n", hex(&hash.finalize()));
    Ok(text)
}

const RANDOM: Reference = Reference { name: Reference::RANDOM, value: None };

struct Play {
    world: Box<dyn VectorEnv>,
    policies: Vec<Reference>,
    chosen: Actions,
    actions: Actions,
    expected: Vec<f64>,
    observation: Vec<f32>,
    reward: Vec<f32>,
    stage: Vec<Stage>,
}

impl Play {
    fn new(entry: &Entry, params: &Params) -> Result<Self> {
        let mut world = entry.make(params, ROWS)?;
        let spec = world.spec().clone();
        // Those that take a number are left out: the others already move the world.
        let named = spec.policies.iter().filter_map(|name| spec.policy(name).ok());
        let mut observation = vec![0.0; ROWS * spec.observation];
        let (mut reward, mut stage) = (vec![0.0; ROWS], vec![Stage::First; ROWS]);
        let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
        world.reset(Start::evaluation(1, 0), slot)?;
        let actions = Actions::new(ROWS, spec.width);
        Ok(Play {
            policies: std::iter::once(RANDOM).chain(named).collect(),
            chosen: actions.clone(),
            actions,
            expected: vec![0.0; ROWS],
            world,
            observation,
            reward,
            stage,
        })
    }

    fn policy(&self, row: usize) -> Reference {
        self.policies[row % self.policies.len()].clone()
    }

    fn step(&mut self, policy: impl Fn(&Self, usize) -> Reference) -> Result<()> {
        for row in 0..ROWS {
            self.world.reference(&policy(self, row), &mut self.chosen)?;
            self.actions.row_mut(row).items.copy_from_slice(self.chosen.row(row).items);
            self.actions.row_mut(row).reals.copy_from_slice(self.chosen.row(row).reals);
        }
        self.world.expected_reward(&self.actions, &mut self.expected)?;
        let Play { world, actions, observation, reward, stage, .. } = self;
        world.step(actions, Slot { observation, reward, stage })
    }

    fn observed(&self, row: usize) -> &[f32] {
        let len = self.world.spec().observation;
        &self.observation[row * len..][..len]
    }

    fn row(&self, row: usize) -> String {
        fn words<T: ToString>(values: &[T]) -> String {
            values.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
        }
        let (action, stage) = (self.actions.row(row), self.stage[row]);
        let (expected, reward) = (self.expected[row], self.reward[row]);
        let (items, reals, observed) = (words(action.items), words(action.reals), words(self.observed(row)));
        format!("{items},{reals},{expected},{reward},{stage:?},{observed}")
    }

    fn hash(&self, hash: &mut Sha256) {
        for row in 0..ROWS {
            hash.update([self.stage[row] as u8]);
            hash.update(self.reward[row].to_le_bytes());
            hash.update(self.expected[row].to_le_bytes());
            self.observed(row).iter().for_each(|x| hash.update(x.to_le_bytes()));
            if self.stage[row].is_last() {
                let mut metrics = vec![0.0; self.world.spec().metrics.len()];
                self.world.metrics(row, &mut metrics);
                metrics.iter().for_each(|x| hash.update(x.to_le_bytes()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_parameter_is_another_trace() {
        let chain = traced().find(|of| of.name == "classic/chain-v1").expect("it is in the suite");
        assert!(chain.repeats().expect("it plays"));
        assert!(!Traced { settings: r#"{"slip": 0.001}"#, ..chain }.repeats().expect("it plays"));
    }
}
