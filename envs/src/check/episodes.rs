//! What comes out of episodes: observations, rewards, stages, metrics, values.
use super::{
    Broken, Build, Verdict, actions, ensure,
    player::{Player, RANDOM, START, at_step, references, steps},
};
use crate::{
    env::{Optimum, Reference},
    registry::Params,
    vector::Stage,
};

const ROWS: usize = 16;

/// Plays every reference policy through an episode's end and looks at every step, the resets' included.
fn everywhere(build: &Build<'_>, mut look: impl FnMut(&Player) -> Verdict) -> Verdict {
    let mut player = Player::new(build, ROWS)?;
    let steps = steps(player.spec());
    for policy in references(player.spec())? {
        player.reset(START)?;
        at_step(0, look(&player))?;
        for step in 1..=steps {
            player.play(&policy)?;
            at_step(step, look(&player))?;
        }
    }
    Ok(())
}

pub(super) fn observations(build: &Build<'_>) -> Verdict {
    everywhere(build, |player| {
        let bounds: Vec<[f32; 2]> =
            player.spec().fields.iter().flat_map(|field| vec![[field.low, field.high]; field.len]).collect();
        for row in player.rows() {
            for (at, (&x, [low, high])) in player.observed(row).iter().zip(&bounds).enumerate() {
                ensure(x.is_finite() && x >= *low && x <= *high, || {
                    format!("row {row}: {} is {x}, outside [{low}, {high}]", player.field(at))
                })?;
            }
        }
        Ok(())
    })
}

pub(super) fn rewards(build: &Build<'_>) -> Verdict {
    everywhere(build, |player| {
        for (row, (&reward, &stage)) in player.reward.iter().zip(&player.stage).enumerate() {
            ensure(reward.is_finite(), || format!("row {row}: reward {reward}"))?;
            ensure(stage != Stage::First || reward == 0.0, || format!("row {row}: reward {reward} at First"))?;
        }
        Ok(())
    })
}

pub(super) fn stages(build: &Build<'_>) -> Verdict {
    // Steps so far of the running episode; `None` when the next step starts one.
    let mut lengths: Vec<Option<u32>> = vec![];
    everywhere(build, |player| {
        let horizon = player.spec().horizon;
        if lengths.is_empty() || player.stage.iter().all(|&stage| stage == Stage::First) {
            lengths = vec![None; player.rows().len()];
        }
        for (row, (length, &stage)) in lengths.iter_mut().zip(&player.stage).enumerate() {
            let seen = |expected: &str| format!("row {row}: {stage:?}, expected {expected}");
            let Some(before) = *length else {
                ensure(stage == Stage::First, || seen("First"))?;
                *length = Some(0);
                continue;
            };
            let now = before + 1;
            ensure(stage != Stage::First, || seen(&format!("the episode to go on after {before} steps")))?;
            ensure(now < horizon || stage.is_last(), || seen(&format!("the end at the horizon of {horizon}")))?;
            ensure(stage != Stage::Truncated || now == horizon, || {
                seen(&format!("no cut after {now} of {horizon} steps"))
            })?;
            *length = (!stage.is_last()).then_some(now);
        }
        Ok(())
    })
}

pub(super) fn metrics(build: &Build<'_>) -> Verdict {
    everywhere(build, |player| {
        let names = player.spec().metrics.clone();
        for row in player.rows().filter(|&row| player.stage[row].is_last()) {
            // What a world leaves unwritten must not pass for a metric.
            let mut values = vec![f64::NAN; names.len()];
            player.world.metrics(row, &mut values);
            for (name, value) in names.iter().zip(values) {
                ensure(value.is_finite(), || format!("row {row}: `{name}` is {value}"))?;
            }
        }
        Ok(())
    })
}

