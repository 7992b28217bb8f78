//! Where numbers live and how a step is run.
use crate::error::Result;
use envs::Stage;

/// A range of elements of a buffer.
pub type Span = std::ops::Range<usize>;

/// Plain numbers that a buffer can hold.
pub trait Element: Copy + Default + Send + Sync + 'static {}
impl Element for f32 {}
impl Element for f64 {}
impl Element for u32 {}
impl Element for u64 {}
impl Element for Stage {}

/// A device: opaque buffers and ordered operations on them. Operations may be asynchronous; only
/// [`download`](Device::download) waits.
pub trait Device: Clone + Send + Sync + 'static {
    /// `n` numbers on the device.
    type Buf<T: Element>: Send + Sync;
    /// A step that has been run before and can be run again cheaply: nothing on the CPU, a captured graph on CUDA.
    type Tape: Default + Send;

    /// A new buffer that holds a copy of `host`.
    ///
    /// # Errors
    /// When the device has no room.
    fn upload<T: Element>(&self, host: &[T]) -> Result<Self::Buf<T>>;
    /// A new buffer of `len` zeros.
    ///
    /// # Errors
    /// When the device has no room.
    fn zeros<T: Element>(&self, len: usize) -> Result<Self::Buf<T>>;
    /// Room on the host for staging up to `most` numbers of `buf` at once; nothing on the CPU.
    ///
    /// # Errors
    /// When the host has no room.
    fn reserve<T: Element>(&self, buf: &mut Self::Buf<T>, most: usize) -> Result<()>;
    /// Host memory that stands for `buf[span]` until it is committed: the buffer itself on the CPU, a copy on a device,
    /// which is to be filled whole, and for which there must be [room](Device::reserve).
    fn stage<'a, T: Element>(&self, buf: &'a mut Self::Buf<T>, span: Span) -> &'a mut [T];
    /// What was staged for `span` is now in `buf`: nothing on the CPU, one asynchronous copy on a device.
    ///
    /// # Errors
    /// When the device fails.
    fn commit<T: Element>(&self, buf: &mut Self::Buf<T>, span: Span) -> Result<()>;
    /// Copies `buf[span]` to `host`, after everything that was asked before, with what is staged and not committed.
    ///
    /// # Errors
    /// When the device fails.
    fn download<T: Element>(&self, buf: &Self::Buf<T>, span: Span, host: &mut [T]) -> Result<()>;
    /// Runs `step`; a device may keep it on `tape` and replay it without calling `step` again, so `step` must not branch
    /// on anything that changes between calls.
    ///
    /// # Errors
    /// What `step` returns.
    fn run(&self, tape: &mut Self::Tape, step: impl FnOnce(&Self) -> Result<()>) -> Result<()>;
}
