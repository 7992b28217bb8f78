//! What a trial leaves behind step by step, so that a re-run that ends elsewhere can be told where it left the road.
//!
//! An entry stands for one step of the whole vector of episodes: rolling hashes of the actions taken, of what the world
//! answered and of the transitions drawn from the replay memory, and the loss of the last update. Streams are compared
//! in that order, which is the order of cause and effect within a step.
use crate::error::{Result, file};
use agents::Update;
use envs::{Actions, Slot, Stage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

/// A stream of a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Actions taken in training.
    Action,
    /// Observations, rewards and ends of episodes.
    World,
    /// Transitions drawn from the replay memory.
    Draw,
    /// Losses of updates.
    Loss,
}

impl Stream {
    const ALL: [Stream; 4] = [Stream::Action, Stream::World, Stream::Draw, Stream::Loss];

    /// What a difference that begins in this stream points to.
    pub fn meaning(self) -> &'static str {
        match self {
            Stream::Action => "other actions: initial weights, exploration or the forward pass",
            Stream::World => "the same actions had other consequences: the world, its parameters or its seed",
            Stream::Draw => "other transitions were drawn: priorities or the seed of the draws",
            Stream::Loss => "the same transitions gave another loss: weights, targets or the arithmetic of the update",
        }
    }
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Updates so far.
    updates: u32,
    /// Rolling hashes of actions, world, draws; bits of the loss.
    streams: [u32; 4],
}

/// Entries at every `stride`-th step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    stride: u32,
    /// Marked entries for each one that a published trail kept; 1 for a whole trail.
    thinned: u32,
    /// Steps so far.
    steps: u64,
    /// Rolling hashes of actions and world; draws are hashed at the entries.
    rolling: [u32; 3],
    entries: Vec<Entry>,
}

/// Where two trails of one trial part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Divergence {
    /// The stream that differs first.
    pub stream: Stream,
    /// The last step of the vector up to which all was equal, and the first at which it was not, counted from 1.
    pub steps: [u64; 2],
    /// Updates made before these two steps ended.
    pub updates: [u32; 2],
    /// Loss in the record and loss now, where there are any.
    pub losses: [Option<f32>; 2],
}

/// Entries that a trail keeps: from there on every second one goes, again and again. 20 MB.
const MOST_ENTRIES: usize = 1 << 20;
/// Marked entries for each one that is published.
pub const PUBLISHED: u32 = 64;
/// Words of the file before the entries: stride and steps.
const HEAD: usize = 16;
/// Bytes of an entry.
const ENTRY: usize = 20;

impl Default for Trail {
    fn default() -> Self {
        Self::every(1)
    }
}

/// FNV-1a over 32-bit words.
fn mix(hash: &mut u32, word: u32) {
    *hash = (*hash ^ word).wrapping_mul(0x0100_0193);
}

impl Trail {
    /// An empty trail with an entry at every `stride`-th step, a power of two.
    pub fn every(stride: u32) -> Self {
        Trail { stride, thinned: 1, steps: 0, rolling: [0x811c_9dc5; 3], entries: Vec::new() }
    }

    /// Takes in a step: the actions and the world's answer.
    pub fn step(&mut self, actions: &Actions, slot: &Slot<'_>) {
        let [action, world, _] = &mut self.rolling;
        // The action of a row whose episode was over is ignored, and may be anything.
        for (row, _) in slot.stage.iter().enumerate().filter(|(_, stage)| **stage != Stage::First) {
            let taken = actions.row(row);
            taken.items.iter().for_each(|item| mix(action, *item));
            taken.reals.iter().for_each(|real| mix(action, real.to_bits()));
        }
        slot.observation.iter().chain(slot.reward.iter()).for_each(|number| mix(world, number.to_bits()));
        slot.stage.iter().for_each(|stage| mix(world, *stage as u32));
        self.steps += 1;
    }

    /// Whether the last step is to have an entry.
    pub fn is_due(&self) -> bool {
        self.steps.is_multiple_of(self.stride.into())
    }

    /// Adds the entry of the last step, with the last update.
    pub fn mark(&mut self, update: &Update) {
        let [action, world, draw] = &mut self.rolling;
        update.picks.iter().for_each(|pick| mix(draw, *pick));
        let loss = update.loss.unwrap_or(f32::NAN).to_bits();
        let updates = u32::try_from(update.updates).unwrap_or(u32::MAX);
        self.entries.push(Entry { updates, streams: [*action, *world, *draw, loss] });
        if self.entries.len() == MOST_ENTRIES {
            self.thin(2);
        }
    }

