//! The worlds: one file each under `suite/<family>/`, one line in [`ENVS`].
use crate::registry::Entry;

#[cfg(test)]
mod played;

/// Prices: what to ask for.
pub mod pricing {
    pub mod bertrand;
    pub mod bertrand_tft;
    pub mod bertrand_undercut;
    pub mod inventory;
    pub mod inventory_large;
    pub mod linear_demand_learning;
    pub mod logit_monopoly;
    pub mod logit_monopoly_contextual;
    pub mod market;
    pub mod multi_product_hybrid;
    pub mod multi_product_mnl;
    pub mod reference_price;
    pub mod wine_club;
    pub mod yogurt;
}

/// Advertising: what to bid.
pub mod ads {
    pub mod budget_pacing;
    pub mod first_price;
}

/// Finance: how fast to trade.
pub mod finance {
    pub mod execution;
}

/// Recommendation: which item to show.
pub mod rec {
    pub mod choc_kale_hard;
    pub mod fair_interest;
    pub mod huge_factored;
    pub mod huge_hashed;
    pub mod long_term_satisfaction;
    pub mod markov_interest;
    pub mod markov_interest_matrix;
    pub mod reader;
    pub mod shopper;
    pub mod slate_cascade;
    pub mod slateq_mdp;
    pub mod topic_bandit;
}

/// News: what to put first while it lasts.
pub mod news {
    pub mod fresh;
}

/// Health: how much to treat.
pub mod health {
    pub mod dose;
}

/// Education: when to teach, ask and certify.
pub mod education {
    pub mod tutor;
}

/// Worlds for comparing agents with published curves, and for tests.
pub mod classic {
    pub mod cartpole;
    pub mod chain;
}

/// Ports of other projects, as they are: statistics equal to the originals'.
pub mod compat {
    pub mod auctiongym;
    pub mod candidates;
    pub mod recogym;
    pub mod recsim_interest_evolution;
    pub mod recsim_interest_exploration;
    pub mod recsim_long_term;
}

