//! What an agent learns on. Agents are generic over [`kernels::Backend`]; here the two of them that exist are named, so that
//! every agent is compiled for both in this crate, once, and not again by each program that builds one.
use kernels::{Cpu, Cuda};

/// The CPU or a GPU.
#[derive(Clone)]
pub enum Processor {
    /// The CPU.
    Cpu(Cpu),
    /// A GPU.
    Cuda(Cuda),
}

impl From<Cpu> for Processor {
    fn from(cpu: Cpu) -> Self {
        Processor::Cpu(cpu)
    }
}

impl From<Cuda> for Processor {
    fn from(cuda: Cuda) -> Self {
        Processor::Cuda(cuda)
    }
}
