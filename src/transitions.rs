//! Episodes as data: every transition with the probability that the behaviour policy gave to its action, for off-policy
//! evaluation and offline training.
//!
//! | column | |
//! |---|---|
//! | `trajectory` (`episode` in a bandit), `t` | which episode, and which step of it, from 0 |
//! | `action`, or `item_0` … and `real_0` … | the action: an index where the space is discrete, else its items and real numbers |
//! | `reward`, `terminated`, `truncated` | what came of it |
//! | `pi_b_a` (`pscore` in a bandit) | probability of the action under the behaviour policy; a density where actions have real numbers |
//! | `pi_e_a`, and `pi_e_0` … where the space is discrete | probability of the action, and of all, under the target policy, if there is one |
//! | `observation_…`, `next_observation_…` | before and after, by field |
//!
//! A bandit is a world of discount 0. The columns are those that `mercato ope` reads.
mod csv;
mod json_lines;
mod parquet;
mod read;

use self::parquet::Parquet;
pub use self::read::{Episode, read};
use crate::error::{Error, Result};
use agents::Mixture;
use csv::Csv;
use envs::{Actions, Reference, Row, Shape, Slot, Spec, Stage, Start, VectorEnv};
use json_lines::JsonLines;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A table with a header.
    Csv,
    /// One JSON object a line.
    JsonLines,
    /// Columns in binary (Apache Parquet), with the names and values of the table.
    Parquet,
}

/// Which episodes are logged, and under which policies.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// The reference policy that plays.
    pub policy: Reference,
    /// Probability of a uniformly random action instead, for every action anew.
    pub epsilon: f32,
    /// The policy that is to be evaluated, if any.
    pub target: Option<Reference>,
    /// Seed of the episodes.
    pub seed: u64,
    /// Their number: the first of each row 0..N.
    pub episodes: u32,
}

/// Plays the episodes and writes their transitions to `out`, episode by episode; how many rows `env` holds at once
/// changes nothing.
///
/// # Errors
/// When actions have real numbers and a policy is not uniformly random (its actions have neither probability nor density),
/// when a step fails, or when `out` cannot be written; `path` names it.
pub fn write(
    env: &mut dyn VectorEnv,
    behaviour: &Behaviour,
    form: Form,
    (path, out): (&str, &mut (dyn io::Write + Send)),
) -> Result<()> {
    let file = |cause| Error::File { path: path.into(), cause };
    let columns = Columns::new(env.spec(), behaviour.target.is_some());
    match form {
        Form::Csv => play(env, behaviour, path, Csv::new(columns, out).map_err(file)?),
        Form::JsonLines => play(env, behaviour, path, JsonLines::new(columns, out)),
        Form::Parquet => play(env, behaviour, path, Parquet::new(columns, out).map_err(file)?),
    }
}

