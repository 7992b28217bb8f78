//! Maximum likelihood of the conditional logit.

use super::Error;
use super::cholesky::Cholesky;
use super::table::ChoiceData;
use crate::math::{exp64, ln64};
use ndarray::{Array2, Array3, ArrayView2, s};
use serde::Serialize;

/// What to estimate.
#[derive(Clone, Debug, Default)]
pub struct FitOptions {
    /// Adds the term "same as last time" and leaves out the choices without a known predecessor.
    pub memory: bool,
    /// The alternative whose intercept is 0; the first of the table where none is named.
    pub base: Option<String>,
}

/// The estimated model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChoiceFit {
    /// Alternative whose intercept is 0.
    pub base: String,
    /// Coefficients: the attributes, `memory` if asked for, `intercept.ALTERNATIVE` for every other alternative.
    pub names: Vec<String>,
    /// Their most likely values.
    pub estimates: Vec<f64>,
    /// Square roots of the diagonal of the inverse of the negated Hessian.
    pub standard_errors: Vec<f64>,
    /// Σ ln P(chosen).
    pub log_likelihood: f64,
    /// Choices used.
    pub observations: usize,
    /// Newton steps made.
    pub iterations: usize,
}

/// Newton steps before giving up; sound data take about ten.
const MOST_ITERATIONS: usize = 200;
/// A step that promises less log-likelihood than this is the last: it moves no coefficient by more than about 1e-8 of
/// its standard error.
const ENOUGH: f64 = 1e-16;
/// Part of a coefficient's information that must be left when the coefficients before it are known.
const LEAST_DETERMINED: f64 = 1e-12;
/// Part of the information at indifference that must be left at the estimate.
const LEAST_LEFT: f64 = 1e-9;

/// Estimates the model, starting from indifference.
pub fn fit_choice(data: &ChoiceData, options: &FitOptions) -> Result<ChoiceFit, Error> {
    let model = Model::of(data, options)?;
    let mut estimates = vec![0.0; model.names.len()];
    let mut here = model.likelihood(&estimates);
    let mut factor = model.determined(&here.information)?;
    let at_indifference = factor.pivots();
    let mut iterations = 0;
    loop {
        let step = factor.solve(&here.gradient);
        let promised = 0.5 * step.iter().zip(&here.gradient).fold(0.0, |sum, (step, slope)| sum + step * slope);
        (estimates, here) = model.climb(&estimates, &here, &step);
        factor = Cholesky::of(&here.information).map_err(|index| Error::Separated(model.names[index].clone()))?;
        iterations += 1;
        if promised <= ENOUGH {
            break;
        }
        if iterations == MOST_ITERATIONS {
            return Err(Error::NotConverged { iterations, promised });
        }
    }
    let mut pivots = factor.pivots().into_iter().zip(at_indifference);
    if let Some(index) = pivots.position(|(now, then)| now < LEAST_LEFT * then) {
        return Err(Error::Separated(model.names[index].clone()));
    }
    Ok(ChoiceFit {
        base: model.base,
        names: model.names,
        standard_errors: factor.inverse_diagonal().into_iter().map(f64::sqrt).collect(),
        estimates,
        log_likelihood: here.value,
        observations: model.chosen.len(),
        iterations,
    })
}

/// The data as one row of regressors per choice and alternative.
struct Model {
    base: String,
    names: Vec<String>,
    /// By choice, alternative, coefficient.
    regressors: Array3<f64>,
    chosen: Vec<usize>,
}

/// The log-likelihood at a point with its gradient and the negated Hessian.
struct Likelihood {
    value: f64,
    gradient: Vec<f64>,
    information: Array2<f64>,
}

