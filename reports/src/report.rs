//! From records to a folder: `report.html`, `report.md`, `report.json`, `charts/*.svg`, and `runs.csv` and `curves.csv`.

use std::io;
use std::path::{Path, PathBuf};

use crate::charts::ChartError;
use crate::contents::contents;
use crate::document::Block;
use crate::stats::Draw;
use crate::summarise::{SummaryError, summarise};
use crate::summary::Since;
use crate::{Record, Summary, changes::changes, export, html, markdown};

/// What a report needs beside its records.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportContext {
    /// Title.
    pub title: String,
    /// Command that makes records and report again.
    pub command: String,
    /// Texts about the worlds; those without one get none.
    pub worlds: Vec<WorldText>,
    /// An earlier report: this one then says what changed since.
    pub before: Option<Summary>,
}

/// What a report says about a world beside its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldText {
    /// Id of the world.
    pub id: String,
    /// One paragraph, Markdown.
    pub about: String,
    /// The whole page of the world, Markdown.
    pub page_markdown: String,
}

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The records make no report.
    #[error(transparent)]
    Summary(#[from] SummaryError),
    /// A chart could not be drawn.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// A file could not be written.
    #[error("cannot write {}: {cause}; check that the folder can be written and the disk has room", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// Writes the report of these records into `dir`, which is made if it is missing; a report that is there already is
/// replaced. The same records, in any order, with the same context and the same draws give the same bytes.
///
/// `draw` gives random indices by address to the bootstrap.
///
/// # Errors
/// [`ReportError`]. Nothing is written unless all charts could be drawn, and a file is there as a whole or not at all.
pub fn write_report(
    dir: &Path,
    records: &[Record],
    context: &ReportContext,
    draw: Draw,
) -> Result<Summary, ReportError> {
    let mut summary = summarise(&context.title, &context.command, records, draw)?;
    if let Some(before) = &context.before {
        let (id, title) = (before.id.clone(), before.title.clone());
        summary.since = Some(Since { id, title, changes: changes(before, &summary) });
        summary.id = summary.digest();
    }
    let files = report_files(&summary, context)?;
    let charts = dir.join("charts");
    std::fs::create_dir_all(&charts).map_err(|cause| ReportError::Write { path: charts.clone(), cause })?;
    for (name, text) in files {
        write_whole(&dir.join(name), &text)?;
    }
    Ok(summary)
}

/// The files of a report by their names below its folder; `context.before` has no part in them.
///
/// # Errors
/// When a chart cannot be drawn.
pub fn report_files(summary: &Summary, context: &ReportContext) -> Result<Vec<(String, String)>, ReportError> {
    let blocks = contents(summary, context)?;
    let charts = blocks.iter().filter_map(|block| match block {
        Block::Figure { chart, .. } => Some((format!("charts/{}", chart.file), chart.standalone())),
        _ => None,
    });
    let tables = [
        ("report.html", html::render(&blocks)),
        ("report.md", markdown::render(&blocks)),
        ("report.json", summary.to_json()),
        ("runs.csv", export::runs(summary)),
        ("curves.csv", export::curves(summary)),
    ];
    Ok(charts.chain(tables.map(|(name, text)| (name.into(), text))).collect())
}

/// Writes under a temporary name in the same folder, then renames.
fn write_whole(path: &Path, text: &str) -> Result<(), ReportError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".part");
    let written = std::fs::write(&temporary, text).and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|cause| {
        // The first error is the one that counts; the leftover may not even exist.
        let _ = std::fs::remove_file(&temporary);
        ReportError::Write { path: path.into(), cause }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn context() -> ReportContext {
        let world = |id: &str, about: &str| WorldText {
            id: id.into(),
            about: about.into(),
            page_markdown: format!(
                "# {id}\n\nThe *story* of this world, with a <script>alert(1)</script> and ![a picture](https://example.org/x.png).\n\n\
                 ## Observation\n\n| name | unit | range |\n|---|---|---|\n| `interest` | none | 0 to 1 |\n"
            ),
        };
        ReportContext {
            title: "Sample of three worlds".into(),
            command: "mercato run sample --seeds 0..5 --out runs/sample".into(),
            worlds: vec![
                world(
                    "rec/markov-interest-v1",
                    "A visitor whose interest wanders from item to item as a Markov chain; each recommendation is \
                     clicked or not, and moves the interest.",
                ),
                world(
                    "pricing/yogurt-v1",
                    "Households choose among yogurts by price and habit; the seller sets prices.",
                ),
            ],
            before: None,
        }
    }

    fn write(dir: &Path, records: &[Record]) -> Summary {
        write_report(dir, records, &context(), &sample::draw).unwrap()
    }

    /// `report.json` holds the summary that the caller gets. With `MERCATO_SAMPLE_REPORT=DIR` the report stays in DIR,
    /// for whoever wants to look at one.
    #[test]
    fn report_json_holds_the_summary() {
        let temporary = tempfile::tempdir().unwrap();
        let kept = std::env::var_os("MERCATO_SAMPLE_REPORT").map(PathBuf::from);
        let dir = kept.as_deref().unwrap_or(temporary.path());
        let summary = write(dir, &sample::records());
        let text = std::fs::read_to_string(dir.join("report.json")).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
        assert_eq!(summary.id.len(), 64);
    }

    /// All files below a folder, by name.
    fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        for folder in [dir.to_path_buf(), dir.join("charts")] {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    files.push((path.strip_prefix(dir).unwrap().to_path_buf(), std::fs::read(&path).unwrap()));
                }
            }
        }
        files.sort();
        files
    }

    /// The same records make the same bytes, in whatever order their lines lie, and over an older report.
    #[test]
    fn reports_are_equal_byte_for_byte() {
        let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let mut records = sample::records();
        write(first.path(), &records);
        records.rotate_left(11);
        records.swap(0, 5);
        write(second.path(), &records[..4]);
        let shorter = files(second.path());
        write(second.path(), &records);
        let names: Vec<String> = files(first.path()).iter().map(|(name, _)| name.display().to_string()).collect();
        assert_eq!(
            names,
            [
                "charts/curves-pricing-yogurt-v1.svg",
                "charts/curves-rec-markov-interest-matrix-v1.svg",
                "charts/curves-rec-markov-interest-v1.svg",
                "charts/improvement.svg",
                "charts/profiles.svg",
                "charts/regret.svg",
                "charts/scores.svg",
                "curves.csv",
                "report.html",
                "report.json",
                "report.md",
                "runs.csv"
            ]
        );
        assert_ne!(files(first.path()), shorter);
        assert!(files(first.path()) == files(second.path()), "the two reports differ");
    }

    /// A trial that diverged and one that failed are in every format, with their reasons, escaped where they must be.
    #[test]
    fn ended_trials_are_shown() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &sample::records());
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        for name in ["report.html", "report.md", "report.json"] {
            assert!(read(name).contains("loss is NaN at update 11,872"), "{name}");
            assert!(read(name).contains("1 diverged and 1 failed"), "{name}");
        }
        assert!(read("report.html").contains("network: 10 &lt;outputs&gt; &amp; 12 items"));
        assert!(read("report.md").contains("network: 10 &lt;outputs> &amp; 12 items"));
    }

    /// A page that is opened without a network is whole: nothing in it loads anything or runs, whatever a world's own
    /// page holds.
    #[test]
    fn the_page_loads_nothing() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &sample::records());
        let html = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
        for loader in ["<script", "<link", "<img", "<iframe", "@import", "url(", "src=", "http:", "https:"] {
            assert!(!html.contains(loader), "{loader}");
        }
        assert!(html.contains("&lt;script&gt;"));
    }

    /// Every figure has a description, its numbers in a table, and no colour of plotters' ink left.
    #[test]
    fn figures_are_described() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &sample::records());
        let html = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
        assert_eq!(html.matches("<svg ").count(), 7);
        assert_eq!(html.matches("role=\"img\" aria-label=\"").count(), 7 + sample::summary().ticks.len());
        assert_eq!(html.matches("The numbers of this figure").count(), 7);
        assert!(html.contains("<text ") && html.contains("currentColor") && !html.contains("#01020"));
    }

    /// Reports of the least that can be: reference policies alone, one seed, trials that all failed at once, and a
    /// world in which the random policy is optimal, so that no score exists.
    #[test]
    fn poor_records_make_a_report() {
        let whole = sample::records();
        let of = |keep: fn(&Record) -> bool| whole.iter().filter(|record| keep(record)).cloned().collect();
        let mut failed: Vec<Record> = of(|record| record.learned);
        for record in &mut failed {
            record.status = crate::record::Status::Failed { message: "no | room\nleft".into() };
            record.curve.clear();
            record.outcome.metrics.clear();
        }
        let mut flat: Vec<Record> = of(|_| true);
        for record in &mut flat {
            record.reference.optimum_lower = record.reference.random;
            record.reference.optimum_upper = record.reference.random;
            record.reference.myopic = None;
            record.reference.named.clear();
        }
        let alone: Vec<Record> = of(|record| !record.learned);
        let single: Vec<Record> = of(|record| record.learned && record.seed == 2);
        for records in [alone, single, failed, flat] {
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), &records);
            let html = std::fs::read_to_string(dir.path().join("report.html")).unwrap();
            assert!(!html.contains("NaN<") && !html.contains("inf<"), "a figure is not finite");
        }
    }

    /// Held against an earlier report, every format says what changed, and the id with it.
    #[test]
    fn changes_since_an_earlier_report_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let plain = write(dir.path(), &sample::records());
        let mut records = sample::records();
        records.iter_mut().filter(|record| record.agent == "dqn").for_each(|record| {
            record.agent_config["lr"] = 0.5.into();
            record.hashes.weights = Some("0".repeat(64));
        });
        let context = ReportContext { before: Some(plain.clone()), ..context() };
        let summary = write_report(dir.path(), &records, &context, &sample::draw).unwrap();
        assert_ne!(summary.id, plain.id);
        for name in ["report.html", "report.md", "report.json"] {
            let text = std::fs::read_to_string(dir.path().join(name)).unwrap();
            assert!(text.contains("agent.lr") && text.contains(&plain.id[..16]), "{name}");
        }
    }

    /// A folder that cannot be made is an error with its name.
    #[test]
    fn an_unwritable_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = write_report(&file, &sample::records(), &context(), &sample::draw).unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot write {}", file.display())), "{error}");
    }
}
