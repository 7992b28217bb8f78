//! Statistics and off-policy estimates on anybody's numbers. Tables cross the border as comma-separated text, whose
//! readers check them; a float's shortest text is that float.
use crate::failure::parsed;
use mercato::{
    reports::{
        comparison::{self, Scores},
        ope, stats,
    },
    resampling,
};
use pyo3::{exceptions::PyValueError, prelude::*};
use serde_json::json;

fn wrong(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// What `mercato stats --format json` prints of this table.
#[pyfunction]
#[pyo3(signature = (table, floor, resamples, seed, paired, margin))]
pub fn compare(
    py: Python<'_>,
    table: &str,
    floor: Option<f64>,
    resamples: u32,
    seed: u64,
    paired: bool,
    margin: Option<f64>,
) -> PyResult<String> {
    py.detach(|| {
        let scores = Scores::read_csv(table.as_bytes(), floor).map_err(wrong)?;
        let options = comparison::Options { resamples, seed, paired, margin };
        Ok(scores.compare(&options, &resampling::draw(seed)).map_err(wrong)?.to_value().to_string())
    })
}

/// What `mercato ope --format json` prints of this table.
#[pyfunction]
pub fn evaluate_log(py: Python<'_>, table: &str, settings: &str, resamples: u32, seed: u64) -> PyResult<String> {
    let settings: ope::Settings = parsed("the settings", settings)?;
    py.detach(|| {
        let log = ope::read_csv(table.as_bytes()).map_err(wrong)?;
        let options = ope::Options { settings, resamples, seed };
        Ok(log.evaluate(&options, &resampling::draw(seed)).to_value().to_string())
    })
}

/// Two samples of scores: Welch's test, Mann and Whitney's, Hedges' g and Cliff's delta, as JSON.
#[pyfunction]
pub fn difference(x: Vec<f64>, y: Vec<f64>) -> String {
    let welch = stats::welch(&x, &y);
    let ranks = stats::mann_whitney(&x, &y);
    let interval = stats::hedges_g_interval(&x, &y);
    json!({
        "welch": welch,
        "mann_whitney": ranks,
        "hedges_g": stats::hedges_g(&x, &y),
        "hedges_g_interval": interval,
        "cliffs_delta": stats::cliffs_delta(&x, &y),
    })
    .to_string()
}

/// Interquartile mean over the runs of all tasks, a task weighing as its runs do.
#[pyfunction]
pub fn interquartile_mean(tasks: Vec<Vec<f64>>) -> Option<f64> {
    stats::interquartile_mean(&tasks)
}

/// Runs of each of two algorithms for a two-sided Welch test; `None` when no plannable number suffices.
#[pyfunction]
pub fn runs_for(effect: f64, power: f64, alpha: f64) -> Option<u32> {
    stats::runs_for(effect, power, alpha)
}
