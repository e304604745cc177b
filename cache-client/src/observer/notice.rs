//! The newest state of one key, and who waits for the next. Knows nothing of where states come from.

use std::collections::HashMap;
use std::task::{Context, Poll, Waker};

use foldhash::fast::RandomState;

use crate::sync::Mutex;

/// Where the newest state of a key is put up. Who is slow finds the newest.
pub(crate) struct Notice<S>(Mutex<Board<S>>);

struct Board<S> {
    state: S,
    /// Whether there is something to show.
    shows: bool,
    /// Counts the states, from 1 on.
    version: u64,
    /// Version of the last state that had something to show; 0 if none had.
    last_shown: u64,
    /// Number of the keeper that puts states up, from 1 on.
    keeper: u64,
    /// It has ended.
    is_over: bool,
    /// Woken without the lock.
    waiting: HashMap<Reader, Waker, RandomState>,
    next: u64,
}

/// Tells the readers of one notice apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reader(u64);

impl<S: Clone> Notice<S> {
    /// One with a state that shows nothing.
    pub(crate) fn new(state: S) -> Self {
        Self(Mutex::new(Board {
            state,
            shows: false,
            version: 1,
            last_shown: 0,
            keeper: 0,
            is_over: true,
            waiting: HashMap::default(),
            next: 0,
        }))
    }

    /// Counts a reader. Returns also since when [`has_shown`](Self::has_shown) is to look.
    pub(crate) fn join(&self, counts_present: bool) -> (Reader, u64) {
        let mut board = self.0.lock();
        board.next += 1;
        let since = if board.shows && counts_present { 0 } else { board.version };
        (Reader(board.next), since)
    }

    /// Whether there was anything to show since a reader has joined.
    pub(crate) fn has_shown(&self, since: u64) -> bool {
        self.0.lock().last_shown > since
    }

    pub(crate) fn leave(&self, reader: Reader) {
        let mut board = self.0.lock();
        let left = board.waiting.remove(&reader);
        drop(board);
        drop(left);
    }

    /// Makes room for a keeper, if the last one has ended or is `idle`. Returns its number.
    pub(crate) fn make_keeper(&self, idle: Option<u64>) -> Option<u64> {
        let mut board = self.0.lock();
        if !board.is_over && idle != Some(board.keeper) {
            return None;
        }
        board.is_over = false;
        board.keeper += 1;
        Some(board.keeper)
    }

    /// Puts up a state, unless another keeper has taken the place of this one.
    pub(crate) fn put_up(&self, keeper: u64, state: S, shows: bool) {
        let mut board = self.0.lock();
        if board.keeper != keeper {
            return;
        }
        let old = std::mem::replace(&mut board.state, state);
        board.version += 1;
        board.shows = shows;
        if shows {
            board.last_shown = board.version;
        }
        let waiting = std::mem::take(&mut board.waiting);
        drop(board);
        drop(old);
        waiting.into_values().for_each(Waker::wake);
    }

    /// Says that a keeper puts up nothing more, unless another has taken its place. `note` is called before those who wait
    /// are woken.
    pub(crate) fn end(&self, keeper: u64, note: impl FnOnce()) {
        let mut board = self.0.lock();
        if board.keeper != keeper {
            return;
        }
        board.is_over = true;
        let waiting = std::mem::take(&mut board.waiting);
        drop(board);
        note();
        waiting.into_values().for_each(Waker::wake);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.lock().is_over
    }

    pub(crate) fn newest(&self) -> S {
        self.0.lock().state.clone()
    }

    /// A state that is newer than the version `seen`, with its version; `None` if there is no keeper.
    pub(crate) fn poll_newer(
        &self,
        reader: Reader,
        seen: u64,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(S, u64)>> {
        // Before anything is locked: a waker is foreign code.
        let waker = cx.waker().clone();
        let mut board = self.0.lock();
        if board.version > seen {
            return Poll::Ready(Some((board.state.clone(), board.version)));
        }
        if board.is_over {
            return Poll::Ready(None);
        }
        let replaced = board.waiting.insert(reader, waker);
        drop(board);
        drop(replaced);
        Poll::Pending
    }
}
