//! Every preset learns: in seconds it beats what needs no learning, in a world whose optimum is known.
use crate::support::{Folder, mercato};
use mercato::{Experiment, Trial, reports::Record, trial::Surroundings};
use std::sync::atomic::AtomicBool;

/// The record of one training run of `preset` in `env` with these parameters.
fn trained(env: &str, params: &str, preset: &str, steps: u32, set: &str) -> Record {
    let text = format!(
        r#"
        name = "learning"
        title = "Learning"
        seeds = "1..2"
        [evaluation]
        episodes = 2000
        points = 0
        [[worlds]]
        env = "{env}"
        params = {{ {params} }}
        steps = {steps}
        [[worlds.agents]]
        preset = "{preset}"
        set = {{ {set} }}
        "#
    );
    let experiment = Experiment::parse("learning.toml", &text, &[]).expect("experiment");
    let trials: Vec<Trial> = experiment.trials().expect("trials");
    let stop = AtomicBool::new(false);
    let around = Surroundings {
        folder: None,
        tensorboard: false,
        trace: false,
        device: mercato::trial::Device::Cpu,
        experiment: "learning",
        jobs: 1,
        stop: &stop,
        progress: &|_| {},
    };
    trials[0].run(&around).expect("record")
}

/// Its mean score; 0 is random, 1 the optimum (its lower bound).
fn score(env: &str, params: &str, preset: &str, steps: u32, set: &str) -> f64 {
    let record = trained(env, params, preset, steps, set);
    let value = record.outcome.metrics["expected_return"].mean.expect("finite");
    (value - record.reference.random) / (record.reference.optimum_lower - record.reference.random)
}

fn beats(bar: f64, env: &str, preset: &str, steps: u32, set: &str) {
    beats_in(bar, env, "", preset, steps, set);
}

fn beats_in(bar: f64, env: &str, params: &str, preset: &str, steps: u32, set: &str) {
    let score = score(env, params, preset, steps, set);
    assert!(score > bar, "{preset} in {env}: {score:.3}, expected above {bar}");
}

const SMALL: &str = "hidden = [16], warmup = 200, target_rate = 0.02, batch = 32";

/// Going left, the reward at hand, scores 0.004.
#[test]
fn patience_is_learnt() {
    beats(0.99, "classic/chain-v1", "dqn", 12_000, &format!("{SMALL}, explore_over = 6000"));
    beats(0.99, "classic/chain-v1", "rainbow-lite", 12_000, &format!("{SMALL}, explore_over = 6000"));
}

/// The siblings of `dqn`, in the same small world: distributions, quantiles, soft targets, noise instead of ε.
#[test]
fn patience_is_learnt_by_the_whole_family() {
    let set = format!("{SMALL}, explore_over = 6000");
    beats(0.99, "classic/chain-v1", "munchausen", 12_000, &set);
    beats(0.99, "classic/chain-v1", "c51", 12_000, &format!("{set}, low = 0, high = 10"));
    beats(0.99, "classic/chain-v1", "qr_dqn", 12_000, &format!("{set}, quantiles = 21"));
    beats(0.99, "classic/chain-v1", "iqn", 12_000, &format!("{set}, features = 16"));
    beats(0.99, "classic/chain-v1", "rainbow", 12_000, &format!("{SMALL}, low = 0, high = 10"));
}

/// Myopic scores −0.12. The factored head learns too, but has two rankings only.
#[test]
fn what_bores_the_reader_is_learnt() {
    let set = format!("{SMALL}, huber = inf, explore_over = 10000, learning_rate_to = 1e-4, learning_rate_over = 4000");
    beats(0.6, "rec/markov-interest-v1", "dqn", 32_000, &set);
    beats(-0.1, "rec/markov-interest-v1", "article", 16_000, "hidden = [16], warmup = 200, explore_over = 8000");
}

/// Myopic scores 0.11; leaving out the value of taking nothing 0.44.
#[test]
fn slates_are_learnt() {
    let set = format!("{SMALL}, huber = inf, explore_over = 20000, learning_rate_to = 1e-4, learning_rate_over = 6000");
    beats(0.85, "rec/slateq-mdp-v1", "slateq", 48_000, &set);
}

/// Without a model of the choice, items as actions of their own: more than the myopic 0.11, less than with one.
#[test]
fn slates_are_learnt_item_by_item() {
    let set = format!("{SMALL}, huber = inf, explore_over = 20000, learning_rate_to = 1e-4, learning_rate_over = 6000");
    beats(0.3, "rec/slateq-mdp-v1", "top_k_dqn", 48_000, &set);
}

