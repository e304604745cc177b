//! The newest state of one key, and who waits for the next. Knows nothing of where states come from.

use std::task::{Context, Poll, Waker};

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Where the newest state of a key is put up. Who is slow finds the newest.
pub(crate) struct Notice<S> {
    board: Mutex<Board<S>>,
    /// Counts the states, from 1 on. Changes under the lock.
    version: AtomicU64,
}

struct Board<S> {
    state: S,
    /// Whether there is something to show.
    shows: bool,
    /// Version of the last state that had something to show; 0 if none had.
    last_shown: u64,
    /// Number of the keeper that puts states up, from 1 on.
    keeper: u64,
    /// It has ended.
    is_over: bool,
    /// The place of each reader, with its waker while it waits. Woken without the lock.
    readers: Vec<Option<Waker>>,
    /// Places that have been left.
    free: Vec<Reader>,
}

/// The place of one reader of a notice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader(usize);

impl<S: Clone> Notice<S> {
    /// One with a state that shows nothing.
    pub(crate) fn new(state: S) -> Self {
        let board = Board {
            state,
            shows: false,
            last_shown: 0,
            keeper: 0,
            is_over: true,
            readers: Vec::new(),
            free: Vec::new(),
        };
        Self { board: Mutex::new(board), version: AtomicU64::new(1) }
    }

    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Counts a reader. Returns also since when [`has_shown`](Self::has_shown) is to look.
    pub(crate) fn join(&self, counts_present: bool) -> (Reader, u64) {
        let mut board = self.board.lock();
        let reader = board.free.pop().unwrap_or_else(|| {
            board.readers.push(None);
            Reader(board.readers.len() - 1)
        });
        (reader, if board.shows && counts_present { 0 } else { self.version() })
    }

    /// Whether there was anything to show since a reader has joined.
    pub(crate) fn has_shown(&self, since: u64) -> bool {
        self.board.lock().last_shown > since
    }

    pub(crate) fn leave(&self, reader: Reader) {
        let mut board = self.board.lock();
        let left = board.readers[reader.0].take();
        board.free.push(reader);
        drop(board);
        drop(left);
    }

    /// Makes room for a keeper, if the last one has ended or is `idle`. Returns its number.
    pub(crate) fn make_keeper(&self, idle: Option<u64>) -> Option<u64> {
        let mut board = self.board.lock();
        if !board.is_over && idle != Some(board.keeper) {
            return None;
        }
        board.is_over = false;
        board.keeper += 1;
        Some(board.keeper)
    }

    /// Puts up a state, unless another keeper has taken the place of this one.
    pub(crate) fn put_up(&self, keeper: u64, state: S, shows: bool) {
        let mut board = self.board.lock();
        if board.keeper != keeper {
            return;
        }
        let old = std::mem::replace(&mut board.state, state);
        let version = self.version() + 1;
        self.version.store(version, Ordering::Release);
        board.shows = shows;
        if shows {
            board.last_shown = version;
        }
        let waiting = board.take_waiting();
        drop(board);
        drop(old);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Says that a keeper puts up nothing more, unless another has taken its place. `note` is called before those who wait
    /// are woken.
    pub(crate) fn end(&self, keeper: u64, note: impl FnOnce()) {
        let mut board = self.board.lock();
        if board.keeper != keeper {
            return;
        }
        board.is_over = true;
        let waiting = board.take_waiting();
        drop(board);
        note();
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.board.lock().is_over
    }

    pub(crate) fn newest(&self) -> S {
        self.board.lock().state.clone()
    }

    /// A state that is newer than the version `seen`, with its version; `None` if there is no keeper.
    pub(crate) fn poll_newer(
        &self,
        reader: Reader,
        seen: u64,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(S, u64)>> {
        if self.version() <= seen {
            // Before anything is locked: a waker is foreign code.
            let waker = cx.waker().clone();
            let mut board = self.board.lock();
            if self.version() <= seen {
                if board.is_over {
                    return Poll::Ready(None);
                }
                let replaced = board.readers[reader.0].replace(waker);
                drop(board);
                drop(replaced);
                return Poll::Pending;
            }
        }
        let board = self.board.lock();
        Poll::Ready(Some((board.state.clone(), self.version())))
    }
}

impl<S> Board<S> {
    fn take_waiting(&mut self) -> Vec<Waker> {
        let mut waiting = Vec::with_capacity(self.readers.len());
        waiting.extend(self.readers.iter_mut().filter_map(Option::take));
        waiting
    }
}
