//! What the parts promise together, in one binary.
mod golden;
mod independence;
mod registry;
