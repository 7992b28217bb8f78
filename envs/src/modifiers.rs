//! # Modifiers: what any world can be asked to do besides
//!
//! Rewards that are noisy, late or missing, actions that stick, meanings that change, items that are sold out, a cost
//! beside the reward: parameters of the vector, set like a world's own (`mercato rollout ID --set sticky_actions=0.25`,
//! `train ID --set env.reward_delay=5`, `params = { reward_noise = 0.5 }` in an experiment). One that keeps its default
//! leaves no trace: neither in the parameters of a record nor in the bits.
//!
//! **What is judged.** The agent learns from what it is shown. Every metric of a return (`episode_return`,
//! `discounted_return`, `mean_reward`, `expected_return`), and with it every score, counts the rewards that the world
//! itself paid, before noise, delay, loss and cost. So scores of a modified world compare with those of the plain one.
//! What the agent was shown comes out beside it as `observed_return`, the cost of an episode as `episode_cost`.
//!
//! | parameter | range, default | what it does | the optimum of what is judged |
//! |---|---|---|---|
//! | `reward_noise` | 0 to 1000000, default 0 | adds to every reward a normal number with mean 0 and this standard deviation | unchanged: returns are judged without the noise, and it tells nothing of the state |
//! | `reward_delay` | 0 to 1000 steps, default 0 | shows a reward so many steps late; what is outstanding when an episode ends comes with its last step | unchanged: only the moment at which a reward is seen moves |
//! | `reward_missing` | 0 to below 1, default 0 | loses every reward with this probability: it reads 0 | unchanged: what is shown is worth (1 − probability) times what is judged, whatever the policy |
//! | `sticky_actions` | 0 to below 1, default 0 | with this probability the action carried out in the step before is carried out again, whatever was chosen (Machado et al. 2018); an episode's first is free | at most the plain optimum, whose agent could stick to its actions by itself; exact, for who knows the state and what was carried out last, where the world is a small table of states; else bounded from below by simulating the reference policies |
//! | `drift_step` | 0 (never) to below the horizon, default 0 | from this step of an episode on every action means its opposite: item i of n is item n − 1 − i, the number x of [low, high] is low + high − x | unchanged: who knows the step turns every action round |
//! | `mask_rate` | 0 to below 1, default 0 | every item is unavailable with this probability, anew in each step; the observation has `action_mask`, 1 for every item on offer. Who chooses another gets the next one on offer, counted cyclically. Where fewer are left than an action needs, all are on offer. For worlds with at most 1024 items | at most the plain optimum, whose agent could close items by itself; bounded from below by simulating the reference policies |
//! | `cost_signal` | one of the world's costs, default none | reads this cost beside the reward: `VectorEnv::cost`, and `episode_cost` among the metrics | unchanged: what is judged has no cost in it; a constrained optimum is known where the world's page gives one |
//! | `cost_shown` | true or false, default false | the observation has `cost`: what the last step cost, 0 where an episode begins; needs `cost_signal`; the agent `lagrangian` reads it | unchanged: it tells what happened |
//! | `cost_weight` | 0 to 1000000, default 0 | takes this many times the cost from every reward shown, as a Lagrange multiplier does; needs `cost_signal` | unchanged for what is judged; unknown for what is shown |
//!
//! Every agent that chooses items reads `action_mask`: what is closed is neither chosen nor looked ahead to. `two_tower` does
//! not: it is for catalogues larger than a mask can be, chooses as if all were on offer, and gets the next one.
//!
//! In a step, an action first sticks, then gives way to the mask, then drifts. A reward first loses its cost, then gets its
//! noise, then goes missing, then waits. In a vector with several agents every agent has modifiers of its own. Random
//! numbers have purposes of their own (`rng`), so that a world's own draws stay what they were.
mod actions;
mod rewards;
mod vector;

pub use vector::Modified;

use crate::{
    error::{Result, between, nearest, parameter},
    vector::Spec,
};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Settings of all modifiers; the default changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Modifiers {
    /// Standard deviation of what is added to a reward.
    pub reward_noise: f32,
    /// Steps by which a reward is late.
    pub reward_delay: u32,
    /// Probability that a reward is lost.
    pub reward_missing: f32,
    /// Probability that the last action is carried out again.
    pub sticky_actions: f32,
    /// The step of an episode from which on actions mean their opposite; 0 for never.
    pub drift_step: u32,
    /// Probability that an item is unavailable.
    pub mask_rate: f32,
    /// The cost that is read beside the reward; empty for none.
    pub cost_signal: String,
    /// Whether the observation has the cost.
    pub cost_shown: bool,
    /// What a unit of the cost takes from the reward shown.
    pub cost_weight: f32,
}

