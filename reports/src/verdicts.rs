//! What the figures say, in sentences that claim no more than the intervals allow. Names stand in `backticks`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::{count, decimals, fixed, ranges};
use crate::stats::{SEEDS_FOR_A_CLAIM, coverage};
use crate::summary::{Cell, Summary, World};

/// One thing that a careful reader checks first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tick {
    /// Whether it is as it should be.
    pub holds: bool,
    /// What was found.
    pub text: String,
}

/// A few sentences about each world.
pub fn verdicts(summary: &Summary) -> Vec<String> {
    summary.worlds.iter().map(|world| format!("`{}`: {}", world.label, about(summary, world))).collect()
}

/// Completeness, seeds, provenance.
pub fn ticks(summary: &Summary) -> Vec<Tick> {
    let trials = summary.trials;
    let finished = if trials.ok == trials.total {
        format!("All {} trials finished.", trials.total)
    } else {
        format!(
            "{} of {} trials finished; {} diverged and {} failed. These count with score 0.",
            trials.ok, trials.total, trials.diverged, trials.failed
        )
    };
    let mut ticks = vec![Tick { holds: trials.ok == trials.total, text: finished }, budgets(summary)];
    if let Some(fewest) = summary.results.iter().filter(|cell| cell.learned).map(|cell| cell.n).min() {
        let holds = fewest >= SEEDS_FOR_A_CLAIM;
        // Only figures over several worlds have bootstrap intervals.
        let worlds = summary.overall.iter().map(|overall| overall.worlds.len()).min();
        let warning = match (coverage(fewest, worlds.unwrap_or(1)), worlds) {
            _ if holds => String::new(),
            (None, _) => ", so there are no intervals: a claim should rest on at least 10".into(),
            (Some(_), None) => ", so the figures are indications: a claim should rest on at least 10".into(),
            (Some(coverage), Some(_)) => format!(
                ", so the figures are indications: a claim should rest on at least 10, and nominal 95 % bootstrap \
                 intervals of so few cover about {:.0} % (measured with {})",
                100.0 * coverage.share,
                coverage.case()
            ),
        };
        let seeds = if fewest == 1 { "1 seed" } else { &format!("{fewest} seeds") };
        ticks.push(Tick { holds, text: format!("Every learned agent ran with {seeds} or more{warning}.") });
    }
    if summary.results.iter().any(|cell| cell.learned) {
        ticks.push(tuning(summary));
    }
    let dirty = summary.provenance.iter().any(|origin| origin.code.dirty);
    let unknown = summary.provenance.iter().any(|origin| origin.code.commit.is_none());
    let tree = match (dirty, unknown) {
        (true, _) => "The working tree had changes that no commit holds.",
        (false, true) => "The sources lay in no repository, so no commit is known.",
        (false, false) => "The working tree was clean.",
    };
    ticks.push(Tick { holds: !dirty && !unknown, text: tree.into() });
    let builds = summary.provenance.len();
    let text = if builds == 1 {
        "All records come from one build on one kind of machine.".into()
    } else {
        format!("The records come from {builds} combinations of build and machine.")
    };
    ticks.push(Tick { holds: builds == 1, text });
    let exact = summary.provenance.iter().all(|origin| origin.math == "exact");
    let text = if exact {
        "All arithmetic is exact: a re-run gives the same bits."
    } else {
        "Some trials used fast arithmetic: a re-run may differ within rounding."
    };
    ticks.push(Tick { holds: exact, text: text.into() });
    ticks
}

