//! Events: places in streams. They have no times, as nothing here has.
use super::stream::LEGACY;
use super::{Out, State, Status, api};
use crate::work::Work;
use std::ffi::c_uint;

/// An event.
#[derive(Clone, Copy, Default)]
pub struct Event {
    /// Stream and position that it marks.
    place: Option<(usize, u64)>,
    /// The capture in which it was recorded.
    capture: Option<u64>,
}

impl State {
    fn event(&self, handle: usize) -> Result<Event, Status> {
        self.events.get(&handle).copied().ok_or(Status::INVALID_HANDLE)
    }
}

api! {
    fn cuEventCreate(state, event: Out<usize>, _flags: c_uint) {
        state.ready()?;
        let handle = state.handle();
        state.events.insert(handle, Event::default());
        event.set(handle)
    }
    fn cuEventDestroy_v2(state, event: usize) {
        state.events.remove(&event).map(drop).ok_or(Status::INVALID_HANDLE)
    }
    fn cuEventRecord(state, event: usize, stream: usize) {
        state.ready()?;
        let at = state.stream(stream)?;
        let place = Some((if stream == 1 { LEGACY } else { stream }, at.submitted));
        let capture = at.capture.as_ref().map(|capture| capture.id);
        state.event(event)?;
        state.events.insert(event, Event { place: if capture.is_some() { None } else { place }, capture });
        Ok(())
    }
    fn cuStreamWaitEvent(state, stream: usize, event: usize, _flags: c_uint) {
        state.ready()?;
        let Event { place, capture } = state.event(event)?;
        let own = state.stream(stream)?.capture.as_ref().map(|capture| capture.id);
        match (own, capture, place) {
            (None, None, Some((other, position))) => state.submit(stream, Work::Wait { stream: other, position }),
            // An event that was never recorded holds nobody up; within a capture the order is the stream's.
            (_, None, None) => Ok(()),
            (Some(own), Some(of_event), _) if own == of_event => Ok(()),
            _ => state.refuse(Status::CAPTURE_ISOLATION, "a wait for an event from outside the capture, or from within one"),
        }
    }
    fn cuEventSynchronize(state, event: usize) {
        state.ready()?;
        match state.event(event)? {
            Event { capture: Some(_), .. } => Err(Status::CAPTURED_EVENT),
            Event { place: Some((stream, position)), .. } => state.drain(stream, position),
            Event { place: None, .. } => Ok(()),
        }
    }
    fn cuEventQuery(state, event: usize) {
        state.ready()?;
        match state.event(event)? {
            Event { capture: Some(_), .. } => Err(Status::CAPTURED_EVENT),
            Event { place: Some((stream, position)), .. }
                if state.streams.get(&stream).is_some_and(|stream| !stream.is_past(position)) =>
            {
                Err(Status::NOT_READY)
            }
            Event { .. } => Ok(()),
        }
    }
    fn cuEventElapsedTime(state, _milliseconds: Out<f32>, _start: usize, _end: usize) {
        state.refuse(Status::NOT_SUPPORTED, "the emulator keeps no time")
    }
    fn cuEventElapsedTime_v2(state, _milliseconds: Out<f32>, _start: usize, _end: usize) {
        state.refuse(Status::NOT_SUPPORTED, "the emulator keeps no time")
    }
}
