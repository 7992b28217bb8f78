//! A step as one graph: captured when it is first run, replayed with one launch afterwards.
use super::failed;
use crate::error::{Error, Result};
use cudarc::driver::{CudaGraph, CudaStream, sys};
use std::sync::Arc;

/// A captured step, once there is one. It must go before the buffers that it speaks of.
#[derive(Default)]
pub struct Graph {
    captured: Option<CudaGraph>,
}

#[expect(unsafe_code, reason = "handles of the driver")]
// SAFETY: a graph's handles may be used from any thread, by one at a time, and every method takes it by `&mut`.
unsafe impl Send for Graph {}

impl Graph {
    /// Captures `step` on the first call; launches it on every call.
    pub(super) fn run(&mut self, stream: &Arc<CudaStream>, step: impl FnOnce() -> Result<()>) -> Result<()> {
        let graph = match self.captured.take() {
            Some(graph) => graph,
            None => {
                let mode = sys::CUstreamCaptureMode_enum::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
                stream.begin_capture(mode).map_err(failed("beginning to capture"))?;
                let stepped = step();
                let ended = stream.end_capture(sys::CUgraphInstantiate_flags(0));
                stepped?;
                let nothing = || Error::Cuda { doing: "capturing", code: "nothing was captured".into() };
                ended.map_err(failed("capturing"))?.ok_or_else(nothing)?
            }
        };
        let launched = graph.launch().map_err(failed("launching a graph"));
        self.captured = Some(graph);
        launched
    }
}
