//! Bandits: agents that weigh what an action brings at once, each by its paper's rule.
//!
//! | agent | what it knows | source |
//! |---|---|---|
//! | [`most_popular`] | total reward of each action | the recommender's baseline |
//! | [`ucb1`] | mean reward of each action | Auer, Cesa-Bianchi, Fischer 2002 |
//! | [`thompson_beta`] | a beta law of each action's success | Thompson 1933; Chapelle, Li 2011 |
//! | [`thompson_gaussian`] | a normal law of each action's mean | Agrawal, Goyal 2013 |
//! | [`epsilon_greedy`] | a ridge regression of each action on the observation | Sutton, Barto 2018, chapter 2 |
//! | [`lin_ucb`] | the same, or one regression for all actions, and how certain it is | Li, Chu, Langford, Schapire 2010 |
//! | [`logistic_thompson`] | a normal law of each action's logistic regression | Chapelle, Li 2011 |
//! | [`cascade_ucb`] | how much each item of a list attracts | Kveton, Szepesvári, Wen, Ashkan 2015 |
//! | [`mnl_thompson`] | how much each product attracts and a price deters | Oh, Iyengar 2019 |
//! | [`explore_then_commit`] | mean return of each price of a grid | Lattimore, Szepesvári 2020, chapter 6 |
//! | [`thompson_pricing`] | a Gaussian process over the prices of a grid | Chowdhury, Gopalan 2017 |
//!
//! The first four and the last two are [`arms`]: they do not look at the observation.
pub mod arms;
pub mod cascade_ucb;
pub mod epsilon_greedy;
pub mod explore_then_commit;
pub mod lin_ucb;
pub mod linear;
pub mod logistic_thompson;
pub mod mnl_thompson;
pub mod most_popular;
pub mod normal;
pub mod prices;
pub mod thompson_beta;
pub mod thompson_gaussian;
pub mod thompson_pricing;
pub mod ucb1;
