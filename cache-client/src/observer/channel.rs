//! The newest state of one key, and the readers that wait for the next. Knows nothing of where states come from.

use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The newest state of a key. A slow reader skips the states in between.
pub(crate) struct StateChannel<S> {
    state: Mutex<ChannelState<S>>,
    /// Counts the states, from 1 on. Changes under the lock.
    version: AtomicU64,
}

struct ChannelState<S> {
    latest: S,
    /// Whether the state has something to show.
    shows: bool,
    /// Version of the last state with something to show; 0 if there was none.
    last_shown: u64,
    /// Number of the task that publishes states, from 1 on.
    task: u64,
    /// Whether that task has ended.
    is_over: bool,
    /// The waker of each reader, while it waits. Woken without the lock.
    readers: Vec<Option<Waker>>,
    /// Readers that have left.
    free: Vec<ChannelReader>,
}

/// One reader of a channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChannelReader(usize);

impl<S: Clone> StateChannel<S> {
    /// Creates a channel whose state shows nothing.
    pub(crate) fn new(latest: S) -> Self {
        let state = ChannelState {
            latest,
            shows: false,
            last_shown: 0,
            task: 0,
            is_over: true,
            readers: Vec::new(),
            free: Vec::new(),
        };
        Self { state: Mutex::new(state), version: AtomicU64::new(1) }
    }

    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Adds a reader. Also returns the version from which [`has_shown`](Self::has_shown) counts.
    pub(crate) fn join(&self, counts_current: bool) -> (ChannelReader, u64) {
        let mut state = self.state.lock();
        let reader = state.free.pop().unwrap_or_else(|| {
            state.readers.push(None);
            ChannelReader(state.readers.len() - 1)
        });
        (reader, if state.shows && counts_current { 0 } else { self.version() })
    }

    /// Whether there was anything to show since a reader joined.
    pub(crate) fn has_shown(&self, since: u64) -> bool {
        self.state.lock().last_shown > since
    }

    pub(crate) fn leave(&self, reader: ChannelReader) {
        let mut state = self.state.lock();
        let left = state.readers[reader.0].take();
        state.free.push(reader);
        drop(state);
        drop(left);
    }

    /// Gives a new task its number, if the last one has ended or is `idle`.
    pub(crate) fn new_task(&self, idle: Option<u64>) -> Option<u64> {
        let mut state = self.state.lock();
        if !state.is_over && idle != Some(state.task) {
            return None;
        }
        state.is_over = false;
        state.task += 1;
        Some(state.task)
    }

    /// Publishes a state, unless another task has replaced this one.
    pub(crate) fn publish(&self, task: u64, latest: S, shows: bool) {
        let mut state = self.state.lock();
        if state.task != task {
            return;
        }
        let old = std::mem::replace(&mut state.latest, latest);
        let version = self.version() + 1;
        self.version.store(version, Ordering::Release);
        state.shows = shows;
        if shows {
            state.last_shown = version;
        }
        let waiting = state.take_waiting();
        drop(state);
        drop(old);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Notes that a task has ended, unless another has replaced it. Calls `note` before it wakes the readers.
    pub(crate) fn end(&self, task: u64, note: impl FnOnce()) {
        let mut state = self.state.lock();
        if state.task != task {
            return;
        }
        state.is_over = true;
        let waiting = state.take_waiting();
        drop(state);
        note();
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state.lock().is_over
    }

    pub(crate) fn newest(&self) -> S {
        self.read(|latest, _| latest.clone())
    }

    /// Passes the newest state and its version to `read`, under the lock: `read` must not call foreign code.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&S, u64) -> T) -> T {
        let state = self.state.lock();
        read(&state.latest, self.version())
    }

    /// Waits until there is a state that is newer than the version `seen`. `false` if there is no task.
    pub(crate) fn poll_newer(&self, reader: ChannelReader, seen: u64, cx: &mut Context<'_>) -> Poll<bool> {
        if self.version() > seen {
            return Poll::Ready(true);
        }
        // Before the lock, since a waker is foreign code.
        let waker = cx.waker().clone();
        let mut state = self.state.lock();
        if self.version() > seen || state.is_over {
            return Poll::Ready(self.version() > seen);
        }
        let replaced = state.readers[reader.0].replace(waker);
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl<S> ChannelState<S> {
    /// Takes the wakers. Most keys have one reader.
    fn take_waiting(&mut self) -> SmallVec<[Waker; 1]> {
        self.readers.iter_mut().filter_map(Option::take).collect()
    }
}
