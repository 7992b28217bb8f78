//! The operations, one file each: the formula, the trait, the body for each device.
pub mod adam;
pub mod categorical;
pub mod choose;
pub mod dueling;
pub mod factored;
pub mod fraction;
pub mod likelihood;
pub mod linear;
pub mod mask;
pub mod multiplier;
pub mod munchausen;
pub mod naf;
pub mod noisy;
pub mod parameters;
pub mod quantile;
pub mod sample;
pub mod search;
pub mod slate;
pub mod td;
pub mod towers;

/// A device that has every operation.
pub trait Backend:
    adam::Adam
    + categorical::Categorical
    + choose::Choose
    + dueling::Dueling
    + factored::Factored
    + fraction::Fraction
    + likelihood::Likelihood
    + linear::Linear
    + mask::Mask
    + multiplier::Multiplier
    + munchausen::Munchausen
    + naf::Naf
    + noisy::Noisy
    + parameters::Parameters
    + quantile::Quantile
    + sample::Sample
    + search::Search
    + slate::Slate
    + td::Td
    + towers::Towers
{
}
impl<D> Backend for D where
    D: adam::Adam
        + categorical::Categorical
        + choose::Choose
        + dueling::Dueling
        + factored::Factored
        + fraction::Fraction
        + likelihood::Likelihood
        + linear::Linear
        + mask::Mask
        + multiplier::Multiplier
        + munchausen::Munchausen
        + naf::Naf
        + noisy::Noisy
        + parameters::Parameters
        + quantile::Quantile
        + sample::Sample
        + search::Search
        + slate::Slate
        + td::Td
        + towers::Towers
{
}