    /// Keeps every `times`-th entry.
    fn thin(&mut self, times: u32) {
        let mut at = 0;
        self.entries.retain(|_| {
            at += 1;
            at % times == 0
        });
        self.stride *= times;
    }

    /// The trail with every 64th entry: small enough to be published, and telling intervals instead of steps.
    pub fn published(&self) -> Self {
        let mut trail = self.clone();
        if trail.thinned == 1 {
            trail.thin(PUBLISHED);
            trail.thinned = PUBLISHED;
        }
        trail
    }

    /// SHA-256 of the file, in hex.
    pub fn hash(&self) -> String {
        Sha256::digest(self.to_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The file: stride, by how much it was thinned for publication (0 for a whole trail), steps as u64, the rolling
    /// hashes, then the entries, all little-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + 12 + ENTRY * self.entries.len());
        bytes.extend(self.stride.to_le_bytes());
        bytes.extend(if self.thinned == 1 { 0 } else { self.thinned }.to_le_bytes());
        bytes.extend(self.steps.to_le_bytes());
        self.rolling.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
        for entry in &self.entries {
            bytes.extend(entry.updates.to_le_bytes());
            entry.streams.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
        }
        bytes
    }

    /// What [`to_bytes`](Trail::to_bytes) wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let long = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let (stride, steps) = (word(0)?, long(8)?);
        let thinned = word(4).map(|times| if times == 0 { 1 } else { times })?;
        let rolling = [word(HEAD)?, word(HEAD + 4)?, word(HEAD + 8)?];
        let count = (bytes.len() - HEAD - 12) / ENTRY;
        let whole = bytes.len() == HEAD + 12 + ENTRY * count && steps.checked_div(stride.into()) == Some(count as u64);
        let entry = |at: usize| {
            let from = HEAD + 12 + ENTRY * at;
            let streams = [word(from + 4)?, word(from + 8)?, word(from + 12)?, word(from + 16)?];
            Some(Entry { updates: word(from)?, streams })
        };
        whole.then(|| {
            Some(Trail { stride, thinned, steps, rolling, entries: (0..count).map(entry).collect::<Option<_>>()? })
        })?
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, path: &Path) -> Result<()> {
        let partial = path.with_extension("partial");
        let written = std::fs::write(&partial, self.to_bytes()).and_then(|()| std::fs::rename(&partial, path));
        written.map_err(file(path))
    }

    /// Where this trail, now, leaves the `recorded` one; `None` if it does not.
    pub fn leaves(&self, recorded: &Trail) -> Option<Divergence> {
        let mut pair = [recorded.clone(), self.clone()];
        let stride = if recorded.stride > self.stride { recorded.stride } else { self.stride };
        // Strides are powers of two. Draws are hashed where a step is marked, so those of a trail that was marked more
        // rarely are others: left out then.
        let marked = |trail: &Trail| trail.stride / trail.thinned;
        let draws = marked(recorded) == marked(self);
        pair.iter_mut().for_each(|trail| trail.thin(stride / trail.stride));
        let [then, now] = pair;
        let differs = |at: usize, stream: Stream| {
            let known = stream != Stream::Draw || draws;
            let of = |trail: &Trail| trail.entries.get(at).map(|entry| entry.streams[stream as usize]);
            known && of(&then) != of(&now)
        };
        let most = if then.entries.len() > now.entries.len() { then.entries.len() } else { now.entries.len() };
        (0..most).find_map(|at| {
            let stream = Stream::ALL.into_iter().find(|stream| differs(at, *stream))?;
            let loss = |trail: &Trail| {
                let bits = trail.entries.get(at).map(|entry| entry.streams[Stream::Loss as usize]);
                bits.map(f32::from_bits).filter(|loss| loss.is_finite())
            };
            let updates = |at: Option<usize>| at.and_then(|at| now.entries.get(at)).map_or(0, |entry| entry.updates);
            Some(Divergence {
                stream,
                steps: [at as u64, at as u64 + 1].map(|at| at * u64::from(stride)),
                updates: [updates(at.checked_sub(1)), updates(Some(at))],
                losses: [loss(&then), loss(&now)],
            })
        })
    }
}

