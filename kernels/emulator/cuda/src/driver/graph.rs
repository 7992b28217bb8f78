//! Captures and graphs. A graph is the list of what its stream was given: one stream, so the order is total.
use super::stream::{Capture, LEGACY};
use super::{Out, Status, api};
use crate::work::Work;
use std::ffi::{c_uint, c_ulonglong};

api! {
    fn cuStreamBeginCapture_v2(state, stream: usize, _mode: c_uint) {
        state.ready()?;
        if stream <= LEGACY + 1 {
            return state.refuse(Status::CAPTURE_UNSUPPORTED, "the default stream cannot be captured");
        }
        state.captures += 1;
        let id = state.captures;
        let stream = state.stream(stream)?;
        if stream.capture.is_some() {
            return Err(Status::INVALID_VALUE);
        }
        stream.capture = Some(Capture { id, nodes: Vec::new() });
        Ok(())
    }
    fn cuStreamEndCapture(state, stream: usize, graph: Out<usize>) {
        state.ready()?;
        let capture = state.stream(stream)?.capture.take().ok_or(Status::INVALID_VALUE)?;
        let handle = state.handle();
        state.graphs.insert(handle, capture.nodes);
        graph.set(handle)
    }
    fn cuStreamIsCapturing(state, stream: usize, status: Out<c_uint>) {
        state.ready()?;
        status.set(c_uint::from(state.stream(stream)?.capture.is_some()))
    }
    fn cuGraphInstantiateWithFlags(state, executable: Out<usize>, graph: usize, _flags: c_ulonglong) {
        state.ready()?;
        let nodes = state.graphs.get(&graph).ok_or(Status::INVALID_HANDLE)?.as_slice().into();
        let handle = state.handle();
        state.executables.insert(handle, nodes);
        executable.set(handle)
    }
    fn cuGraphUpload(state, executable: usize, _stream: usize) {
        state.ready()?;
        state.executables.get(&executable).map(|_| ()).ok_or(Status::INVALID_HANDLE)
    }
    fn cuGraphLaunch(state, executable: usize, stream: usize) {
        state.ready()?;
        let nodes = state.executables.get(&executable).cloned().ok_or(Status::INVALID_HANDLE)?;
        if state.stream(stream)?.capture.is_some() {
            return state.refuse(Status::CAPTURE_UNSUPPORTED, "a graph is launched within a capture");
        }
        state.submit(stream, Work::Graph(nodes))
    }
    fn cuGraphDestroy(state, graph: usize) {
        state.graphs.remove(&graph).map(drop).ok_or(Status::INVALID_HANDLE)
    }
    fn cuGraphExecDestroy(state, executable: usize) {
        state.executables.remove(&executable).map(drop).ok_or(Status::INVALID_HANDLE)
    }
}
