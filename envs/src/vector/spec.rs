//! What a vector says of itself.
use crate::{
    catalogue::ItemVectors,
    env::{Field, Reference},
    error::{Error, Result},
    space::{Shape, Width},
};
use serde::Serialize;
use std::ops::Range;

/// What a vector is: everything a policy, a checker or a report asks.
#[derive(Clone, Debug, Serialize)]
pub struct Spec {
    /// The world's id.
    pub id: &'static str,
    /// Its parameters, resolved.
    pub params: serde_json::Value,
    /// Episodes held at once; where a world has several agents, one row for each of them.
    pub rows: usize,
    /// Agents of one world, in adjacent rows: world w's agent i is row w · agents + i.
    pub agents: usize,
    /// The named parts of an observation row.
    pub fields: Vec<Field>,
    /// Length of an observation row.
    pub observation: usize,
    /// The action space.
    pub shape: Shape,
    /// Words per action.
    #[serde(skip)]
    pub width: Width,
    /// Steps after which an episode is truncated.
    pub horizon: u32,
    /// The world's own discount.
    pub discount: f64,
    /// Names of the episode metrics beside return and length.
    pub metrics: Vec<&'static str>,
    /// Names of the costs that can be read beside the reward, by the modifier `cost_signal`.
    pub costs: &'static [&'static str],
    /// What the items are like, where the world gives them vectors; written as their length.
    #[serde(rename = "item_numbers", skip_serializing_if = "Option::is_none")]
    pub items: Option<ItemVectors>,
    /// Metrics whose mean over episodes another metric weights.
    pub weights: &'static [(&'static str, &'static str)],
    /// Names of the reference policies beside `random`.
    pub policies: &'static [&'static str],
}

impl Spec {
    /// The name of the metric that a score is made of: the discounted return where the world is discounted, the mean
    /// reward of a step where it is a bandit (discount 0).
    pub fn objective(&self) -> &'static str {
        if self.discount >= 1.0 {
            "episode_return"
        } else if self.discount > 0.0 {
            "discounted_return"
        } else {
            "mean_reward"
        }
    }
    /// Where the field called `name` stands in an observation row; `None` where there is none.
    pub fn field(&self, name: &str) -> Option<Range<usize>> {
        let mut first = 0;
        for field in &self.fields {
            if field.name == name {
                return Some(first..first + field.len);
            }
            first += field.len;
        }
        None
    }
    /// The fields of an observation row with their lengths, for messages.
    pub fn fields_told(&self) -> String {
        let told: Vec<String> = self.fields.iter().map(|field| format!("{} ({})", field.name, field.len)).collect();
        told.join(", ")
    }
    /// The reference policy called `text`.
    ///
    /// # Errors
    /// When the world has none of this name.
    pub fn policy(&self, text: &str) -> Result<Reference> {
        Reference::parse(text, self.policies).ok_or_else(|| Error::UnknownPolicy {
            env: self.id.into(),
            policy: text.into(),
            policies: std::iter::once(&Reference::RANDOM).chain(self.policies).copied().collect::<Vec<_>>().join(", "),
        })
    }
}
