//! Numbers as a reader meets them: a fixed number of decimals, a true minus sign, thousands apart.

use serde_json::Value;

/// Decimals that show differences of a thousandth of `span`, at most 6.
pub fn decimals(span: f64) -> usize {
    let mut unit = span.abs() / 1000.0;
    let mut decimals = 0;
    while unit > 0.0 && unit < 0.5 && decimals < 6 {
        unit *= 10.0;
        decimals += 1;
    }
    decimals
}

/// A number with so many decimals.
pub fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let sign = if value < 0.0 && !is_zero { "\u{2212}" } else { "" };
    format!("{sign}{}{fraction}", thousands(whole))
}

/// A number with about four significant digits, in powers of ten where it is very large or very small.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e9).contains(&size) {
        let text = format!("{value:.3e}");
        let (mantissa, exponent) = text.split_once('e').expect("the format has an exponent");
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        return format!("{mantissa}e{exponent}").replace('-', "\u{2212}");
    }
    let decimals = match size {
        1000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        1.0.. => 3,
        _ => 4,
    };
    let text = fixed(value, decimals);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A whole number with its thousands apart.
pub fn count(value: u64) -> String {
    thousands(&value.to_string())
}

/// Numbers in rising order, with neighbours joined: `0\u{2013}4, 7`.
pub fn ranges(numbers: &[u64]) -> String {
    let joined = numbers.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [one] => one.to_string(),
        _ => format!("{}\u{2013}{}", run[0], run[run.len() - 1]),
    });
    joined.collect::<Vec<_>>().join(", ")
}

/// A JSON value on one line; a text without its quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A JSON value whose floats have twelve significant digits.
pub fn rounded_json(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => number.as_f64().map(crate::stats::rounded).into(),
        Value::Array(list) => list.into_iter().map(rounded_json).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, rounded_json(value))).collect(),
        other => other,
    }
}

fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No minus before a zero, a true minus sign elsewhere, thousands apart on the left of the point only.
    #[test]
    fn fixed_numbers() {
        assert_eq!(fixed(-0.0004, 3), "0.000");
        assert_eq!(fixed(-1_234_567.125, 2), "\u{2212}1,234,567.12");
        assert_eq!(fixed(999.5, 0), "1,000");
    }

    /// A world whose values span 4 shows thousandths; one that spans millions shows none.
    #[test]
    fn decimals_follow_the_span() {
        assert_eq!([4.0, 311.25, 5e6, 0.4, 0.0].map(decimals), [3, 1, 0, 4, 0]);
    }

    /// Four significant digits, no idle zeros, powers of ten at the ends.
    #[test]
    fn short_numbers() {
        assert_eq!(
            [0.0, 40.0, 0.25, 12_345.6, 1e-9, 0.123456].map(short),
            ["0", "40", "0.25", "12,346", "1e\u{2212}9", "0.1235"]
        );
    }
}
