//! Actions that are not to be chosen: their values become minus infinity, which no argmax takes.
//!
//! Closed is what the observation says is not on offer, a field of 1 for every action that is; or what a behaviour
//! policy would hardly have done, of whose logits x: x_a − max x < ln threshold, so p_a < threshold · max p (Fujimoto,
//! Conti, Ghavamzadeh and Pineau 2019, "Benchmarking batch deep reinforcement learning algorithms", equation 5).
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
    ops::choose::argmax,
};

/// Where an observation says which actions are on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskConfig {
    /// Number of actions.
    pub actions: usize,
    /// Length of a row of values, which begins with those of the actions.
    pub values: usize,
    /// Length of an observation.
    pub width: usize,
    /// Where its part about actions begins.
    pub first: usize,
}

/// The closing of actions.
pub trait Mask: Device {
    /// Closes in values\[rows × `config.values`\] what observation\[rows × width\] does not have on offer.
    ///
    /// # Errors
    /// When the device fails.
    fn close(
        &self,
        config: &MaskConfig,
        rows: usize,
        observation: &Self::Buf<f32>,
        values: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// Closes in values\[rows × actions\] what logits\[rows × actions\] say is unlikely: below the largest by more than
    /// −`floor`, which is ln threshold ≤ 0.
    ///
    /// # Errors
    /// When the device fails.
    fn close_unlikely(
        &self,
        actions: usize,
        rows: usize,
        floor: f32,
        logits: &Self::Buf<f32>,
        values: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl Mask for Cpu {
    fn close(&self, config: &MaskConfig, rows: usize, observation: &Vec<f32>, values: &mut Vec<f32>) -> Result<()> {
        compiled!(self.isa() => offered(
            config: &MaskConfig = config,
            observation: &[f32] = &observation[..rows * config.width],
            values: &mut [f32] = values,
        ));
        Ok(())
    }

    fn close_unlikely(
        &self,
        actions: usize,
        rows: usize,
        floor: f32,
        logits: &Vec<f32>,
        values: &mut Vec<f32>,
    ) -> Result<()> {
        compiled!(self.isa() => likely(
            actions: usize = actions,
            floor: f32 = floor,
            logits: &[f32] = &logits[..rows * actions],
            values: &mut [f32] = values,
        ));
        Ok(())
    }
}

impl Mask for Cuda {
    fn close(
        &self,
        config: &MaskConfig,
        rows: usize,
        observation: &Buffer<f32>,
        values: &mut Buffer<f32>,
    ) -> Result<()> {
        let MaskConfig { actions, values: length, width, first } = *config;
        let sizes = [rows.into(), actions.into(), length.into(), width.into(), first.into()];
        let numbers = [observation.first(rows * width), values.first(rows * length)];
        self.launch("close", blocks(rows * actions, 128), &[&sizes[..], &numbers].concat())
    }

    fn close_unlikely(
        &self,
        actions: usize,
        rows: usize,
        floor: f32,
        logits: &Buffer<f32>,
        values: &mut Buffer<f32>,
    ) -> Result<()> {
        let table = rows * actions;
        let arguments = [rows.into(), actions.into(), floor.into(), logits.first(table), values.first(table)];
        self.launch("close_unlikely", blocks(rows * 32, 128), &arguments)
    }
}

#[inline(always)]
fn offered(config: &MaskConfig, observation: &[f32], values: &mut [f32]) {
    let MaskConfig { actions, values: length, width, first } = *config;
    for (seen, values) in observation.chunks_exact(width).zip(values.chunks_exact_mut(length)) {
        for (value, &open) in values.iter_mut().zip(&seen[first..first + actions]) {
            *value = if open == 0.0 { f32::NEG_INFINITY } else { *value };
        }
    }
}

#[inline(always)]
fn likely(actions: usize, floor: f32, logits: &[f32], values: &mut [f32]) {
    for (logits, values) in logits.chunks_exact(actions).zip(values.chunks_exact_mut(actions)) {
        let most = logits[argmax(logits)];
        for (value, logit) in values.iter_mut().zip(logits) {
            *value = if logit - most < floor { f32::NEG_INFINITY } else { *value };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers, plain, stream, vectored};
    use envs::math::ln;

    const CLOSED: f32 = f32::NEG_INFINITY;

    #[test]
    fn closed_is_what_is_not_on_offer() {
        let config = MaskConfig { actions: 3, values: 3, width: 5, first: 1 };
        let mut values = vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let observation = vec![0.0, 1.0, 0.0, 1.0, 0.0, 7.0, 0.0, 1.0, 0.0, 1.0];
        plain().close(&config, 2, &observation, &mut values).unwrap();
        assert_eq!(values, [1.0, CLOSED, 3.0, CLOSED, 5.0, CLOSED]);
        // Other numbers behind those of the actions stay.
        let config = MaskConfig { values: 4, ..config };
        let mut values: Vec<f32> = (1..9).map(|value| value as f32).collect();
        plain().close(&config, 2, &observation, &mut values).unwrap();
        assert_eq!(values, [1.0, CLOSED, 3.0, 4.0, CLOSED, 6.0, CLOSED, 8.0]);
    }

    /// Probabilities 0.6, 0.3 and 0.1: a threshold of 0.3 is met by the second, not by the third.
    #[test]
    fn closed_is_what_is_unlikely() {
        let logits = [0.6, 0.3, 0.1].map(ln).to_vec();
        for (threshold, expected) in
            [(0.3f32, [1.0, 2.0, CLOSED]), (0.6, [1.0, CLOSED, CLOSED]), (0.1, [1.0, 2.0, 3.0])]
        {
            let mut values = vec![1.0, 2.0, 3.0];
            plain().close_unlikely(3, 1, ln(threshold), &logits, &mut values).unwrap();
            assert_eq!(values, expected, "{threshold}");
        }
    }

    #[test]
    fn bodies_agree() {
        for (rows, actions) in [(1, 1), (5, 10), (17, 33)] {
            let run = |cpu: &Cpu| {
                let mut stream = stream(rows as u64);
                let width = actions + 3;
                let observation: Vec<f32> =
                    (0..rows * width).map(|_| f32::from(u8::from(stream.bernoulli(0.6)))).collect();
                let mut values = numbers(&mut stream, rows * actions);
                let logits = numbers(&mut stream, rows * actions);
                cpu.close(&MaskConfig { actions, values: actions, width, first: 2 }, rows, &observation, &mut values)
                    .unwrap();
                let by_offer = bits(&values);
                cpu.close_unlikely(actions, rows, -0.7, &logits, &mut values).unwrap();
                [by_offer, bits(&values)]
            };
            let expected = run(&plain());
            vectored().iter().for_each(|cpu| assert_eq!(run(cpu), expected, "{cpu:?}"));
        }
    }
}
