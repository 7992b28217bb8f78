//! Named tensors in and out of safetensors files: weights to evaluate and share, or everything to go on from.
use crate::error::{Error, Result};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::{collections::BTreeMap, collections::HashMap, path::Path};

/// Numbers of one kind, in one dimension.
#[derive(Clone, Debug, PartialEq)]
pub enum Tensor {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Unsigned, 32 bits.
    U32(Vec<u32>),
    /// Unsigned, 64 bits.
    U64(Vec<u64>),
    /// Bytes.
    U8(Vec<u8>),
}

/// Tensors by name.
pub type Tensors = BTreeMap<String, Tensor>;

impl Tensor {
    fn view(&self) -> std::result::Result<TensorView<'_>, safetensors::SafeTensorError> {
        let (dtype, len, bytes): (Dtype, usize, &[u8]) = match self {
            Tensor::F32(numbers) => (Dtype::F32, numbers.len(), bytemuck::cast_slice(numbers)),
            Tensor::F64(numbers) => (Dtype::F64, numbers.len(), bytemuck::cast_slice(numbers)),
            Tensor::U32(numbers) => (Dtype::U32, numbers.len(), bytemuck::cast_slice(numbers)),
            Tensor::U64(numbers) => (Dtype::U64, numbers.len(), bytemuck::cast_slice(numbers)),
            Tensor::U8(numbers) => (Dtype::U8, numbers.len(), numbers),
        };
        TensorView::new(dtype, vec![len], bytes)
    }

    fn from_view(view: &TensorView<'_>) -> std::result::Result<Self, String> {
        let bytes = view.data();
        Ok(match view.dtype() {
            Dtype::F32 => Tensor::F32(bytemuck::allocation::pod_collect_to_vec(bytes)),
            Dtype::F64 => Tensor::F64(bytemuck::allocation::pod_collect_to_vec(bytes)),
            Dtype::U32 => Tensor::U32(bytemuck::allocation::pod_collect_to_vec(bytes)),
            Dtype::U64 => Tensor::U64(bytemuck::allocation::pod_collect_to_vec(bytes)),
            Dtype::U8 => Tensor::U8(bytes.to_vec()),
            other => return Err(format!("numbers of type {other:?} are not known")),
        })
    }
}

/// A file of tensors with a word about each thing they belong to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// What the tensors are, in text: world, parameters, agent, settings, seed.
    pub metadata: BTreeMap<String, String>,
    /// The tensors.
    pub tensors: Tensors,
}

impl Checkpoint {
    /// Writes the file under a temporary name and renames it, so that no partial file is left behind.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let fail = |problem: safetensors::SafeTensorError| problem_with(path, &problem);
        let views: Vec<(&String, TensorView<'_>)> = (self.tensors.iter())
            .map(|(name, tensor)| tensor.view().map(|view| (name, view)))
            .collect::<std::result::Result<_, _>>()
            .map_err(fail)?;
        // One entry of metadata, so that the file's bytes do not depend on the order of a hash map.
        let metadata = serde_json::to_string(&self.metadata).map_err(|problem| problem_with(path, &problem))?;
        let metadata = HashMap::from([("mercato".to_string(), metadata)]);
        let bytes = safetensors::serialize(views, Some(metadata)).map_err(fail)?;
        let partial = path.with_extension("partial");
        let file = |cause| Error::File { path: path.display().to_string(), cause };
        std::fs::write(&partial, bytes).and_then(|()| std::fs::rename(&partial, path)).map_err(|cause| {
            // Nothing can be done about a partial file that cannot be removed either.
            let _ = std::fs::remove_file(&partial);
            file(cause)
        })
    }

    /// Reads a file that [`write`](Checkpoint::write) made.
    ///
    /// # Errors
    /// When the file is missing, cut short, or not a checkpoint.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|cause| Error::File { path: path.display().to_string(), cause })?;
        let fail = |problem: &dyn std::fmt::Display| problem_with(path, problem);
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|problem| fail(&problem))?;
        let metadata = header.metadata().as_ref().and_then(|all| all.get("mercato"));
        let metadata = metadata.ok_or_else(|| fail(&"it was not written by mercato"))?;
        let metadata = serde_json::from_str(metadata).map_err(|problem| fail(&problem))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|problem| fail(&problem))?;
        let tensors = (file.iter())
            .map(|(name, view)| Ok((name.to_string(), Tensor::from_view(&view).map_err(|problem| fail(&problem))?)))
            .collect::<Result<Tensors>>()?;
        Ok(Checkpoint { metadata, tensors })
    }
}

fn problem_with(path: &Path, problem: &dyn std::fmt::Display) -> Error {
    Error::Checkpoint { path: path.display().to_string(), problem: problem.to_string() }
}

/// The numbers of `name` with the expected kind and length, for `Agent::restore`.
macro_rules! taken {
    ($tensors:expr, $kind:ident, $name:expr, $len:expr) => {
        match $tensors.get($name) {
            Some($crate::checkpoint::Tensor::$kind(numbers)) if numbers.len() == $len => Ok(numbers.as_slice()),
            Some(_) => {
                Err($crate::checkpoint::misfit($name, concat!("is not ", stringify!($kind), " of the expected length")))
            }
            None => Err($crate::checkpoint::misfit($name, "is missing")),
        }
    };
}
pub(crate) use taken;

/// A tensor that does not fit the agent.
pub(crate) fn misfit(name: &str, problem: &str) -> Error {
    Error::Checkpoint {
        path: format!("tensor `{name}`"),
        problem: format!("{problem}; it belongs to another agent or world"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_returns_what_was_written_and_a_cut_one_is_refused() {
        let folder = std::env::temp_dir().join(format!("mercato-checkpoint-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("temporary folder");
        let path = folder.join("weights.safetensors");
        let checkpoint = Checkpoint {
            metadata: BTreeMap::from([("env".into(), "classic/chain-v1".into())]),
            tensors: BTreeMap::from([
                ("theta".into(), Tensor::F32(vec![1.0, -0.0, f32::MIN_POSITIVE])),
                ("clock".into(), Tensor::U32(vec![7, 9])),
                ("powers".into(), Tensor::F64(vec![0.9, 0.999])),
            ]),
        };
        checkpoint.write(&path).expect("written");
        assert_eq!(Checkpoint::read(&path).expect("read"), checkpoint);
        let bytes = std::fs::read(&path).expect("bytes");
        std::fs::write(&path, &bytes[..bytes.len() - 3]).expect("cut");
        assert!(Checkpoint::read(&path).is_err());
        assert_eq!(std::fs::read_dir(&folder).expect("folder").count(), 1, "no partial file");
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
