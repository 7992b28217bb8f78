//! Logs read back: episodes of discrete actions, from the columns that [`write()`](super::write) writes or from the same
//! columns of somebody else's.
use super::Columns;
use crate::error::{Error, Result, file};
use envs::{Shape, Spec, Stage};
use reports::columns::{Rows, TableError};
use serde::Deserialize;
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

/// One episode.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// What was observed: one row more than actions.
    pub observation: Vec<f32>,
    /// What was done.
    pub action: Vec<u32>,
    /// What it brought.
    pub reward: Vec<f32>,
    /// Whether it ended or broke off.
    pub end: Stage,
}

/// The episodes of the log at `path`, a table or JSON Lines, of a world like `spec`.
///
/// An episode's lines stand together, its `t` counts 0, 1, 2, …; one whose last line has neither `terminated` nor
/// `truncated` set broke off there.
///
/// # Errors
/// When actions are not discrete; names the line and what is wrong with it; errors of the file system.
pub fn read(path: &Path, spec: &Spec) -> Result<Vec<Episode>> {
    let name = path.display().to_string();
    let wrong = |problem: String| Error::Spec { path: name.clone(), problem };
    let Shape::Discrete(actions) = spec.shape else {
        return Err(wrong(format!("{} has {}; agents learn from logs of discrete actions", spec.id, spec.shape)));
    };
    let source = BufReader::new(File::open(path).map_err(file(path))?);
    let mut log = Log { width: spec.observation, actions, episodes: Vec::new(), open: None };
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => table(source, spec, &mut log).map_err(|error| wrong(error.to_string()))?,
        Some("jsonl") => json_lines(source, &mut log).map_err(wrong)?,
        _ => {
            return Err(wrong(
                "a log to learn from ends with .csv or .jsonl; `mercato rollout --log` writes both".into(),
            ));
        }
    }
    log.close();
    if log.episodes.is_empty() { Err(wrong("it has no transitions".into())) } else { Ok(log.episodes) }
}

/// One line.
struct Line<'a> {
    episode: &'a str,
    t: u64,
    action: u64,
    reward: f32,
    end: Stage,
    before: &'a [f32],
    after: &'a [f32],
}

struct Log {
    width: usize,
    actions: u32,
    episodes: Vec<Episode>,
    /// The episode whose lines are being read, with its name.
    open: Option<(String, Episode)>,
}

impl Log {
    fn add(&mut self, line: &Line<'_>) -> std::result::Result<(), String> {
        for (what, found) in [("observation", line.before.len()), ("next_observation", line.after.len())] {
            if found != self.width {
                return Err(format!("`{what}` has {found} numbers; the world's have {}", self.width));
            }
        }
        if line.action >= self.actions.into() {
            return Err(format!("`action` is {}; it must be below {}", line.action, self.actions));
        }
        if self.open.as_ref().is_none_or(|(name, episode)| name != line.episode || episode.end.is_last()) {
            self.close();
            let empty = Episode { observation: Vec::new(), action: Vec::new(), reward: Vec::new(), end: Stage::Mid };
            self.open = Some((line.episode.into(), empty));
        }
        let Some((name, episode)) = &mut self.open else { return Ok(()) };
        if line.t != episode.action.len() as u64 {
            let expected = episode.action.len();
            return Err(format!("`t` is {} in episode {name}; the next step of it is {expected}", line.t));
        }
        // What the line before led to is what this one begins with.
        episode.observation.truncate(episode.action.len() * self.width);
        episode.observation.extend(line.before.iter().chain(line.after));
        episode.action.push(line.action as u32);
        episode.reward.push(line.reward);
        episode.end = line.end;
        Ok(())
    }

    fn close(&mut self) {
        if let Some((_, mut episode)) = self.open.take() {
            if !episode.end.is_last() {
                episode.end = Stage::Truncated;
            }
            self.episodes.push(episode);
        }
    }
}

fn end(terminated: bool, truncated: bool) -> Stage {
    match (terminated, truncated) {
        (true, _) => Stage::Terminated,
        (_, true) => Stage::Truncated,
        _ => Stage::Mid,
    }
}

