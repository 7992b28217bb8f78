//! Shared memory of a block, with a check for races.
//!
//! For every word of 4 bytes the check remembers who wrote and who read it since the last barrier. Two threads that touch
//! a word with no barrier between them, one of them writing, are a race, whatever the order in which the interpreter ran
//! them. `bar.warp.sync` separates threads of the same warp. Atomic operations do not race with each other. Of accesses
//! smaller than a word the check knows the bytes, but only those of the last writer.

/// How a thread touches memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Touch {
    /// A load.
    Read,
    /// A store.
    Write,
    /// An atomic operation.
    Atomic,
}

/// Who touches.
#[derive(Clone, Copy, Debug)]
pub struct Thread {
    /// Thread in the block.
    pub index: u16,
    /// How many `bar.warp.sync` its warp has passed.
    pub warp_epoch: u32,
    /// Line of the instruction.
    pub line: u32,
}

impl Thread {
    fn warp(self) -> u16 {
        self.index / 32
    }

    /// Whether a barrier of the warp lies between this earlier access and `later`.
    fn before(self, later: Thread) -> bool {
        self.warp() == later.warp() && self.warp_epoch < later.warp_epoch
    }
}

/// The readers of a word since the last barrier.
#[derive(Clone, Copy, Debug)]
enum Readers {
    None,
    One(Thread),
    /// Several of the warp of the one that is named.
    Warp(Thread),
    /// Several warps.
    Block(Thread),
}

#[derive(Clone, Copy, Debug)]
struct Word {
    epoch: u32,
    written: u8,
    atomically: bool,
    writer: Option<Thread>,
    readers: Readers,
}

const UNTOUCHED: Word = Word { epoch: 0, written: 0, atomically: false, writer: None, readers: Readers::None };

/// The memory of one block.
pub struct Shared {
    /// Its bytes.
    pub bytes: Vec<u8>,
    words: Vec<Word>,
    epoch: u32,
}

impl Shared {
    /// `length` bytes; the shadow is kept only with `check`.
    pub fn new(length: usize, check: bool) -> Self {
        let words = if check { length.div_ceil(4) } else { 0 };
        Self { bytes: vec![0xFF; length], words: vec![UNTOUCHED; words], epoch: 1 }
    }

    /// A new block: poison, and nobody has touched anything.
    pub fn clear(&mut self) {
        self.bytes.fill(0xFF);
        self.barrier();
    }

    /// All threads have met.
    pub fn barrier(&mut self) {
        self.epoch += 1;
    }

    /// Whether races are looked for.
    pub fn is_checked(&self) -> bool {
        !self.words.is_empty()
    }

    /// Notes that `thread` touches `size` bytes at `address`; an error describes the race.
    pub fn touch(&mut self, address: u64, size: u64, thread: Thread, touch: Touch) -> Result<(), String> {
        if !self.is_checked() {
            return Ok(());
        }
        let mut at = address;
        while at < address + size {
            let end = ((at & !3) + 4).min(address + size);
            let bytes = (((1u32 << (end - at)) - 1) << (at & 3)) as u8;
            let word = &mut self.words[(at >> 2) as usize];
            if word.epoch != self.epoch {
                *word = Word { epoch: self.epoch, ..UNTOUCHED };
            }
            if let Some((other, did)) = word.conflict(thread, touch, bytes) {
                let does = if touch == Touch::Read { "reads" } else { "writes" };
                return Err(format!(
                    "race: thread {} {does} shared address {at:#x}, which thread {} {did} at PTX line {} with no barrier \
                     between",
                    thread.index, other.index, other.line
                ));
            }
            word.note(thread, touch, bytes);
            at = end;
        }
        Ok(())
    }
}

