//! The kernels: their PTX, their parameters as the PTX lists them, and checked launches.
use super::{KernelSource, failed, nvrtc};
use crate::error::{Error, Result};
use cudarc::{
    driver::{CudaContext, CudaFunction, CudaStream, LaunchConfig, PushKernelArg},
    nvrtc::Ptx,
};
use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

/// The kernels of one `.cu` file.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    /// The file below `kernels/src`, without its ending.
    pub stem: &'static str,
    /// The file.
    pub source: &'static str,
    /// The PTX that is shipped.
    pub ptx: &'static str,
}

macro_rules! module {
    ($folder:literal, $name:literal) => {
        Module {
            stem: concat!($folder, $name),
            source: include_str!(concat!("../", $folder, $name, ".cu")),
            ptx: include_str!(concat!("../../ptx/", $name, ".ptx")),
        }
    };
}

/// All modules.
pub const MODULES: [Module; 21] = [
    module!("", "gemm"),
    module!("ops/", "adam"),
    module!("ops/", "categorical"),
    module!("ops/", "choose"),
    module!("ops/", "dueling"),
    module!("ops/", "factored"),
    module!("ops/", "fraction"),
    module!("ops/", "likelihood"),
    module!("ops/", "linear"),
    module!("ops/", "mask"),
    module!("ops/", "multiplier"),
    module!("ops/", "munchausen"),
    module!("ops/", "naf"),
    module!("ops/", "noisy"),
    module!("ops/", "parameters"),
    module!("ops/", "quantile"),
    module!("ops/", "sample"),
    module!("ops/", "search"),
    module!("ops/", "slate"),
    module!("ops/", "td"),
    module!("ops/", "towers"),
];

/// Blocks and threads of a launch.
#[derive(Clone, Copy, Debug)]
pub struct Grid {
    /// Blocks along x and y.
    pub blocks: [usize; 2],
    /// Threads per block.
    pub threads: u32,
}

/// As many blocks of `threads` as give every one of `count` things a thread.
pub fn blocks(count: usize, threads: u32) -> Grid {
    Grid { blocks: [count.div_ceil(threads as usize), 1], threads }
}

/// An argument of a kernel.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// Numbers in a buffer, and whether the buffer has so many.
    Numbers { address: u64, inside: bool },
    /// No buffer.
    Nothing,
    /// A count, an index, a key.
    Count(usize),
    /// A number.
    Real(f32),
}

impl Arg {
    /// Whether the numbers begin on a boundary of four.
    pub fn is_in_fours(&self) -> bool {
        !matches!(self, Arg::Numbers { address, .. } if address % 16 != 0)
    }
}

impl From<usize> for Arg {
    fn from(count: usize) -> Self {
        Arg::Count(count)
    }
}
impl From<u32> for Arg {
    fn from(count: u32) -> Self {
        Arg::Count(count as usize)
    }
}
impl From<bool> for Arg {
    fn from(flag: bool) -> Self {
        Arg::Count(usize::from(flag))
    }
}
impl From<f32> for Arg {
    fn from(number: f32) -> Self {
        Arg::Real(number)
    }
}

/// The type of a parameter in PTX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parameter {
    U32,
    U64,
    F32,
}

/// An argument as it is given to the driver.
#[derive(Clone, Copy)]
enum Word {
    U32(u32),
    U64(u64),
    F32(f32),
}

struct Kernel {
    function: CudaFunction,
    parameters: Vec<Parameter>,
}

/// Every kernel, by name.
pub struct Kernels {
    kernels: BTreeMap<String, Kernel>,
}

impl Kernels {
    /// Loads every module: all of them now, because nothing can be loaded while a step is captured.
    pub fn load(context: &Arc<CudaContext>, source: KernelSource, capability: (i32, i32)) -> Result<Self> {
        let mut kernels = BTreeMap::new();
        for module in &MODULES {
            let ptx = match source {
                KernelSource::Shipped => Cow::Borrowed(module.ptx),
                KernelSource::Nvrtc => Cow::Owned(nvrtc::ptx(module, &nvrtc::architecture(capability)?)?),
            };
            let module = context.load_module(Ptx::from_src(&*ptx)).map_err(failed("loading the kernels"))?;
            for (name, parameters) in entries(&ptx) {
                let function = module.load_function(name).map_err(failed("loading a kernel"))?;
                kernels.insert(name.to_string(), Kernel { function, parameters });
            }
        }
        Ok(Kernels { kernels })
    }

