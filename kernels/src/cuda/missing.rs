//! Operations without a CUDA body: an error value instead of a silent detour over the processor.
use super::{Buffer, Cuda};
use crate::{
    error::{Error, Result},
    memory::Batch,
    ops::{
        categorical::{Categorical, CategoricalConfig},
        fraction::{Fraction, FractionAddress},
        linear::Dense,
        munchausen::{Munchausen, MunchausenConfig},
        noisy::{NoiseAddress, Noisy},
        quantile::{Quantile, QuantileConfig},
        slate::{Slate, SlateConfig},
    },
    schedule::Ramp,
};

impl Categorical for Cuda {
    fn expectation(&self, _: &CategoricalConfig, _: usize, _: &Buffer<f32>, _: &mut Buffer<f32>) -> Result<()> {
        Err(Error::NotOnCuda("categorical"))
    }
    fn categorical(
        &self,
        _: &CategoricalConfig,
        _: &mut Batch<Self>,
        _: &Buffer<f32>,
        _: &Buffer<f32>,
        _: &Buffer<f32>,
        _: &mut Buffer<f32>,
        _: &mut Buffer<f32>,
    ) -> Result<()> {
        Err(Error::NotOnCuda("categorical"))
    }
}

impl Fraction for Cuda {
    fn fractions(&self, _: &FractionAddress, _: usize, _: usize, _: &Buffer<u32>, _: &mut Buffer<f32>) -> Result<()> {
        Err(Error::NotOnCuda("fraction"))
    }
    fn cosines(&self, _: usize, _: usize, _: &Buffer<f32>, _: &mut Buffer<f32>) -> Result<()> {
        Err(Error::NotOnCuda("fraction"))
    }
    fn modulate(&self, _: [usize; 3], _: &Buffer<f32>, _: &Buffer<f32>, _: &mut Buffer<f32>) -> Result<()> {
        Err(Error::NotOnCuda("fraction"))
    }
    fn modulate_back(
        &self,
        _: [usize; 3],
        _: &Buffer<f32>,
        _: &Buffer<f32>,
        _: &Buffer<f32>,
        _: &mut Buffer<f32>,
        _: &mut Buffer<f32>,
    ) -> Result<()> {
        Err(Error::NotOnCuda("fraction"))
    }
}

impl Munchausen for Cuda {
    fn munchausen(
        &self,
        _: &MunchausenConfig,
        _: &mut Batch<Self>,
        _: &Buffer<f32>,
        _: &Buffer<f32>,
        _: &Buffer<f32>,
        _: &mut Buffer<f32>,
        _: &mut Buffer<f32>,
    ) -> Result<()> {
        Err(Error::NotOnCuda("munchausen"))
    }
}

impl Noisy for Cuda {
    fn noise(&self, _: &[Dense], _: &NoiseAddress, _: &Buffer<u32>, _: &mut Buffer<f32>) -> Result<()> {
        Err(Error::NotOnCuda("noisy"))
    }
    fn perturb(&self, _: &[Dense], _: usize, _: &Buffer<f32>, _: &Buffer<f32>, _: &mut Buffer<f32>) -> Result<()> {
        Err(Error::NotOnCuda("noisy"))
    }
    fn perturb_back(&self, _: &[Dense], _: usize, _: &Buffer<f32>, _: &mut Buffer<f32>) -> Result<()> {
        Err(Error::NotOnCuda("noisy"))
    }
}

impl Quantile for Cuda {
    fn quantile_mean(
        &self,
        _: &QuantileConfig,
        _: usize,
        _: usize,
        _: &Buffer<f32>,
        _: &mut Buffer<f32>,
    ) -> Result<()> {
        Err(Error::NotOnCuda("quantile"))
    }
    fn quantile(
        &self,
        _: &QuantileConfig,
        _: &mut Batch<Self>,
        _: &Buffer<f32>,
        _: Option<&Buffer<f32>>,
        _: &Buffer<f32>,
        _: &Buffer<f32>,
        _: &mut Buffer<f32>,
        _: &mut Buffer<f32>,
    ) -> Result<()> {
        Err(Error::NotOnCuda("quantile"))
    }
}

impl Slate for Cuda {
    fn choose_slate(
        &self,
        _: &SlateConfig,
        _: &Ramp,
        _: u64,
        _: usize,
        _: &Buffer<f32>,
        _: &Buffer<u32>,
        _: &mut Buffer<u32>,
    ) -> Result<()> {
        Err(Error::NotOnCuda("slate"))
    }
    fn slate(
        &self,
        _: &SlateConfig,
        _: &mut Batch<Self>,
        _: &Buffer<f32>,
        _: &Buffer<f32>,
        _: Option<&Buffer<f32>>,
        _: &mut Buffer<f32>,
        _: &mut Buffer<f32>,
    ) -> Result<()> {
        Err(Error::NotOnCuda("slate"))
    }
}
