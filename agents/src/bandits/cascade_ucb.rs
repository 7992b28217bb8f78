//! CascadeUCB1 (Kveton, Szepesvári, Wen and Ashkan 2015: "Cascading bandits: learning to rank in the cascade model",
//! algorithm 1): the best list for attractions that are as large as they could be, mean + √(c ln n / n_i) and at most 1
//! after n lists, item i looked at n_i times.
//!
//! A user reads from the top and takes the first item that attracts: those above it did not, those below were not looked
//! at. In the paper every taken item earns 1 and the best list is that of the most attractive items; here items may earn
//! differently, and the best list is [`envs::oracle::slate::cascade`]'s.
use crate::{
    checkpoint::{Tensor, Tensors, taken},
    error::{Error, Result, between},
    online::{Here, Lesson, Method, Offered, Online, Transition},
};
use envs::{Shape, Spec, math::ln64, oracle::slate::CascadeTable, space::RowMut};
use serde::{Deserialize, Serialize};
use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

/// Settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Episodes played at once, 1 to 65536.
    pub rows: usize,
    /// c in mean + √(c ln n / n_i), 0 to 10⁹; the paper's is 1.5.
    pub exploration: f64,
    /// What an item that was never taken is thought to earn, 0 to 10⁹: at least what any does.
    pub largest: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { rows: 1, exploration: 1.5, largest: 1.0 }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("rows", self.rows, 1, 65_536)?;
        between("exploration", self.exploration, 0.0, 1e9)?;
        between("largest", self.largest, 0.0, 1e9)
    }
}

/// Items, places, and where an observation says which place was taken.
pub struct List {
    items: usize,
    slots: usize,
    taken: Range<usize>,
}

impl List {
    /// That of a world with slates.
    ///
    /// # Errors
    /// When actions are no slates, or nobody says what was taken.
    pub fn of(spec: &Spec) -> Result<Self> {
        let refuse = |needs, has| Err(Error::Space { agent: "cascade_ucb", needs, env: spec.id, has });
        let Shape::Slate { candidates, slots } = spec.shape else {
            return refuse("slates", spec.shape.to_string());
        };
        match spec.field("taken").filter(|taken| taken.len() == slots + 1) {
            Some(taken) => Ok(List { items: candidates as usize, slots, taken }),
            None => refuse("an observation field `taken`, one-hot over the places and nothing", spec.fields_told()),
        }
    }
}

/// The agent.
pub type CascadeUcb = Online<Attractions>;

impl CascadeUcb {
    /// An agent for a world with lists.
    ///
    /// # Errors
    /// When it cannot act there or a setting is not admissible.
    pub fn new(config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        Online::build(Attractions::new(&config, List::of(spec)?), config.rows, spec, seed)
    }
}

/// What is known of each item.
pub struct Attractions {
    list: List,
    exploration: f64,
    largest: f64,
    /// How often an item was looked at, how often it was taken, and what it earned then in total.
    looks: Vec<u64>,
    takes: Vec<u64>,
    earned: Vec<f64>,
    lists: u64,
    /// The best list by what is known.
    known: Vec<u32>,
    best: Mutex<Best>,
}

/// What best lists are worked out on; behind a lock, because a list that depends on the offer is worked out in greedy play
/// too.
struct Best {
    /// Which items are on offer; the others are by place in it.
    open: Vec<u32>,
    attraction: Vec<f64>,
    reward: Vec<f64>,
    table: CascadeTable,
}

impl Attractions {
    fn new(config: &Config, list: List) -> Self {
        let (exploration, largest, items) = (config.exploration, config.largest, list.items);
        let (looks, takes, earned) = (vec![0; items], vec![0; items], vec![0.0; items]);
        let (known, table) = (vec![0; list.slots], CascadeTable::new(items, list.slots));
        let best =
            Mutex::new(Best { open: vec![0; items], attraction: vec![0.0; items], reward: vec![0.0; items], table });
        let mut new = Attractions { list, exploration, largest, looks, takes, earned, lists: 0, known, best };
        new.know();
        new
    }

    /// How much `item` attracts on average, raised by √(`reach` / n_i), at most 1.
    fn attraction(&self, item: usize, reach: f64) -> f64 {
        let mean = match self.looks[item] {
            0 => 1.0,
            looks => self.takes[item] as f64 / looks as f64 + (reach / looks as f64).sqrt(),
        };
        if mean > 1.0 { 1.0 } else { mean }
    }

    /// What `item` earns when it is taken.
    fn reward(&self, item: usize) -> f64 {
        match self.takes[item] {
            0 => self.largest,
            takes => self.earned[item] / takes as f64,
        }
    }

    /// Writes the best list of what is on offer for attractions raised by √(`reach` / n_i).
    fn best(&self, offer: Offered<'_>, reach: f64, list: &mut [u32]) {
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        let Best { open, attraction, reward, table } = &mut *best;
        let mut count = 0;
        for item in (0..self.list.items).filter(|item| offer.has(*item)) {
            (open[count], attraction[count], reward[count]) =
                (item as u32, self.attraction(item, reach), self.reward(item));
            count += 1;
        }
        table.best(&attraction[..count], &reward[..count], 1.0, list);
        list.iter_mut().for_each(|item| *item = open[*item as usize]);
    }

    /// Works out the best list by what is known.
    fn know(&mut self) {
        let mut known = std::mem::take(&mut self.known);
        self.best(Offered::ALL, 0.0, &mut known);
        self.known = known;
    }
}

