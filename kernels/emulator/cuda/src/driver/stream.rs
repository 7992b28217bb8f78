//! Streams: queues of work. They run at once, or, when the setting `deferred` is on, not before somebody waits.
use super::{Out, State, Status, api};
use crate::work::Work;
use std::collections::VecDeque;
use std::ffi::{c_int, c_uint};

/// The legacy default stream.
pub const LEGACY: usize = 0;
/// Its other handle.
const LEGACY_HANDLE: usize = 1;
/// The flag of streams that take no notice of the legacy stream.
const NON_BLOCKING: c_uint = 1;

/// What a capture has collected.
#[derive(Default)]
pub struct Capture {
    /// Which capture it is.
    pub id: u64,
    /// Its work.
    pub nodes: Vec<Work>,
}

/// A stream.
#[derive(Default)]
pub struct Stream {
    /// While the stream is captured.
    pub capture: Option<Capture>,
    queue: VecDeque<Work>,
    /// Pieces of work ever submitted.
    pub submitted: u64,
    done: u64,
    blocking: bool,
}

impl Stream {
    /// Drops work that was not carried out, and a capture.
    pub fn abandon(&mut self) {
        (self.capture, self.done) = (None, self.submitted);
        self.queue.clear();
    }

    /// Whether everything up to `position` was carried out.
    pub fn is_past(&self, position: u64) -> bool {
        self.done >= position
    }
}

impl State {
    /// The stream with a handle.
    pub fn stream(&mut self, handle: usize) -> Result<&mut Stream, Status> {
        let handle = if handle == LEGACY_HANDLE { LEGACY } else { handle };
        self.streams.get_mut(&handle).ok_or(Status::INVALID_HANDLE)
    }

    /// Gives work to a stream: into its capture, or into its queue.
    pub fn submit(&mut self, handle: usize, work: Work) -> Result<(), Status> {
        let handle = if handle == LEGACY_HANDLE { LEGACY } else { handle };
        let capturing = self.is_capturing();
        let stream = self.stream(handle)?;
        if let Some(capture) = &mut stream.capture {
            capture.nodes.push(work);
            return Ok(());
        }
        let blocking = stream.blocking;
        if handle == LEGACY && capturing {
            return self.refuse(Status::CAPTURE_IMPLICIT, "the default stream is used while another is captured");
        }
        if handle == LEGACY {
            let others: Vec<_> = self.streams.iter().filter(|(_, stream)| stream.blocking).map(|(id, _)| *id).collect();
            others.into_iter().try_for_each(|other| self.finish(other))?;
        } else if blocking {
            self.finish(LEGACY)?;
        }
        let stream = self.stream(handle)?;
        stream.queue.push_back(work);
        stream.submitted += 1;
        if self.settings.deferred { Ok(()) } else { self.finish(handle) }
    }

    /// Carries out a stream's work up to a position.
    pub fn drain(&mut self, handle: usize, position: u64) -> Result<(), Status> {
        // A stream that was destroyed has finished its work.
        while let Some(stream) = self.streams.get_mut(&handle).filter(|stream| stream.done < position) {
            let Some(work) = stream.queue.pop_front() else { return Ok(()) };
            stream.done += 1;
            self.execute(&work)?;
        }
        Ok(())
    }

    /// Carries out everything a stream has.
    pub fn finish(&mut self, handle: usize) -> Result<(), Status> {
        self.drain(handle, u64::MAX)
    }

    /// Carries out everything.
    pub fn drain_all(&mut self) -> Result<(), Status> {
        let handles: Vec<_> = self.streams.keys().copied().collect();
        handles.into_iter().try_for_each(|handle| self.finish(handle))
    }
}

api! {
    fn cuStreamCreate(state, stream: Out<usize>, flags: c_uint) {
        state.ready()?;
        let handle = state.handle();
        state.streams.insert(handle, Stream { blocking: flags & NON_BLOCKING == 0, ..Stream::default() });
        stream.set(handle)
    }
    fn cuStreamCreateWithPriority(state, stream: Out<usize>, flags: c_uint, _priority: c_int) {
        state.ready()?;
        let handle = state.handle();
        state.streams.insert(handle, Stream { blocking: flags & NON_BLOCKING == 0, ..Stream::default() });
        stream.set(handle)
    }
    fn cuStreamDestroy_v2(state, stream: usize) {
        if stream <= LEGACY_HANDLE {
            return Err(Status::INVALID_HANDLE);
        }
        state.stream(stream)?;
        // Its work is completed all the same.
        let result = state.finish(stream);
        state.streams.remove(&stream);
        result
    }
    fn cuStreamSynchronize(state, stream: usize) {
        state.ready()?;
        if state.stream(stream)?.capture.is_some() {
            return state.refuse(Status::CAPTURE_UNSUPPORTED, "a captured stream cannot be waited for");
        }
        state.finish(if stream == LEGACY_HANDLE { LEGACY } else { stream })
    }
    fn cuStreamQuery(state, stream: usize) {
        state.ready()?;
        let stream = state.stream(stream)?;
        match (&stream.capture, stream.queue.is_empty()) {
            (Some(_), _) => Err(Status::CAPTURE_UNSUPPORTED),
            (None, true) => Ok(()),
            (None, false) => Err(Status::NOT_READY),
        }
    }
}