/// Every world, in the order of the documentation.
pub static ENVS: &[Entry] = &[
    Entry::new::<rec::markov_interest::MarkovInterest>(
        "rec/markov-interest-v1",
        include_str!("suite/rec/markov_interest.rs"),
    ),
    Entry::new::<rec::markov_interest_matrix::MarkovInterestMatrix>(
        "rec/markov-interest-matrix-v1",
        include_str!("suite/rec/markov_interest_matrix.rs"),
    ),
    Entry::new::<rec::topic_bandit::TopicBandit>("rec/topic-bandit-v1", include_str!("suite/rec/topic_bandit.rs")),
    Entry::new::<rec::slate_cascade::SlateCascade>("rec/slate-cascade-v1", include_str!("suite/rec/slate_cascade.rs")),
    Entry::new::<rec::slateq_mdp::SlateqMdp>("rec/slateq-mdp-v1", include_str!("suite/rec/slateq_mdp.rs")),
    Entry::new::<rec::choc_kale_hard::ChocKaleHard>(
        "rec/choc-kale-hard-v1",
        include_str!("suite/rec/choc_kale_hard.rs"),
    ),
    Entry::new::<rec::long_term_satisfaction::LongTermSatisfaction>(
        "rec/long-term-satisfaction-v1",
        include_str!("suite/rec/long_term_satisfaction.rs"),
    ),
    Entry::new::<rec::huge_factored::Huge>("rec/huge-factored-v1", include_str!("suite/rec/huge_factored.rs")),
    Entry::new::<rec::huge_hashed::HugeHashed>("rec/huge-hashed-v1", include_str!("suite/rec/huge_hashed.rs")),
    Entry::new::<rec::fair_interest::FairInterest>("rec/fair-interest-v1", include_str!("suite/rec/fair_interest.rs")),
    Entry::new::<rec::shopper::Shopper>("rec/shopper-v1", include_str!("suite/rec/shopper.rs")),
    Entry::new::<pricing::logit_monopoly::LogitMonopoly>(
        "pricing/logit-monopoly-v1",
        include_str!("suite/pricing/logit_monopoly.rs"),
    ),
    Entry::new::<pricing::logit_monopoly_contextual::LogitMonopolyContextual>(
        "pricing/logit-monopoly-contextual-v1",
        include_str!("suite/pricing/logit_monopoly_contextual.rs"),
    ),
    Entry::new::<pricing::linear_demand_learning::LinearDemandLearning>(
        "pricing/linear-demand-learning-v1",
        include_str!("suite/pricing/linear_demand_learning.rs"),
    ),
    Entry::new::<pricing::inventory::Inventory>("pricing/inventory-v1", include_str!("suite/pricing/inventory.rs")),
    Entry::new::<pricing::inventory_large::InventoryLarge>(
        "pricing/inventory-large-v1",
        include_str!("suite/pricing/inventory_large.rs"),
    ),
    Entry::new::<pricing::reference_price::ReferencePrice>(
        "pricing/reference-price-v1",
        include_str!("suite/pricing/reference_price.rs"),
    ),
    Entry::new::<pricing::yogurt::Yogurt>("pricing/yogurt-v1", include_str!("suite/pricing/yogurt.rs")),
    Entry::new::<pricing::multi_product_mnl::MultiProductMnl>(
        "pricing/multi-product-mnl-v1",
        include_str!("suite/pricing/multi_product_mnl.rs"),
    ),
    Entry::new::<pricing::multi_product_hybrid::MultiProductHybrid>(
        "pricing/multi-product-hybrid-v1",
        include_str!("suite/pricing/multi_product_hybrid.rs"),
    ),
    Entry::new::<pricing::wine_club::WineClub>("pricing/wine-club-v1", include_str!("suite/pricing/wine_club.rs")),
    Entry::multi::<pricing::bertrand::Bertrand>("pricing/bertrand-v1", include_str!("suite/pricing/bertrand.rs")),
    Entry::new::<pricing::bertrand_tft::BertrandTft>(
        "pricing/bertrand-tft-v1",
        include_str!("suite/pricing/bertrand_tft.rs"),
    ),
    Entry::new::<pricing::bertrand_undercut::BertrandUndercut>(
        "pricing/bertrand-undercut-v1",
        include_str!("suite/pricing/bertrand_undercut.rs"),
    ),
    Entry::new::<ads::budget_pacing::BudgetPacing>("ads/budget-pacing-v1", include_str!("suite/ads/budget_pacing.rs")),
    Entry::new::<ads::first_price::FirstPrice>("ads/first-price-v1", include_str!("suite/ads/first_price.rs")),
    Entry::new::<finance::execution::Execution>("finance/execution-v1", include_str!("suite/finance/execution.rs")),
    Entry::new::<news::fresh::Fresh>("news/fresh-v1", include_str!("suite/news/fresh.rs")),
    Entry::new::<health::dose::Dose>("health/dose-v1", include_str!("suite/health/dose.rs")),
    Entry::new::<education::tutor::Tutor>("education/tutor-v1", include_str!("suite/education/tutor.rs")),
    Entry::new::<classic::cartpole::CartPole>("classic/cartpole-v1", include_str!("suite/classic/cartpole.rs")),
    Entry::new::<classic::chain::Chain>("classic/chain-v1", include_str!("suite/classic/chain.rs")),
    Entry::new::<compat::recsim_interest_evolution::InterestEvolution>(
        "compat/recsim-interest-evolution-v0",
        include_str!("suite/compat/recsim_interest_evolution.rs"),
    ),
    Entry::new::<compat::recsim_interest_exploration::InterestExploration>(
        "compat/recsim-interest-exploration-v0",
        include_str!("suite/compat/recsim_interest_exploration.rs"),
    ),
    Entry::new::<compat::recsim_long_term::LongTerm>(
        "compat/recsim-long-term-v0",
        include_str!("suite/compat/recsim_long_term.rs"),
    ),
    Entry::new::<compat::recogym::RecoGym>("compat/recogym-v1", include_str!("suite/compat/recogym.rs")),
    Entry::new::<compat::auctiongym::AuctionGym>("compat/auctiongym-v0", include_str!("suite/compat/auctiongym.rs")),
];