impl Method for Attractions {
    fn explore(&mut self, here: Here<'_>, action: RowMut<'_>) -> Result<()> {
        let reach = self.exploration * if self.lists == 0 { 0.0 } else { ln64(self.lists as f64) };
        self.best(here.offer, reach, action.items);
        Ok(())
    }

    fn exploit(&self, _: &[f32], offer: Offered<'_>, action: RowMut<'_>) -> Result<()> {
        if offer.is_all() {
            action.items.copy_from_slice(&self.known);
        } else {
            self.best(offer, 0.0, action.items);
        }
        Ok(())
    }

    fn learn(&mut self, transition: Transition<'_>) -> Result<Lesson> {
        let list = transition.action.items;
        let expected = list.iter().rev().fold(0.0, |below, &item| {
            let (attraction, reward) = (self.attraction(item as usize, 0.0), self.reward(item as usize));
            attraction * reward + (1.0 - attraction) * below
        });
        let seen = &transition.next[self.list.taken.clone()];
        let place = seen[..list.len()].iter().position(|&taken| taken == 1.0);
        let above = match place {
            Some(place) => place,
            None if seen[list.len()] == 1.0 => list.len(),
            None => 0,
        };
        for &item in &list[..above] {
            self.looks[item as usize] += 1;
        }
        if let Some(place) = place {
            let item = list[place] as usize;
            self.looks[item] += 1;
            self.takes[item] += 1;
            self.earned[item] += f64::from(transition.reward);
        }
        self.lists += 1;
        self.know();
        Ok(Lesson { value: expected, error: f64::from(transition.reward) - expected })
    }

    fn tensors(&self) -> Tensors {
        Tensors::from([
            ("looks".into(), Tensor::U64(self.looks.clone())),
            ("takes".into(), Tensor::U64(self.takes.clone())),
            ("earned".into(), Tensor::F64(self.earned.clone())),
            ("lists".into(), Tensor::U64(vec![self.lists])),
        ])
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        let items = self.list.items;
        self.looks = taken!(saved, U64, "looks", items)?.to_vec();
        self.takes = taken!(saved, U64, "takes", items)?.to_vec();
        self.earned = taken!(saved, F64, "earned", items)?.to_vec();
        self.lists = taken!(saved, U64, "lists", 1)?[0];
        self.know();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envs::{Stage, space::Row};

    fn method() -> Attractions {
        Attractions::new(&Config::default(), List { items: 4, slots: 2, taken: 1..4 })
    }

    fn transition<'a>(items: &'a [u32], next: &'a [f32], reward: f32) -> Transition<'a> {
        let action = Row { items, reals: &[] };
        Transition { row: 0, observation: &[0.0; 4], action, reward, next, next_offer: Offered::ALL, stage: Stage::Mid }
    }

    fn shown(method: &mut Attractions, reach: f64) -> [u32; 2] {
        let mut items = [9; 2];
        method.best(Offered::ALL, reach, &mut items);
        items
    }

    /// What is above the place taken was looked at in vain, what is below was not looked at, nor anything by who was not there.
    #[test]
    fn only_what_was_looked_at_counts() {
        let mut method = method();
        method.learn(transition(&[2, 0], &[1.0, 1.0, 0.0, 0.0], 1.0)).expect("the first place");
        assert_eq!((&method.looks[..], &method.takes[..]), (&[0, 0, 1, 0][..], &[0, 0, 1, 0][..]));
        method.learn(transition(&[3, 0], &[1.0, 0.0, 1.0, 0.0], 2.0)).expect("the second place");
        assert_eq!((&method.looks[..], &method.takes[..]), (&[1, 0, 1, 1][..], &[1, 0, 1, 0][..]));
        method.learn(transition(&[3, 2], &[1.0, 0.0, 0.0, 1.0], 0.0)).expect("nothing");
        assert_eq!((&method.looks[..], &method.takes[..]), (&[1, 0, 2, 2][..], &[1, 0, 1, 0][..]));
        assert_eq!((method.earned[0], method.reward(0), method.reward(3), method.lists), (2.0, 2.0, 1.0, 3));
        method.learn(transition(&[3, 2], &[1.0, 0.0, 0.0, 0.0], 0.0)).expect("nobody there");
        assert_eq!((&method.looks[..], &method.takes[..]), (&[1, 0, 2, 2][..], &[1, 0, 1, 0][..]));
    }

    /// Attractions 0.5 and 0.25 after 4 and 100 looks and n = e²: 0.5 + √(1.5 · 2 / 4) is more than 1, and
    /// 0.25 + √(3 / 100) = 0.423205. Without exploration the item of the larger product of what it earns comes first.
    #[test]
    fn the_bound_is_the_papers() {
        let mut method = method();
        (method.looks, method.takes) = (vec![4, 100, 100, 100], vec![2, 25, 10, 0]);
        method.earned = vec![2.0, 25.0, 100.0, 0.0];
        assert_eq!(method.attraction(0, 3.0), 1.0);
        assert!((method.attraction(1, 3.0) - 0.423_205_080_756_887_7).abs() < 1e-15);
        // 0: 0.5 · 1, 1: 0.25 · 1, 2: 0.1 · 10, 3: 0: the two that earn most, falling in what they earn.
        assert_eq!(shown(&mut method, 0.0), [2, 0]);
        method.earned[2] = 10.0;
        assert_eq!(shown(&mut method, 0.0), [0, 1]);
    }
}
