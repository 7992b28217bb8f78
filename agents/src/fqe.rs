//! Fitted Q evaluation (Le, Voloshin and Yue 2019, "Batch policy learning under constraints", algorithm 3) by a network:
//! what a policy is worth, from a log of somebody else's decisions. Nobody plays.
//!
//! The update is [`crate::dqn`]'s with one change: the action of the next state is the one that the policy under judgement
//! takes there, not the best by the values that are learnt. The policy is the greedy one of any learner over discrete
//! actions, and stays as it is.
use crate::{
    agent::Agent,
    bcq::Bcq,
    c51::C51,
    checkpoint::Tensors,
    cql::Cql,
    dqn::{self, Dqn},
    error::{Error, Result, setting},
    iqn::Iqn,
    lagrangian::Lagrangian,
    learner::{Choice, Learner, Parts, Rule},
    network::{Head, Network},
    processor::Processor,
    qr_dqn::QrDqn,
    spec::AgentSpec,
};
use envs::Spec;
use kernels::{Backend, ChooseConfig, TdConfig};

/// A learner of what the policy of a learner with the rule `R` is worth.
pub type Fqe<B, R> = Learner<B, Evaluates<B, R>>;

/// The policy under judgement, and what learning works on: outputs of the online network here, of the target network
/// there, their gradients.
pub struct Evaluates<B: Backend, R: Rule<B>> {
    td: TdConfig,
    policy: R,
    policy_network: Network,
    policy_theta: B::Buf<f32>,
    policy_next: R::Pass,
    online: Vec<B::Buf<f32>>,
    target_next: Vec<B::Buf<f32>>,
    deltas: Vec<B::Buf<f32>>,
}

impl<B: Backend, R: Rule<B>> Fqe<B, R> {
    /// From the learner whose policy is judged, a choice among values of actions; `config` is how values are learnt. Its
    /// `double` and `munchausen` do not matter.
    ///
    /// # Errors
    /// When a setting is not admissible; windows longer than one step show what somebody else does.
    pub fn of(judged: Learner<B, R>, config: dqn::Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        if config.n_step != 1 {
            return Err(setting("n_step", config.n_step, "1: later actions in a log are not the policy's"));
        }
        if config.noisy {
            return Err(setting("noisy", true, "false: a log needs no exploration"));
        }
        let (backend, parts, policy) = judged.taken_apart();
        let actions = dqn::actions(spec)?;
        let network = Network::new(spec.observation, &config.hidden, actions, 1, config.head);
        let (b, size, chosen) = (&backend, config.batch, network.can_choose());
        let rule = Evaluates {
            td: TdConfig { actions, huber: config.huber, chosen },
            policy_next: policy.pass(b, &parts.network, size)?,
            policy,
            policy_network: parts.network,
            policy_theta: parts.weights.theta,
            online: network.outputs(b, size, chosen)?,
            target_next: network.outputs(b, size, false)?,
            deltas: network.outputs(b, size, chosen)?,
        };
        Learner::build(backend, config, network, spec, actions, seed, rule)
    }
}

impl<B: Backend, R: Rule<B>> Rule<B> for Evaluates<B, R> {
    /// Values, and the policy's own pass.
    type Pass = (Vec<B::Buf<f32>>, R::Pass);

    fn pass(&self, b: &B, network: &Network, rows: usize) -> kernels::Result<Self::Pass> {
        Ok((network.outputs(b, rows, false)?, self.policy.pass(b, &self.policy_network, rows)?))
    }

    fn look(
        &self,
        b: &B,
        network: &Network,
        rows: usize,
        theta: &B::Buf<f32>,
        observation: &B::Buf<f32>,
        (outputs, policy): &mut Self::Pass,
    ) -> kernels::Result<()> {
        network.forward(b, rows, theta, observation, None, outputs)?;
        self.policy.look(b, &self.policy_network, rows, &self.policy_theta, observation, policy)
    }