/// Items that were not looked at are not blamed, and the order is learnt too; `slateq` scores 0.84.
#[test]
fn slates_are_learnt_in_their_order() {
    let set = format!("{SMALL}, explore_over = 4000");
    beats(0.93, "rec/slate-cascade-v1", "cascade_slateq", 16_000, &set);
}

/// In RecSim's world it is the field `clicked` that says what was taken, and candidates are new in each step. Items as actions
/// of their own score 0.00: what is clicked earns 1, whichever it is.
#[test]
fn slates_of_new_candidates_are_learnt() {
    let set = format!("{SMALL}, huber = inf, explore_over = 20000, learning_rate_to = 1e-4, learning_rate_over = 6000");
    beats(0.8, "compat/recsim-interest-exploration-v0", "slateq", 48_000, &set);
}

/// Ten thousand items: the best for the mean of all users scores 0.49.
#[test]
fn large_catalogues_are_learnt() {
    let set = "hidden = [32, 32], rows = 16, batch = 64, warmup = 500, explore_over = 8000, leaves = 64";
    let world = "items = 10_000, users = 20, horizon = 10";
    beats_in(0.85, "rec/huge-hashed-v1", world, "two_tower", 24_000, set);
    // In a world with states, with vectors that are one-hot and all items as candidates.
    beats(0.99, "classic/chain-v1", "two_tower", 12_000, &format!("{SMALL}, explore_over = 6000"));
}

/// The linear program: 6.50 discounted clicks at half of the exposure and a multiplier of 0.126. Without the constraint
/// there are 7.10 clicks and hardly any exposure of the provider.
#[test]
fn a_promise_is_kept_at_its_price() {
    let world = "reward = \"clicks\", cost_signal = \"others\", cost_shown = true";
    let set = "hidden = [32], rows = 16, batch = 64, memory = 100000, huber = inf, target_rate = 0.01, limit = 0.5, \
               explore_over = 40000, explore_to = 0.05, learning_rate_to = 1e-5, learning_rate_over = 10000, \
               multiplier_rate = 2e-4";
    let record = trained("rec/fair-interest-v1", world, "lagrangian", 160_000, set);
    let mean = |name: &str| record.outcome.metrics[name].mean.expect("finite");
    let (clicks, share) = (mean("clicks"), mean("provider_exposure") / mean("exposure"));
    let multiplier = record.training.last().and_then(|point| point.multiplier).expect("it learns one");
    assert!(clicks > 6.1 && (share - 0.5).abs() < 0.12, "{clicks} clicks, share {share}");
    assert!((multiplier - 0.126).abs() < 0.05, "{multiplier}");
}

/// The items that earn most when they are looked at, in that order, score 0.55: one that earns little is in the way.
#[test]
fn lists_are_learnt() {
    beats(0.95, "rec/slate-cascade-v1", "cascade_ucb", 10_000, "largest = 5.5, exploration = 0.2");
}

/// The best single item scores 0.22; the rules without observations can do no better.
#[test]
fn tastes_are_learnt_by_bandits() {
    for (bar, preset) in [(0.98, "lin_ucb"), (0.98, "logistic_thompson"), (0.92, "epsilon_greedy")] {
        beats(bar, "rec/topic-bandit-v1", preset, 10_000, "");
    }
    beats(0.85, "compat/recogym-v1", "lin_ucb_shared", 20_000, "alpha = 0.3");
    beats(0.1, "rec/topic-bandit-v1", "most_popular", 5_000, "");
    beats(0.21, "rec/topic-bandit-v1", "ucb1", 10_000, "exploration = 0.2");
    beats(0.21, "rec/topic-bandit-v1", "thompson_beta", 10_000, "");
    beats(0.21, "rec/topic-bandit-v1", "thompson_gaussian", 10_000, "noise = 0.5");
    beats(0.21, "rec/topic-bandit-v1", "epsilon_greedy", 10_000, "context = false");
}

/// Myopic scores −1.04 against a rival who repeats the last price.
#[test]
fn tables_look_ahead() {
    // Hopeful values make it try everything; without them the small reward at hand is never left.
    beats(0.99, "classic/chain-v1", "tabular_q", 12_000, "explore_from = 0, initial = [1], learning_rate = 0.5");
    let set = "explore_decay = 1e-3, explore_to = 0.05, learning_rate = 0.3";
    beats(0.95, "pricing/bertrand-tft-v1", "tabular_q", 30_000, set);
}