fn table(source: impl BufRead, spec: &Spec, log: &mut Log) -> std::result::Result<(), TableError> {
    let mut rows = Rows::new(source)?;
    let names = Columns::new(spec, false).columns;
    let of = |prefix: &str| -> std::result::Result<Vec<usize>, TableError> {
        names.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(name, _)| rows.column(name)).collect()
    };
    let (before, after) = (of("observation_")?, of("next_observation_")?);
    let episode = rows.find("trajectory").map_or_else(|| rows.column("episode"), Ok)?;
    let [t, action, reward, terminated, truncated] =
        ["t", "action", "reward", "terminated", "truncated"].map(|name| rows.column(name));
    let (t, action, reward, terminated, truncated) = (t?, action?, reward?, terminated?, truncated?);
    let mut numbers = [vec![0.0; before.len()], vec![0.0; after.len()]];
    while rows.advance()? {
        for (numbers, columns) in numbers.iter_mut().zip([&before, &after]) {
            for (number, column) in numbers.iter_mut().zip(columns) {
                *number = rows.number(*column)? as f32;
            }
        }
        let name = rows.text(episode).to_string();
        let line = Line {
            episode: &name,
            t: rows.index(t, u64::MAX)?,
            action: rows.index(action, u64::MAX)?,
            reward: rows.number(reward)? as f32,
            end: end(rows.index(terminated, 2)? == 1, rows.index(truncated, 2)? == 1),
            before: &numbers[0],
            after: &numbers[1],
        };
        log.add(&line).map_err(|problem| TableError::Line { line: rows.line(), problem })?;
    }
    Ok(())
}

fn json_lines(source: impl BufRead, log: &mut Log) -> std::result::Result<(), String> {
    #[derive(Deserialize)]
    struct Object {
        #[serde(alias = "trajectory")]
        episode: serde_json::Value,
        t: u64,
        action: u64,
        reward: f32,
        terminated: bool,
        truncated: bool,
        observation: Vec<f32>,
        next_observation: Vec<f32>,
    }
    for (number, text) in source.lines().enumerate() {
        let at = |problem: String| format!("line {}: {problem}", number + 1);
        let text = text.map_err(|error| at(error.to_string()))?;
        if text.trim().is_empty() {
            continue;
        }
        let object: Object = serde_json::from_str(&text).map_err(|error| at(error.to_string()))?;
        let name = object.episode.to_string();
        let line = Line {
            episode: &name,
            t: object.t,
            action: object.action,
            reward: object.reward,
            end: end(object.terminated, object.truncated),
            before: &object.observation,
            after: &object.next_observation,
        };
        log.add(&line).map_err(at)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transitions::{Behaviour, Form, write_file};
    use envs::{Params, make};

    fn spec() -> Spec {
        make("classic/chain-v1", &Params::new(), 1).expect("a world").spec().clone()
    }

    fn refused(name: &str, text: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        read(&path, &spec()).expect_err("it is wrong").to_string()
    }

    /// Both forms give the same episodes, and those are the ones that were played.
    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut env = make("classic/chain-v1", &Params::new(), 4).expect("a world");
        let policy = env.spec().policy("oracle").expect("a policy");
        let behaviour = Behaviour { policy, epsilon: 0.25, target: None, seed: 3, episodes: 7 };
        let mut read_as = |name: &str, form| {
            let path = folder.path().join(name);
            write_file(env.as_mut(), &behaviour, form, &path).expect("written");
            read(&path, &spec()).expect("a log")
        };
        let table = read_as("log.csv", Form::Csv);
        assert_eq!(table, read_as("log.jsonl", Form::JsonLines));
        assert_eq!(table.len(), 7);
        for episode in &table {
            assert_eq!(episode.observation.len(), (episode.action.len() + 1) * spec().observation);
            assert!(episode.reward.len() == episode.action.len() && episode.end.is_last());
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        assert!(refused("log.parquet", "").contains(".csv or .jsonl"));
        assert!(refused("log.csv", "trajectory,t\n").contains("no column `observation_"));
        let object = |t: u32, action: u32, width: usize| {
            let numbers = vec!["0"; width].join(",");
            format!(
                "{{\"trajectory\":0,\"t\":{t},\"action\":{action},\"reward\":1,\"terminated\":false,\"truncated\":false,\
                 \"observation\":[{numbers}],\"next_observation\":[{numbers}]}}\n"
            )
        };
        let width = spec().observation;
        let good = object(0, 1, width);
        assert!(refused("log.jsonl", &(good.clone() + &object(2, 1, width))).contains("line 2: `t` is 2"));
        assert!(refused("log.jsonl", &(good.clone() + &object(1, 2, width))).contains("line 2: `action` is 2"));
        assert!(refused("log.jsonl", &object(0, 1, width + 1)).contains("the world's have"));
        assert!(refused("log.jsonl", "{").contains("line 1"));
        assert!(refused("log.jsonl", "").contains("no transitions"));
    }
}
