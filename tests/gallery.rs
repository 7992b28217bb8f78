//! The gallery of charts is fresh, and every chart can be had as SVG and as PNG, on light and on dark ground.
//! `UPDATE=1 cargo test gallery` writes `docs/gallery`; look at what changed. `MERCATO_GALLERY_PNG=FOLDER` writes pixels.
//! `mercato bench history --format json > docs/gallery/versions.json` renews the counts.
use crate::support;
use mercato::{
    envs::{self, Actions, Params, Slot, Stage, Start, VectorEnv},
    reports::{
        Chart, Exposure, Line, Panel, Summary, Version, episode_chart, exposure_chart, paths_chart, report_charts,
        summarise, versions_chart,
    },
    resampling, store,
};
use std::path::{Path, PathBuf};

/// One step of an episode: what was observed before it, what was done, what it brought.
struct Step {
    observation: Vec<f32>,
    items: Vec<u32>,
    reals: Vec<f32>,
    reward: f32,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/gallery")
}

/// Episode 0 of row 0 of a world under one of its policies, by the evaluation seed `seed`.
fn episode(id: &str, policy: &str, seed: u64) -> Vec<Step> {
    let mut world = envs::make(id, &Params::new(), 1).expect("the defaults are admissible");
    let policy = world.spec().policy(policy).expect("a policy of the world");
    let mut actions = Actions::new(1, world.spec().width);
    let mut observation = vec![0.0; world.spec().observation];
    let (mut reward, mut stage) = ([0.0], [Stage::First]);
    let mut at = |world: &mut Box<dyn VectorEnv>, actions: Option<&Actions>, observation: &mut Vec<f32>| {
        let slot = Slot { observation, reward: &mut reward, stage: &mut stage };
        match actions {
            None => world.reset(Start::evaluation(seed, 0), slot),
            Some(actions) => world.step(actions, slot),
        }
        .expect("the buffers fit");
        (reward[0], stage[0].is_last())
    };
    at(&mut world, None, &mut observation);
    let mut steps = Vec::new();
    loop {
        let before = observation.clone();
        world.reference(&policy, &mut actions).expect("the widths fit");
        let (reward, last) = at(&mut world, Some(&actions), &mut observation);
        let row = actions.row(0);
        steps.push(Step { observation: before, items: row.items.to_vec(), reals: row.reals.to_vec(), reward });
        if last || steps.len() == 400 {
            return steps;
        }
    }
}

fn rewards() -> Chart {
    let line = |policy: &str| Line {
        policy: policy.into(),
        rewards: episode("rec/markov-interest-v1", policy, 3).iter().map(|step| f64::from(step.reward)).collect(),
    };
    let lines: Vec<Line> = ["oracle", "myopic", "random"].map(line).into();
    episode_chart("episode.svg".into(), "rec/markov-interest-v1", &lines).expect("it can be drawn")
}

/// The posted price and the stock that is left, in units, along one selling season.
fn price_and_stock() -> Chart {
    const STOCK: f64 = 10.0;
    let of = |value: fn(&Step) -> f64| {
        let path = |policy: &str| {
            (
                policy.to_string(),
                episode("pricing/inventory-large-v1", policy, 1).iter().map(value).collect::<Vec<f64>>(),
            )
        };
        ["oracle", "myopic", "random"].map(path).to_vec()
    };
    let panels = [
        Panel { title: "price, in units of the mean valuation".into(), lines: of(|step| f64::from(step.reals[0])) },
        Panel { title: "units left".into(), lines: of(|step| STOCK * f64::from(step.observation[1])) },
    ];
    let title = "pricing/inventory-large-v1, one season: price and stock";
    paths_chart("paths.svg".into(), title, &panels).expect("it can be drawn")
}

/// Discounted shares of the steps that showed each item, over 2000 readers.
fn exposure() -> Chart {
    const ITEMS: usize = 10;
    let of = |policy: &str| {
        let mut shares = [0.0; ITEMS];
        for seed in 0..2000 {
            let mut weight = 1.0;
            for step in episode("rec/fair-interest-v1", policy, seed) {
                shares[step.items[0] as usize] += weight;
                weight *= 0.95;
            }
        }
        let all: f64 = shares.iter().sum();
        (policy.to_string(), shares.iter().map(|share| share / all).collect())
    };
    let exposure = Exposure {
        title: "rec/fair-interest-v1: discounted exposure of the ten items under four policies".into(),
        groups: vec![("large provider".into(), None), ("small provider".into(), Some(0.5))],
        // Item i is on topic i modulo 5; topics 3 and 4 belong to the smaller provider.
        group_of: (0..ITEMS).map(|item| usize::from(item % 5 >= 3)).collect(),
        policies: ["oracle", "unconstrained", "myopic", "random"].map(of).into(),
    };
    exposure_chart("exposure.svg".into(), &exposure).expect("it can be drawn")
}

fn versions() -> Chart {
    let text = std::fs::read_to_string(folder().join("versions.json")).expect("docs/gallery/versions.json");
    let found: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let version = |value: &serde_json::Value| Version {
        name: value["commit"].as_str().expect("a commit").chars().take(8).collect(),
        counts: (value["counts"].as_object().expect("counts by kernel").iter())
            .map(|(kernel, count)| (kernel.clone(), count.as_u64().expect("a count")))
            .collect(),
    };
    let versions: Vec<Version> = found["versions"].as_array().expect("a list").iter().map(version).collect();
    versions_chart("versions.svg".into(), "warp instructions", &versions).expect("it can be drawn")
}

