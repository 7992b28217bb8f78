//! The operations, one file each: the formula, the trait, the body for each device.
pub mod adam;
pub mod choose;
pub mod dueling;
pub mod factored;
pub mod linear;
pub mod sample;
pub mod td;

/// A device that has every operation.
pub trait Backend:
    adam::Adam + choose::Choose + dueling::Dueling + factored::Factored + linear::Linear + sample::Sample + td::Td
{
}
impl<D> Backend for D where
    D: adam::Adam + choose::Choose + dueling::Dueling + factored::Factored + linear::Linear + sample::Sample + td::Td
{
}
