//! What goes on in a user between choices: interest that drifts, topics that tire, pleasure that decides when they come
//! back and whether they stay. Each part is a set of probabilities, and is off where they are 0 (visits: where they are
//! 1), without a change of the draws of the others.
use crate::{
    error::{Result, between},
    rng::Stream,
};
use serde::{Deserialize, Serialize};

/// Number of topics.
pub const TOPICS: usize = 5;
/// Number of states of a [`Mind`].
pub const MINDS: usize = TOPICS << (TOPICS + 1);

/// A user's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mind {
    /// The topic of interest.
    pub interest: u8,
    /// The topics that are tired of, one bit each.
    pub tired: u8,
    /// Whether the last visit pleased.
    pub pleased: bool,
}

/// What a step brought the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The user did not come.
    Away,
    /// The user came and took nothing.
    Nothing,
    /// The user took an item on this topic.
    Taken(u8),
}

impl Event {
    /// Number of events.
    const COUNT: usize = TOPICS + 2;

    fn index(self) -> usize {
        match self {
            Event::Taken(topic) => topic.into(),
            Event::Nothing => TOPICS,
            Event::Away => TOPICS + 1,
        }
    }
}

/// The probabilities with which minds change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Law {
    /// Drift: the topic of what is taken becomes the interest.
    pub drift: f32,
    /// Drift: any topic becomes the interest, at the end of a step.
    pub wander: f32,
    /// Satiation: the topic of what is taken tires.
    pub tiring: f32,
    /// Satiation: a topic drawn at random is fresh again, at the end of a step.
    pub recovery: f32,
    /// Return time: the user comes, not pleased and pleased.
    pub visit: [f32; 2],
    /// Churn: the user leaves for good after a visit, not pleased and pleased.
    pub leave: [f32; 2],
}

impl Default for Law {
    fn default() -> Self {
        Law { drift: 0.3, wander: 0.02, tiring: 0.6, recovery: 0.5, visit: [0.5, 0.9], leave: [0.25, 0.01] }
    }
}

impl Mind {
    /// The index of this state among [`MINDS`].
    pub fn index(self) -> usize {
        (usize::from(self.interest) << TOPICS | usize::from(self.tired)) << 1 | usize::from(self.pleased)
    }

    /// All, in the order of their index.
    pub fn every() -> impl Iterator<Item = Mind> {
        (0..MINDS).map(|index| Mind {
            interest: (index >> (TOPICS + 1)) as u8,
            tired: (index >> 1 & ((1 << TOPICS) - 1)) as u8,
            pleased: index & 1 == 1,
        })
    }

    /// Whether `topic` is tired of.
    #[inline]
    pub fn is_tired(self, topic: u8) -> bool {
        self.tired >> topic & 1 == 1
    }

    fn fresh(self, topic: u8) -> Self {
        Mind { tired: self.tired & !(1 << topic), ..self }
    }

    fn weary(self, topic: u8) -> Self {
        Mind { tired: self.tired | 1 << topic, ..self }
    }
}

impl Law {
    /// Checks that every number is a probability.
    ///
    /// # Errors
    /// Names the number.
    pub fn validate(&self) -> Result<()> {
        between("mind.drift", self.drift, 0.0, 1.0)?;
        between("mind.wander", self.wander, 0.0, 1.0)?;
        between("mind.tiring", self.tiring, 0.0, 1.0)?;
        between("mind.recovery", self.recovery, 0.0, 1.0)?;
        self.visit.iter().try_for_each(|&p| between("mind.visit", p, 0.0, 1.0))?;
        self.leave.iter().try_for_each(|&p| between("mind.leave", p, 0.0, 1.0))
    }

    /// A user who has just come: any interest, nothing tired of, pleased.
    pub fn arrive(&self, draws: &mut Stream) -> Mind {
        Mind { interest: draws.below(TOPICS as u32) as u8, tired: 0, pleased: true }
    }

    /// Probability that the user comes.
    #[inline]
    pub fn comes(&self, mind: Mind) -> f32 {
        self.visit[usize::from(mind.pleased)]
    }

    /// Changes `mind` after `event` and answers whether the user leaves for good.
    #[inline]
    pub fn change(&self, mind: &mut Mind, event: Event, draws: &mut Stream) -> bool {
        match event {
            Event::Away => {}
            Event::Nothing => mind.pleased = false,
            Event::Taken(topic) => {
                mind.pleased = true;
                if draws.bernoulli(self.tiring) {
                    *mind = mind.weary(topic);
                }
                if draws.bernoulli(self.drift) {
                    mind.interest = topic;
                }
            }
        }
        let (rested, interest) = (draws.below(TOPICS as u32) as u8, draws.below(TOPICS as u32) as u8);
        if draws.bernoulli(self.recovery) {
            *mind = mind.fresh(rested);
        }
        if draws.bernoulli(self.wander) {
            mind.interest = interest;
        }
        event != Event::Away && draws.bernoulli(self.leave[usize::from(mind.pleased)])
    }