/// Whether the experiment was run as it stands, or cut down for this report. Of each kind of cut the deepest is named.
fn budgets(summary: &Summary) -> Tick {
    const KINDS: [&str; 3] = ["transitions", "seeds", "episodes in the last evaluation"];
    let pairs = |cell: &Cell| -> Option<[[u64; 2]; 3]> {
        let asked = cell.asked?;
        let episodes = [cell.evaluation.episodes, asked.episodes].map(u64::from);
        Some([[cell.budget, asked.budget], [cell.n as u64, asked.seeds], episodes])
    };
    let told: Vec<[[u64; 2]; 3]> = summary.results.iter().filter_map(pairs).collect();
    let is_less = |[ran, asked]: &[u64; 2]| ran < asked;
    let cut = told.iter().filter(|pairs| pairs.iter().any(is_less)).count();
    // The least share of what was asked, compared as products.
    let share =
        |a: &[u64; 2], b: &[u64; 2]| (u128::from(a[0]) * u128::from(b[1])).cmp(&(u128::from(b[0]) * u128::from(a[1])));
    let deepest = KINDS.iter().enumerate().filter_map(|(at, kind)| {
        let [ran, asked] = told.iter().map(|pairs| pairs[at]).filter(is_less).min_by(share)?;
        Some(format!("{} of {} {kind}", count(ran), count(asked)))
    });
    let deepest: Vec<String> = deepest.collect();
    let untold = summary.results.len() - told.len();
    let text = if cut > 0 {
        format!(
            "The budget was reduced: {} of {} agents in their worlds ran with less than the experiment asks for, at the \
             least with {}; these are not its figures.",
            cut,
            summary.results.len(),
            deepest.join(", ")
        )
    } else if untold > 0 {
        "Whether the budget is the one that the experiment asks for is not recorded.".into()
    } else {
        "No budget was reduced: transitions, seeds and evaluation episodes are those that the experiment asks for, or \
         more."
            .into()
    };
    Tick { holds: cut == 0 && untold == 0, text }
}

/// Whether settings were chosen on other seeds than those reported.
fn tuning(summary: &Summary) -> Tick {
    let learners: Vec<&Cell> = summary.results.iter().filter(|cell| cell.learned).collect();
    let untold = learners.iter().filter(|cell| cell.tuning.is_none()).count();
    let looked_at = |cell: &Cell| -> Vec<u64> {
        let tuned = cell.tuning.iter().flat_map(|tuning| &tuning.seeds);
        tuned.filter(|seed| cell.runs.iter().any(|run| run.seed == **seed)).copied().collect()
    };
    let both: BTreeSet<u64> = learners.iter().flat_map(|cell| looked_at(cell)).collect();
    let text = if !both.is_empty() {
        let both: Vec<u64> = both.iter().copied().collect();
        format!(
            "Settings were chosen with a look at seeds that are reported here ({}), so scores on these are too good.",
            ranges(&both)
        )
    } else if untold > 0 {
        "The experiment does not say on which seeds settings were chosen (`[tuning]`).".into()
    } else {
        "Settings were chosen without the seeds that are reported.".into()
    };
    Tick { holds: both.is_empty() && untold == 0, text }
}

fn about(summary: &Summary, world: &World) -> String {
    let mut learners: Vec<&Cell> = summary.cells(world).filter(|cell| cell.learned).collect();
    learners.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    let Some((best, others)) = learners.split_first() else {
        return "no learned agent ran here.".into();
    };
    let reference = &world.reference;
    let digits = decimals(reference.optimum_upper - reference.random);
    let interval = best.score_ci.as_ref().map(|ci| format!(" [{}, {}]", fixed(ci.low, 3), fixed(ci.high, 3)));
    let score = best.score.map(|score| format!(", score {}{}", fixed(score, 3), interval.unwrap_or_default()));
    let mut text = format!("`{}` comes highest{}", best.agent, score.unwrap_or_default());
    match best.score_upper {
        None => text += &format!(", regret {}.", fixed(best.regret, digits)),
        Some(least) => {
            text += &format!(
                " against the lower bound of the optimum, at least {} against its upper bound, regret at most {}.",
                fixed(least, 3),
                fixed(best.regret, digits)
            );
        }
    }
    let lower_end = |cell: &Cell| cell.ci.as_ref().map(|ci| ci.low);
    let upper_end = |cell: &Cell| cell.ci.as_ref().map(|ci| ci.high);
    let reached: Vec<&Cell> = others
        .iter()
        .filter(|cell| upper_end(cell).zip(lower_end(best)).is_none_or(|(a, b)| a >= b))
        .copied()
        .collect();
    if !reached.is_empty() {
        text += &format!(" These runs do not separate it from {}.", names(&reached));
    }
    let references = [("myopic", reference.myopic), ("random", Some(reference.random))];
    let known = references.into_iter().filter_map(|(name, value)| Some((name, value?)));
    for (name, value) in known.filter(|(_, value)| *value < reference.optimum_lower) {
        let unproven = |cell: &&Cell| lower_end(cell).is_none_or(|low| low <= value);
        let weak: Vec<&Cell> = learners.iter().copied().filter(unproven).collect();
        if !weak.is_empty() {
            text += &format!(" Not shown to beat the {name} policy: {}.", names(&weak));
        }
    }
    text
}