impl Model {
    fn of(data: &ChoiceData, options: &FitOptions) -> Result<Self, Error> {
        let alternatives = &data.alternatives;
        let base = match &options.base {
            None => 0,
            Some(base) => alternatives
                .iter()
                .position(|name| name == base)
                .ok_or_else(|| Error::Base { base: base.clone(), alternatives: alternatives.join(", ") })?,
        };
        let rows: Vec<usize> = (0..data.choices()).filter(|&row| !options.memory || data.last[row].is_some()).collect();
        if rows.is_empty() {
            return Err(Error::Observations { memory: options.memory && data.choices() > 0 });
        }
        let mut names = data.attributes.clone();
        if options.memory {
            names.push("memory".into());
        }
        let before_intercepts = names.len();
        let others: Vec<usize> = (0..alternatives.len()).filter(|&alternative| alternative != base).collect();
        names.extend(others.iter().map(|&alternative| format!("intercept.{}", alternatives[alternative])));

        let mut regressors = Array3::zeros((rows.len(), alternatives.len(), names.len()));
        for (index, &row) in rows.iter().enumerate() {
            let mut block = regressors.slice_mut(s![index, .., ..]);
            block.slice_mut(s![.., ..data.attributes.len()]).assign(&data.values.slice(s![row, .., ..]));
            if options.memory
                && let Some(last) = data.last[row]
            {
                block[[last, before_intercepts - 1]] = 1.0;
            }
            for (intercept, &alternative) in others.iter().enumerate() {
                block[[alternative, before_intercepts + intercept]] = 1.0;
            }
        }
        let chosen = rows.iter().map(|&row| data.chosen[row]).collect();
        Ok(Self { base: alternatives[base].clone(), names, regressors, chosen })
    }

    /// The factors of the information at indifference, where only the columns matter.
    fn determined(&self, information: &Array2<f64>) -> Result<Cholesky, Error> {
        let collinear = |index: usize| Error::Collinear(self.names[index].clone());
        let factor = Cholesky::of(information).map_err(collinear)?;
        let mut pivots = factor.pivots().into_iter().zip(information.diag());
        match pivots.position(|(pivot, whole)| pivot < LEAST_DETERMINED * whole) {
            Some(index) => Err(collinear(index)),
            None => Ok(factor),
        }
    }

    /// The largest of the steps 1, ½, ¼, … that does not lower the log-likelihood by more than rounding; the place
    /// itself where none does.
    fn climb(&self, from: &[f64], here: &Likelihood, step: &[f64]) -> (Vec<f64>, Likelihood) {
        let slack = 1e-12 * here.value.abs();
        let mut length = 1.0;
        loop {
            let to: Vec<f64> = from.iter().zip(step).map(|(from, step)| from + length * step).collect();
            let there = self.likelihood(&to);
            if there.value >= here.value - slack || length < 1e-10 {
                return (to, there);
            }
            length *= 0.5;
        }
    }

    fn likelihood(&self, coefficients: &[f64]) -> Likelihood {
        let count = coefficients.len();
        let mut sum = Likelihood { value: 0.0, gradient: vec![0.0; count], information: Array2::zeros((count, count)) };
        for (block, &chosen) in self.regressors.outer_iter().zip(&self.chosen) {
            sum.add(block, chosen, coefficients);
        }
        for row in 0..count {
            for column in 0..row {
                sum.information[[column, row]] = sum.information[[row, column]];
            }
        }
        sum
    }
}