impl std::fmt::Display for Divergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [before, at] = self.steps;
        if at == before + 1 {
            write!(f, "first at step {at}, update {}", self.updates[1])?;
        } else {
            write!(f, "between steps {before} and {at}, updates {} and {}", self.updates[0], self.updates[1])?;
        }
        let stream = format!("{:?}", self.stream).to_lowercase();
        write!(f, ", stream {stream} ({})", self.stream.meaning())?;
        let loss = |loss: Option<f32>| loss.map_or("none".into(), |loss| loss.to_string());
        write!(f, "; loss {} in the record, {} now", loss(self.losses[0]), loss(self.losses[1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envs::Width;

    /// A trail of `steps` steps in which one number of one stream is changed from step `at` on.
    fn trail(steps: u64, change: Option<(u64, Stream)>) -> Trail {
        let mut trail = Trail::default();
        for step in 1..=steps {
            let now = |stream| u32::from(change.is_some_and(|(at, changed)| step == at && stream == changed));
            let mut actions = Actions::new(1, Width { items: 1, reals: 0 });
            actions.items[0] = step as u32 + now(Stream::Action);
            let (mut observation, mut reward) = ([step as f32, now(Stream::World) as f32], [1.0]);
            let mut stage = [Stage::Mid];
            let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
            let picks = vec![7, step as u32 + now(Stream::Draw)];
            let loss = Some(1.0 / step as f32 + now(Stream::Loss) as f32);
            trail.step(&actions, &slot);
            assert!(trail.is_due());
            trail.mark(&Update { updates: step - 1, picks, loss });
        }
        trail
    }

    /// A change in any stream is found at its step, with both losses.
    #[test]
    fn the_first_difference_is_found_with_its_stream() {
        let recorded = trail(50, None);
        assert_eq!(recorded.leaves(&recorded), None);
        for stream in Stream::ALL {
            let found = trail(50, Some((17, stream))).leaves(&recorded).expect("a difference");
            assert_eq!((found.stream, found.steps, found.updates), (stream, [16, 17], [15, 16]), "{found}");
            let now = if stream == Stream::Loss { 1.0 / 17.0 + 1.0 } else { 1.0 / 17.0 };
            assert_eq!(found.losses, [Some(1.0 / 17.0), Some(now)]);
        }
        let shorter = trail(20, None).leaves(&recorded).expect("a difference");
        assert_eq!((shorter.stream, shorter.steps), (Stream::Action, [20, 21]));
    }

    /// A thinned trail gives the interval.
    #[test]
    fn a_thinned_trail_gives_the_interval() {
        let mut recorded = trail(64, None);
        recorded.thin(8);
        assert_eq!((recorded.entries.len(), recorded.stride), (8, 8));
        assert_eq!(trail(64, None).leaves(&recorded), None);
        let found = trail(64, Some((17, Stream::World))).leaves(&recorded).expect("a difference");
        assert_eq!((found.stream, found.steps, found.updates), (Stream::World, [16, 24], [15, 23]));
        assert!(found.to_string().starts_with("between steps 16 and 24, updates 15 and 23, stream world"), "{found}");
    }

    /// A published trail still knows all four streams, and gives the interval.
    #[test]
    fn a_published_trail_knows_every_stream() {
        let recorded = trail(200, None).published();
        assert_eq!((recorded.entries.len(), recorded.stride, &recorded), (3, 64, &recorded.published()));
        assert_eq!(Trail::from_bytes(&recorded.to_bytes()).as_ref(), Some(&recorded));
        assert_eq!(trail(200, None).leaves(&recorded), None);
        for stream in [Stream::Action, Stream::World, Stream::Draw] {
            let found = trail(200, Some((70, stream))).leaves(&recorded).expect("a difference");
            assert_eq!((found.stream, found.steps), (stream, [64, 128]), "{found}");
        }
    }

    /// The file holds everything; a cut one is refused.
    #[test]
    fn a_trail_survives_its_file() {
        let trail = trail(9, None);
        let bytes = trail.to_bytes();
        assert_eq!(Trail::from_bytes(&bytes), Some(trail));
        for length in [0, 15, HEAD + 12, bytes.len() - 1] {
            assert_eq!(Trail::from_bytes(&bytes[..length]), None, "{length}");
        }
    }
}
