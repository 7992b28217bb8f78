//! Logs as comma-separated tables.

use std::io::BufRead;

use super::Log;
use super::bandit::Bandit;
use super::trajectory::{Step, Trajectories};
use crate::columns::{Rows, TableError};
use crate::names::Names;

/// How far probabilities that must add up to 1, or be equal, may be off: they are often written with few digits.
const SLACK: f64 = 1e-6;

/// Reads a log. Columns `trajectory, t, action, reward, pi_b_a, pi_e_a` make trajectories (with `pi_e_0, pi_e_1, …` and
/// `q_hat_0, …` for estimators with a model, or `state` for a fitted one); otherwise `action, reward, pscore, pi_e_0, …`
/// and optionally `q_hat_0, …` make single decisions. Other columns are ignored.
///
/// # Errors
/// [`TableError`] with the line.
pub fn read_csv(source: impl BufRead) -> Result<Log, TableError> {
    let rows = Rows::new(source)?;
    if rows.find("trajectory").is_some() { trajectories(rows) } else { bandit(rows) }
}

/// Places of the columns of all actions: probabilities and, if there are any, as many values.
struct Choices {
    policy: Vec<usize>,
    values: Vec<usize>,
}

impl Choices {
    fn of<R: BufRead>(rows: &Rows<R>) -> Result<Self, TableError> {
        let choices = Choices { policy: rows.numbered("pi_e_")?, values: rows.numbered("q_hat_")? };
        let (policy, values) = (choices.policy.len(), choices.values.len());
        if values > 0 && values != policy {
            let problem = format!("{values} columns q_hat_0, q_hat_1, … and {policy} columns pi_e_0, pi_e_1, …");
            return Err(TableError::Content(format!("{problem}; every action needs both")));
        }
        Ok(choices)
    }

    fn read<R: BufRead>(&self, rows: &Rows<R>, policy: &mut Vec<f64>, values: &mut Vec<f64>) -> Result<(), TableError> {
        policy.clear();
        values.clear();
        for column in &self.policy {
            policy.push(rows.probability(*column)?);
        }
        for column in &self.values {
            values.push(rows.number(*column)?);
        }
        let sum: f64 = policy.iter().sum();
        if !policy.is_empty() && (sum - 1.0).abs() > SLACK {
            let problem = format!("pi_e_0, pi_e_1, … add up to {sum}, which must be 1");
            return Err(TableError::Line { line: rows.line(), problem });
        }
        Ok(())
    }
}

/// A propensity of an action that was taken.
fn propensity<R: BufRead>(rows: &Rows<R>, column: usize) -> Result<f64, TableError> {
    let value = rows.probability(column)?;
    let impossible = "cannot be: the action was taken, so its probability was above 0";
    if value > 0.0 { Ok(value) } else { Err(rows.wrong(column, impossible)) }
}

fn bandit<R: BufRead>(mut rows: Rows<R>) -> Result<Log, TableError> {
    let [action, reward, pscore] = ["action", "reward", "pscore"].map(|name| rows.column(name));
    let (action, reward, pscore) = (action?, reward?, pscore?);
    rows.column("pi_e_0")?;
    let choices = Choices::of(&rows)?;
    let mut log = Bandit::new(choices.policy.len(), !choices.values.is_empty());
    let (mut policy, mut values) = (Vec::new(), Vec::new());
    while rows.advance()? {
        choices.read(&rows, &mut policy, &mut values)?;
        let action = rows.index(action, choices.policy.len() as u64)? as usize;
        log.push(action, rows.number(reward)?, propensity(&rows, pscore)?, &policy, &values);
    }
    if log.rounds.is_empty() { Err(TableError::Empty) } else { Ok(Log::Bandit(log)) }
}

/// Where a step stands: its trajectory, its time, its line.
type Place = (u32, u32, u64);

