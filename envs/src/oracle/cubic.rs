//! A smooth function of one variable, known on an even grid: between the nodes by the cubic through the nearest four.

/// Values at `low`, `low + step`, …; at least four.
#[derive(Clone, Debug)]
pub struct Cubic {
    /// The first node.
    pub low: f64,
    /// The distance of neighbouring nodes.
    pub step: f64,
    /// The values.
    pub values: Vec<f64>,
}

impl Cubic {
    /// `f` at `nodes` nodes from `low` to `high`.
    pub fn new(low: f64, high: f64, nodes: usize, f: impl FnMut(f64) -> f64) -> Self {
        let step = (high - low) / (nodes - 1) as f64;
        Cubic { low, step, values: (0..nodes).map(|i| low + step * i as f64).map(f).collect() }
    }

    /// The value at `x`; beyond an end the outermost cubic goes on.
    pub fn at(&self, x: f64) -> f64 {
        let place = (x - self.low) / self.step;
        let first = if place > 1.0 { (place as usize - 1).min(self.values.len() - 4) } else { 0 };
        let t = place - first as f64;
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| self.values[first + i]);
        // Lagrange's form on the nodes 0, 1, 2, 3.
        let (t1, t2, t3) = (t - 1.0, t - 2.0, t - 3.0);
        (d * t * t1 * t2 - a * t1 * t2 * t3) / 6.0 + (b * t * t2 * t3 - c * t * t1 * t3) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cubics_are_met_exactly() {
        let f = |x: f64| ((2.0 * x - 1.0) * x + 3.0) * x - 5.0;
        let cubic = Cubic::new(-1.0, 2.0, 7, f);
        for i in 0..=70 {
            let x = -2.0 + 0.07 * f64::from(i);
            assert!((cubic.at(x) - f(x)).abs() < 1e-12, "{x}");
        }
    }
}