/// In a bandit a price is judged by its reward, in a season by its return: then the best fixed price scores 0.82.
#[test]
fn one_price_is_learnt() {
    for preset in ["explore_then_commit", "thompson_pricing"] {
        beats(0.9, "pricing/logit-monopoly-v1", preset, 10_000, "");
        beats(
            0.7,
            "pricing/inventory-v1",
            preset,
            60_000,
            if preset == "thompson_pricing" { "noise = 2, prior_mean = 5" } else { "" },
        );
    }
}

/// Myopic scores −0.37 and 0.29, the best fixed price of yogurt 0.38.
#[test]
fn prices_are_learnt() {
    let set = format!(
        "{SMALL}, n_step = 3, huber = inf, explore_over = 20000, learning_rate_to = 1e-4, learning_rate_over = 6000"
    );
    beats(0.6, "pricing/inventory-v1", "price_grid", 48_000, &format!("{set}, prices = 9"));
    beats(0.45, "pricing/yogurt-v1", "price_grid", 48_000, &format!("{set}, prices = 11, reward_scale = 0.1"));
}

/// The same prices without a grid: a parabola of advantages, and a search among prices that are inputs.
#[test]
fn prices_without_a_grid_are_learnt() {
    let set = "hidden = [32, 32], batch = 32, warmup = 500, target_rate = 0.02, n_step = 3, huber = inf, \
               explore_over = 20000, learning_rate_to = 1e-4, learning_rate_over = 6000, spread = 0.3";
    beats(0.6, "pricing/inventory-v1", "naf", 48_000, set);
    let slower = set.replace("over = 6000", "over = 12000");
    beats(0.5, "pricing/yogurt-v1", "naf", 96_000, &format!("{slower}, reward_scale = 0.1"));
    beats(0.5, "pricing/inventory-v1", "qt_opt", 48_000, &format!("{set}, candidates = 16, elite = 3"));
}

/// Items and their prices: naive prices of the most attractive items score −0.3 and, of one, −0.54; the best fixed offer of the
/// club 0.5.
#[test]
fn items_and_their_prices_are_learnt() {
    let set = "hidden = [32, 32], batch = 32, warmup = 500, target_rate = 0.02, huber = inf, explore_over = 20000, \
               learning_rate_to = 1e-4, learning_rate_over = 6000";
    beats(0.7, "pricing/multi-product-hybrid-v1", "pdqn", 48_000, set);
    beats(0.95, "pricing/multi-product-mnl-v1", "mnl_thompson", 10_000, "");
    beats(0.7, "pricing/wine-club-v1", "mp_dqn", 48_000, set);
}

/// A demanded score that is not reached is told by name and number, with exit code 3; one that is reached, with nothing.
#[test]
fn a_demanded_score_is_held_to() {
    let folder = Folder::new();
    let text = |at_least: f64| {
        format!(
            "name = \"demand\"\ntitle = \"A demand\"\nseeds = \"0..2\"\ntraining_points = 3\n[evaluation]\nepisodes = 50\n\
             points = 0\n[[worlds]]\nenv = \"classic/chain-v1\"\nsteps = 900\nagents = [{{ preset = \"ucb1\", at_least = \
             {at_least} }}]\n"
        )
    };
    let run = |at_least: f64| {
        let (spec, out) = (folder.file("demand.toml", &text(at_least)), folder.path("demand"));
        mercato(&["run", &spec, "--out", &out], &[])
    };
    let missed = run(1.5);
    assert_eq!(missed.code, 3, "{}", missed.stderr);
    assert!(missed.stderr.contains("ucb1 in classic/chain-v1: the mean score is"), "{}", missed.stderr);
    assert!(missed.stderr.contains("at least 1.5 is demanded"), "{}", missed.stderr);
    let met = run(-1.0);
    assert_eq!((met.code, met.stderr.contains("demanded")), (0, false), "{}", met.stderr);
    let records = ::mercato::reports::read_records(&folder.0.path().join("demand/records.jsonl")).expect("records");
    assert_eq!(records.len(), 2, "a demand is no part of a trial's id");
    assert!(records.iter().all(|record| record.training.len() == 3 && record.training_points == Some(3)));
}
