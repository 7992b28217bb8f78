//! The presets: what an agent is called, what it is, and its published settings.
use super::AgentSpec;
use crate::{
    bandits::{
        cascade_ucb, epsilon_greedy, explore_then_commit, lin_ucb, logistic_thompson, mnl_thompson, most_popular,
        thompson_beta, thompson_gaussian, thompson_pricing, ucb1,
    },
    bcq, c51, cql, dqn, iqn, lagrangian, naf,
    network::Head,
    pdqn, price_grid, qr_dqn, qt_opt, slateq, tabular_q, two_tower,
};
use envs::Params;
use serde_json::{Value, json};

/// A named starting point for settings.
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// The action space it can handle.
    pub space: &'static str,
    /// Its settings.
    pub spec: fn() -> AgentSpec,
}

impl Preset {
    /// A small world that it can act in, for measurements and tests that try every agent.
    pub fn world(&self) -> (&'static str, Params) {
        let with =
            |params: &[(&str, Value)]| params.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
        match self.name {
            "lagrangian" => {
                ("rec/fair-interest-v1", with(&[("cost_signal", json!("others")), ("cost_shown", json!(true))]))
            }
            "lin_ucb_shared" => ("compat/recogym-v1", Params::new()),
            "two_tower" => ("rec/huge-hashed-v1", with(&[("items", json!(10_000))])),
            _ => match self.space {
                "discrete" => ("rec/markov-interest-v1", Params::new()),
                "slates" => ("rec/slateq-mdp-v1", Params::new()),
                "discrete with continuous numbers" => ("pricing/wine-club-v1", Params::new()),
                "products with a price for each" => ("pricing/multi-product-mnl-v1", Params::new()),
                _ => ("pricing/inventory-v1", Params::new()),
            },
        }
    }
}

