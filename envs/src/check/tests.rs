//! The checker must find what is broken: a sound toy world, and one broken variant of it per promise.
use super::*;
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    rng::{Purpose, Rng},
    space::{Actions, Continuous, RowMut, Slate},
    vector::{Slot, Spec, Stage, Start, Vector},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Shows two of five items at a price: the first item sells with probability 0.2 + 0.1 · item; the visitor leaves with
/// probability `leaving` after every step.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Toy {
    leaving: f32,
}

impl Default for Toy {
    fn default() -> Self {
        Toy { leaving: 0.25 }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct Visit {
    mood: f32,
    steps: u32,
    sold: u32,
}

const HORIZON: u32 = 6;

fn sells(slate: &[u32]) -> f32 {
    0.2 + 0.1 * slate[0] as f32
}

impl Env for Toy {
    type State = Visit;
    type Action = (Slate, Continuous<1>);
    const METRICS: &'static [&'static str] = &["sold"];
    const POLICIES: &'static [&'static str] = &["oracle", "price-P"];

    fn validate(&self) -> Result<()> {
        Ok(())
    }
    fn action_space(&self) -> Self::Action {
        (Slate { candidates: 5, slots: 2 }, Continuous([[0.0, 1.0]]))
    }
    fn observation(&self) -> Vec<Field> {
        vec![
            Field { name: "mood", len: 1, low: 0.0, high: 1.0 },
            Field { name: "steps left", len: 1, low: 0.0, high: HORIZON as f32 },
        ]
    }
    fn horizon(&self) -> u32 {
        HORIZON
    }
    fn discount(&self) -> f64 {
        1.0
    }
    fn reset(&self, rng: &Rng) -> Visit {
        Visit { mood: rng.stream(Purpose::RESET).uniform(), steps: 0, sold: 0 }
    }
    fn step(&self, visit: &mut Visit, (slate, [price]): Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut stream = rng.stream(Purpose::STEP);
        let sold = stream.uniform() < sells(slate);
        visit.mood = stream.uniform();
        visit.steps += 1;
        visit.sold += u32::from(sold);
        Outcome { reward: if sold { price } else { 0.0 }, terminated: stream.uniform() < self.leaving }
    }
    fn observe(&self, visit: &Visit, row: &mut [f32]) {
        row.copy_from_slice(&[visit.mood, (HORIZON - visit.steps) as f32]);
    }
    fn metrics(&self, visit: &Visit, out: &mut [f64]) {
        out[0] = f64::from(visit.sold);
    }
    fn expected_reward(&self, _: &Visit, (slate, [price]): Elem<'_, Self>) -> f64 {
        f64::from(sells(slate) * price)
    }
    fn reference(&self, policy: &Reference, _: &Visit, action: RowMut<'_>) {
        action.items.copy_from_slice(&[4, 0]);
        action.reals[0] = policy.value.unwrap_or(1.0);
    }
    fn optimum(&self) -> Optimum {
        let stays = 1.0 - f64::from(self.leaving);
        let length: f64 = (0..HORIZON).scan(1.0, |alive, _| Some(std::mem::replace(alive, *alive * stays))).sum();
        Optimum {
            lower: 0.6 * length,
            upper: 0.6 * length,
            tolerance: 1e-6,
            method: "closed form",
            random: 0.4 * 0.5 * length,
            random_se: 0.0,
            others: vec![("oracle", 0.6 * length)],
        }
    }
}

fn sound(params: &Params, rows: usize) -> Result<Box<dyn VectorEnv>> {
    let all = serde_json::from_value::<Toy>(Value::Object(params.clone()));
    let toy = all.map_err(|error| Error::Restore(error.to_string()))?;
    Ok(Box::new(Vector::new("toy/shop-v1", toy, rows)?))
}

#[test]
fn a_sound_world_has_no_findings() {
    assert_eq!(world(&sound), []);
}

/// The sound toy with one thing wrong, named like the promise that it breaks.
struct Wrong {
    inner: Box<dyn VectorEnv>,
    spec: Spec,
    breaks: &'static str,
    last_seed: u64,
    first_save: Value,
    refused: u32,
}