/// What the page says of one modifier.
#[derive(Clone, Debug, Serialize)]
pub struct Modifier {
    /// Its name as a parameter.
    pub name: &'static str,
    /// Admissible values and the default.
    pub range: &'static str,
    /// What it does.
    pub about: &'static str,
    /// What becomes of the optimum of the judged objective.
    pub optimum: &'static str,
}

/// Every modifier, as the table of this module's page has them.
pub static MODIFIERS: LazyLock<Vec<Modifier>> = LazyLock::new(|| {
    let rows = include_str!("modifiers.rs").lines().filter_map(|line| line.strip_prefix("//! | `"));
    rows.filter_map(|row| {
        let mut cells = row.trim_end_matches('|').split('|').map(str::trim);
        let name = cells.next()?.strip_suffix('`')?;
        Some(Modifier { name, range: cells.next()?, about: cells.next()?, optimum: cells.next()? })
    })
    .collect()
});

/// The page about modifiers, in Markdown.
pub fn page() -> String {
    let lines = include_str!("modifiers.rs").lines().take_while(|line| line.starts_with("//!"));
    lines.map(|line| format!("{}\n", line.trim_start_matches("//!").trim_start_matches(' '))).collect()
}

/// The most items that a mask is drawn for.
const MOST_MASKED: u32 = 1024;

impl Modifiers {
    /// Checks the settings for the world that `spec` describes.
    ///
    /// # Errors
    /// Names the parameter, its value and the admissible range.
    pub fn validate(&self, spec: &Spec) -> Result<()> {
        between("reward_noise", self.reward_noise, 0.0, 1e6)?;
        between("reward_delay", self.reward_delay, 0, 1000)?;
        for (name, p) in [
            ("reward_missing", self.reward_missing),
            ("sticky_actions", self.sticky_actions),
            ("mask_rate", self.mask_rate),
        ] {
            if !(0.0..1.0).contains(&p) {
                return Err(parameter(name, p, "at least 0 and below 1"));
            }
        }
        if self.drift_step >= spec.horizon {
            let range =
                format!("between 0 (never) and {}, as {} has {} steps", spec.horizon - 1, spec.id, spec.horizon);
            return Err(parameter("drift_step", self.drift_step, &range));
        }
        if self.mask_rate > 0.0 {
            let items = actions::Items::of(&spec.shape).map_or(0, |items| items.count);
            if !(2..=MOST_MASKED).contains(&items) {
                let range =
                    format!("0, as actions of {} are {}; masks are for 2 to {MOST_MASKED} items", spec.id, spec.shape);
                return Err(parameter("mask_rate", self.mask_rate, &range));
            }
        }
        if !self.cost_signal.is_empty() && !spec.costs.contains(&self.cost_signal.as_str()) {
            let near = nearest(&self.cost_signal, spec.costs.iter().copied());
            let range = match (spec.costs, near.is_empty()) {
                ([], _) => format!("left out: {} has no costs", spec.id),
                (all, true) => format!("one of {}", all.join(", ")),
                (all, false) => format!("one of {}; nearest: {}", all.join(", "), near.join(", ")),
            };
            return Err(parameter("cost_signal", &self.cost_signal, &range));
        }
        between("cost_weight", self.cost_weight, 0.0, 1e6)?;
        if self.cost_signal.is_empty() {
            if self.cost_shown {
                return Err(parameter("cost_shown", true, "false, unless `cost_signal` says which cost is shown"));
            }
            if self.cost_weight > 0.0 {
                let range = "0, unless `cost_signal` says which cost is weighted";
                return Err(parameter("cost_weight", self.cost_weight, range));
            }
        }
        Ok(())
    }

    /// Whether rewards are shown that the world did not pay, or paid at another time.
    pub fn changes_rewards(&self) -> bool {
        self.reward_noise > 0.0 || self.reward_delay > 0 || self.reward_missing > 0.0 || self.cost_weight > 0.0
    }

    /// Whether what an agent can reach differs from the plain world.
    pub fn changes_optimum(&self) -> bool {
        self.sticky_actions > 0.0 || self.mask_rate > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ENVS, Params, Slot, Stage, Start,
        registry::{find, make, to_json},
    };
    use serde_json::json;

