//! The state of the emulated device and driver.
use super::event::Event;
use super::module::{Function, Loaded};
use super::stream::Stream;
use super::{Status, launch};
use crate::counts::Counts;
use crate::exec::Options;
use crate::memory::Memory;
use crate::work::Work;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

/// What a test can choose ([`crate::control`]).
#[derive(Clone, Debug)]
pub struct Settings {
    /// How kernels run.
    pub run: Options,
    /// Whether streams keep their work until somebody waits for it.
    pub deferred: bool,
    /// Whether the device offers memory pools; without them cudarc allocates synchronously.
    pub pools: bool,
    /// Compute capability, 75 for 7.5.
    pub capability: u32,
    /// Whether messages are printed as they come.
    pub printed: bool,
    /// Number of devices.
    pub devices: u32,
    /// What `cuDriverGetVersion` answers.
    pub version: u32,
    /// Bytes of device memory.
    pub capacity: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            run: Options::default(),
            deferred: false,
            pools: true,
            capability: 75,
            printed: true,
            devices: 1,
            version: 12060,
            capacity: 8 << 30,
        }
    }
}

/// Everything behind the lock.
#[derive(Default)]
pub struct State {
    pub initialized: bool,
    pub settings: Settings,
    pub memory: Memory,
    pub streams: BTreeMap<usize, Stream>,
    pub events: BTreeMap<usize, Event>,
    pub modules: BTreeMap<usize, Loaded>,
    pub functions: BTreeMap<usize, Function>,
    pub graphs: BTreeMap<usize, Vec<Work>>,
    pub executables: BTreeMap<usize, Arc<[Work]>>,
    /// Pinned host memory by address.
    pub pinned: BTreeMap<usize, Vec<u64>>,
    /// Kernels by name.
    pub counts: BTreeMap<String, Counts>,
    /// Calls of driver functions by name, and work by kind.
    pub calls: BTreeMap<&'static str, u64>,
    /// Faults and refusals in words.
    pub messages: Vec<String>,
    /// A fault stays: every later call answers it.
    pub fault: Option<Status>,
    pub captures: u64,
    /// Nanoseconds, one for each instruction of a warp: the device's clock, of which events keep moments.
    pub clock: u64,
    handles: usize,
}

static STATE: LazyLock<Mutex<State>> = LazyLock::new(Mutex::default);

thread_local! {
    /// The current context of the thread.
    pub static CURRENT: Cell<usize> = const { Cell::new(0) };
}

/// The state; a panic of another thread does not matter, as every function leaves it whole.
pub fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Runs a driver function.
pub fn call(name: &'static str, body: impl FnOnce(&mut State) -> Result<(), Status>) -> u32 {
    let mut state = lock();
    state.note(name, 1);
    match body(&mut state) {
        Ok(()) => 0,
        Err(status) => status.0,
    }
}

impl State {
    /// A new handle.
    pub fn handle(&mut self) -> usize {
        self.handles += 16;
        0x1000 + self.handles
    }

    /// Adds to a count.
    pub fn note(&mut self, name: &'static str, amount: u64) {
        *self.calls.entry(name).or_default() += amount;
    }

    /// Keeps a message, and gives the error back.
    pub fn refuse<T>(&mut self, status: Status, message: impl Into<String>) -> Result<T, Status> {
        let message = message.into();
        if self.settings.printed {
            eprintln!("emulated CUDA: {message} ({})", status.name().to_string_lossy());
        }
        self.messages.push(message);
        Err(status)
    }

    /// What nearly every function asks: initialised, a context is current, no fault.
    pub fn ready(&self) -> Result<(), Status> {
        if !self.initialized {
            return Err(Status::NOT_INITIALIZED);
        }
        if CURRENT.get() == 0 {
            return Err(Status::INVALID_CONTEXT);
        }
        self.fault.map_or(Ok(()), Err)
    }

    /// Whether any stream is being captured.
    pub fn is_capturing(&self) -> bool {
        self.streams.values().any(|stream| stream.capture.is_some())
    }

    /// Forgets counts, messages and the fault, and drops work that nobody waited for. Handles and memory stay.
    pub fn reset(&mut self) {
        (self.settings, self.fault) = (Settings::default(), None);
        self.counts.clear();
        self.calls.clear();
        self.messages.clear();
        for stream in self.streams.values_mut() {
            stream.abandon();
        }
    }

    /// Carries work out.
    pub fn execute(&mut self, work: &Work) -> Result<(), Status> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        match work {
            Work::Kernel(launch) => launch::execute(self, launch),
            Work::Wait { stream, position } => self.drain(*stream, *position),
            Work::Graph(nodes) => nodes.iter().try_for_each(|work| self.execute(work)),
            Work::Free(address) => {
                if self.memory.free(*address) {
                    Ok(())
                } else {
                    self.refuse(Status::INVALID_VALUE, format!("{address:#x} is not the start of a live allocation"))
                }
            }
            Work::Record(event) => {
                let now = self.clock;
                // An event that was destroyed meanwhile needs no time.
                self.events.entry(*event).and_modify(|event| event.time = Some(now));
                Ok(())
            }
            Work::Product(product) => match product.run(&mut self.memory) {
                Ok(()) => {
                    self.note("products", 1);
                    self.note("products_in_tf32", u64::from(product.tf32));
                    self.clock += product.chain_links() / 32;
                    Ok(())
                }
                Err(message) => self.fault(message),
            },
            _ => {
                let (kind, bytes) = work.traffic();
                self.note(kind.0, 1);
                self.note(kind.1, bytes);
                match work.transfer(&mut self.memory) {
                    Ok(()) => Ok(()),
                    Err(message) => self.refuse(Status::INVALID_VALUE, message),
                }
            }
        }
    }

    /// A fault on the device.
    pub fn fault(&mut self, message: String) -> Result<(), Status> {
        self.fault = Some(Status::ILLEGAL_ADDRESS);
        self.refuse(Status::ILLEGAL_ADDRESS, message)
    }
}
