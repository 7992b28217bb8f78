//! Events: places in streams. Their times are of a made-up clock, a nanosecond for each instruction of a warp, so that
//! programs that ask for times run; they say nothing about a device.
use super::stream::LEGACY;
use super::{Out, State, Status, api};
use crate::work::Work;
use std::ffi::c_uint;

/// An event.
#[derive(Clone, Copy, Default)]
pub struct Event {
    /// Whether it was made without timing.
    untimed: bool,
    /// When the stream came to it.
    pub time: Option<u64>,
    /// Stream and position that it marks.
    place: Option<(usize, u64)>,
    /// The capture in which it was recorded.
    capture: Option<u64>,
}

/// The flag of events without timing.
const DISABLE_TIMING: c_uint = 2;

impl State {
    fn elapsed(&self, milliseconds: Out<f32>, start: usize, end: usize) -> Result<(), Status> {
        self.ready()?;
        let events = [self.event(start)?, self.event(end)?];
        if events.iter().any(|event| event.untimed || event.place.is_none()) {
            return Err(Status::INVALID_HANDLE);
        }
        let [Some(start), Some(end)] = events.map(|event| event.time) else { return Err(Status::NOT_READY) };
        milliseconds.set((end as f64 - start as f64) as f32 / 1e6)
    }

    fn event(&self, handle: usize) -> Result<Event, Status> {
        self.events.get(&handle).copied().ok_or(Status::INVALID_HANDLE)
    }
}

api! {
    fn cuEventCreate(state, event: Out<usize>, flags: c_uint) {
        state.ready()?;
        let handle = state.handle();
        state.events.insert(handle, Event { untimed: flags & DISABLE_TIMING != 0, ..Event::default() });
        event.set(handle)
    }
    fn cuEventDestroy_v2(state, event: usize) {
        state.events.remove(&event).map(drop).ok_or(Status::INVALID_HANDLE)
    }
    fn cuEventRecord(state, event: usize, stream: usize) {
        state.ready()?;
        let before = Event { place: None, capture: None, time: None, ..state.event(event)? };
        let capture = state.stream(stream)?.capture.as_ref().map(|capture| capture.id);
        if capture.is_some() {
            state.events.insert(event, Event { capture, ..before });
            return Ok(());
        }
        let place = (if stream == 1 { LEGACY } else { stream }, state.stream(stream)?.submitted + 1);
        state.events.insert(event, Event { place: Some(place), ..before });
        state.submit(stream, Work::Record(event))
    }
    fn cuStreamWaitEvent(state, stream: usize, event: usize, _flags: c_uint) {
        state.ready()?;
        let Event { place, capture, .. } = state.event(event)?;
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
    fn cuEventElapsedTime(state, milliseconds: Out<f32>, start: usize, end: usize) {
        state.elapsed(milliseconds, start, end)
    }
    fn cuEventElapsedTime_v2(state, milliseconds: Out<f32>, start: usize, end: usize) {
        state.elapsed(milliseconds, start, end)
    }
}