/// What an L2 penalty does where a log is short: figures of `docs/gallery/offline.json`, which says how they were made.
fn over_fitting() -> Chart {
    let text = std::fs::read_to_string(folder().join("offline.json")).expect("docs/gallery/offline.json");
    let found: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let panel = |title: &str, key: &str| {
        let lines = found["lines"].as_array().expect("a list").iter().map(|line| {
            let numbers = line[key].as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number"));
            (format!("l2 = {}", line["l2"].as_str().expect("a penalty")), numbers.collect())
        });
        Panel { title: title.into(), lines: lines.collect() }
    };
    let panels =
        [panel("loss on decisions that are held out", "validation_loss"), panel("reward of the policy", "reward")];
    let title = "rec/topic-bandit-v1 learnt from 2000 decisions, by thousands of updates";
    paths_chart("offline.svg".into(), title, &panels).expect("it can be drawn")
}

/// Charts with what they are and the command that makes them.
fn gallery() -> Vec<(Chart, &'static str, &'static str)> {
    let published = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/published/full");
    let text = std::fs::read_to_string(published.join("report.json")).expect("the published report");
    let summary: Summary = serde_json::from_str(&text).expect("a report of this schema");
    let report = "mercato report reports/published/full --png";
    // Every agent of these two worlds plays in both, so that each can be compared with each.
    let mut records = store::records(&published).expect("the published records");
    records.retain(|record| record.env.starts_with("rec/"));
    let readers = summarise("", "", &records, &resampling::draw(0)).expect("a summary");
    let compares = |chart: &Chart| ["profiles.svg", "improvement.svg"].contains(&chart.file.as_str());
    let mut found = Vec::new();
    let (all, alike) = [&summary, &readers].map(|of| report_charts(of).expect("they can be drawn")).into();
    let chosen = all.into_iter().filter(|chart| !compares(chart)).chain(alike.into_iter().filter(compares));
    for chart in chosen {
        let about = match chart.file.as_str() {
            "scores.svg" => "Scores with their intervals, beside reference policies",
            "regret.svg" => "Regret against the optimum",
            "profiles.svg" => "Performance profiles, of the agents in the two worlds of readers",
            "improvement.svg" => "Who beats whom there",
            "curves-rec-markov-interest-v1.svg" => "Learning curves with bands, every run thin",
            _ => continue,
        };
        found.push((chart, about, report));
    }
    let here = "UPDATE=1 cargo test gallery";
    found.push((rewards(), "One episode under three policies", here));
    found.push((price_and_stock(), "Price and stock along one season", here));
    found.push((exposure(), "Exposure and fairness: items, providers, and what was promised", here));
    found.push((over_fitting(), "Over-fitting a short log, and L2 against it", here));
    found.push((versions(), "Kernel counts over versions", "mercato bench history --chart versions.svg"));
    found
}

#[test]
fn the_gallery_is_fresh_and_every_chart_has_a_title_and_pixels() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut text = String::from(
        "# Charts\n\nEvery kind of chart that mercato draws, made by `UPDATE=1 cargo test gallery`. Colours are those of \
         Okabe and Ito, each line has its own marker, files follow the reader's choice of light or dark, and each has its \
         numbers in words for those who cannot see it. `mercato report DIR --png` writes PNG at twice the size, light and \
         dark.\n",
    );
    let mut files = vec![("README.md".to_string(), String::new())];
    let pictures = std::env::var_os("MERCATO_GALLERY_PNG").map(PathBuf::from);
    for (at, (chart, about, command)) in gallery().into_iter().enumerate() {
        let svg = chart.standalone();
        assert!(svg.contains("<title>") && svg.contains("<desc>"), "{} has no title or description", chart.file);
        assert!(svg.contains("role=\"img\""), "{}", chart.file);
        for (dark, end) in [(false, "png"), (true, "dark.png")] {
            // Pixels are slow to draw in a debug build: every second chart on light ground, the others on dark.
            if pictures.is_none() && dark == (at % 2 == 0) {
                continue;
            }
            let png = chart.png(dark).expect("it can be drawn");
            assert!(png.starts_with(b"\x89PNG") && png.len() > 4_000, "{}: {} bytes", chart.file, png.len());
            if let Some(folder) = &pictures {
                std::fs::create_dir_all(folder).expect("a folder");
                std::fs::write(folder.join(&chart.file).with_extension(end), png).expect("written");
            }
        }
        text += &format!(
            "\n## {about}\n\n![{}]({})\n\n```sh\n{command}\n```\n",
            chart.alt.replace(['[', ']'], ""),
            chart.file
        );
        files.push((chart.file.clone(), svg));
    }
    let shapes = support::Folder::new();
    let path = shapes.path("kernels.svg");
    assert_eq!(support::mercato(&["kernels", "list", "--chart", &path], &[]).code, 0);
    let svg = std::fs::read_to_string(&path).expect("the chart");
    assert!(svg.contains("<desc>") && svg.contains("role=\"img\""), "{path} has no description");
    text += "\n## Kernel counts over shapes\n\n![Instructions of every kernel and of every operation on the CPU against the \
             size of the problem](kernels.svg)\n\n```sh\nmercato kernels list --chart kernels.svg\n```\n";
    files.push(("kernels.svg".into(), svg));
    files[0].1 = text;
    assert_eq!(files.len(), 12, "a chart of the report is missing");
    for (name, text) in &files {
        let path = folder().join(name);
        if update {
            std::fs::write(&path, text).expect("written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == *text, "docs/gallery/{name} is not fresh; `UPDATE=1 cargo test gallery` writes it");
    }
}
