//! One JSON object a line, observations and slates as lists.
use super::{Columns, Transition, Writer};
use envs::Stage;
use serde_json::{Map, Value, json};
use std::{fmt::Write as _, io};

pub(super) struct JsonLines<'a> {
    columns: Columns,
    out: &'a mut (dyn io::Write + Send),
}

impl<'a> JsonLines<'a> {
    pub(super) fn new(columns: Columns, out: &'a mut (dyn io::Write + Send)) -> Self {
        JsonLines { columns, out }
    }
}

impl Writer for JsonLines<'_> {
    type Episode = String;

    fn add(&self, transition: &Transition<'_>, text: &mut String) {
        let Transition { episode, t, action, reward, behaviour, target, stage, before, after } = transition;
        // By way of text, so that an f32 keeps its shortest form.
        let short = |numbers: &[f32]| -> Value {
            let number = |x: &f32| x.to_string().parse::<f64>().map_or(Value::Null, |x| json!(x));
            numbers.iter().map(number).collect()
        };
        let mut line = Map::new();
        line.insert(self.columns.episode.into(), json!(episode));
        line.insert("t".into(), json!(t));
        if self.columns.discrete {
            line.insert("action".into(), json!(action.items[0]));
        } else {
            line.insert("items".into(), json!(action.items));
            line.insert("reals".into(), short(action.reals));
        }
        line.insert("reward".into(), short(&[*reward])[0].clone());
        line.insert(self.columns.behaviour.into(), json!(behaviour));
        if let Some((chosen, all)) = target {
            line.insert("pi_e_a".into(), json!(chosen));
            if self.columns.discrete {
                line.insert("pi_e".into(), json!(all));
            }
        }
        line.insert("terminated".into(), json!(*stage == Stage::Terminated));
        line.insert("truncated".into(), json!(*stage == Stage::Truncated));
        line.insert("observation".into(), short(before));
        line.insert("next_observation".into(), short(after));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", Value::Object(line));
    }

    fn write(&mut self, episode: String) -> io::Result<()> {
        self.out.write_all(episode.as_bytes())
    }

    fn finish(self) -> io::Result<()> {
        self.out.flush()
    }
}
