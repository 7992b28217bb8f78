//! What every rule works on: the replay ring and its clock, the batch, the parameters. None of it depends on the rule.
use crate::{
    agent::{Progress, Update},
    dqn::Config,
    error::{Error, Result, setting},
    network::Network,
    noise::Noise,
};
use envs::{Actions, Slot, Spec};
use kernels::{
    AdamConfig, Backend, Batch, Element, Memory, Priority, Ramp, SampleConfig, TargetUpdate, Weights, clock,
};

/// What an update works on.
pub struct Parts<B: Backend> {
    /// The settings.
    pub config: Config,
    /// Where the parameters sit.
    pub network: Network,
    /// How transitions are drawn.
    pub sampling: SampleConfig,
    /// How parameters are moved.
    pub adam: AdamConfig,
    /// The parameters; twice the network's length when it is noisy.
    pub weights: Weights<B>,
    /// Its noise, when it is.
    pub noise: Option<Noise<B>>,
    /// The replay ring.
    pub memory: Memory<B>,
    /// What the update learns from.
    pub batch: Batch<B>,
    /// Updates and steps made.
    pub clock: B::Buf<u32>,
    /// \[loss, mean Q(s, a)\] of the last update.
    pub summary: B::Buf<f32>,
    /// Vector steps made.
    pub(super) steps: u64,
    /// Updates made.
    pub(super) updates: u64,
}

impl<B: Backend> Parts<B> {
    /// For actions with `reals` real numbers; `config` has been validated.
    pub(super) fn new(b: &B, config: Config, network: Network, spec: &Spec, reals: usize, seed: u64) -> Result<Self> {
        if spec.rows != config.rows {
            return Err(setting("rows", config.rows, &format!("equal to the world's {} rows", spec.rows)));
        }
        let mut theta = network.initial(seed);
        if config.noisy {
            theta.extend(network.initial_noise(config.noise));
        }
        let importance = Ramp { from: config.importance, to: 1.0, over: config.importance_updates };
        let slots = config.memory / config.rows;
        Ok(Parts {
            sampling: SampleConfig {
                n_step: config.n_step,
                discount: config.discount.unwrap_or(spec.discount as f32),
                seed,
                priority: config.priority.then_some(Priority {
                    exponent: config.priority_exponent,
                    importance,
                    offset: config.priority_offset,
                }),
            },
            adam: AdamConfig {
                rate: Ramp {
                    from: config.learning_rate,
                    to: config.learning_rate_to.unwrap_or(config.learning_rate),
                    over: config.learning_rate_over,
                },
                beta: config.betas,
                epsilon: config.epsilon,
                clip: config.clip,
                l2: config.l2,
                decay: config.weight_decay,
                target: if config.target_rate > 0.0 {
                    TargetUpdate::Soft(config.target_rate)
                } else {
                    TargetUpdate::Hard(config.target_every)
                },
            },
            weights: Weights::new(b, &theta)?,
            noise: config.noisy.then(|| Noise::new(b, &network, seed)).transpose()?,
            memory: Memory::new(b, slots, config.rows, spec.observation, config.priority)?.with_reals(b, reals)?,
            batch: Batch::new(b, config.batch, spec.observation)?.with_reals(b, reals)?,
            clock: clock(b)?,
            summary: b.zeros(2)?,
            steps: 0,
            updates: 0,
            config,
            network,
        })
    }

    /// The slot of the ring that the world writes next.
    pub(super) fn head(&self) -> usize {
        (self.steps % self.memory.slots as u64) as usize
    }