pub(super) fn expected_reward(build: &Build<'_>) -> Verdict {
    let mut player = Player::new(build, 64)?;
    let mut expected = vec![0.0; player.stage.len()];
    let mut surprise = Moments::default();
    let mut largest = 0.0;
    // Enough steps for the mean to say something where episodes are short.
    for step in 1..=steps(player.spec()).max(512) {
        player.choose(&RANDOM)?;
        player.world.expected_reward(&player.actions, &mut expected)?;
        let over: Vec<bool> = player.stage.iter().map(|stage| stage.is_last()).collect();
        player.step()?;
        for (row, (&expected, over)) in expected.iter().zip(over).enumerate() {
            let reward = f64::from(player.paid(row));
            let seen = || format!("step {step}, row {row}: expected reward {expected}");
            ensure(expected.is_finite(), seen)?;
            ensure(!over || expected == 0.0, || format!("{}, but its episode is over", seen()))?;
            if !over {
                surprise.add(reward - expected);
                largest = [largest, reward.abs(), expected.abs()].into_iter().max_by(f64::total_cmp).unwrap_or(largest);
            }
        }
    }
    let (mean, se) = (surprise.mean(), surprise.standard_error());
    // The rewards are f32: their rounding is no bias.
    ensure(mean.abs() <= 6.0 * se + 1e-6 * largest, || {
        format!("rewards exceed their expectation by {mean} on average, {se} standard error, {} steps", surprise.count)
    })
}

pub(super) fn policies(build: &Build<'_>) -> Verdict {
    let mut player = Player::new(build, ROWS)?;
    let shape = player.spec().shape.clone();
    for policy in references(player.spec())? {
        player.reset(START)?;
        for step in 1..=steps(player.spec()) {
            player.rows().for_each(|row| actions::extreme(&shape, false, player.actions.row_mut(row)));
            player.choose(&policy)?;
            let first = player.actions.clone();
            player.rows().for_each(|row| actions::extreme(&shape, true, player.actions.row_mut(row)));
            player.choose(&policy)?;
            let bits = |reals: &[f32]| reals.iter().map(|real| real.to_bits()).collect::<Vec<_>>();
            let same = first.items == player.actions.items && bits(&first.reals) == bits(&player.actions.reals);
            ensure(same, || format!("step {step}: `{}` leaves words unwritten or changes its mind", policy.name))?;
            let stepped = player.step();
            stepped.map_err(|error| format!("step {step}: `{}` chose an inadmissible action: {error}", policy.name))?;
        }
    }
    Ok(())
}

/// Longer episodes than this are not played to their end.
const LONGEST: u32 = 4096;

/// A quarter of the episodes is asked first, within a sixth of the bounds. A world that is wrong by nine standard errors of all
/// episodes, where six are allowed, passes that once in 4000 times; it passes all of them once in 700.
const FIRST_LOOK: f64 = 1.0 / 6.0;

/// Half a million steps for each policy where there is a doubt.
pub(super) fn values(build: &Build<'_>) -> Verdict {
    let world = build(&Params::new(), 1)?;
    let (horizon, agents) = (world.spec().horizon, world.spec().agents);
    if horizon > LONGEST {
        return Ok(());
    }
    let episodes = (500_000 / horizon as usize / agents).clamp(256, 4096);
    let mut few = Player::new(build, episodes / 4)?;
    let optimum = world.optimum();
    let mut oracle = None;
    let mut others = Vec::new();
    for policy in references(world.spec())? {
        let mut earned = objective(&mut few, &policy)?;
        if as_published(&optimum, policy.name, &earned, FIRST_LOOK).is_err() {
            earned = objective(&mut Player::new(build, episodes)?, &policy)?;
            as_published(&optimum, policy.name, &earned, 1.0)?;
        }
        if policy.name == "oracle" {
            oracle = Some((policy, earned));
        } else {
            others.push((policy, earned));
        }
    }
    let Some((oracle, mut best)) = oracle else { return Ok(()) };
    if optimum.others.iter().any(|(name, value)| *name == "oracle" && *value < optimum.lower) {
        // Modifiers that it does not know of: the world says itself that its oracle is not the best.
        return Ok(());
    }
    for (policy, mut earned) in others {
        if no_less(&best, &policy, &earned, FIRST_LOOK, optimum.tolerance).is_err() {
            let mut all = Player::new(build, episodes)?;
            (best, earned) = (objective(&mut all, &oracle)?, objective(&mut all, &policy)?);
            no_less(&best, &policy, &earned, 1.0, optimum.tolerance)?;
        }
    }
    Ok(())
}