fn trajectories<R: BufRead>(mut rows: Rows<R>) -> Result<Log, TableError> {
    let names = ["trajectory", "t", "action", "reward", "pi_b_a", "pi_e_a"];
    let columns: Result<Vec<usize>, TableError> = names.iter().map(|name| rows.column(name)).collect();
    let [trajectory, t, action, reward, behaviour, evaluation] = columns?[..] else { unreachable!("six columns") };
    let (choices, state) = (Choices::of(&rows)?, rows.find("state"));
    let actions = choices.policy.len();
    let (mut names, mut states) = (Names::default(), Names::default());
    let mut log = Trajectories::new(actions, !choices.values.is_empty(), state.is_some());
    let mut places: Vec<Place> = Vec::new();
    let (mut policy, mut values) = (Vec::new(), Vec::new());
    while rows.advance()? {
        choices.read(&rows, &mut policy, &mut values)?;
        let action = rows.index(action, if actions == 0 { u64::from(u32::MAX) } else { actions as u64 })? as usize;
        let wanted = rows.probability(evaluation)?;
        if policy.get(action).is_some_and(|probability| (probability - wanted).abs() > SLACK) {
            return Err(rows.wrong(evaluation, &format!("is not the pi_e_{action} of this line")));
        }
        let state = state.map_or(0, |column| states.number(rows.text(column)));
        let ratio = wanted / propensity(&rows, behaviour)?;
        log.add(&Step { action, reward: rows.number(reward)?, ratio, policy: &policy, values: &values, state });
        let trajectory = names.number(rows.text(trajectory));
        places.push((trajectory, rows.index(t, u64::from(u32::MAX))? as u32, rows.line()));
    }
    if places.is_empty() {
        return Err(TableError::Empty);
    }
    // Most logs have their steps in order already; lines settle it between steps of the same time.
    let order = (!places.is_sorted()).then(|| {
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_unstable_by_key(|step| places[*step]);
        places.sort_unstable();
        order
    });
    complete(&places, names)?;
    let last = |step: &usize| places.get(step + 1).is_none_or(|next| next.0 != places[*step].0);
    log.arrange(order.as_deref(), (0..places.len()).filter(last).map(|step| step + 1));
    Ok(Log::Trajectories(log))
}

