//! What an episode may depend on, and what it may not.
use super::{
    Broken, Build, Verdict, actions, ensure,
    player::{Player, RANDOM, START, at_step, steps},
};
use crate::{
    registry::Params,
    rng::Domain,
    vector::{Stage, Start},
};

/// Two worlds that must not differ, played side by side: all of `a`'s rows against `b`'s rows `from..`.
fn together(a: &mut Player, b: &mut Player, from: usize, steps: usize) -> Verdict {
    at_step(0, a.same_rows(b, from))?;
    for step in 1..=steps {
        a.play(&RANDOM)?;
        b.play(&RANDOM)?;
        at_step(step, a.same_rows(b, from))?;
    }
    Ok(())
}

pub(super) fn reset(build: &Build<'_>) -> Verdict {
    let (mut fresh, mut used) = (Player::new(build, 16)?, Player::new(build, 16)?);
    used.reset(Start { seed: START.seed + 1, ..START })?;
    for _ in 0..37 {
        used.play(&RANDOM)?;
    }
    used.reset(START)?;
    let steps = steps(fresh.spec());
    together(&mut fresh, &mut used, 0, steps)
}

pub(super) fn batch(build: &Build<'_>) -> Verdict {
    let mut large = Player::new(build, 64)?;
    let mut small = Vec::new();
    for (rows, first_row) in [(7, 0), (7, 3), (1, 0), (1, 63)] {
        let mut player = Player::new(build, rows)?;
        let first_row = first_row * player.spec().agents;
        player.reset(Start { first_row: first_row as u32, ..START })?;
        small.push((player, first_row));
    }
    for step in 0..=steps(large.spec()) {
        for (player, first_row) in &mut small {
            let place = format!("{} rows from {first_row} on against 64", player.rows().len());
            let verdict = at_step(step, player.same_rows(&large, *first_row));
            verdict.map_err(|Broken(seen)| Broken(format!("{place}: {seen}")))?;
            player.play(&RANDOM)?;
        }
        large.play(&RANDOM)?;
    }
    Ok(())
}

pub(super) fn neighbours(build: &Build<'_>) -> Verdict {
    let (mut quiet, mut loud) = (Player::new(build, 8)?, Player::new(build, 8)?);
    let agents = quiet.spec().agents;
    for step in 1..=steps(quiet.spec()) {
        for player in [&mut quiet, &mut loud] {
            player.choose(&RANDOM)?;
        }
        let shape = loud.world.spec().shape.clone();
        for row in 0..agents {
            actions::extreme(&shape, true, loud.actions.row_mut(row));
        }
        quiet.step()?;
        loud.step()?;
        let rows = agents..quiet.stage.len();
        at_step(step, rows.clone().try_for_each(|row| quiet.same(row, &loud, row)))?;
        let stages = quiet.stage.chunks(agents).all(|world| world.iter().all(|stage| *stage == world[0]));
        at_step(step, ensure(stages, || "the agents of a world differ in their stage".into()))?;
    }
    Ok(())
}

pub(super) fn threads(build: &Build<'_>) -> Verdict {
    // More than two tasks of a `Vector`, the last one not full.
    let (rows, steps) = (5000, 24);
    let mut players = Vec::new();
    for threads in [1, 2, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|error| Broken(format!("no pool of {threads} threads here: {error}")))?;
        players.push((Player::new(build, rows)?, pool));
    }
    for step in 1..=steps {
        for (player, pool) in &mut players {
            pool.install(|| player.play(&RANDOM))?;
        }
        let (alone, more) = players.split_first().expect("three pools were made above");
        for (player, pool) in more {
            let verdict = at_step(step, player.same_rows(&alone.0, 0));
            verdict.map_err(|Broken(seen)| Broken(format!("{} threads: {seen}", pool.current_num_threads())))?;
        }
    }
    Ok(())
}

pub(super) fn addresses(build: &Build<'_>) -> Verdict {
    let mut player = Player::new(build, 16)?;
    let here = histories(&mut player, START)?;
    let other_seed = histories(&mut player, Start { seed: START.seed + 1, ..START })?;
    ensure(here != other_seed, || "another seed gives the same episodes".into())?;
    let other_domain = histories(&mut player, Start { domain: Domain::Training, ..START })?;
    ensure(here != other_domain, || "training gives the same episodes as evaluation".into())?;
    ensure(here.iter().any(|row| row != &here[0]), || "all 16 rows play the same episodes".into())?;
    let seconds: Vec<_> = here.iter().filter(|row| row.len() > 2).collect();
    ensure(seconds.is_empty() || seconds.iter().any(|row| row[0] != row[1]), || {
        "the second episode of every row repeats the first".into()
    })
}

/// Per row, per episode: the bits of everything that came out.
fn histories(player: &mut Player, start: Start) -> Result<Vec<Vec<Vec<u32>>>, Broken> {
    player.reset(start)?;
    let mut histories = vec![vec![]; player.rows().len()];
    for _ in 0..=steps(player.spec()) {
        for (row, history) in histories.iter_mut().enumerate() {
            if player.stage[row] == Stage::First {
                history.push(vec![]);
            }
            let bits = player.observed(row).iter().chain([&player.reward[row]]).map(|x| x.to_bits());
            history.last_mut().into_iter().for_each(|episode| episode.extend(bits.clone()));
        }
        player.play(&RANDOM)?;
    }
    Ok(histories)
}

pub(super) fn save(build: &Build<'_>) -> Verdict {
    let rows = 5;
    let mut player = Player::new(build, rows)?;
    let (horizon, most) = (player.spec().horizon as usize, steps(player.spec()));
    let moments = [0, 1, 2, 3, 5, 8, 13, 21, 34, horizon, horizon + 1];
    for moment in moments.into_iter().filter(|&moment| moment <= most) {
        player.reset(START)?;
        for _ in 0..moment {
            player.play(&RANDOM)?;
        }
        let text = player.world.save().to_string();
        let saved = serde_json::from_str(&text).map_err(|error| Broken(format!("not JSON: {error}")))?;
        let mut other = Player::new(build, rows)?;
        other.reset(Start { seed: START.seed + 1, ..START })?;
        other.world.restore(&saved)?;
        let what = |Broken(seen)| Broken(format!("saved after {moment} steps and restored: {seen}"));
        for _ in 0..64 {
            player.play(&RANDOM)?;
            other.play(&RANDOM)?;
            player.same_rows(&other, 0).map_err(what)?;
        }
    }
    let mut wider = build(&Params::new(), rows + 1)?;
    ensure(wider.restore(&player.world.save()).is_err(), || format!("{rows} saved rows fit into {}", rows + 1))?;
    ensure(wider.restore(&serde_json::json!({})).is_err(), || "an empty table is restored without complaint".into())
}

pub(super) fn autoreset(build: &Build<'_>) -> Verdict {
    let (mut low, mut high) = (Player::new(build, 16)?, Player::new(build, 16)?);
    for step in 1..=steps(low.spec()) {
        for (player, upper) in [(&mut low, false), (&mut high, true)] {
            player.choose(&RANDOM)?;
            for row in player.rows().filter(|&row| player.stage[row].is_last()).collect::<Vec<_>>() {
                actions::extreme(&player.world.spec().shape, upper, player.actions.row_mut(row));
            }
            player.step()?;
        }
        at_step(step, low.same_rows(&high, 0))?;
    }
    Ok(())
}