/// What a policy earned against what is said of it, within `share` of the distance that counts as a difference.
fn as_published(optimum: &Optimum, policy: &str, earned: &Moments, share: f64) -> Verdict {
    let (mean, se) = (earned.mean(), earned.standard_error());
    let errors = share * if policy == "oracle" { 4.0 } else { 6.0 };
    let slack = |se: f64| errors * se + optimum.tolerance + 1e-6 * mean.abs();
    let seen = |what: String| format!("`{policy}` earns {mean} ± {se} (standard error), {what}");
    if policy == Reference::RANDOM {
        let both = (se * se + optimum.random_se * optimum.random_se).sqrt();
        return ensure((mean - optimum.random).abs() <= slack(both), || seen(format!("published {}", optimum.random)));
    }
    if let Some((_, value)) = optimum.others.iter().find(|(name, _)| *name == policy) {
        return ensure((mean - value).abs() <= slack(se), || seen(format!("published {value}")));
    }
    ensure(mean <= optimum.upper + slack(se), || seen(format!("above the upper bound {}", optimum.upper)))?;
    ensure(policy != "oracle" || mean >= optimum.lower - slack(se), || {
        seen(format!("below the lower bound {}", optimum.lower))
    })
}

/// What the oracle earned against what another policy did, likewise.
fn no_less(oracle: &Moments, policy: &Reference, earned: &Moments, share: f64, tolerance: f64) -> Verdict {
    let (best, best_se) = (oracle.mean(), oracle.standard_error());
    let (mean, se) = (earned.mean(), earned.standard_error());
    let both = (best_se * best_se + se * se).sqrt();
    ensure(mean <= best + 3.0 * share * both + tolerance + 1e-6 * mean.abs(), || {
        let name = policy.name;
        format!("`{name}` earns {mean} ± {se} (standard error), the oracle {best} ± {best_se}")
    })
}

/// The world's objective over the first episode of every row: per step where the discount is 0, else the sum of
/// discounted rewards.
fn objective(player: &mut Player, policy: &Reference) -> Result<Moments, Broken> {
    let discount = player.spec().discount;
    player.reset(START)?;
    let mut running = vec![Some((0.0, 0.0, 1.0)); player.rows().len()];
    let mut earned = Moments::default();
    while running.iter().any(Option::is_some) {
        player.play(policy)?;
        for (row, episode) in running.iter_mut().enumerate() {
            let Some((sum, steps, weight)) = episode else { continue };
            *sum += *weight * f64::from(player.paid(row));
            *steps += 1.0;
            *weight *= if discount > 0.0 { discount } else { 1.0 };
            if player.stage[row].is_last() {
                earned.add(if discount > 0.0 { *sum } else { *sum / *steps });
                *episode = None;
            }
        }
    }
    Ok(earned)
}

/// Mean and standard error of independent numbers.
#[derive(Default)]
struct Moments {
    count: u32,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, x: f64) {
        (self.count, self.sum, self.squares) = (self.count + 1, self.sum + x, self.squares + x * x);
    }
    fn mean(&self) -> f64 {
        self.sum / f64::from(self.count)
    }
    fn standard_error(&self) -> f64 {
        let n = f64::from(self.count);
        let variance = self.squares / n - self.mean() * self.mean();
        if variance > 0.0 { (variance / n).sqrt() } else { 0.0 }
    }
}
