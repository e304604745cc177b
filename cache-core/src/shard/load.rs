//! One running load: the state shared by its shard, its thread and the waiting callers.

use super::erased::AnyHandle;
use super::key::AnyKey;
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Condvar, Mutex};

/// One running load. The last handle must not be dropped under a lock, since it may hold an answer.
pub(crate) struct Load<K: ?Sized> {
    hash: u32,
    /// Number of the computing thread.
    owner: u64,
    /// `RUNNING`, `OVERTAKEN` or `ENDED`. Changed once, under the exclusive lock of the key's shard.
    stage: AtomicU8,
    state: Mutex<LoadState>,
    landed: Condvar,
    key: K,
}

/// A load of a key whose query its holder does not know.
pub(crate) type AnyLoad = Load<dyn AnyKey>;

/// In its shard: callers may join it, and it may store its answer.
const RUNNING: u8 = 0;
/// Taken out of its shard by a change of its key.
const OVERTAKEN: u8 = 1;
/// Taken out of its shard by its own thread.
const ENDED: u8 = 2;

pub(crate) enum LoadState {
    Running,
    /// The answer, for all waiting callers.
    Landed(AnyHandle),
    /// The load failed or panicked: one of the waiting callers runs its own.
    Failed,
}

impl<K> Load<K> {
    pub(crate) fn new(hash: u32, owner: u64, key: K) -> Self {
        let (state, landed) = (Mutex::new(LoadState::Running), Condvar::new());
        Self { hash, owner, stage: AtomicU8::new(RUNNING), state, landed, key }
    }
}

impl AnyLoad {
    pub(crate) fn hash(&self) -> u32 {
        self.hash
    }

    pub(crate) fn key(&self) -> &dyn AnyKey {
        &self.key
    }

    /// Returns whether the key has changed since, or the load has ended. Exact under the lock of the key's
    /// shard.
    pub(crate) fn is_overtaken(&self) -> bool {
        self.stage.load(Ordering::Relaxed) != RUNNING
    }

    /// Returns whether its own thread has taken it out of its shard.
    pub(crate) fn has_ended(&self) -> bool {
        self.stage.load(Ordering::Relaxed) == ENDED
    }

    /// Returns whether both loads run on the same thread.
    pub(crate) fn is_on_thread_of(&self, other: &Self) -> bool {
        self.owner == other.owner
    }

    /// Called by the shard when it takes the load out.
    pub(super) fn set_overtaken(&self) {
        self.stage.store(OVERTAKEN, Ordering::Relaxed);
    }

    /// Called by the shard when the load's own thread takes it out.
    pub(super) fn set_ended(&self) {
        self.stage.store(ENDED, Ordering::Relaxed);
    }

    /// Blocks until the load ends, and shows the answer if there is one.
    pub(crate) fn wait(&self, show: &mut dyn FnMut(&AnyHandle)) {
        let mut state = self.state.lock();
        loop {
            match &*state {
                LoadState::Running => self.landed.wait(&mut state),
                LoadState::Landed(value) => return show(value),
                LoadState::Failed => return,
            }
        }
    }

    pub(crate) fn end(&self, end: LoadState) {
        let mut state = self.state.lock();
        if matches!(*state, LoadState::Running) {
            *state = end;
            self.landed.notify_all();
        }
    }
}