fn wrong(breaks: &'static str, params: &Params, rows: usize) -> Result<Box<dyn VectorEnv>> {
    let inner = match breaks {
        "parameters" => sound(&Params::new(), rows)?,
        _ => sound(params, rows)?,
    };
    let mut spec = inner.spec().clone();
    if breaks == "declaration" {
        spec.fields[1].name = spec.fields[0].name;
    }
    let first_save = inner.save();
    Ok(Box::new(Wrong { inner, spec, breaks, last_seed: super::player::START.seed, first_save, refused: 0 }))
}

impl VectorEnv for Wrong {
    fn spec(&self) -> &Spec {
        &self.spec
    }
    fn reset(&mut self, start: Start, out: Slot<'_>) -> Result<()> {
        let Slot { observation, reward, stage } = out;
        let seed = if self.breaks == "addresses" { 0 } else { start.seed };
        self.inner.reset(Start { seed, ..start }, Slot { observation, reward, stage })?;
        if self.breaks == "reset" && self.last_seed != start.seed {
            observation[0] /= 2.0;
        }
        self.last_seed = start.seed;
        Ok(())
    }
    fn step(&mut self, actions: &Actions, out: Slot<'_>) -> Result<()> {
        let Slot { observation, reward, stage } = out;
        let mut given = actions.clone();
        if self.breaks == "rejection" {
            given.items.iter_mut().filter(|item| **item >= 5).for_each(|item| *item = 4);
        }
        // No other check has so many refusals.
        let refused = self.inner.check(&given).is_err();
        self.refused += u32::from(refused);
        self.inner.step(&given, Slot { observation: &mut *observation, reward: &mut *reward, stage: &mut *stage })?;
        if self.breaks == "fuzz" && self.refused > 500 {
            observation[0] += 1.5;
        }
        // Only the greatest action shows it, which no other check gives to a running episode.
        let loudest = given.row(0).items == [4, 3] && given.row(0).reals[0] >= 1.0;
        let first_is_loud = loudest && stage[0] != Stage::First;
        for row in 0..stage.len() {
            let mood = &mut observation[2 * row];
            match self.breaks {
                "observations" if stage[row].is_last() => *mood += 1.5,
                "rewards" if stage[row] == Stage::First => reward[row] = 0.5,
                "stages" if stage[row] == Stage::First => stage[row] = Stage::Mid,
                "batch" => *mood /= stage.len() as f32,
                "threads" => *mood /= rayon::current_num_threads() as f32,
                "neighbours" if row > 0 && first_is_loud => *mood = 0.0,
                "autoreset" if stage[row] == Stage::First => *mood = actions.row(row).items[0] as f32 / 5.0,
                "clipping" if actions.row(row).reals[0] > 1.0 => *mood = 0.0,
                _ => {}
            }
        }
        Ok(())
    }
    fn next_episode(&mut self, chosen: &[bool], out: Slot<'_>) -> Result<()> {
        self.inner.next_episode(chosen, out)
    }
    fn reference(&self, policy: &Reference, actions: &mut Actions) -> Result<()> {
        let kept = actions.reals[0];
        self.inner.reference(policy, actions)?;
        if self.breaks == "reference policies" && policy.name == "price-P" {
            actions.reals[0] = kept;
        }
        Ok(())
    }
    fn expected_reward(&self, actions: &Actions, out: &mut [f64]) -> Result<()> {
        self.inner.expected_reward(actions, out)?;
        if self.breaks == "expected reward" {
            out.iter_mut().for_each(|expected| *expected *= 1.1);
        }
        Ok(())
    }
    fn metrics(&self, row: usize, out: &mut [f64]) {
        if self.breaks != "metrics" {
            self.inner.metrics(row, out);
        }
    }
    fn check(&self, actions: &Actions) -> Result<()> {
        self.inner.check(actions)
    }
    fn total_costs(&self, row: usize, out: &mut [f64]) {
        self.inner.total_costs(row, out);
    }
    fn finite(&self) -> Option<(crate::oracle::finite::Finite, Vec<f64>)> {
        self.inner.finite()
    }
    fn optimum(&self) -> Optimum {
        let sound = self.inner.optimum();
        match self.breaks {
            "optimum" => Optimum { others: vec![("nobody", 0.0)], ..sound },
            "values" => Optimum { random: 0.8 * sound.random, ..sound },
            _ => sound,
        }
    }
    fn save(&self) -> Value {
        if self.breaks == "save" { self.first_save.clone() } else { self.inner.save() }
    }
    fn restore(&mut self, saved: &Value) -> Result<()> {
        self.inner.restore(saved)
    }
}

