//! Two sellers who learn by tables charge more than competition would have it: the baseline of Calvano, Calzolari,
//! Denicolò and Pastorello 2020 ("Artificial intelligence, algorithmic pricing, and collusion", table 1).
//!
//! Each of two firms has the demand q_i = e^((2 − p_i)/μ) / (Σ_j e^((2 − p_j)/μ) + 1), μ = 1/4, and unit costs of 1; prices
//! are 15 steps around the competitive price 1.47293 and the joint monopoly's 1.92498, with profits 0.22293 and 0.33749.
//! Both see both last prices. With Δ = (profit − competitive) / (monopoly − competitive) the study has 0.85; two random
//! sellers have 0.497.
//!
//! `cargo test --release -p mercato-agents --test collusion -- --ignored --nocapture` plays four sessions of 2.5 million
//! periods: 0.747, 0.845, 0.999 and 0.894, mean 0.871.
use envs::{
    Actions, Slot, Stage,
    env::Field,
    math::exp64,
    space::{Shape, Width},
    vector::Spec,
};
use mercato_agents::{Agent, Policy, tabular_q};

const PRICES: usize = 15;
const COMPETITIVE: (f64, f64) = (1.472_927, 0.222_927);
const MONOPOLY: (f64, f64) = (1.924_981, 0.337_490);

fn price(step: usize) -> f64 {
    let reach = MONOPOLY.0 - COMPETITIVE.0;
    COMPETITIVE.0 - 0.1 * reach + 1.2 * reach * step as f64 / (PRICES - 1) as f64
}

/// Profit at price `own` when the rival has price `rival`.
fn profit(own: f64, rival: f64) -> f64 {
    let weight = |price: f64| exp64((2.0 - price) / 0.25);
    (own - 1.0) * weight(own) / (weight(own) + weight(rival) + 1.0)
}

fn gain(profit: f64) -> f64 {
    (profit - COMPETITIVE.1) / (MONOPOLY.1 - COMPETITIVE.1)
}

fn spec() -> Spec {
    let field = |name| Field { name, len: PRICES, low: 0.0, high: 1.0 };
    Spec {
        id: "duopoly",
        params: serde_json::Value::Null,
        rows: 1,
        agents: 1,
        fields: vec![field("own_price"), field("rival_price")],
        observation: 2 * PRICES,
        shape: Shape::Discrete(PRICES as u32),
        width: Width { items: 1, reals: 0 },
        horizon: u32::MAX,
        discount: 0.95,
        metrics: Vec::new(),
        costs: &[],
        items: None,
        weights: &[],
        policies: &[],
    }
}

/// Mean profit gain of both firms over the last 100,000 of `periods`.
fn session(seed: u64, periods: u64) -> f64 {
    let table: Vec<Vec<f64>> =
        (0..PRICES).map(|own| (0..PRICES).map(|rival| profit(price(own), price(rival))).collect()).collect();
    let initial = table.iter().map(|row| row.iter().sum::<f64>() / PRICES as f64 / (1.0 - 0.95)).collect();
    let config = tabular_q::Config { initial, ..Default::default() };
    let mut firms = [0, 1]
        .map(|firm| tabular_q::TabularQ::new(config.clone(), &spec(), 2 * seed + firm).expect("the study's settings"));
    let mut last = [seed as usize % PRICES, seed as usize / 3 % PRICES];
    let write = |slot: Slot<'_>, own: usize, rival: usize, reward: f64, stage: Stage| {
        slot.observation.fill(0.0);
        slot.observation[own] = 1.0;
        slot.observation[PRICES + rival] = 1.0;
        (slot.reward[0], slot.stage[0]) = (reward as f32, stage);
    };
    (0..2).for_each(|firm| write(firms[firm].slot(), last[firm], last[1 - firm], 0.0, Stage::First));
    let mut actions = Actions::new(1, Width { items: 1, reals: 0 });
    let mut total = 0.0;
    for period in 0..periods {
        for (firm, last) in firms.iter_mut().zip(&mut last) {
            firm.act(&mut actions).expect("one-hot");
            *last = actions.items[0] as usize;
        }
        for firm in 0..2 {
            let (own, rival) = (last[firm], last[1 - firm]);
            write(firms[firm].slot(), own, rival, table[own][rival], Stage::Mid);
            firms[firm].learn().expect("one-hot");
            if period + 100_000 >= periods {
                total += table[own][rival];
            }
        }
    }
    gain(total / 2.0 / if periods < 100_000 { periods as f64 } else { 100_000.0 })
}

/// The competitive price is a best response to itself, the monopoly's price maximises joint profit, both have the published
/// profits, and random sellers the published gain.
#[test]
fn the_market_is_the_studys() {
    for (price, earned) in [COMPETITIVE, MONOPOLY] {
        assert!((profit(price, price) - earned).abs() < 1e-6);
    }
    let best = |f: &dyn Fn(f64) -> f64, at: f64| [-1e-3, 1e-3].iter().all(|shift| f(at + shift) < f(at));
    assert!(best(&|p| profit(p, COMPETITIVE.0), COMPETITIVE.0));
    assert!(best(&|p| profit(p, p), MONOPOLY.0));
    let all = (0..PRICES).flat_map(|own| (0..PRICES).map(move |rival| profit(price(own), price(rival))));
    assert!((gain(all.sum::<f64>() / 225.0) - 0.4974).abs() < 1e-3);
}

/// At first both are random sellers.
#[test]
fn sellers_start_at_random() {
    let found = session(1, 3_000);
    assert!((found - 0.497).abs() < 0.05, "{found}");
}

#[test]
#[ignore = "four sessions of 2.5 million periods: half a minute"]
fn tables_learn_to_collude() {
    let gains: Vec<f64> = (0..4).map(|seed| session(seed, 2_500_000)).collect();
    println!("profit gains {gains:.3?}");
    let mean = gains.iter().sum::<f64>() / 4.0;
    // 0.847 with a standard deviation of 0.119 over 1000 sessions of another program: four standard errors of four.
    assert!((mean - 0.847).abs() < 4.0 * 0.119 / 2.0, "{mean}");
}
