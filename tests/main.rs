//! What the parts promise together, in one binary.
mod ab;
mod article;
mod bandits;
mod bits;
mod cli;
mod cuda;
mod gallery;
mod generated;
mod independence;
mod learning;
mod offline;
mod originals;
mod published;
mod registry;
mod resume;
mod support;
mod verify;