/// Writes the file `path` as [`write()`] does, under the name [`unfinished`] until it is whole; nothing is left of one
/// that fails.
///
/// # Errors
/// As [`write()`].
pub fn write_file(env: &mut dyn VectorEnv, behaviour: &Behaviour, form: Form, path: &Path) -> Result<()> {
    let (name, unfinished) = (path.display().to_string(), unfinished(path));
    let file = |cause| Error::File { path: name.clone(), cause };
    let mut out = io::BufWriter::new(fs::File::create(&unfinished).map_err(file)?);
    let written = write(env, behaviour, form, (&name, &mut out))
        .and_then(|()| io::Write::flush(&mut out).map_err(file))
        .and_then(|()| fs::rename(&unfinished, path).map_err(file));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// What a log is called until it is whole.
pub fn unfinished(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.unfinished", path.display()))
}

/// A file that takes transitions, episode by episode.
trait Writer {
    /// The transitions of one episode.
    type Episode: Clone + Default;
    /// Adds a transition to its episode.
    fn add(&self, transition: &Transition<'_>, episode: &mut Self::Episode);
    /// Writes an episode that is over.
    fn write(&mut self, episode: Self::Episode) -> io::Result<()>;
    /// Writes what is left.
    fn finish(self) -> io::Result<()>;
}

fn play<W: Writer>(env: &mut dyn VectorEnv, behaviour: &Behaviour, path: &str, mut writer: W) -> Result<()> {
    let spec = env.spec().clone();
    let Behaviour { policy, epsilon, target, seed, episodes } = behaviour;
    for name in [Some(policy.name), target.as_ref().map(|target| target.name)].into_iter().flatten() {
        if spec.width.reals > 0 && name != Reference::RANDOM {
            let remedy = "actions of real numbers have a density under the policy `random` only; log that one";
            return Err(Error::Spec { path: format!("--policy {name}"), problem: remedy.into() });
        }
    }
    let file = |cause| Error::File { path: path.into(), cause };
    let mut mixture = Mixture::new(&spec, policy.clone(), *epsilon)?;
    let own = || Actions::new(spec.rows, spec.width);
    let (mut actions, mut greedy, mut wished) = (own(), own(), own());
    let mut now = Buffers::new(&spec);
    for first in (0..*episodes).step_by(spec.rows) {
        let wanted = spec.rows.min((episodes - first) as usize);
        let mut played = vec![W::Episode::default(); wanted];
        let mut over = vec![false; wanted];
        env.reset(Start::evaluation(*seed, first), now.slot())?;
        for t in 0.. {
            if !over.contains(&false) {
                break;
            }
            let before = now.observation.clone();
            env.reference(policy, &mut greedy)?;
            if let Some(target) = target {
                env.reference(target, &mut wished)?;
            }
            mixture.choose(env, (*seed, first, t), &mut actions)?;
            env.step(&actions, now.slot())?;
            for row in 0..wanted {
                if over[row] {
                    continue;
                }
                let action = actions.row(row);
                let probability = |policy: &Reference, choice: Row<'_>, epsilon: f32| {
                    let uniform = uniform(&spec.shape);
                    let random = policy.name == Reference::RANDOM;
                    let chosen = if random { uniform } else { f64::from(u8::from(same(action, choice))) };
                    f64::from(epsilon) * uniform + (1.0 - f64::from(epsilon)) * chosen
                };
                let stage = now.stage[row];
                over[row] = stage.is_last();
                let transition = Transition {
                    episode: first + row as u32,
                    t,
                    action,
                    reward: now.reward[row],
                    behaviour: probability(policy, greedy.row(row), *epsilon),
                    target: target.as_ref().map(|target| (target, wished.row(row))).map(|(target, choice)| {
                        (probability(target, choice, 0.0), all(&spec.shape, target.name, choice))
                    }),
                    stage,
                    before: &before[row * spec.observation..][..spec.observation],
                    after: &now.observation[row * spec.observation..][..spec.observation],
                };
                writer.add(&transition, &mut played[row]);
            }
        }
        for episode in played {
            writer.write(episode).map_err(file)?;
        }
    }
    writer.finish().map_err(file)
}

/// Probability of an action under the uniformly random policy, times the density of its real numbers.
fn uniform(shape: &Shape) -> f64 {
    match shape {
        Shape::Discrete(count) => 1.0 / f64::from(*count),
        Shape::Slate { candidates, slots } => {
            (0..*slots).fold(1.0, |p, place| p / (f64::from(*candidates) - place as f64))
        }
        Shape::Continuous(bounds) => {
            bounds.iter().fold(1.0, |density, [low, high]| density / (f64::from(*high) - f64::from(*low)))
        }
        Shape::Product(parts) => parts.iter().map(uniform).fold(1.0, |product, p| product * p),
    }
}

fn same(a: Row<'_>, b: Row<'_>) -> bool {
    a.items == b.items && a.reals == b.reals
}

/// Probabilities of all actions of a discrete space under a reference policy whose choice is `choice`.
fn all(shape: &Shape, policy: &str, choice: Row<'_>) -> Vec<f64> {
    let Shape::Discrete(count) = shape else { return Vec::new() };
    let of = |item: u32| match policy {
        Reference::RANDOM => 1.0 / f64::from(*count),
        _ => f64::from(u8::from(item == choice.items[0])),
    };
    (0..*count).map(of).collect()
}

/// One line of a log.
struct Transition<'a> {
    episode: u32,
    t: u32,
    action: Row<'a>,
    reward: f32,
    behaviour: f64,
    target: Option<(f64, Vec<f64>)>,
    stage: Stage,
    before: &'a [f32],
    after: &'a [f32],
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Whole numbers from 0.
    Index,
    /// f32.
    Real,
    /// Probabilities or densities, f64.
    Chance,
    /// Yes or no.
    Flag,
}

/// One value of a line.
enum Cell {
    Index(u32),
    Real(f32),
    Chance(f64),
    Flag(bool),
}

/// What the columns are called and hold.
struct Columns {
    columns: Vec<(String, Kind)>,
    episode: &'static str,
    behaviour: &'static str,
    discrete: bool,
}