    /// That slot, to be written.
    pub(super) fn slot(&mut self, b: &B) -> Slot<'_> {
        let head = self.head();
        let (numbers, cells) = (self.memory.numbers(head), self.memory.cells(head));
        let Memory { observation, reward, stage, .. } = &mut self.memory;
        Slot {
            observation: b.stage(observation, numbers),
            reward: b.stage(reward, cells.clone()),
            stage: b.stage(stage, cells),
        }
    }

    /// What the world wrote into the slot belongs to the ring from now on.
    pub(super) fn take_in(&mut self, b: &B) -> Result<()> {
        let head = self.head();
        let Parts { config, memory, clock, sampling, .. } = self;
        let (numbers, cells) = (memory.numbers(head), memory.cells(head));
        if config.reward_scale != 1.0 {
            b.stage(&mut memory.reward, cells.clone()).iter_mut().for_each(|reward| *reward *= config.reward_scale);
        }
        b.commit(&mut memory.observation, numbers)?;
        b.commit(&mut memory.reward, cells.clone())?;
        b.commit(&mut memory.stage, cells)?;
        Ok(b.advance(sampling, memory, clock)?)
    }

    /// What was done there, by whomever.
    pub(super) fn note(&mut self, b: &B, actions: &Actions) -> Result<()> {
        let head = self.head();
        let memory = &mut self.memory;
        let (cells, reals) = (memory.cells(head), memory.real_numbers(head));
        if !actions.items.is_empty() {
            b.stage(&mut memory.action, cells.clone()).copy_from_slice(&actions.items);
            b.commit(&mut memory.action, cells)?;
        }
        if !actions.reals.is_empty() {
            b.stage(&mut memory.real, reals.clone()).copy_from_slice(&actions.reals);
            b.commit(&mut memory.real, reals)?;
        }
        self.steps += 1;
        Ok(())
    }

    /// Whether this step ends with updates: every so many, after the warm-up and at least one whole window.
    pub(super) fn is_due(&self) -> bool {
        let Config { warmup, rows, n_step, update_every, .. } = self.config;
        let warmup = warmup.div_ceil(rows as u64);
        let window = 2 * n_step as u64 + 8;
        let first = if warmup > window { warmup } else { window };
        self.steps >= first && self.steps.is_multiple_of(u64::from(update_every))
    }

    /// How far learning is.
    pub(super) fn progress(&self, b: &B, epsilon: &Ramp, multiplier: Option<&B::Buf<f32>>) -> Result<Progress> {
        let epsilon = epsilon.at(u32::try_from(self.steps).unwrap_or(u32::MAX));
        let multiplier = multiplier.map(|multiplier| host(b, multiplier, 1)).transpose()?;
        let multiplier = multiplier.map(|multiplier| multiplier[0]);
        if self.updates == 0 {
            return Ok(Progress { updates: 0, loss: None, mean_q: None, epsilon, multiplier });
        }
        let summary = host(b, &self.summary, 2)?;
        for (what, value) in [("the loss", summary[0]), ("the mean Q", summary[1])] {
            if !value.is_finite() {
                return Err(Error::Diverged { what, value, updates: self.updates });
            }
        }
        let theta = host(b, &self.weights.theta, self.weights.len)?;
        if let Some(value) = theta.into_iter().find(|value| !value.is_finite()) {
            return Err(Error::Diverged { what: "a weight", value, updates: self.updates });
        }
        Ok(Progress { updates: self.updates, loss: Some(summary[0]), mean_q: Some(summary[1]), epsilon, multiplier })
    }

    /// What the last update learnt from.
    pub(super) fn update(&self, b: &B) -> Result<Update> {
        if self.updates == 0 {
            return Ok(Update { updates: 0, picks: Vec::new(), loss: None });
        }
        let picks = host(b, &self.batch.pick, self.batch.size)?;
        let loss = host(b, &self.summary, 1)?[0];
        Ok(Update { updates: self.updates, picks, loss: Some(loss) })
    }
}

/// The first `len` numbers of `buffer`.
pub(super) fn host<B: Backend, T: Element>(b: &B, buffer: &B::Buf<T>, len: usize) -> Result<Vec<T>> {
    let mut numbers = vec![T::default(); len];
    b.download(buffer, 0..len, &mut numbers)?;
    Ok(numbers)
}