/// What did not work: runs that ended early, agents that do no better than a simple policy, worlds that separate nobody.
pub fn negative(summary: &Summary) -> Vec<String> {
    let mut sentences = Vec::new();
    for cell in summary.results.iter().filter(|cell| cell.learned) {
        let subject = format!("`{}` in `{}`", cell.agent, cell.world);
        for (count, how) in [(cell.diverged, "diverged"), (cell.failed, "failed")] {
            if count > 0 {
                sentences.push(format!("{subject}: {count} of {} runs {how}.", cell.n));
            }
        }
        let Some(world) = summary.worlds.iter().find(|world| world.label == cell.world) else { continue };
        let reference = &world.reference;
        let policies = [("random", Some(reference.random)), ("myopic", reference.myopic)];
        for (name, value) in policies.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            if cell.ci.as_ref().is_some_and(|ci| ci.high < value) {
                sentences.push(format!("{subject} is worse than the {name} policy."));
            } else if value < reference.optimum_lower && cell.ci.as_ref().is_none_or(|ci| ci.low <= value) {
                sentences.push(format!("{subject} is not shown to beat the {name} policy."));
            }
        }
    }
    for world in &summary.worlds {
        let here: Vec<_> = summary.tests.iter().filter(|tests| tests.task == world.label).collect();
        let separates = |p: Option<f64>| p.is_some_and(|p| p < 0.05);
        if !here.is_empty() && !here.iter().any(|tests| separates(tests.welch.as_ref().map(|welch| welch.p_holm))) {
            sentences.push(format!("`{}` separates no two learned agents (Welch, Holm, 0.05).", world.label));
        }
    }
    sentences
}

