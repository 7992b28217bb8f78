//! How often intervals from tables fitted to a log hold the value: the two-state world of the tests, and worlds with so many
//! states and actions that short logs lack some of them.
use mercato::{
    envs::{Domain, Purpose, Rng, rng::Stream},
    reports::{
        ope::{
            Options, Settings,
            trajectory::{Step, Trajectories},
        },
        stats::Estimate,
    },
    resampling,
};

const SIMULATIONS: u32 = 500;
const RESAMPLES: u32 = 400;
const GAMMA: f64 = 0.9;

/// A world with tables for everything, and two policies in it.
struct World {
    steps: usize,
    /// By state and action: where it leads.
    leads: Vec<Vec<Vec<f32>>>,
    /// By state and action: mean reward.
    pays: Vec<Vec<f64>>,
    /// Standard deviation of a reward.
    noise: f64,
    behaviour: Vec<Vec<f32>>,
    policy: Vec<Vec<f64>>,
}

/// Numbers that add up to 1.
fn shares(weights: &[f64]) -> Vec<f64> {
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

fn single(shares: &[f64]) -> Vec<f32> {
    shares.iter().map(|share| *share as f32).collect()
}

impl World {
    /// Action 1 pays 1 in state 1 and leads there with 3/4, action 0 pays 1/2 in state 0 and leads to state 1 with 1/4.
    fn two_states() -> Self {
        let leads = vec![vec![0.75, 0.25], vec![0.25, 0.75]];
        World {
            steps: 3,
            leads: vec![leads.clone(), leads],
            pays: vec![vec![0.5, 0.0], vec![0.0, 1.0]],
            noise: 0.0,
            behaviour: vec![vec![0.75, 0.25], vec![0.5, 0.5]],
            policy: vec![vec![0.25, 0.75], vec![0.0, 1.0]],
        }
    }

    /// With so many states and actions, everything drawn; the behaviour is uniform.
    fn drawn(states: usize, actions: usize) -> Self {
        let mut stream = Rng::new(3, Domain::Statistics).at(states as u32, 0, 0).stream(Purpose::STEP);
        let mut uneven = |count: usize| -> Vec<f64> {
            shares(&(0..count).map(|_| f64::from(stream.log_normal(0.0, 1.0))).collect::<Vec<_>>())
        };
        let leads = (0..states).map(|_| (0..actions).map(|_| single(&uneven(states))).collect()).collect();
        let policy = (0..states).map(|_| uneven(actions)).collect();
        let pays = (0..states).map(|_| (0..actions).map(|_| stream.uniform64()).collect()).collect();
        let behaviour = vec![vec![1.0 / actions as f32; actions]; states];
        World { steps: 4, leads, pays, noise: 0.3, behaviour, policy }
    }

    /// What the evaluation policy earns, by recursion; every state is as likely to be the first.
    fn value(&self) -> f64 {
        let states = self.pays.len();
        let mut values = vec![0.0; states];
        for _ in 0..self.steps {
            let of = |state: usize, action: usize| {
                let after = self.leads[state][action].iter().zip(&values);
                self.pays[state][action] + GAMMA * after.map(|(share, value)| f64::from(*share) * value).sum::<f64>()
            };
            let policy = |state: usize| self.policy[state].iter().enumerate();
            values =
                (0..states).map(|state| policy(state).map(|(action, share)| share * of(state, action)).sum()).collect();
        }
        values.iter().sum::<f64>() / states as f64
    }

    /// A log of so many trajectories.
    fn log(&self, trajectories: usize, stream: &mut Stream) -> Trajectories {
        let mut log = Trajectories::new(self.policy[0].len(), false, true);
        for _ in 0..trajectories {
            let mut state = stream.below(self.pays.len() as u32) as usize;
            let step = |_| {
                let action = stream.categorical(&self.behaviour[state]);
                let reward = self.pays[state][action] + self.noise * stream.normal64();
                let ratio = self.policy[state][action] / f64::from(self.behaviour[state][action]);
                let step =
                    Step { action, reward, ratio, policy: &self.policy[state], values: &[], state: state as u32 };
                state = stream.categorical(&self.leads[state][action]);
                step
            };
            log.push(&(0..self.steps).map(step).collect::<Vec<_>>());
        }
        log
    }

    /// How many of the logs had the value in the basic interval of `fqe`, in its percentile interval, and in that of `dr`.
    fn held(&self, trajectories: usize) -> [u32; 3] {
        let value = self.value();
        let settings = Settings { gamma: GAMMA, ..Settings::default() };
        let mut held = [0; 3];
        for simulation in 0..SIMULATIONS {
            let address = Rng::new(4, Domain::Statistics).at(trajectories as u32, simulation, 0);
            let log = self.log(trajectories, &mut address.stream(Purpose::STEP));
            let seed = u64::from(simulation);
            let found = log.evaluate(&Options { settings, resamples: RESAMPLES, seed }, &resampling::draw(seed));
            let ends = |estimate: &Estimate| estimate.low.zip(estimate.high).unwrap_or((f64::NAN, f64::NAN));
            let [fqe, dr] = ["fqe", "dr"].map(|name| &found.estimates[name]);
            let (low, high) = ends(fqe);
            // One kind of interval is the other, turned about the estimate.
            let percentile = (2.0 * fqe.point - high, 2.0 * fqe.point - low);
            for (held, (low, high)) in held.iter_mut().zip([(low, high), percentile, ends(dr)]) {
                *held += u32::from(low <= value && value <= high);
            }
        }
        held
    }
}

/// The table of the document.
pub fn table() -> String {
    let mut table = String::from(
        "| world | trajectories | FQE | FQE, were it a percentile interval | DR with the fitted table |\n|---|--:|--:|--:|--:|\n",
    );
    let worlds: [(&str, World, &[usize]); 3] = [
        ("2 states, 2 actions, 3 steps", World::two_states(), &[10, 20, 50, 100]),
        ("8 states, 3 actions, 4 steps", World::drawn(8, 3), &[30, 100, 300]),
        ("20 states, 4 actions, 4 steps", World::drawn(20, 4), &[50, 200, 1000]),
    ];
    for (name, world, lengths) in &worlds {
        for trajectories in *lengths {
            let shares = world
                .held(*trajectories)
                .map(|held| format!("{:.0} %", 100.0 * f64::from(held) / f64::from(SIMULATIONS)));
            table += &format!("| {name} | {trajectories} | {} |\n", shares.join(" | "));
        }
    }
    table
}
