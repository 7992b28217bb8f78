//! What a trial leaves behind: where, and the hashes that tell whether it is the same.
use agents::Tensor;
use reports::record;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Where a trial leaves its weights.
pub(crate) fn weights_path(folder: &Path, trial: &str) -> PathBuf {
    folder.join("weights").join(format!("{trial}.safetensors"))
}

/// Where a trial leaves its trail.
pub(crate) fn trail_path(folder: &Path, trial: &str) -> PathBuf {
    folder.join("trail").join(format!("{trial}.bin"))
}

pub(crate) fn weights_hash(weights: &agents::Tensors) -> String {
    let mut hash = Sha256::new();
    for (name, tensor) in weights {
        hash.update(name);
        match tensor {
            Tensor::F32(numbers) => numbers.iter().for_each(|number| hash.update(number.to_le_bytes())),
            Tensor::F64(numbers) => numbers.iter().for_each(|number| hash.update(number.to_le_bytes())),
            Tensor::U32(numbers) => numbers.iter().for_each(|number| hash.update(number.to_le_bytes())),
            Tensor::U64(numbers) => numbers.iter().for_each(|number| hash.update(number.to_le_bytes())),
            Tensor::U8(numbers) => hash.update(numbers),
        }
    }
    hex(&hash.finalize())
}

pub(crate) fn curve_hash(curve: &[record::Point]) -> String {
    let mut hash = Sha256::new();
    for point in curve {
        hash.update(point.step.to_le_bytes());
        hash.update(point.episodes.to_le_bytes());
        for number in [point.objective, point.se].into_iter().flatten() {
            hash.update(number.to_bits().to_le_bytes());
        }
    }
    hex(&hash.finalize())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
