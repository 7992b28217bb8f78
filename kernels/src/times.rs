//! How long operations take on a device, by its own events.
use crate::{
    cuda::Cuda,
    device::Device,
    error::Result,
    workload::{self, Visitor},
};
use cudarc::driver::sys::CUdevice_attribute as Attribute;

/// What a device can do at most, by what its driver tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// Bytes that move to or from its memory in a second.
    pub bytes: f64,
    /// Floating-point operations in a second, two for each fused multiply-add.
    pub operations: f64,
}

/// Seconds that an operation takes, medians.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    /// The operation and its shape.
    pub case: String,
    /// Once, after the caches were filled with something else.
    pub cold: f64,
    /// One after another, each launched by the host.
    pub warm: f64,
    /// One after another in a captured graph: without the host.
    pub replayed: f64,
}

impl Peak {
    /// Of this device.
    ///
    /// # Errors
    /// When the driver does not tell.
    pub fn of(device: &Cuda) -> Result<Self> {
        let of = |attribute| device.attribute(attribute).map(|number| number as f64);
        // Kilohertz and bits; memory transfers twice in a cycle.
        let memory = 1e3 * of(Attribute::CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE)?;
        let bus = of(Attribute::CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH)?;
        let clock = 1e3 * of(Attribute::CU_DEVICE_ATTRIBUTE_CLOCK_RATE)?;
        let processors = of(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?;
        // Units for f32 in a multiprocessor, which no attribute tells (CUDA programming guide, arithmetic throughput).
        let units = match device.capability() {
            (7, _) | (8, 0) => 64.0,
            _ => 128.0,
        };
        Ok(Peak { bytes: 2.0 * memory * bus / 8.0, operations: 2.0 * clock * processors * units })
    }

    /// Least seconds for so many bytes and operations.
    pub fn least(&self, bytes: u64, operations: u64) -> f64 {
        let (moved, computed) = (bytes as f64 / self.bytes, operations as f64 / self.operations);
        if moved > computed { moved } else { computed }
    }
}

/// Times every case of the [workload] whose name contains `part`, `repeats` times each.
///
/// # Errors
/// When the device has no room or fails.
pub fn measure(device: &Cuda, part: &str, repeats: usize) -> Result<Vec<Times>> {
    let cache = device.attribute(Attribute::CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE)?;
    // Twice the cache, so that nothing of before is left in it.
    let other = device.zeros(2 * usize::try_from(cache).unwrap_or(0) / size_of::<u64>())?;
    let mut clock = Clock { device, part, repeats, other, found: Vec::new() };
    workload::visit(device, &mut clock)?;
    Ok(clock.found)
}

struct Clock<'a> {
    device: &'a Cuda,
    part: &'a str,
    repeats: usize,
    other: <Cuda as Device>::Buf<u64>,
    found: Vec<Times>,
}

impl Clock<'_> {
    /// Seconds of the device for `work`.
    fn seconds(&self, work: impl FnOnce() -> Result<()>) -> Result<f64> {
        let (start, end) = (self.device.event()?, self.device.event()?);
        self.device.record(&start)?;
        work()?;
        self.device.record(&end)?;
        self.device.seconds(&start, &end)
    }
}

impl Visitor for Clock<'_> {
    fn visit(&mut self, case: &str, operation: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        if !case.contains(self.part) {
            return Ok(());
        }
        // Once without looking: the first launch of a kernel loads it.
        operation()?;
        let (mut cold, mut warm, mut replayed) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.repeats {
            self.device.clear(&mut self.other)?;
            cold.push(self.seconds(&mut *operation)?);
        }
        for _ in 0..self.repeats {
            warm.push(self.seconds(|| (0..INNER).try_for_each(|_| operation()))? / INNER as f64);
        }
        let mut tape = <Cuda as Device>::Tape::default();
        self.device.run(&mut tape, |_| (0..INNER).try_for_each(|_| operation()))?;
        for _ in 0..self.repeats {
            replayed.push(self.seconds(|| self.device.run(&mut tape, |_| Ok(())))? / INNER as f64);
        }
        let case = case.to_string();
        self.found.push(Times { case, cold: median(cold), warm: median(warm), replayed: median(replayed) });
        Ok(())
    }
}

/// Runs between two events, where one alone is shorter than an event can tell.
const INNER: usize = 10;

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_and_the_roof_is_the_lower_one() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        let peak = Peak { bytes: 100.0, operations: 10.0 };
        assert_eq!((peak.least(50, 1), peak.least(50, 20)), (0.5, 2.0));
    }
}