    fn values<'a>(&self, (outputs, _): &'a Self::Pass) -> &'a B::Buf<f32> {
        &outputs[outputs.len() - 1]
    }

    fn is_greedy_choice(&self) -> bool {
        false
    }

    /// As the policy chooses, whatever its actions are worth.
    fn choose(
        &self,
        b: &B,
        choosing: &ChooseConfig,
        rows: usize,
        (_, policy): &Self::Pass,
        clock: &B::Buf<u32>,
        choice: &mut Choice<B>,
    ) -> kernels::Result<()> {
        self.policy.choose(b, choosing, rows, policy, clock, choice)
    }

    /// One update, in the order of the paper's algorithm 3 with the regression of an iteration replaced by steps towards it.
    fn update(&mut self, b: &B, parts: &mut Parts<B>) -> kernels::Result<()> {
        let Parts { network, sampling, adam, weights, memory, batch, clock, summary, .. } = parts;
        let Evaluates { td, policy, policy_network, policy_theta, policy_next, online, target_next, deltas } = self;
        let (size, last) = (batch.size, online.len() - 1);
        let (theta, behind) = (&weights.theta, &weights.target);
        b.sample(sampling, memory, clock, batch)?;
        let chosen = td.chosen.then_some(&batch.action);
        network.forward(b, size, theta, &batch.observation, chosen, online)?;
        network.forward(b, size, behind, &batch.next, None, target_next)?;
        policy.look(b, policy_network, size, policy_theta, &batch.next, policy_next)?;
        let taken = Some(policy.values(policy_next));
        b.td(td, batch, &online[last], &target_next[last], taken, &mut deltas[last], summary)?;
        let chosen = td.chosen.then_some(&batch.action);
        network.backward(b, size, theta, &batch.observation, chosen, online, deltas, &mut weights.gradient)?;
        b.adam(adam, clock, weights)?;
        b.prioritise(sampling, memory, batch)
    }
}

impl AgentSpec {
    /// One that learns from a log of `cells` transitions and ends what the greedy policy of this agent with `weights` is
    /// worth ([`Fqe`]): by half the squared error of uniform draws and otherwise the agent's own settings, in windows of one
    /// step, because more would show what somebody else does, with a learning rate that falls to a hundredth over `updates`.
    ///
    /// # Errors
    /// [`Error::NotJudged`] for agents that do not choose by values of discrete actions; when the weights do not fit.
    pub fn judge(
        &self,
        processor: impl Into<Processor>,
        weights: &Tensors,
        (cells, updates): (usize, u32),
        spec: &Spec,
        seed: u64,
    ) -> Result<Box<dyn Agent>> {
        let mut learning = self.clone().from_log(cells);
        let Some(own) = learning.network_mut() else { return Err(Error::NotJudged) };
        let head = if own.head == Head::Factored { Head::Plain } else { own.head };
        let config = dqn::Config {
            // The mean of what is seen: not something between it and the median, not of what was drawn for its errors, and
            // nothing that pulls towards 0.
            priority: false,
            huber: f32::INFINITY,
            l2: 0.0,
            weight_decay: 0.0,
            n_step: 1,
            noisy: false,
            munchausen: false,
            discount: None,
            head,
            learning_rate_to: Some(0.01 * own.learning_rate),
            learning_rate_over: updates,
            ..own.clone()
        };
        let judged = Judged { agent: self.clone().from_log(0), weights, config };
        judged.on(processor.into(), spec, seed)
    }
}

/// An agent whose policy is judged, its weights, and how values are learnt.
struct Judged<'a> {
    agent: AgentSpec,
    weights: &'a Tensors,
    config: dqn::Config,
}

impl Judged<'_> {
    fn on(self, processor: Processor, spec: &Spec, seed: u64) -> Result<Box<dyn Agent>> {
        match processor {
            Processor::Cpu(cpu) => self.built(cpu, spec, seed),
            Processor::Cuda(cuda) => self.built(cuda, spec, seed),
        }
    }

    fn built<B: Backend>(self, backend: B, spec: &Spec, seed: u64) -> Result<Box<dyn Agent>> {
        match self.agent.clone() {
            AgentSpec::Dqn(own) => self.by(Dqn::new(backend, own, spec, seed)?, spec, seed),
            AgentSpec::C51(own) => self.by(C51::categorical(backend, own, spec, seed)?, spec, seed),
            AgentSpec::QrDqn(own) => self.by(QrDqn::quantile(backend, own, spec, seed)?, spec, seed),
            AgentSpec::Iqn(own) => self.by(Iqn::implicit(backend, own, spec, seed)?, spec, seed),
            AgentSpec::Cql(own) => self.by(Cql::conservative(backend, own, spec, seed)?, spec, seed),
            AgentSpec::Bcq(own) => self.by(Bcq::constrained(backend, own, spec, seed)?, spec, seed),
            AgentSpec::Lagrangian(own) => self.by(Lagrangian::priced(backend, own, spec, seed)?, spec, seed),
            _ => Err(Error::NotJudged),
        }
    }

    fn by<B: Backend, R: Rule<B> + 'static>(
        self,
        mut policy: Learner<B, R>,
        spec: &Spec,
        seed: u64,
    ) -> Result<Box<dyn Agent>> {
        policy.restore(self.weights)?;
        Ok(Box::new(Fqe::of(policy, self.config, spec, seed)?))
    }
}