/// Every learning agent, in the order of the documentation.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "dqn",
        about: "deep Q-learning (Mnih et al. 2015)",
        space: "discrete",
        spec: || AgentSpec::Dqn(dqn::Config::default()),
    },
    Preset {
        name: "rainbow-lite",
        about: "double, dueling, 3-step and prioritised together (Hessel et al. 2018, without noise and distribution)",
        space: "discrete",
        spec: || {
            let head = Head::Dueling;
            AgentSpec::Dqn(dqn::Config { double: true, head, n_step: 3, priority: true, ..Default::default() })
        },
    },
    Preset {
        name: "munchausen",
        about: "DQN with the policy's log-probability in the reward (Vieillard et al. 2020)",
        space: "discrete",
        spec: || AgentSpec::Dqn(dqn::Config { munchausen: true, ..Default::default() }),
    },
    Preset {
        name: "c51",
        about: "distributions of returns over 51 atoms (Bellemare et al. 2017)",
        space: "discrete",
        spec: || AgentSpec::C51(c51::Config::default()),
    },
    Preset {
        name: "qr_dqn",
        about: "distributions of returns by 200 quantiles (Dabney et al. 2018)",
        space: "discrete",
        spec: || AgentSpec::QrDqn(qr_dqn::Config::default()),
    },
    Preset {
        name: "iqn",
        about: "quantiles of returns at fractions drawn anew (Dabney et al. 2018)",
        space: "discrete",
        spec: || AgentSpec::Iqn(iqn::Config::default()),
    },
    Preset {
        name: "rainbow",
        about: "c51 with double, dueling, 3-step, prioritised and noisy layers together (Hessel et al. 2018)",
        space: "discrete",
        spec: || {
            let dqn = dqn::Config {
                double: true,
                head: Head::Dueling,
                n_step: 3,
                priority: true,
                priority_exponent: 0.5,
                noisy: true,
                explore_from: 0.0,
                explore_to: 0.0,
                ..Default::default()
            };
            AgentSpec::C51(c51::Config { dqn, ..Default::default() })
        },
    },
    Preset {
        name: "article",
        about: "the source article's factored head, 64 hidden units, Adam 0.001, batches of 64, with the corrected loss",
        space: "discrete",
        spec: || {
            AgentSpec::Dqn(dqn::Config {
                hidden: vec![64],
                head: Head::Factored,
                batch: 64,
                learning_rate: 1e-3,
                discount: Some(0.9),
                huber: f32::INFINITY,
                ..Default::default()
            })
        },
    },
    Preset {
        name: "cql",
        about: "from a log: values of what it does not show are pressed down (Kumar et al. 2020)",
        space: "discrete",
        spec: || AgentSpec::Cql(cql::Config::default()),
    },
    Preset {
        name: "bcq",
        about: "from a log: the best of what its policy would do (Fujimoto et al. 2019)",
        space: "discrete",
        spec: || AgentSpec::Bcq(bcq::Config::default()),
    },
    Preset {
        name: "lagrangian",
        about: "the best whose cost stays within a limit, by a multiplier that is learnt (Tessler et al. 2019)",
        space: "discrete, with a cost shown",
        spec: || AgentSpec::Lagrangian(lagrangian::Config::default()),
    },
    Preset {
        name: "two_tower",
        about: "a network's vector of the state times the items' own (Yi et al. 2019)",
        space: "discrete, up to millions",
        spec: || AgentSpec::TwoTower(two_tower::Config::default()),
    },
    Preset {
        name: "slateq",
        about: "slates by the values of their items under a learnt choice (Ie et al. 2019)",
        space: "slates",
        spec: || AgentSpec::Slateq(slateq::Config::default()),
    },
    Preset {
        name: "cascade_slateq",
        about: "slateq for users who read from the top: the best list in its best order (Craswell et al. 2008)",
        space: "slates",
        spec: || {
            let selection = slateq::Selection::Cascade;
            AgentSpec::Slateq(slateq::Config { selection, ..Default::default() })
        },
    },
    Preset {
        name: "top_k_dqn",
        about: "slates of the items with the largest values, each an action of its own, without a model of the choice",
        space: "slates",
        spec: || {
            let selection = slateq::Selection::Items;
            AgentSpec::Slateq(slateq::Config { selection, choice: 0.0, ..Default::default() })
        },
    },
    Preset {
        name: "price_grid",
        about: "deep Q-learning over a grid of prices, refined around the best",
        space: "one continuous number",
        spec: || AgentSpec::PriceGrid(price_grid::Config::default()),
    },
    Preset {
        name: "naf",
        about: "continuous prices by a parabola of advantages whose peak is an output (Gu et al. 2016)",
        space: "continuous numbers",
        spec: || AgentSpec::Naf(naf::Config::default()),
    },
    Preset {
        name: "qt_opt",
        about: "continuous prices as inputs, the best found by the cross-entropy method (Kalashnikov et al. 2018)",
        space: "continuous numbers",
        spec: || AgentSpec::QtOpt(qt_opt::Config::default()),
    },
    Preset {
        name: "pdqn",
        about: "an item and its price: one network says the prices, another values the items (Xiong et al. 2018)",
        space: "discrete with continuous numbers",
        spec: || AgentSpec::Pdqn(pdqn::Config::default()),
    },
    Preset {
        name: "mp_dqn",
        about: "the same with a pass for each item, which sees its own price only (Bester et al. 2019)",
        space: "discrete with continuous numbers",
        spec: || AgentSpec::Pdqn(pdqn::Config { multi_pass: true, ..Default::default() }),
    },
    Preset {
        name: "most_popular",
        about: "what has earned most in total, after a while of random display",
        space: "discrete",
        spec: || AgentSpec::MostPopular(most_popular::Config::default()),
    },
    Preset {
        name: "epsilon_greedy",
        about: "ridge regressions per action, a random action one time in ten (Sutton, Barto 2018)",
        space: "discrete",
        spec: || AgentSpec::EpsilonGreedy(epsilon_greedy::Config::default()),
    },
    Preset {
        name: "ucb1",
        about: "upper confidence bounds of mean rewards, whatever is observed (Auer et al. 2002)",
        space: "discrete",
        spec: || AgentSpec::Ucb1(ucb1::Config::default()),
    },
    Preset {
        name: "thompson_beta",
        about: "Thompson sampling of success rates, whatever is observed (Chapelle, Li 2011)",
        space: "discrete",
        spec: || AgentSpec::ThompsonBeta(thompson_beta::Config::default()),
    },
    Preset {
        name: "thompson_gaussian",
        about: "Thompson sampling of mean rewards, whatever is observed (Agrawal, Goyal 2013)",
        space: "discrete",
        spec: || AgentSpec::ThompsonGaussian(thompson_gaussian::Config::default()),
    },
    Preset {
        name: "lin_ucb",
        about: "upper confidence bounds of ridge regressions per action (Li et al. 2010)",
        space: "discrete",
        spec: || AgentSpec::LinUcb(lin_ucb::Config::default()),
    },
    Preset {
        name: "lin_ucb_shared",
        about: "the same with one regression for all actions, on what is observed of each (Li et al. 2010)",
        space: "discrete, with numbers for each action",
        spec: || AgentSpec::LinUcb(lin_ucb::Config { shared: true, ..Default::default() }),
    },
    Preset {
        name: "logistic_thompson",
        about: "Thompson sampling of logistic regressions per action (Chapelle, Li 2011)",
        space: "discrete",
        spec: || AgentSpec::LogisticThompson(logistic_thompson::Config::default()),
    },
    Preset {
        name: "cascade_ucb",
        about: "upper confidence bounds of what the items of a list attract (Kveton et al. 2015)",
        space: "slates",
        spec: || AgentSpec::CascadeUcb(cascade_ucb::Config::default()),
    },
    Preset {
        name: "mnl_thompson",
        about: "Thompson sampling of what attracts and what a price deters, a multinomial logit (Oh, Iyengar 2019)",
        space: "products with a price for each",
        spec: || AgentSpec::MnlThompson(mnl_thompson::Config::default()),
    },
    Preset {
        name: "tabular_q",
        about: "Q-learning with a table, as in the study of colluding prices (Calvano et al. 2020)",
        space: "discrete",
        spec: || AgentSpec::TabularQ(tabular_q::Config::default()),
    },
    Preset {
        name: "explore_then_commit",
        about: "every price of a grid equally often, then the best (Lattimore, Szepesvári 2020)",
        space: "one continuous number",
        spec: || AgentSpec::ExploreThenCommit(explore_then_commit::Config::default()),
    },
    Preset {
        name: "thompson_pricing",
        about: "Thompson sampling of a Gaussian process over prices (Chowdhury, Gopalan 2017)",
        space: "one continuous number",
        spec: || AgentSpec::ThompsonPricing(thompson_pricing::Config::default()),
    },
];
