//! A world with the buffers to play it, and the comparison of two of them bit for bit.
use super::{Broken, Build, Verdict, ensure};
use crate::{
    env::Reference,
    error::Result,
    registry::Params,
    space::Actions,
    vector::{Slot, Spec, Stage, Start, VectorEnv},
};
use std::ops::Range;

/// Every check starts here unless it says otherwise.
pub(super) const START: Start = Start { seed: 20_240_229, domain: crate::rng::Domain::Evaluation, first_row: 0 };

/// The uniformly random policy, which every world has.
pub(super) const RANDOM: Reference = Reference { name: Reference::RANDOM, value: None };

pub(super) struct Player {
    pub world: Box<dyn VectorEnv>,
    pub actions: Actions,
    pub observation: Vec<f32>,
    pub reward: Vec<f32>,
    pub stage: Vec<Stage>,
}

impl Player {
    pub fn new(build: &Build<'_>, rows: usize) -> Result<Self> {
        Self::of(build(&Params::new(), rows)?)
    }

    /// Takes the world to [`START`].
    pub fn of(world: Box<dyn VectorEnv>) -> Result<Self> {
        let (rows, observation, width) = (world.spec().rows, world.spec().observation, world.spec().width);
        let mut player = Player {
            world,
            actions: Actions::new(rows, width),
            observation: vec![0.0; rows * observation],
            reward: vec![0.0; rows],
            stage: vec![Stage::First; rows],
        };
        player.reset(START)?;
        Ok(player)
    }

    pub fn spec(&self) -> &Spec {
        self.world.spec()
    }

    pub fn rows(&self) -> Range<usize> {
        0..self.stage.len()
    }

    pub fn reset(&mut self, start: Start) -> Result<()> {
        // What a world leaves unwritten must not pass for an observation.
        self.observation.fill(f32::NAN);
        let Player { world, observation, reward, stage, .. } = self;
        world.reset(start, Slot { observation, reward, stage })
    }

    pub fn choose(&mut self, policy: &Reference) -> Result<()> {
        self.world.reference(policy, &mut self.actions)
    }

    pub fn step(&mut self) -> Result<()> {
        self.observation.fill(f32::NAN);
        let Player { world, actions, observation, reward, stage } = self;
        world.step(actions, Slot { observation, reward, stage })
    }

    /// Lets `policy` choose and steps.
    pub fn play(&mut self, policy: &Reference) -> Result<()> {
        self.choose(policy)?;
        self.step()
    }

    /// What the world itself paid `row` in the last step, whatever a modifier shows.
    pub fn paid(&self, row: usize) -> f32 {
        self.world.paid().map_or(self.reward[row], |paid| paid[row])
    }

    pub fn observed(&self, row: usize) -> &[f32] {
        let len = self.spec().observation;
        &self.observation[row * len..][..len]
    }

    /// Whether row `row` stands where `other`'s row `theirs` does, in every bit.
    pub fn same(&self, row: usize, other: &Player, theirs: usize) -> Verdict {
        ensure(self.stage[row] == other.stage[theirs], || {
            format!("row {row}: stage {:?} against {:?}", self.stage[row], other.stage[theirs])
        })?;
        ensure(self.reward[row].to_bits() == other.reward[theirs].to_bits(), || {
            format!("row {row}: reward {:?} against {:?}", self.reward[row], other.reward[theirs])
        })?;
        let (mine, others) = (self.observed(row), other.observed(theirs));
        match (0..mine.len()).find(|&i| mine[i].to_bits() != others[i].to_bits()) {
            None => Ok(()),
            Some(at) => {
                Err(Broken(format!("row {row}: {} is {:?} against {:?}", self.field(at), mine[at], others[at])))
            }
        }
    }

    /// Whether all rows stand where `other`'s rows `from..` do.
    pub fn same_rows(&self, other: &Player, from: usize) -> Verdict {
        self.rows().try_for_each(|row| self.same(row, other, from + row))
    }

    /// The name of number `at` of an observation row.
    pub fn field(&self, at: usize) -> String {
        let mut first = 0;
        for field in &self.spec().fields {
            if at < first + field.len {
                return format!("`{}`[{}]", field.name, at - first);
            }
            first += field.len;
        }
        format!("number {at}")
    }
}

/// `verdict`, with the step at which it was reached.
pub(super) fn at_step(step: usize, verdict: Verdict) -> Verdict {
    verdict.map_err(|Broken(seen)| Broken(format!("step {step}, {seen}")))
}

/// Steps that show an episode's end and the start of the next, within reason.
pub(super) fn steps(spec: &Spec) -> usize {
    let longest = 1024;
    (spec.horizon as usize).saturating_add(2).min(longest)
}

/// `random` and every reference policy; those that take a number get 1.
pub(super) fn references(spec: &Spec) -> Result<Vec<Reference>> {
    let numbered = |name: &str| match name.strip_suffix(|c: char| c.is_ascii_uppercase()) {
        Some(stem) => format!("{stem}1"),
        None => name.to_string(),
    };
    let names = spec.policies.iter().map(|name| numbered(name));
    std::iter::once(Reference::RANDOM.to_string()).chain(names).map(|name| spec.policy(&name)).collect()
}