    fn params(pairs: &[(&str, serde_json::Value)]) -> Params {
        pairs.iter().map(|(key, value)| (key.to_string(), value.clone())).collect()
    }

    /// The table is what users read, the settings are what they set.
    #[test]
    fn the_page_has_every_setting_once_and_in_order() {
        let names: Vec<&str> = MODIFIERS.iter().map(|modifier| modifier.name).collect();
        let text = serde_json::to_string(&Modifiers::default()).expect("a table");
        let mut last = 0;
        for name in &names {
            let at = text.find(&format!("\"{name}\":")).expect("a setting of this name");
            assert!(at > last || last == 0, "{name} stands elsewhere");
            last = at;
        }
        assert_eq!(
            to_json(&Modifiers::default()).expect("a table").as_object().map(|all| all.len()),
            Some(names.len())
        );
    }

    #[test]
    fn no_world_has_a_parameter_of_the_same_name() {
        for entry in ENVS {
            let world = entry.one(&Params::new()).expect("the defaults are admissible");
            for modifier in MODIFIERS.iter() {
                assert!(world.spec().params.get(modifier.name).is_none(), "{} has {}", entry.id, modifier.name);
            }
        }
    }

    #[test]
    fn a_default_that_is_written_out_changes_nothing() {
        let plain = make("rec/markov-interest-v1", &Params::new(), 2).expect("world");
        let written = params(&[("reward_noise", json!(0.0)), ("reward_delay", json!(0)), ("cost_signal", json!(""))]);
        let same = make("rec/markov-interest-v1", &written, 2).expect("world");
        assert_eq!(same.spec().params, plain.spec().params);
        assert_eq!(same.save(), plain.save());
        let noisy = make("rec/markov-interest-v1", &params(&[("reward_noise", json!(0.5))]), 2).expect("world");
        assert_eq!(noisy.spec().params["reward_noise"], json!(0.5));
        assert!(noisy.spec().params.get("reward_delay").is_none(), "only what is used stands in a record");
    }

    #[test]
    fn bad_values_name_parameter_value_and_range() {
        for (id, key, value, parts) in [
            ("classic/chain-v1", "sticky_actions", json!(1.0), ["`sticky_actions` is 1", "below 1"]),
            ("classic/chain-v1", "reward_noise", json!(-1), ["`reward_noise` is -1", "between 0"]),
            ("classic/chain-v1", "reward_noise", json!("much"), ["`reward_noise` is \"much\"", "type of its default"]),
            ("classic/chain-v1", "reward_delay", json!(1001), ["`reward_delay` is 1001", "between 0 and 1000"]),
            ("classic/chain-v1", "drift_step", json!(32), ["`drift_step` is 32", "between 0 (never) and 31"]),
            ("classic/chain-v1", "cost_signal", json!("harm"), ["`cost_signal` is harm", "has no costs"]),
            ("health/dose-v1", "cost_signal", json!("toxicty"), ["one of toxicity", "nearest: toxicity"]),
            ("health/dose-v1", "cost_weight", json!(1), ["`cost_weight` is 1", "unless `cost_signal`"]),
            ("health/dose-v1", "cost_shown", json!(true), ["`cost_shown` is true", "unless `cost_signal`"]),
            ("pricing/yogurt-v1", "mask_rate", json!(0.5), ["`mask_rate` is 0.5", "[5, 15]"]),
            ("rec/huge-factored-v1", "mask_rate", json!(0.5), ["`mask_rate` is 0.5", "2 to 1024"]),
            ("classic/chain-v1", "stickyactions", json!(0.5), ["no parameter `stickyactions`", "sticky_actions"]),
        ] {
            let error = make(id, &params(&[(key, value)]), 1).err().expect(key).to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    /// Plays `steps` steps of the always-same actions; what was shown and what was paid.
    fn rewards(id: &str, modifiers: &[(&str, serde_json::Value)], item: u32, steps: usize) -> (Vec<f32>, Vec<f32>) {
        let mut world = make(id, &params(modifiers), 1).expect("world");
        let mut actions = crate::Actions::new(1, world.spec().width);
        actions.items[0] = item;
        let mut observation = vec![0.0; world.spec().observation];
        let (mut reward, mut stage) = ([0.0], [Stage::First]);
        world
            .reset(Start::training(3), Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage })
            .expect("the buffers fit");
        let (mut shown, mut paid) = (vec![], vec![]);
        for _ in 0..steps {
            world
                .step(&actions, Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage })
                .expect("admissible");
            shown.push(reward[0]);
            paid.push(world.paid().map_or(reward[0], |paid| paid[0]));
        }
        (shown, paid)
    }

