//! Agents that do not learn, by name: a constant action, and the worlds' reference policies.
use crate::{
    agent::Policy,
    error::{Result, setting},
    evaluate::Player,
};
use envs::{Actions, Reference, Shape, Slot, Spec, Stage};

/// Someone who plays without having learnt.
pub enum Untrained {
    /// A reference policy of the world.
    Reference(Reference),
    /// The same action always.
    Constant(Constant),
}

impl Untrained {
    /// The reference policy called `name`, or for `constant=V[,V…]` the action of these numbers.
    ///
    /// # Errors
    /// When the world has no such policy, or the numbers are no action of its space.
    pub fn parse(name: &str, spec: &Spec) -> Result<Self> {
        let Some(numbers) = name.strip_prefix("constant=") else {
            return Ok(Untrained::Reference(spec.policy(name)?));
        };
        let action: Option<Vec<f64>> = numbers.split(',').map(|number| number.trim().parse().ok()).collect();
        let action = action.ok_or_else(|| setting("constant", numbers, "numbers separated by commas, like 8.5"))?;
        Ok(Untrained::Constant(Constant::new(spec, &action)?))
    }

    /// The one who plays in an evaluation.
    pub fn player(&mut self) -> Player<'_> {
        match self {
            Untrained::Reference(policy) => Player::Reference(policy.clone()),
            Untrained::Constant(policy) => Player::Policy(policy),
        }
    }
}

/// Takes the same action always.
pub struct Constant {
    items: Vec<u32>,
    reals: Vec<f32>,
    observation: Vec<f32>,
    reward: Vec<f32>,
    stage: Vec<Stage>,
}

impl Constant {
    /// `action` for every row of `spec`: the items first, then the reals, as many as one action takes.
    ///
    /// # Errors
    /// When `action` has the wrong length or lies outside the space.
    pub fn new(spec: &Spec, action: &[f64]) -> Result<Self> {
        let width = spec.width;
        let expected = format!("{} item(s) and {} real number(s) of {}", width.items, width.reals, spec.shape);
        let wrong = || setting("action", format!("{action:?}"), &expected);
        if action.len() != width.items + width.reals {
            return Err(wrong());
        }
        let (items, reals) = action.split_at(width.items);
        let whole = |item: &f64| item.fract() == 0.0 && (0.0..f64::from(u32::MAX)).contains(item);
        if !items.iter().all(whole) || !reals.iter().all(|real| real.is_finite()) {
            return Err(wrong());
        }
        if let Shape::Discrete(count) = spec.shape
            && items[0] >= f64::from(count)
        {
            return Err(wrong());
        }
        Ok(Constant {
            items: items.iter().map(|item| *item as u32).collect(),
            reals: reals.iter().map(|real| *real as f32).collect(),
            observation: vec![0.0; spec.rows * spec.observation],
            reward: vec![0.0; spec.rows],
            stage: vec![Stage::First; spec.rows],
        })
    }
}

impl Policy for Constant {
    fn slot(&mut self) -> Slot<'_> {
        Slot { observation: &mut self.observation, reward: &mut self.reward, stage: &mut self.stage }
    }
    fn act(&mut self, actions: &mut Actions) -> Result<()> {
        for row in 0..self.reward.len() {
            let action = actions.row_mut(row);
            action.items.copy_from_slice(&self.items);
            action.reals.copy_from_slice(&self.reals);
        }
        Ok(())
    }
}
