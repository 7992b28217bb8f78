//! All that a learner goes on from, as named tensors.
use super::parts::{Parts, host};
use crate::{
    checkpoint::{Tensor, Tensors, misfit, taken},
    error::Result,
};
use envs::Stage;
use kernels::Backend;

/// Every stage at the index of its byte.
const STAGES: [Stage; 4] = [Stage::First, Stage::Mid, Stage::Terminated, Stage::Truncated];

impl<B: Backend> Parts<B> {
    /// The parameters alone.
    pub(super) fn theta(&self, b: &B) -> Result<Tensors> {
        let theta = host(b, &self.weights.theta, self.weights.len)?;
        Ok(Tensors::from([("theta".to_string(), Tensor::F32(theta))]))
    }

    /// Everything, with the `multiplier` of a constraint.
    pub(super) fn save(&self, b: &B, multiplier: Option<&B::Buf<f32>>) -> Result<Tensors> {
        let (w, m) = (&self.weights, &self.memory);
        let cells = m.slots * m.rows;
        let stage: Vec<Stage> = host(b, &m.stage, cells)?;
        let mut saved = self.theta(b)?;
        let mut put = |name: &str, tensor| saved.insert(name.to_string(), tensor);
        put("target", Tensor::F32(host(b, &w.target, w.len)?));
        put("first", Tensor::F32(host(b, &w.first, w.len)?));
        put("second", Tensor::F32(host(b, &w.second, w.len)?));
        put("powers", Tensor::F64(host(b, &w.powers, 2)?));
        put("clock", Tensor::U32(host(b, &self.clock, 2)?));
        put("counts", Tensor::U64(vec![self.steps, self.updates]));
        put("summary", Tensor::F32(host(b, &self.summary, 2)?));
        put("memory.observation", Tensor::F32(host(b, &m.observation, cells * m.width)?));
        put("memory.action", Tensor::U32(host(b, &m.action, cells)?));
        if m.reals > 0 {
            put("memory.real", Tensor::F32(host(b, &m.real, cells * m.reals)?));
        }
        put("memory.reward", Tensor::F32(host(b, &m.reward, cells)?));
        put("memory.stage", Tensor::U8(stage.into_iter().map(|stage| stage as u8).collect()));
        if let Some(multiplier) = multiplier {
            put("multiplier", Tensor::F32(host(b, multiplier, 1)?));
        }
        if let Some(tree) = &m.tree {
            put("memory.tree", Tensor::U64(host(b, &tree.nodes, 2 * tree.leaves)?));
        }
        Ok(saved)
    }

    /// Goes on from what [`save`](Parts::save) returned, or plays with the parameters alone.
    pub(super) fn restore(&mut self, b: &B, saved: &Tensors, multiplier: Option<&mut B::Buf<f32>>) -> Result<()> {
        let (w, m) = (&mut self.weights, &mut self.memory);
        w.theta = b.upload(taken!(saved, F32, "theta", w.len)?)?;
        if !saved.contains_key("counts") {
            w.target = b.upload(taken!(saved, F32, "theta", w.len)?)?;
            return Ok(());
        }
        let cells = m.slots * m.rows;
        w.target = b.upload(taken!(saved, F32, "target", w.len)?)?;
        w.first = b.upload(taken!(saved, F32, "first", w.len)?)?;
        w.second = b.upload(taken!(saved, F32, "second", w.len)?)?;
        w.powers = b.upload(taken!(saved, F64, "powers", 2)?)?;
        self.clock = b.upload(taken!(saved, U32, "clock", 2)?)?;
        self.summary = b.upload(taken!(saved, F32, "summary", 2)?)?;
        let observation = taken!(saved, F32, "memory.observation", cells * m.width)?;
        let reward = taken!(saved, F32, "memory.reward", cells)?;
        m.observation = b.upload(observation)?;
        m.action = b.upload(taken!(saved, U32, "memory.action", cells)?)?;
        if m.reals > 0 {
            m.real = b.upload(taken!(saved, F32, "memory.real", cells * m.reals)?)?;
        }
        m.reward = b.upload(reward)?;
        let stage: Vec<Stage> = (taken!(saved, U8, "memory.stage", cells)?.iter())
            .map(|byte| STAGES.get(usize::from(*byte)).copied())
            .collect::<Option<_>>()
            .ok_or_else(|| misfit("memory.stage", "holds a number that is no stage"))?;
        m.stage = b.upload(&stage)?;
        if let Some(tree) = &mut m.tree {
            tree.nodes = b.upload(taken!(saved, U64, "memory.tree", 2 * tree.leaves)?)?;
        }
        m.reserve(b)?;
        if let Some(multiplier) = multiplier {
            *multiplier = b.upload(taken!(saved, F32, "multiplier", 1)?)?;
        }
        let counts = taken!(saved, U64, "counts", 2)?;
        (self.steps, self.updates) = (counts[0], counts[1]);
        // The world wrote the head slot, and nobody has committed it: `act` does, from what is staged.
        let head = self.head();
        let m = &mut self.memory;
        let (numbers, cells) = (m.numbers(head), m.cells(head));
        b.stage(&mut m.observation, numbers.clone()).copy_from_slice(&observation[numbers]);
        b.stage(&mut m.reward, cells.clone()).copy_from_slice(&reward[cells.clone()]);
        b.stage(&mut m.stage, cells.clone()).copy_from_slice(&stage[cells]);
        Ok(())
    }
}