    /// Launches `name` after comparing the arguments with the parameters of its PTX. No blocks are no launch.
    pub fn launch(&self, stream: &Arc<CudaStream>, name: &'static str, grid: Grid, arguments: &[Arg]) -> Result<()> {
        let wrong = |problem: String| Error::Launch { kernel: name, problem };
        let kernel = self.kernels.get(name).ok_or_else(|| wrong("there is no such kernel".into()))?;
        let (given, takes) = (arguments.len(), kernel.parameters.len());
        if given != takes {
            return Err(wrong(format!("{given} arguments for {takes} parameters")));
        }
        let fit = |(i, (argument, parameter)): (usize, (&Arg, &Parameter))| match (*argument, parameter) {
            (Arg::Numbers { inside: false, .. }, _) => Err(wrong(format!("argument {i} is beyond its buffer"))),
            (Arg::Numbers { address, .. }, Parameter::U64) => Ok(Word::U64(address)),
            (Arg::Nothing, Parameter::U64) => Ok(Word::U64(0)),
            (Arg::Count(count), Parameter::U32) => match u32::try_from(count) {
                Ok(count) => Ok(Word::U32(count)),
                Err(_) => Err(wrong(format!("argument {i} is {count}, which is more than a device counts"))),
            },
            (Arg::Real(number), Parameter::F32) => Ok(Word::F32(number)),
            (argument, parameter) => Err(wrong(format!("argument {i}, {argument:?}, is no {parameter:?}"))),
        };
        let words: Vec<Word> = arguments.iter().zip(&kernel.parameters).enumerate().map(fit).collect::<Result<_>>()?;
        let [x, y] = grid.blocks;
        if x == 0 || y == 0 {
            return Ok(());
        }
        // The driver's limits, which it would call an invalid value.
        let dimension = |blocks: usize, most: u32| {
            u32::try_from(blocks).ok().filter(|blocks| *blocks <= most).ok_or_else(|| wrong(format!("{blocks} blocks")))
        };
        let grid_dim = (dimension(x, i32::MAX as u32)?, dimension(y, 65_535)?, 1);
        let mut launch = stream.launch_builder(&kernel.function);
        for word in &words {
            match word {
                Word::U32(word) => launch.arg(word),
                Word::U64(word) => launch.arg(word),
                Word::F32(word) => launch.arg(word),
            };
        }
        let config = LaunchConfig { grid_dim, block_dim: (grid.threads, 1, 1), shared_mem_bytes: 0 };
        #[expect(unsafe_code, reason = "a foreign function")]
        // SAFETY: number and types of the arguments are those of the PTX, and every buffer is as long as the operation
        // said that its kernel needs.
        let launched = unsafe { launch.launch(config) };
        launched.map(|_| ()).map_err(failed("launching a kernel"))
    }
}

/// The kernels of a module: name and parameters, as its PTX lists them.
fn entries(ptx: &str) -> impl Iterator<Item = (&str, Vec<Parameter>)> {
    ptx.split(".visible .entry ").skip(1).filter_map(|text| {
        let (name, rest) = text.split_once('(')?;
        let list = rest.split_once(')')?.0;
        let parameter = |word: &str| match word {
            ".u32" => Some(Parameter::U32),
            ".u64" => Some(Parameter::U64),
            ".f32" => Some(Parameter::F32),
            _ => None,
        };
        let parameters = list.split(',').filter_map(|line| line.split_whitespace().find_map(parameter)).collect();
        Some((name.trim(), parameters))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every parameter has a type that a launch can give, so that none is left out of the comparison.
    #[test]
    fn every_parameter_is_understood() {
        for Module { stem, ptx, .. } in MODULES {
            let declared = ptx.lines().filter(|line| line.trim_start().starts_with(".param")).count();
            let listed: usize = entries(ptx).map(|(_, parameters)| parameters.len()).sum();
            assert_eq!(listed, declared, "{stem}");
            assert!(listed > 0, "{stem}");
        }
    }
}
