//! What a vector goes on from, as JSON. Only states differ from world to world; all else is written and read here.
use super::{Episode, Spec, length};
use crate::{
    error::{Error, Result},
    rng::Rng,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// A vector of any world.
#[derive(Serialize, Deserialize)]
pub(crate) struct Saved {
    id: String,
    params: Value,
    /// Its random numbers.
    pub(crate) rng: Rng,
    /// The address in them of its first row, or of its first world where that has several agents.
    pub(crate) first: u32,
    episodes: Vec<SavedEpisode>,
}

/// An episode of any world.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedEpisode {
    state: Value,
    number: u32,
    step: u32,
    over: bool,
}

impl Saved {
    /// The vector `spec`, as JSON.
    pub(crate) fn write(spec: &Spec, rng: Rng, first: u32, episodes: Vec<SavedEpisode>) -> Value {
        json!(Saved { id: spec.id.into(), params: spec.params.clone(), rng, first, episodes })
    }

    /// What [`write`](Saved::write) returned, with `episodes` of them.
    ///
    /// # Errors
    /// When it belongs to another vector than `spec`.
    pub(crate) fn read(saved: &Value, spec: &Spec, episodes: usize) -> Result<Self> {
        let saved = Saved::deserialize(saved).map_err(|error| Error::Restore(error.to_string()))?;
        if saved.id != spec.id {
            return Err(Error::Restore(format!("it belongs to {}, this is {}", saved.id, spec.id)));
        }
        if saved.params != spec.params {
            let (theirs, ours) = (&saved.params, &spec.params);
            return Err(Error::Restore(format!("it belongs to parameters {theirs}, these are {ours}")));
        }
        length("saved episodes", saved.episodes.len(), episodes)?;
        Ok(saved)
    }

    /// Its episodes.
    ///
    /// # Errors
    /// When a state belongs to another world.
    pub(crate) fn episodes<S: DeserializeOwned>(&self) -> Result<Vec<Episode<S>>> {
        self.episodes.iter().map(Episode::restored).collect()
    }
}

impl<S: Serialize + DeserializeOwned> Episode<S> {
    /// What [`restored`](Episode::restored) takes.
    pub(crate) fn saved(&self) -> SavedEpisode {
        SavedEpisode { state: json!(self.state), number: self.number, step: self.step, over: self.over }
    }
}

impl<S: DeserializeOwned> Episode<S> {
    fn restored(saved: &SavedEpisode) -> Result<Self> {
        let state = S::deserialize(&saved.state).map_err(|error| Error::Restore(error.to_string()))?;
        Ok(Episode { state, number: saved.number, step: saved.step, over: saved.over })
    }
}
