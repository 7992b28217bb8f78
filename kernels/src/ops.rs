//! The operations, one file each: the formula, the trait, the body for each device.
pub mod adam;
pub mod categorical;
pub mod choose;
pub mod dueling;
pub mod factored;
pub mod fraction;
pub mod linear;
pub mod munchausen;
pub mod noisy;
pub mod quantile;
pub mod sample;
pub mod slate;
pub mod td;

/// A device that has every operation.
pub trait Backend:
    adam::Adam
    + categorical::Categorical
    + choose::Choose
    + dueling::Dueling
    + factored::Factored
    + fraction::Fraction
    + linear::Linear
    + munchausen::Munchausen
    + noisy::Noisy
    + quantile::Quantile
    + sample::Sample
    + slate::Slate
    + td::Td
{
}
impl<D> Backend for D where
    D: adam::Adam
        + categorical::Categorical
        + choose::Choose
        + dueling::Dueling
        + factored::Factored
        + fraction::Fraction
        + linear::Linear
        + munchausen::Munchausen
        + noisy::Noisy
        + quantile::Quantile
        + sample::Sample
        + slate::Slate
        + td::Td
{
}