impl Columns {
    fn new(spec: &Spec, target: bool) -> Self {
        let bandit = spec.discount == 0.0;
        let (episode, behaviour) = if bandit { ("episode", "pscore") } else { ("trajectory", "pi_b_a") };
        let discrete = matches!(spec.shape, Shape::Discrete(_));
        let mut columns = Vec::new();
        let mut one = |name: &str, kind| columns.push((name.to_string(), kind));
        fn numbered(name: &str, count: usize, mut one: impl FnMut(&str)) {
            (0..count).for_each(|i| one(&format!("{name}_{i}")));
        }
        one(episode, Kind::Index);
        one("t", Kind::Index);
        if discrete {
            one("action", Kind::Index);
        } else {
            numbered("item", spec.width.items, |name| one(name, Kind::Index));
            numbered("real", spec.width.reals, |name| one(name, Kind::Real));
        }
        one("reward", Kind::Real);
        one(behaviour, Kind::Chance);
        if target {
            one("pi_e_a", Kind::Chance);
            if let Shape::Discrete(count) = spec.shape {
                numbered("pi_e", count as usize, |name| one(name, Kind::Chance));
            }
        }
        one("terminated", Kind::Flag);
        one("truncated", Kind::Flag);
        for when in ["observation", "next_observation"] {
            for field in &spec.fields {
                let name = format!("{when}_{}", field.name.replace(' ', "_"));
                match field.len {
                    1 => one(&name, Kind::Real),
                    len => numbered(&name, len, |name| one(name, Kind::Real)),
                }
            }
        }
        Columns { columns, episode, behaviour, discrete }
    }

    /// The values of a line, in the order of the columns.
    fn cells<'a>(transition: &'a Transition<'a>) -> impl Iterator<Item = Cell> {
        let Transition { episode, t, action, reward, behaviour, target, stage, before, after } = transition;
        let target = target.iter().flat_map(|(chosen, all)| std::iter::once(chosen).chain(all));
        let ended = [Stage::Terminated, Stage::Truncated].map(|how| Cell::Flag(*stage == how));
        [Cell::Index(*episode), Cell::Index(*t)]
            .into_iter()
            .chain(action.items.iter().copied().map(Cell::Index))
            .chain(action.reals.iter().copied().map(Cell::Real))
            .chain([Cell::Real(*reward), Cell::Chance(*behaviour)])
            .chain(target.copied().map(Cell::Chance))
            .chain(ended)
            .chain(before.iter().chain(*after).copied().map(Cell::Real))
    }
}

/// A slot of the log's own.
struct Buffers {
    observation: Vec<f32>,
    reward: Vec<f32>,
    stage: Vec<Stage>,
}

impl Buffers {
    fn new(spec: &Spec) -> Self {
        let rows = spec.rows;
        Buffers {
            observation: vec![0.0; rows * spec.observation],
            reward: vec![0.0; rows],
            stage: vec![Stage::First; rows],
        }
    }
    fn slot(&mut self) -> Slot<'_> {
        Slot { observation: &mut self.observation, reward: &mut self.reward, stage: &mut self.stage }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envs::{Params, make};

    fn bytes(id: &str, rows: usize, policy: &str, form: Form) -> Result<Vec<u8>> {
        let mut env = make(id, &Params::new(), rows)?;
        let policy = env.spec().policy(policy)?;
        let target = Some(env.spec().policy("random")?);
        let behaviour = Behaviour { policy, epsilon: 0.25, target, seed: 3, episodes: 7 };
        let mut out = Vec::new();
        write(env.as_mut(), &behaviour, form, ("memory", &mut out))?;
        Ok(out)
    }

    fn log(id: &str, rows: usize, policy: &str, form: Form) -> Result<String> {
        Ok(String::from_utf8(bytes(id, rows, policy, form)?).expect("text"))
    }

    #[test]
    fn how_many_rows_are_held_changes_nothing() {
        for form in [Form::Csv, Form::JsonLines, Form::Parquet] {
            let one = bytes("classic/chain-v1", 1, "oracle", form).expect("a log");
            assert_eq!(one, bytes("classic/chain-v1", 3, "oracle", form).expect("a log"), "{form:?}");
        }
    }

    /// Two actions, ε = 1/4: the greedy one has probability 7/8, the other 1/8.
    #[test]
    fn propensities_are_those_of_the_mixture() {
        let text = log("classic/chain-v1", 4, "oracle", Form::Csv).expect("a log");
        let mut lines = text.lines();
        let header = lines.next().expect("a header");
        assert!(header.starts_with("trajectory,t,action,reward,pi_b_a,pi_e_a,pi_e_0,pi_e_1,terminated"), "{header}");
        let mut left = 0;
        for line in lines {
            let cells: Vec<&str> = line.split(',').collect();
            let expected = if cells[2] == "1" { "0.875" } else { "0.125" };
            left += u32::from(cells[2] == "0");
            assert_eq!((cells[4], cells[5]), (expected, "0.5"), "{line}");
        }
        assert!(left > 0, "nothing was explored in {text}");
    }

    #[test]
    fn real_numbers_have_a_density_only_at_random() {
        let error = log("pricing/inventory-v1", 2, "oracle", Form::Csv).expect_err("no density").to_string();
        assert!(error.contains("density") && error.contains("oracle"), "{error}");
        let text = log("pricing/inventory-v1", 2, "random", Form::Csv).expect("a log");
        // Prices between 0.5 and 4.
        let density = text.lines().nth(1).expect("a line").split(',').nth(4).expect("a cell");
        assert_eq!(density.parse::<f64>().expect("a number"), 1.0 / 3.5);
    }
}
