//! The CPU: buffers are vectors, a tape is nothing.
use crate::{
    device::{Device, Element, Span},
    error::{Error, Result},
};

/// Instruction sets that the operations have bodies for; all give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain loops: the reference.
    Scalar,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, and the ones below.
    Avx512,
}

impl Isa {
    /// Every instruction set, from the plainest.
    pub const ALL: [Isa; 3] = [Isa::Scalar, Isa::Avx2, Isa::Avx512];

    /// Its name in `MERCATO_ISA`.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Scalar => "scalar",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        }
    }
    /// Whether this machine has it.
    pub fn is_present(self) -> bool {
        match self {
            Isa::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Isa::Avx2.is_present() && is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }
}

/// One core of the machine's own processor.
#[derive(Clone, Debug)]
pub struct Cpu {
    isa: Isa,
}

impl Cpu {
    /// The best instruction set that the machine has, or the one that the environment variable `MERCATO_ISA` names.
    ///
    /// # Errors
    /// When the variable names none, or one that the machine lacks.
    pub fn new() -> Result<Self> {
        match std::env::var("MERCATO_ISA") {
            Err(_) => {
                let best = Isa::ALL.into_iter().rev().find(|isa| isa.is_present());
                Ok(Cpu { isa: best.unwrap_or(Isa::Scalar) })
            }
            Ok(name) => match Isa::ALL.into_iter().find(|isa| isa.name() == name) {
                Some(isa) => Self::with(isa),
                None => Err(Error::UnknownIsa(name)),
            },
        }
    }
    /// A given instruction set.
    ///
    /// # Errors
    /// When the machine lacks it.
    pub fn with(isa: Isa) -> Result<Self> {
        if isa.is_present() { Ok(Cpu { isa }) } else { Err(Error::MissingIsa(isa.name())) }
    }
    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }
}

impl Device for Cpu {
    type Buf<T: Element> = Vec<T>;
    type Tape = ();

    fn upload<T: Element>(&self, host: &[T]) -> Result<Vec<T>> {
        Ok(host.to_vec())
    }
    fn zeros<T: Element>(&self, len: usize) -> Result<Vec<T>> {
        // Asked for first, because the macro would end the process where this is an error.
        let megabytes = len.saturating_mul(size_of::<T>()) >> 20;
        Vec::<T>::new().try_reserve_exact(len).map_err(|_| Error::NoRoom(megabytes))?;
        Ok(vec![T::default(); len])
    }
    fn reserve<T: Element>(&self, _: &mut Vec<T>, _: usize) -> Result<()> {
        Ok(())
    }
    fn stage<'a, T: Element>(&self, buf: &'a mut Vec<T>, span: Span) -> &'a mut [T] {
        &mut buf[span]
    }
    fn commit<T: Element>(&self, _: &mut Vec<T>, _: Span) -> Result<()> {
        Ok(())
    }
    fn download<T: Element>(&self, buf: &Vec<T>, span: Span, host: &mut [T]) -> Result<()> {
        host.copy_from_slice(&buf[span]);
        Ok(())
    }
    fn run(&self, (): &mut (), step: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        step(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_without_room_is_an_error() {
        let room = Cpu::with(Isa::Scalar).unwrap().zeros::<u64>(1 << 58);
        assert!(matches!(room, Err(Error::NoRoom(megabytes)) if megabytes == 1 << 41));
    }
}