#[test]
fn every_broken_promise_is_found_and_nothing_else() {
    for promise in PROMISES {
        let findings = world(&|params, rows| wrong(promise.name, params, rows));
        // The fuzz asks for what others ask for, too.
        let other = |found: &&str| promise.name == "fuzz" || *found != "fuzz";
        let found: Vec<&str> = findings.iter().map(|finding| finding.promise).filter(other).collect();
        assert_eq!(found, [promise.name], "{findings:?}");
    }
}

/// Shows the best item for less than it could ask: the upper bound is kept and the published one is wide.
#[test]
fn an_oracle_that_another_policy_beats_is_found() {
    struct Modest(Box<dyn VectorEnv>);
    impl VectorEnv for Modest {
        fn spec(&self) -> &Spec {
            self.0.spec()
        }
        fn reset(&mut self, start: Start, out: Slot<'_>) -> Result<()> {
            self.0.reset(start, out)
        }
        fn check(&self, actions: &Actions) -> Result<()> {
            self.0.check(actions)
        }
        fn step(&mut self, actions: &Actions, out: Slot<'_>) -> Result<()> {
            self.0.step(actions, out)
        }
        fn next_episode(&mut self, chosen: &[bool], out: Slot<'_>) -> Result<()> {
            self.0.next_episode(chosen, out)
        }
        fn reference(&self, policy: &Reference, actions: &mut Actions) -> Result<()> {
            self.0.reference(policy, actions)?;
            if policy.name == "oracle" {
                actions.reals.fill(0.9);
            }
            Ok(())
        }
        fn expected_reward(&self, actions: &Actions, out: &mut [f64]) -> Result<()> {
            self.0.expected_reward(actions, out)
        }
        fn metrics(&self, row: usize, out: &mut [f64]) {
            self.0.metrics(row, out);
        }
        fn total_costs(&self, row: usize, out: &mut [f64]) {
            self.0.total_costs(row, out);
        }
        fn finite(&self) -> Option<(crate::oracle::finite::Finite, Vec<f64>)> {
            self.0.finite()
        }
        fn optimum(&self) -> Optimum {
            Optimum { lower: 0.0, others: vec![], ..self.0.optimum() }
        }
        fn save(&self) -> Value {
            self.0.save()
        }
        fn restore(&mut self, saved: &Value) -> Result<()> {
            self.0.restore(saved)
        }
    }
    let findings = world(&|params, rows| Ok(Box::new(Modest(sound(params, rows)?))));
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].promise == "values" && findings[0].seen.contains("`price-P` earns"), "{findings:?}");
}

#[test]
fn a_finding_says_where() {
    let findings = world(&|params, rows| wrong("observations", params, rows));
    let text = findings[0].to_string();
    assert!(text.starts_with("observations: step ") && text.contains("row ") && text.contains("`mood`[0]"), "{text}");
}

#[test]
fn a_page_that_leaves_something_out_is_found() {
    let entry = crate::find("classic/chain-v1").expect("it is in the suite");
    let spec = entry.make(&Params::new(), 1).expect("its defaults are admissible").spec().clone();
    let page = entry.page();
    assert_eq!(declaration::missing_from_page(&page, &spec), [""; 0]);
    for (gone, expected) in [
        ("| Start |", "the table has no row `Start`"),
        ("`slip`", "parameter `slip` is not mentioned"),
        ("`right`", "metric `right` is not mentioned"),
        ("`oracle`", "reference policy `oracle` is not mentioned"),
        ("`cell`", "field `cell` is not mentioned"),
        ("History", "no line begins with `History`"),
        ("# ", "the first line is no title (`# …`)"),
    ] {
        let missing = declaration::missing_from_page(&page.replace(gone, ""), &spec);
        assert_eq!(missing, [expected], "without {gone}");
    }
}

#[test]
fn a_world_that_cannot_be_made_is_a_finding_of_every_promise() {
    let findings = world(&|_, _| Err(crate::error::parameter("leaving", 2, "between 0 and 1")));
    assert_eq!(findings.len(), PROMISES.len());
    assert!(findings[0].seen.contains("`leaving` is 2"), "{}", findings[0]);
}