fn names(cells: &[&Cell]) -> String {
    cells.iter().map(|cell| format!("`{}`", cell.agent)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use crate::record::{Asked, Tuning};
    use crate::{sample, summarise};

    /// The diverged seed costs `dqn` its lead over the myopic policy, and the sentence says so; nothing is claimed
    /// where intervals overlap.
    #[test]
    fn verdicts_claim_what_the_intervals_allow() {
        let summary = sample::summary();
        let [yogurt, matrix, interest] = &summary.verdicts[..] else { panic!("{:?}", summary.verdicts) };
        assert!(yogurt.starts_with("`pricing/yogurt-v1`: `price_grid` comes highest, score 0.9"), "{yogurt}");
        assert!(yogurt.contains("Not shown to beat the myopic policy: `dqn`."), "{yogurt}");
        assert!(!yogurt.contains("Not shown to beat the myopic policy: `price_grid`"), "{yogurt}");
        assert!(matrix.contains("against the lower bound of the optimum, at least 0."), "{matrix}");
        assert!(interest.contains("do not separate it from `dqn`."), "{interest}");
    }

    /// A report of 5 seeds with two ended trials must not look complete.
    #[test]
    fn ticks_name_what_is_missing() {
        let ticks = sample::summary().ticks;
        let open: Vec<&str> = ticks.iter().filter(|tick| !tick.holds).map(|tick| tick.text.as_str()).collect();
        assert_eq!(open.len(), 4, "{open:?}");
        assert!(open[0].contains("1 diverged and 1 failed"), "{}", open[0]);
        assert!(open[1].ends_with("the experiment asks for is not recorded."), "{}", open[1]);
        assert!(
            open[2].contains("5 seeds") && open[2].contains("cover about 84 % (measured with 5 runs of one task)"),
            "{}",
            open[2]
        );
        assert!(open[3].contains("does not say on which seeds"), "{}", open[3]);
    }

    /// Fewer transitions, seeds or episodes than the experiment asks for are told, as much or more is ticked, and one
    /// record that does not tell leaves it open.
    #[test]
    fn a_reduced_budget_is_told() {
        let tick = |change: &dyn Fn(&mut Asked), untold: bool| {
            let mut records = sample::records();
            for record in &mut records {
                let mut asked = Asked { budget: record.budget, seeds: 1, episodes: 100 };
                change(&mut asked);
                record.asked = Some(asked);
            }
            records[0].asked = records[0].asked.filter(|_| !untold);
            let summary = summarise("t", "c", &records, &sample::draw).unwrap();
            let tick = summary.ticks.into_iter().find(|tick| tick.text.contains("budget")).unwrap();
            (tick.holds, tick.text)
        };
        let (holds, text) = tick(&|_| (), false);
        assert!(holds && text.starts_with("No budget was reduced"), "{text}");
        let (holds, text) = tick(&|_| (), true);
        assert!(!holds && text.ends_with("is not recorded."), "{text}");
        let less = "ran with less than the experiment asks for, at the least with";
        for untold in [false, true] {
            let (holds, text) = tick(&|asked| asked.budget *= 2, untold);
            assert!(!holds && text.contains(&format!("8 of 15 agents in their worlds {less} ")), "{text}");
            assert!(text.contains("000 transitions; "), "{text}");
        }
        let all = |asked: &mut Asked| *asked = Asked { budget: 60_000, seeds: 10, episodes: 1000 };
        let expected =
            format!("{less} 0 of 60,000 transitions, 1 of 10 seeds, 100 of 1,000 episodes in the last evaluation;");
        let (holds, text) = tick(&all, false);
        assert!(!holds && text.contains(&expected), "{text}");
    }

    /// Where no figure is over several worlds there is no bootstrap interval to warn about.
    #[test]
    fn one_world_has_no_bootstrap() {
        let records = sample::records().into_iter().filter(|record| record.env == "pricing/yogurt-v1");
        let summary = summarise("t", "c", &records.collect::<Vec<_>>(), &sample::draw).unwrap();
        let tick = summary.ticks.iter().find(|tick| tick.text.contains("seeds or more")).unwrap();
        assert!(tick.text.ends_with("a claim should rest on at least 10."), "{}", tick.text);
    }

    /// Tuning on seeds that are reported is told, tuning on others is ticked.
    #[test]
    fn tuning_on_reported_seeds_is_told() {
        let tick = |seeds: &[u64]| {
            let mut records = sample::records();
            for record in records.iter_mut().filter(|record| record.learned) {
                record.tuning = Some(Tuning { seeds: seeds.into(), how: "a grid".into() });
            }
            let summary = summarise("t", "c", &records, &sample::draw).unwrap();
            summary.ticks.into_iter().find(|tick| tick.text.starts_with("Settings were chosen")).unwrap()
        };
        let both = tick(&[3, 4, 5]);
        assert!(!both.holds && both.text.contains("(3\u{2013}4)"), "{}", both.text);
        assert!(tick(&[100, 101]).holds && tick(&[]).holds);
    }
}