/// Checks that the times of each trajectory are 0, 1, 2, … without a gap.
fn complete(places: &[Place], names: Names) -> Result<(), TableError> {
    for steps in places.chunk_by(|one, next| one.0 == next.0) {
        if let Some((at, (trajectory, t, line))) = (0..).zip(steps).find(|(at, (_, t, _))| at != t) {
            let name = &names.list()[*trajectory as usize];
            let problem = if *t < at { format!("has two steps t = {t}") } else { format!("has no step t = {at}") };
            let problem = format!("trajectory {name} {problem}; t counts 0, 1, 2, … without a gap");
            return Err(TableError::Line { line: *line, problem });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ope::{Options, Settings};
    use crate::sample::draw;

    fn message(text: &str) -> String {
        read_csv(text.as_bytes()).unwrap_err().to_string()
    }

    /// Lines of one trajectory may stand anywhere; the last column is ignored.
    #[test]
    fn logs_are_understood() {
        let text = "t,trajectory,action,reward,pi_b_a,pi_e_a,note\n1,x,0,3,0.5,0.25,\n0,y,1,1,0.5,1,!\n0,x,1,2,1,0,\n";
        let Log::Trajectories(log) = read_csv(text.as_bytes()).unwrap() else { panic!("trajectories") };
        assert_eq!(log.len(), 2);
        let text = "action,reward,pscore,pi_e_0,pi_e_1\n1,2.5,0.5,0.25,0.75\n";
        let Log::Bandit(log) = read_csv(text.as_bytes()).unwrap() else { panic!("decisions") };
        assert_eq!((log.actions(), log.rounds[0].weight, log.rounds[0].reward), (2, 1.5, 2.5));
    }

    /// Whatever the order of the lines, the figures are the same to the last bit: steps are put in the order of their
    /// times, trajectories in that of their first lines.
    #[test]
    fn the_order_of_lines_changes_nothing() {
        let policy = ["0.25,0.75", "0.5,0.5"];
        let line = |trajectory: usize, t: usize| {
            let (action, state) = ((trajectory / 2 + t) % 2, (trajectory + t * t) % 2);
            let chance = policy[state].split(',').nth(action).unwrap();
            let reward = (trajectory * 7 + t * 3) % 5;
            format!("{trajectory},{t},{action},{reward},0.5,{chance},{},s{state},0.{reward},0.5\n", policy[state])
        };
        let length = |trajectory: usize| 1 + trajectory % 4;
        let all: Vec<(usize, usize)> = (0..23).flat_map(|one| (0..length(one)).map(move |t| (one, t))).collect();
        let (mut apart, mut rest): (Vec<_>, Vec<_>) = all.iter().partition(|(one, t)| t + 1 == length(*one));
        rest.reverse();
        apart.append(&mut rest);
        assert_ne!(all, apart);
        let modelled = ",q_hat_0,q_hat_1";
        for header in [modelled, ",note_0,note_1"] {
            let header = format!("trajectory,t,action,reward,pi_b_a,pi_e_a,pi_e_0,pi_e_1,state{header}\n");
            let figures = |places: &[(usize, usize)]| {
                let lines: String = places.iter().map(|(trajectory, t)| line(*trajectory, *t)).collect();
                let settings = Settings { gamma: 0.9, ..Settings::default() };
                let options = Options { settings, resamples: 50, seed: 0 };
                read_csv(format!("{header}{lines}").as_bytes()).unwrap().evaluate(&options, &draw)
            };
            let found = figures(&all);
            assert_eq!(found.estimates, figures(&apart).estimates);
            assert_eq!(found.estimates["fqe"] == found.estimates["dm"], !header.contains(modelled));
        }
    }

    /// What is wrong is said with its place.
    #[test]
    fn errors_name_what_does_not_fit() {
        let bandit = "action,reward,pscore,pi_e_0,pi_e_1";
        for (text, expected) in [
            ("action,reward\n".into(), "no column `pscore`; the header has: action, reward"),
            ("action,reward,pscore\n".into(), "no column `pi_e_0`; the header has: action, reward, pscore"),
            (format!("{bandit}\n"), "the table has no lines below its header"),
            (format!("{bandit}\n2,1,0.5,0.5,0.5\n"), "line 2, column `action`: `2` is not a whole number below 2"),
            (
                format!("{bandit}\n0,1,0,0.5,0.5\n"),
                "line 2, column `pscore`: `0` cannot be: the action was taken, so its probability was above 0",
            ),
            (format!("{bandit}\n0,1,0.5,0.5,0.4\n"), "line 2: pi_e_0, pi_e_1, … add up to 0.9, which must be 1"),
            (format!("{bandit}\n0,1,1.5,0.5,0.5\n"), "line 2, column `pscore`: `1.5` is not between 0 and 1"),
            (
                format!("{bandit},pi_e_3\n"),
                "there is a column `pi_e_3` and no column `pi_e_2`; number them 0, 1, 2, … without a gap",
            ),
            (
                format!("{bandit},q_hat_0\n"),
                "1 columns q_hat_0, q_hat_1, … and 2 columns pi_e_0, pi_e_1, …; every action needs both",
            ),
        ] {
            assert_eq!(message(&text), expected);
        }
        let header = "trajectory,t,action,reward,pi_b_a,pi_e_a,pi_e_0,pi_e_1\n";
        let gap = format!("{header}x,0,0,1,1,1,1,0\nx,2,0,1,1,1,1,0\n");
        assert_eq!(message(&gap), "line 3: trajectory x has no step t = 1; t counts 0, 1, 2, … without a gap");
        let twice = format!("{header}x,0,0,1,1,1,1,0\ny,0,0,1,1,1,1,0\nx,0,0,1,1,1,1,0\nx,1,0,1,1,1,1,0\n");
        assert_eq!(message(&twice), "line 4: trajectory x has two steps t = 0; t counts 0, 1, 2, … without a gap");
        let other = format!("{header}x,0,0,1,1,0.5,1,0\n");
        assert_eq!(message(&other), "line 2, column `pi_e_a`: `0.5` is not the pi_e_0 of this line");
    }
}