    #[test]
    fn delayed_rewards_all_arrive_and_in_order() {
        let id = "rec/topic-bandit-v1";
        let (plain, _) = rewards(id, &[], 3, 1020);
        let (late, paid) = rewards(id, &[("reward_delay", json!(7))], 3, 1020);
        assert_eq!(paid, plain);
        let horizon = find(id).expect("world").one(&Params::new()).expect("world").spec().horizon as usize;
        assert_eq!(late[..7], [0.0; 7]);
        assert_eq!(late[7..horizon - 1], plain[..horizon - 8]);
        assert_eq!(late[horizon - 1], plain[horizon - 8..horizon].iter().sum::<f32>());
        assert!(plain[..horizon].iter().sum::<f32>() > 0.0);
        // The bubble and the next episode's first steps carry nothing over.
        assert_eq!(late[horizon..horizon + 8], [0.0; 8]);
    }

    #[test]
    fn noise_and_loss_have_their_moments() {
        let (shown, paid) = rewards("classic/cartpole-v1", &[("reward_noise", json!(2.0))], 0, 20_000);
        let noise: Vec<f64> =
            (shown.iter().zip(&paid)).filter(|(_, paid)| **paid != 0.0).map(|(s, p)| f64::from(s - p)).collect();
        let mean = noise.iter().sum::<f64>() / noise.len() as f64;
        let square = noise.iter().map(|x| x * x).sum::<f64>() / noise.len() as f64;
        let n = (noise.len() as f64).sqrt();
        // Standard errors of a normal sample: 2/√n of the mean, 4√2/√n of the square.
        assert!(mean.abs() < 4.0 * 2.0 / n && (square - 4.0).abs() < 4.0 * 5.7 / n, "{mean} {square}");
        let (shown, paid) = rewards("classic/cartpole-v1", &[("reward_missing", json!(0.3))], 0, 20_000);
        let (all, seen) = (paid.iter().sum::<f32>() as f64, shown.iter().sum::<f32>() as f64);
        let share = seen / all;
        assert!((share - 0.7).abs() < 4.0 * (0.21 / all).sqrt(), "{share}");
        assert!(shown.iter().zip(&paid).all(|(shown, paid)| *shown == 0.0 || shown == paid));
    }

    /// Beside the world's own numbers stand the cost of the step that led there, then the mask.
    #[test]
    fn a_shown_cost_is_that_of_the_last_step() {
        let modifiers = [("cost_signal", json!("toxicity")), ("cost_shown", json!(true)), ("mask_rate", json!(0.1))];
        let mut world = make("health/dose-v1", &params(&modifiers), 2).expect("world");
        let (fields, width) = (world.spec().field("cost").expect("a field"), world.spec().observation);
        assert_eq!((fields.start, width), (8, 12));
        let mut actions = crate::Actions::new(2, world.spec().width);
        let (mut observation, mut reward, mut stage) = (vec![f32::NAN; 2 * width], [0.0; 2], [Stage::First; 2]);
        world
            .reset(Start::training(3), Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage })
            .expect("the buffers fit");
        let mut total = 0.0;
        for step in 0..50 {
            let shown = [8, 8 + width].map(|at| observation[at]);
            assert_eq!(shown, [0, 1].map(|row| world.cost().expect("a cost")[row]), "step {step}");
            assert!(stage.iter().zip(shown).all(|(stage, cost)| *stage != Stage::First || cost == 0.0));
            total += shown[0] + shown[1];
            actions.items.fill(1 + step % 2);
            world
                .step(&actions, Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage })
                .expect("admissible");
        }
        assert!(total > 10.0, "{total}");
    }

    #[test]
    fn a_weighted_cost_is_taken_from_what_is_shown_alone() {
        let (plain, _) = rewards("health/dose-v1", &[], 2, 400);
        let (shown, paid) =
            rewards("health/dose-v1", &[("cost_signal", json!("toxicity")), ("cost_weight", json!(0.5))], 2, 400);
        assert_eq!(paid, plain);
        assert!(shown.iter().zip(&paid).all(|(shown, paid)| shown <= paid));
        assert!(shown.iter().sum::<f32>() < paid.iter().sum::<f32>() - 10.0);
    }
}
