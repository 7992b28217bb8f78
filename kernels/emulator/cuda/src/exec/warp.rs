//! A warp: registers by lane, and the groups of lanes that have parted.
use crate::ptx::Kernel;

/// A register of 32 lanes.
pub type Lanes<T> = [T; 32];

/// Lanes that are at the same instruction.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    pub pc: usize,
    pub lanes: u32,
}

/// 32 threads.
pub struct Warp {
    /// Which of the block.
    pub index: u32,
    pub narrow: Vec<Lanes<u32>>,
    pub wide: Vec<Lanes<u64>>,
    /// One bit per lane.
    pub predicates: Vec<u32>,
    /// Instruction in progress, for messages.
    pub pc: usize,
    /// Groups that can run, by descending instruction: the lowest runs first, so that parted lanes meet again.
    groups: Vec<Group>,
    /// Lanes at a barrier.
    pub waiting: Option<Group>,
    /// Lanes that have not ended.
    pub alive: u32,
    /// How many barriers of the warp it has passed in this block.
    pub epoch: u32,
    /// Branches left before it counts as hanging.
    pub branches: u64,
}

#[inline(always)]
fn merge<T: Copy>(to: &mut Lanes<T>, values: Lanes<T>, lanes: u32) {
    if lanes == u32::MAX {
        *to = values;
        return;
    }
    for lane in 0..32 {
        if lanes >> lane & 1 == 1 {
            to[lane] = values[lane];
        }
    }
}

impl Warp {
    pub fn new(kernel: &Kernel, index: u32, branches: u64) -> Self {
        Self {
            index,
            narrow: vec![[0; 32]; kernel.narrow],
            wide: vec![[0; 32]; kernel.wide],
            predicates: vec![0; kernel.predicates],
            pc: 0,
            groups: Vec::new(),
            waiting: None,
            alive: 0,
            epoch: 0,
            branches,
        }
    }

    /// To the first instruction of a block.
    pub fn start(&mut self, threads: u32, branches: u64) {
        self.alive = u32::MAX >> (32 - threads);
        self.groups.clear();
        self.groups.push(Group { pc: 0, lanes: self.alive });
        (self.waiting, self.epoch, self.branches) = (None, 0, branches);
    }

    /// The group to run next.
    pub fn pop(&mut self) -> Option<Group> {
        self.groups.pop()
    }

    /// Where the next group but the running one is; the running one must not pass it.
    pub fn limit(&self) -> usize {
        self.groups.last().map_or(usize::MAX, |group| group.pc)
    }

    /// Keeps lanes for later.
    pub fn push(&mut self, pc: usize, lanes: u32) {
        let at = self.groups.partition_point(|group| group.pc > pc);
        match self.groups.get_mut(at) {
            Some(group) if group.pc == pc => group.lanes |= lanes,
            _ => self.groups.insert(at, Group { pc, lanes }),
        }
    }

    /// The barrier of the block has opened.
    pub fn pass_barrier(&mut self) {
        if let Some(Group { pc, lanes }) = self.waiting.take() {
            self.push(pc + 1, lanes);
        }
    }

    #[inline(always)]
    pub fn set_narrow(&mut self, to: u16, values: Lanes<u32>, lanes: u32) {
        merge(&mut self.narrow[to as usize], values, lanes);
    }

    #[inline(always)]
    pub fn set_wide(&mut self, to: u16, values: Lanes<u64>, lanes: u32) {
        merge(&mut self.wide[to as usize], values, lanes);
    }

    #[inline(always)]
    pub fn set_predicate(&mut self, to: u16, values: u32, lanes: u32) {
        let predicate = &mut self.predicates[to as usize];
        *predicate = *predicate & !lanes | values & lanes;
    }

    #[inline(always)]
    pub fn narrow1(&mut self, to: u16, a: u16, lanes: u32, with: impl Fn(u32) -> u32) {
        let a = &self.narrow[a as usize];
        let values = std::array::from_fn(|lane| with(a[lane]));
        self.set_narrow(to, values, lanes);
    }

    #[inline(always)]
    pub fn narrow2(&mut self, to: u16, a: u16, b: u16, lanes: u32, with: impl Fn(u32, u32) -> u32) {
        let (a, b) = (&self.narrow[a as usize], &self.narrow[b as usize]);
        let values = std::array::from_fn(|lane| with(a[lane], b[lane]));
        self.set_narrow(to, values, lanes);
    }

    #[inline(always)]
    pub fn narrow3(&mut self, to: u16, [a, b, c]: [u16; 3], lanes: u32, with: impl Fn(u32, u32, u32) -> u32) {
        let (a, b, c) = (&self.narrow[a as usize], &self.narrow[b as usize], &self.narrow[c as usize]);
        let values = std::array::from_fn(|lane| with(a[lane], b[lane], c[lane]));
        self.set_narrow(to, values, lanes);
    }

    #[inline(always)]
    pub fn wide1(&mut self, to: u16, a: u16, lanes: u32, with: impl Fn(u64) -> u64) {
        let a = &self.wide[a as usize];
        let values = std::array::from_fn(|lane| with(a[lane]));
        self.set_wide(to, values, lanes);
    }

    #[inline(always)]
    pub fn wide2(&mut self, to: u16, a: u16, b: u16, lanes: u32, with: impl Fn(u64, u64) -> u64) {
        let (a, b) = (&self.wide[a as usize], &self.wide[b as usize]);
        let values = std::array::from_fn(|lane| with(a[lane], b[lane]));
        self.set_wide(to, values, lanes);
    }

    #[inline(always)]
    pub fn wide3(&mut self, to: u16, [a, b, c]: [u16; 3], lanes: u32, with: impl Fn(u64, u64, u64) -> u64) {
        let (a, b, c) = (&self.wide[a as usize], &self.wide[b as usize], &self.wide[c as usize]);
        let values = std::array::from_fn(|lane| with(a[lane], b[lane], c[lane]));
        self.set_wide(to, values, lanes);
    }

    /// 64 bits from two sources of 32.
    #[inline(always)]
    pub fn widen2(&mut self, to: u16, a: u16, b: u16, lanes: u32, with: impl Fn(u32, u32) -> u64) {
        let (a, b) = (&self.narrow[a as usize], &self.narrow[b as usize]);
        let values = std::array::from_fn(|lane| with(a[lane], b[lane]));
        self.set_wide(to, values, lanes);
    }

    /// 32 bits from 64.
    #[inline(always)]
    pub fn shrink1(&mut self, to: u16, a: u16, lanes: u32, with: impl Fn(u64) -> u32) {
        let a = &self.wide[a as usize];
        let values = std::array::from_fn(|lane| with(a[lane]));
        self.set_narrow(to, values, lanes);
    }
}