impl Word {
    fn conflict(&self, thread: Thread, touch: Touch, bytes: u8) -> Option<(Thread, &'static str)> {
        let together = |other: &Thread| other.index != thread.index && !other.before(thread);
        let both_atomic = self.atomically && touch == Touch::Atomic;
        if let Some(writer) = self.writer.filter(together)
            && self.written & bytes != 0
            && !both_atomic
        {
            return Some((writer, "wrote"));
        }
        if touch == Touch::Read {
            return None;
        }
        let reader = match self.readers {
            Readers::None => None,
            Readers::One(reader) => Some(reader).filter(together),
            Readers::Warp(reader) => Some(reader).filter(|reader| !reader.before(thread)),
            Readers::Block(reader) => Some(reader),
        };
        reader.map(|reader| (reader, "read"))
    }

    fn note(&mut self, thread: Thread, touch: Touch, bytes: u8) {
        if touch == Touch::Read {
            self.readers = match self.readers {
                Readers::None => Readers::One(thread),
                Readers::One(reader) if reader.index == thread.index => Readers::One(thread),
                Readers::One(reader) | Readers::Warp(reader) if reader.warp() == thread.warp() => {
                    if reader.before(thread) { Readers::One(thread) } else { Readers::Warp(thread) }
                }
                Readers::One(reader) | Readers::Warp(reader) | Readers::Block(reader) => Readers::Block(reader),
            };
        } else {
            let same = self.writer.is_some_and(|writer| writer.index == thread.index);
            self.written = if same { self.written | bytes } else { bytes };
            self.atomically = touch == Touch::Atomic;
            self.writer = Some(thread);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread(index: u16) -> Thread {
        Thread { index, warp_epoch: 0, line: 7 }
    }

    #[test]
    fn a_barrier_separates_and_its_absence_is_a_race() {
        let mut shared = Shared::new(64, true);
        shared.touch(8, 4, thread(1), Touch::Write).unwrap();
        assert!(shared.touch(12, 4, thread(2), Touch::Read).is_ok());
        let race = shared.touch(8, 4, thread(40), Touch::Read).unwrap_err();
        assert!(race.contains("thread 40 reads") && race.contains("thread 1 wrote at PTX line 7"), "{race}");
        shared.barrier();
        shared.touch(8, 4, thread(40), Touch::Read).unwrap();
        shared.touch(8, 4, thread(41), Touch::Read).unwrap();
        assert!(shared.touch(8, 4, thread(40), Touch::Write).unwrap_err().contains("41 read"));
    }

    #[test]
    fn a_barrier_of_the_warp_separates_its_own_lanes_only() {
        let mut shared = Shared::new(64, true);
        let later = |index| Thread { warp_epoch: 1, ..thread(index) };
        shared.touch(0, 4, thread(3), Touch::Write).unwrap();
        assert!(shared.touch(0, 4, thread(4), Touch::Read).is_err());
        shared.touch(0, 4, later(4), Touch::Read).unwrap();
        assert!(shared.touch(0, 4, later(3), Touch::Write).is_err());
        shared.touch(4, 4, thread(3), Touch::Write).unwrap();
        assert!(shared.touch(4, 4, later(35), Touch::Read).is_err());
    }

    #[test]
    fn readers_of_two_warps_are_remembered() {
        let mut shared = Shared::new(64, true);
        for index in [0, 1, 32] {
            shared.touch(0, 4, thread(index), Touch::Read).unwrap();
        }
        let writer = Thread { warp_epoch: 9, ..thread(32) };
        assert!(shared.touch(0, 4, writer, Touch::Write).is_err());
    }

    #[test]
    fn atomics_agree_with_each_other_and_with_nothing_else() {
        let mut shared = Shared::new(64, true);
        shared.touch(0, 4, thread(0), Touch::Atomic).unwrap();
        shared.touch(0, 4, thread(50), Touch::Atomic).unwrap();
        assert!(shared.touch(0, 4, thread(1), Touch::Read).is_err());
        assert!(shared.touch(0, 4, thread(1), Touch::Write).is_err());
    }

    #[test]
    fn bytes_of_one_word_are_told_apart() {
        let mut shared = Shared::new(64, true);
        shared.touch(0, 1, thread(0), Touch::Write).unwrap();
        shared.touch(1, 1, thread(40), Touch::Write).unwrap();
        assert!(shared.touch(1, 2, thread(41), Touch::Read).is_err());
    }
}
