//! Real numbers that belong to discrete actions, such as a price for each product (Xiong et al. 2018): from a network's
//! outputs into the inputs of another one, and gradients back.
//!
//! A row has `total` parameters, as many for each action, in the order of the actions. They are tanh of what a network says,
//! because real numbers live in \[−1, 1\]. With one pass all of them stand beside the observation. With a pass for each
//! action (Bester, James, Konidaris 2019) pass k has those of action k and zeros for the others, so that the value of an
//! action depends on its own parameters only.
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
};
use envs::math::tanh;

/// How parameters stand beside observations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParametersShape {
    /// Observations.
    pub rows: usize,
    /// Passes: 1, or the number of actions.
    pub passes: usize,
    /// Length of an observation.
    pub width: usize,
    /// Parameters of all actions together.
    pub total: usize,
}

impl ParametersShape {
    /// Length of an input row: an observation and all parameters.
    pub fn length(&self) -> usize {
        self.width + self.total
    }
}

/// Parameters of discrete actions.
pub trait Parameters: Device {
    /// parameters\[n\] = tanh of raw\[n\].
    ///
    /// # Errors
    /// When the device fails.
    fn squash(&self, n: usize, raw: &Self::Buf<f32>, parameters: &mut Self::Buf<f32>) -> Result<()>;

    /// x\[rows × passes × length\] from observation\[rows × width\] and parameters\[rows × total\].
    ///
    /// # Errors
    /// When the device fails.
    fn attach(
        &self,
        shape: &ParametersShape,
        observation: &Self::Buf<f32>,
        parameters: &Self::Buf<f32>,
        x: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// From dx\[rows × passes × length\] to draw\[rows × total\], by what the parameters are tanh of.
    ///
    /// # Errors
    /// When the device fails.
    fn detach(
        &self,
        shape: &ParametersShape,
        dx: &Self::Buf<f32>,
        parameters: &Self::Buf<f32>,
        draw: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl Parameters for Cpu {
    fn squash(&self, n: usize, raw: &Vec<f32>, parameters: &mut Vec<f32>) -> Result<()> {
        compiled!(self.isa() => tanhs(raw: &[f32] = &raw[..n], parameters: &mut [f32] = &mut parameters[..n]));
        Ok(())
    }

    fn attach(
        &self,
        shape: &ParametersShape,
        observation: &Vec<f32>,
        parameters: &Vec<f32>,
        x: &mut Vec<f32>,
    ) -> Result<()> {
        let ParametersShape { rows, passes, width, total } = *shape;
        let own = total / passes;
        for (at, x) in x[..rows * passes * shape.length()].chunks_exact_mut(shape.length()).enumerate() {
            let (row, pass) = (at / passes, at % passes);
            x[..width].copy_from_slice(&observation[row * width..][..width]);
            x[width..].fill(0.0);
            let span = pass * own..(pass + 1) * own;
            x[width..][span.clone()].copy_from_slice(&parameters[row * total..][span]);
        }
        Ok(())
    }

    fn detach(&self, shape: &ParametersShape, dx: &Vec<f32>, parameters: &Vec<f32>, draw: &mut Vec<f32>) -> Result<()> {
        let ParametersShape { rows, passes, width, total } = *shape;
        for (at, (draw, u)) in draw[..rows * total].iter_mut().zip(parameters).enumerate() {
            let (row, parameter) = (at / total, at % total);
            let pass = parameter / (total / passes);
            *draw = dx[(row * passes + pass) * shape.length() + width + parameter] * (1.0 - u * u);
        }
        Ok(())
    }
}

impl Parameters for Cuda {
    fn squash(&self, n: usize, raw: &Buffer<f32>, parameters: &mut Buffer<f32>) -> Result<()> {
        self.launch("squash", blocks(n, 128), &[n.into(), raw.first(n), parameters.first(n)])
    }

    fn attach(
        &self,
        shape: &ParametersShape,
        observation: &Buffer<f32>,
        parameters: &Buffer<f32>,
        x: &mut Buffer<f32>,
    ) -> Result<()> {
        let ParametersShape { rows, passes, width, total } = *shape;
        let numbers = rows * passes * shape.length();
        let sizes = [rows.into(), passes.into(), width.into(), total.into()];
        let given = [observation.first(rows * width), parameters.first(rows * total), x.first(numbers)];
        self.launch("attach", blocks(numbers, 128), &[&sizes[..], &given].concat())
    }

    fn detach(
        &self,
        shape: &ParametersShape,
        dx: &Buffer<f32>,
        parameters: &Buffer<f32>,
        draw: &mut Buffer<f32>,
    ) -> Result<()> {
        let ParametersShape { rows, passes, width, total } = *shape;
        let sizes = [rows.into(), passes.into(), width.into(), total.into()];
        let dx = dx.first(rows * passes * shape.length());
        let given = [dx, parameters.first(rows * total), draw.first(rows * total)];
        self.launch("detach", blocks(rows * total, 128), &[&sizes[..], &given].concat())
    }
}

#[inline(always)]
fn tanhs(raw: &[f32], parameters: &mut [f32]) {
    parameters.iter_mut().zip(raw).for_each(|(parameter, raw)| *parameter = tanh(*raw));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{numbers, plain, stream};

    /// Two actions with two parameters each: side by side in one pass, each with its own in two.
    #[test]
    fn parameters_stand_beside_observations() {
        let shape = ParametersShape { rows: 1, passes: 1, width: 1, total: 4 };
        let (observation, parameters) = (vec![9.0], vec![0.1, 0.2, 0.3, 0.4]);
        let mut x = vec![f32::NAN; 10];
        plain().attach(&shape, &observation, &parameters, &mut x).unwrap();
        assert_eq!(x[..5], [9.0, 0.1, 0.2, 0.3, 0.4]);
        plain().attach(&ParametersShape { passes: 2, ..shape }, &observation, &parameters, &mut x).unwrap();
        assert_eq!(x, [9.0, 0.1, 0.2, 0.0, 0.0, 9.0, 0.0, 0.0, 0.3, 0.4]);
    }

    /// Central differences of Σ slope · x through tanh, in steps of 2⁻⁸: curvature and rounding remain.
    #[test]
    fn gradient_is_the_slope() {
        for passes in [1, 3] {
            let shape = ParametersShape { rows: 2, passes, width: 2, total: 6 };
            let mut stream = stream(passes as u64);
            let (observation, raw) = (numbers(&mut stream, 4), numbers(&mut stream, 12));
            let len = shape.rows * passes * shape.length();
            let slope = numbers(&mut stream, len);
            let loss = |raw: &Vec<f32>| -> f64 {
                let (mut parameters, mut x) = (vec![0.0; 12], vec![0.0; len]);
                plain().squash(12, raw, &mut parameters).unwrap();
                plain().attach(&shape, &observation, &parameters, &mut x).unwrap();
                x.iter().zip(&slope).map(|(x, slope)| f64::from(*x) * f64::from(*slope)).sum()
            };
            let (mut parameters, mut draw) = (vec![0.0; 12], vec![f32::NAN; 12]);
            plain().squash(12, &raw, &mut parameters).unwrap();
            plain().detach(&shape, &slope, &parameters, &mut draw).unwrap();
            for at in 0..12 {
                let moved = |by: f32| {
                    let mut moved = raw.clone();
                    moved[at] += by;
                    loss(&moved)
                };
                let found = (moved(1.0 / 256.0) - moved(-1.0 / 256.0)) * 128.0;
                assert!((found - f64::from(draw[at])).abs() < 1e-3, "{passes} {at}: {found} {}", draw[at]);
            }
        }
    }
}