    /// The minds that can follow `mind` after `event`, with their probabilities; what is missing to 1 leaves for good.
    pub fn moves(&self, mind: Mind, event: Event) -> Vec<(Mind, f64)> {
        let split = |from: Vec<(Mind, f64)>, p: f32, to: &dyn Fn(Mind) -> Vec<Mind>| -> Vec<(Mind, f64)> {
            let p = f64::from(p);
            let both = |(mind, q): (Mind, f64)| {
                let changed = to(mind);
                let each = q * p / changed.len() as f64;
                changed.into_iter().map(move |mind| (mind, each)).chain([(mind, q * (1.0 - p))])
            };
            from.into_iter().flat_map(both).filter(|&(_, p)| p > 0.0).collect()
        };
        let mut minds = match event {
            Event::Away => vec![(mind, 1.0)],
            Event::Nothing => vec![(Mind { pleased: false, ..mind }, 1.0)],
            Event::Taken(topic) => {
                let taken = vec![(Mind { pleased: true, ..mind }, 1.0)];
                let tired = split(taken, self.tiring, &|mind| vec![mind.weary(topic)]);
                split(tired, self.drift, &|mind| vec![Mind { interest: topic, ..mind }])
            }
        };
        minds = split(minds, self.recovery, &|mind| (0..TOPICS as u8).map(|topic| mind.fresh(topic)).collect());
        minds =
            split(minds, self.wander, &|mind| (0..TOPICS as u8).map(|interest| Mind { interest, ..mind }).collect());
        if event != Event::Away {
            minds.iter_mut().for_each(|(mind, p)| *p *= 1.0 - f64::from(self.leave[usize::from(mind.pleased)]));
        }
        minds
    }
}

/// [`Law::moves`] for every mind and event, as indices of minds, each once.
#[derive(Debug)]
pub struct Moves(Vec<Vec<(usize, f64)>>);

impl Moves {
    /// Those of `law`.
    pub fn new(law: &Law) -> Self {
        let events = (0..TOPICS as u8).map(Event::Taken).chain([Event::Nothing, Event::Away]);
        let events: Vec<Event> = events.collect();
        let mut weight = vec![0.0; MINDS];
        let each = |(mind, event): (Mind, Event)| {
            let mut minds = Vec::new();
            for (next, p) in law.moves(mind, event) {
                if weight[next.index()] == 0.0 {
                    minds.push(next.index());
                }
                weight[next.index()] += p;
            }
            minds.into_iter().map(|next| (next, std::mem::take(&mut weight[next]))).collect()
        };
        Moves(Mind::every().flat_map(|mind| events.iter().map(move |&event| (mind, event))).map(each).collect())
    }

    /// The minds that can follow `mind` after `event`.
    pub fn of(&self, mind: Mind, event: Event) -> &[(usize, f64)] {
        &self.0[mind.index() * Event::COUNT + event.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Domain, Purpose, Rng};

    #[test]
    fn minds_have_their_index() {
        assert!(Mind::every().enumerate().all(|(index, mind)| mind.index() == index));
        assert_eq!(Mind::every().count(), MINDS);
    }

    /// What is drawn comes as often as `moves` says.
    #[test]
    fn moves_are_what_change_draws() {
        let law = Law { wander: 0.2, ..Law::default() };
        let mind = Mind { interest: 2, tired: 0b01010, pleased: true };
        let (n, rng) = (40_000, Rng::new(4, Domain::Evaluation));
        for event in [Event::Away, Event::Nothing, Event::Taken(4)] {
            let (mut counts, mut shares) = ([0.0; MINDS], [0.0; MINDS]);
            for row in 0..n {
                let mut after = mind;
                if !law.change(&mut after, event, &mut rng.at(row, 0, 0).stream(Purpose::STEP)) {
                    counts[after.index()] += 1.0 / f64::from(n);
                }
            }
            Moves::new(&law).of(mind, event).iter().for_each(|&(next, p)| shares[next] += p);
            for (index, (count, share)) in counts.into_iter().zip(shares).enumerate() {
                let se = (share * (1.0 - share) / f64::from(n)).sqrt();
                assert!((count - share).abs() <= 4.5 * se, "{event:?} {index}: {count} {share}");
            }
        }
    }
}
