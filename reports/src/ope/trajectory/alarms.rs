//! What a careful reader must know of the estimates themselves, beside how far the log carries.

use std::collections::BTreeMap;

use super::ANEW;
use super::fitted::Table;
use crate::ope::diagnostics::UNSUPPORTED;
use crate::stats::Estimate;

/// Estimates that are no numbers, which are taken away.
pub(super) fn beyond_numbers(estimates: &mut BTreeMap<&'static str, Estimate>) -> Option<String> {
    let broken: Vec<&str> =
        estimates.iter().filter(|(_, estimate)| !estimate.point.is_finite()).map(|(name, _)| *name).collect();
    let alarm = format!("weights beyond the range of numbers leave no estimate by {}", broken.join(", "));
    estimates.retain(|_, estimate| estimate.point.is_finite());
    (!broken.is_empty()).then_some(alarm)
}

/// Estimates that no resample comes near.
pub(super) fn beside_their_intervals(estimates: &BTreeMap<&'static str, Estimate>) -> Option<String> {
    let beside = |(_, estimate): &(&&'static str, &Estimate)| {
        let ends = estimate.low.zip(estimate.high).filter(|_| estimate.method.ends_with(ANEW));
        ends.is_some_and(|(low, high)| estimate.point < low || high < estimate.point)
    };
    let beside: Vec<&str> = estimates.iter().filter(beside).map(|(name, _)| *name).collect();
    let alarm = format!(
        "estimates beside their own intervals ({}): states are seen so seldom that tables fitted to resamples lack \
         actions that the log has; trust neither",
        beside.join(", ")
    );
    (!beside.is_empty()).then_some(alarm)
}

/// A table that knows nothing of what the evaluation policy does.
pub(super) fn unseen(table: &Table, modelled: bool) -> Option<String> {
    let from_table = if modelled { "fqe is" } else { "dm, dr, fqe and sndr are" };
    let unseen = table.unseen();
    let alarm = format!(
        "{:.1} % of the evaluation policy's probability is on actions that their state never shows at that time, for \
         which the fitted table has 0: {from_table} off by what they earn",
        100.0 * unseen
    );
    (unseen > UNSUPPORTED).then_some(alarm)
}