impl Likelihood {
    /// Adds one choice; of the information only the lower triangle.
    fn add(&mut self, regressors: ArrayView2<f64>, chosen: usize, coefficients: &[f64]) {
        let utilities: Vec<f64> = regressors
            .outer_iter()
            .map(|row| row.iter().zip(coefficients).fold(0.0, |sum, (value, coefficient)| sum + value * coefficient))
            .collect();
        let largest = utilities.iter().fold(f64::NEG_INFINITY, |top, &u| if u > top { u } else { top });
        let weights: Vec<f64> = utilities.iter().map(|utility| exp64(utility - largest)).collect();
        let total = weights.iter().fold(0.0, |sum, weight| sum + weight);
        self.value += utilities[chosen] - largest - ln64(total);

        let mut mean = vec![0.0; coefficients.len()];
        for (row, weight) in regressors.outer_iter().zip(&weights) {
            for (mean, value) in mean.iter_mut().zip(row) {
                *mean += weight / total * value;
            }
        }
        for (index, mean) in mean.iter().enumerate() {
            self.gradient[index] += regressors[[chosen, index]] - mean;
        }
        for (row, weight) in regressors.outer_iter().zip(&weights) {
            for first in 0..coefficients.len() {
                let scaled = weight / total * (row[first] - mean[first]);
                for second in 0..=first {
                    self.information[[first, second]] += scaled * (row[second] - mean[second]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Domain, Purpose, Rng};
    use std::fmt::Write;

    fn fit(table: &str, options: &FitOptions) -> Result<ChoiceFit, Error> {
        fit_choice(&ChoiceData::read_csv(table.as_bytes()).unwrap(), options)
    }

    fn with_memory() -> FitOptions {
        FitOptions { memory: true, base: None }
    }

    const PRICE: f64 = -0.8;
    const FEATURE: f64 = 0.5;
    const MEMORY: f64 = 1.2;
    const INTERCEPTS: [f64; 3] = [0.0, 0.7, -0.4];

    /// Choices of 250 households, 12 each, by buyers with the coefficients above.
    fn simulated_panel() -> String {
        let mut table = "id,price.a,price.b,price.c,feature.a,feature.b,feature.c,choice\n".to_owned();
        for household in 0..250 {
            let mut last = None;
            for occasion in 0..12 {
                let mut stream = Rng::new(1, Domain::Statistics).at(household, 0, occasion).stream(Purpose::STEP);
                let prices = [0; 3].map(|_| 1.0 + 3.0 * stream.uniform64());
                let features = [0; 3].map(|_| if stream.bernoulli(0.2) { 1.0 } else { 0.0 });
                let weights = [0, 1, 2].map(|j| {
                    let loyal = if last == Some(j) { MEMORY } else { 0.0 };
                    exp64(PRICE * prices[j] + FEATURE * features[j] + loyal + INTERCEPTS[j]) as f32
                });
                let choice = stream.categorical(&weights);
                let ([p, q, r], [f, g, h], name) = (prices, features, ["a", "b", "c"][choice]);
                writeln!(table, "{household},{p},{q},{r},{f},{g},{h},{name}").unwrap();
                last = Some(choice);
            }
        }
        table
    }

    /// The coefficients that made a panel are found again within three standard errors, none of which is vague.
    #[test]
    fn known_coefficients_are_recovered() {
        let fit = fit(&simulated_panel(), &with_memory()).unwrap();
        assert_eq!(fit.names, ["price", "feature", "memory", "intercept.b", "intercept.c"]);
        assert_eq!((fit.base.as_str(), fit.observations), ("a", 250 * 11));
        let truth = [PRICE, FEATURE, MEMORY, INTERCEPTS[1], INTERCEPTS[2]];
        for (index, truth) in truth.into_iter().enumerate() {
            let (estimate, error) = (fit.estimates[index], fit.standard_errors[index]);
            assert!(
                (estimate - truth).abs() < 3.0 * error,
                "{}: {estimate} ± {error}, made with {truth}",
                fit.names[index]
            );
            assert!(error < 0.12, "{}: standard error {error}", fit.names[index]);
        }
    }

    /// The bits of a whole fit, for comparing optimisation levels and machines.
    #[test]
    fn bits_are_the_committed_ones() {
        let fit = fit(&simulated_panel(), &with_memory()).unwrap();
        let bits = [fit.log_likelihood, fit.estimates[0], fit.standard_errors[4]].map(f64::to_bits);
        assert_eq!(bits, [0xc09f_b9ff_ec55_620c, 0xbfe8_7eee_2f0a_64cb, 0x3fb1_50d9_abe8_6c02]);
    }

    /// Gradient and information are the derivatives of the value, away from the optimum, and the gradient is 0 there.
    #[test]
    fn derivatives_match_differences() {
        let data = ChoiceData::read_csv(simulated_panel().as_bytes()).unwrap();
        let model = Model::of(&data, &with_memory()).unwrap();
        let at = |point: &[f64], index: usize, shift: f64| {
            let mut point = point.to_vec();
            point[index] += shift;
            model.likelihood(&point)
        };
        let point = [-0.3, 0.2, 0.9, 0.1, 0.4];
        let here = model.likelihood(&point);
        let step = 1e-4;
        for index in 0..5 {
            let (above, below) = (at(&point, index, step), at(&point, index, -step));
            let slope = (above.value - below.value) / (2.0 * step);
            assert!((here.gradient[index] - slope).abs() < 1e-5 * (1.0 + slope.abs()));
            for other in 0..5 {
                let curvature = (below.gradient[other] - above.gradient[other]) / (2.0 * step);
                assert!((here.information[[index, other]] - curvature).abs() < 1e-5 * (1.0 + curvature.abs()));
            }
        }
        let best = fit_choice(&data, &with_memory()).unwrap().estimates;
        for index in 0..5 {
            let slope = (at(&best, index, step).value - at(&best, index, -step).value) / (2.0 * step);
            assert!(slope.abs() < 1e-5, "slope {slope} along coefficient {index}");
        }
    }

    /// A saturated model has a closed form: with x = 0, 30 of 100 take b; with x = 1, 80 of 100.
    #[test]
    fn saturated_model_has_its_closed_form() {
        let mut table = "id,x.a,x.b,choice\n".to_owned();
        for (x, name, count) in [(0, "a", 70), (0, "b", 30), (1, "a", 20), (1, "b", 80)] {
            (0..count).for_each(|_| writeln!(table, "1,0,{x},{name}").unwrap());
        }
        let fit = fit(&table, &FitOptions::default()).unwrap();
        let close = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-12, "{found}, wanted {wanted}");
        close(fit.estimates[1], ln64(3.0 / 7.0));
        close(fit.estimates[0], ln64(4.0) - ln64(3.0 / 7.0));
        close(fit.standard_errors[1], (1.0 / 70.0 + 1.0 / 30.0f64).sqrt());
        close(fit.standard_errors[0], (1.0 / 70.0 + 1.0 / 30.0 + 1.0 / 20.0 + 1.0 / 80.0f64).sqrt());
        close(fit.log_likelihood, 70.0 * ln64(0.7) + 30.0 * ln64(0.3) + 20.0 * ln64(0.2) + 80.0 * ln64(0.8));
    }

    /// Another base shifts the intercepts and nothing else.
    #[test]
    fn the_base_is_a_convention() {
        let table = simulated_panel();
        let first = fit(&table, &FitOptions::default()).unwrap();
        let other = fit(&table, &FitOptions { memory: false, base: Some("c".into()) }).unwrap();
        assert_eq!(other.names[2..], ["intercept.a", "intercept.b"]);
        assert!((first.log_likelihood - other.log_likelihood).abs() < 1e-9);
        assert!((first.estimates[0] - other.estimates[0]).abs() < 1e-9);
        assert!((first.estimates[3] + other.estimates[2]).abs() < 1e-9);
    }

    /// What cannot be estimated is refused, and the coefficient is named.
    #[test]
    fn impossible_estimates_are_refused() {
        let refuse = |table: &str, options: &FitOptions, message: &str| {
            assert_eq!(fit(table, options).unwrap_err().to_string(), message);
        };
        let none = FitOptions::default();
        // The cheaper one is always taken.
        let separated = "id,p.a,p.b,choice\n1,1,2,a\n1,3,2,b\n1,1,3,a\n1,4,3,b\n1,2,2.5,a\n1,2,1.5,b\n";
        let infinite = |name: &str| {
            format!("the estimate of `{name}` runs to infinity: some choices are predicted perfectly (or never made)")
        };
        let undetermined = |name: &str| {
            format!("`{name}` is a combination of the other columns (or never varies): its coefficient is undetermined")
        };
        refuse(separated, &none, &infinite("p"));
        let never_b = "id,p.a,p.b,p.c,choice\n1,1,2,2,a\n1,3,2,1,c\n1,1,3,2,c\n1,4,3,2,a\n1,1,1,2,a\n";
        refuse(never_b, &none, &infinite("intercept.b"));
        let doubled = "id,p.a,p.b,q.a,q.b,choice\n1,1,2,2,4,a\n1,3,2,6,4,a\n1,1,3,2,6,b\n1,4,3,8,6,b\n";
        refuse(doubled, &none, &undetermined("q"));
        let constant = "id,p.a,p.b,choice\n1,1,1,a\n1,3,3,a\n1,2,2,b\n";
        refuse(constant, &none, &undetermined("p"));
        refuse("id,p.a,p.b,choice\n", &none, "no choices to learn from");
        refuse(
            "id,p.a,p.b,choice\n1,1,2,a\n2,1,2,b\n",
            &with_memory(),
            "no choices to learn from: no household is seen twice, and `memory` needs a predecessor",
        );
        let base = FitOptions { memory: false, base: Some("d".into()) };
        refuse(separated, &base, "base `d` is no alternative; it must be one of: a, b");
    }
}
