//! Events that keep time.
use super::{Cuda, failed};
use crate::error::{Error, Result};
use cudarc::driver::{CudaEvent, sys};

/// A moment in a device's stream.
pub struct Event(CudaEvent);

/// cudarc's own way asks for `cuEventElapsedTime_v2`, which only drivers from 12.8 on have.
type Elapsed = unsafe extern "C" fn(*mut f32, sys::CUevent, sys::CUevent) -> sys::CUresult;

impl Cuda {
    /// An event that has not been recorded.
    ///
    /// # Errors
    /// When the driver refuses.
    pub(crate) fn event(&self) -> Result<Event> {
        let kind = Some(sys::CUevent_flags::CU_EVENT_DEFAULT);
        self.inner.queue.stream.context().new_event(kind).map(Event).map_err(failed("making an event"))
    }
    /// Puts the event behind everything that was asked before.
    ///
    /// # Errors
    /// When the driver refuses.
    pub(crate) fn record(&self, event: &Event) -> Result<()> {
        event.0.record(&self.inner.queue.stream).map_err(failed("recording an event"))
    }
    /// Seconds on the device's clock from one event to another, both recorded; waits for the second.
    ///
    /// # Errors
    /// What the device says of the work before them.
    #[expect(unsafe_code, reason = "a foreign function")]
    pub(crate) fn seconds(&self, from: &Event, to: &Event) -> Result<f64> {
        to.0.synchronize().map_err(failed("waiting for an event"))?;
        // SAFETY: the library is there; the function has had this name and signature in every version.
        let elapsed = unsafe { sys::culib().get::<Elapsed>(b"cuEventElapsedTime\0") };
        let elapsed = elapsed.map_err(|error| Error::Cuda { doing: "asking for a time", code: error.to_string() })?;
        let mut milliseconds = 0.0;
        // SAFETY: both events live; the pointer is to a live number.
        let asked = unsafe { elapsed(&raw mut milliseconds, from.0.cu_event(), to.0.cu_event()) };
        asked.result().map_err(failed("asking for a time"))?;
        Ok(f64::from(milliseconds) / 1e3)
    }
}
