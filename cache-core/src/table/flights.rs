//! Loads that keep a thread: one caller computes, the others with the same key wait. Knows nothing of storage.
//!
//! A running load stands in the shard of its key, where it is joined, and ends, under the lock that a miss and a write take
//! anyway. A change of the key overtakes it: takes it out of the shard. An overtaken load still answers those who joined
//! it, stores nothing, and is joined by nobody else: a caller that comes after the change starts a load of its own.

use std::sync::Arc;

use super::Table;
use crate::erased::UsedTable;
use crate::query::Query;
use crate::shard::Pair;
use crate::shard::key::{AnyKey, IsKey};
use crate::shard::state::AnyHandle;
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Condvar, Mutex, this_thread};

/// One running load. Not to be dropped under a lock as the last handle: it may hold an answer.
pub(crate) struct Load<K: ?Sized> {
    hash: u32,
    /// Number of the computing thread.
    owner: u64,
    /// `RUNNING`, `OVERTAKEN` or `ENDED`. Changed once, under the exclusive lock of the key's shard.
    stage: AtomicU8,
    state: Mutex<State>,
    landed: Condvar,
    key: K,
}

/// A load of a key whose query its holder does not know.
pub(crate) type AnyLoad = Load<dyn AnyKey>;

/// In its shard: may be joined, and may store its answer.
const RUNNING: u8 = 0;
/// Taken out of its shard by a change of its key.
const OVERTAKEN: u8 = 1;
/// Taken out of its shard by its own thread.
const ENDED: u8 = 2;

enum State {
    Running,
    /// The answer, for all who waited.
    Landed(AnyHandle),
    /// The load failed or panicked: one of those who waited goes on.
    Failed,
}

/// What a caller has to do for its key.
pub(crate) enum Turn<'a> {
    /// Nothing: there is a value.
    There(AnyHandle),
    /// Compute, and land the result.
    Mine(Ticket<'a>),
    /// Compute without landing anything: the key is asked for inside its own load, which this is.
    Nested(Arc<AnyLoad>),
    /// Wait for another's result.
    Wait(Running),
}

/// The duty to end a load; ends it as failed when dropped. Neither is to be done under a lock.
pub(crate) struct Ticket<'a> {
    table: &'a dyn UsedTable,
    load: Arc<AnyLoad>,
}

/// The load of another caller.
pub(crate) struct Running(Arc<AnyLoad>);

impl<Q: Query> Table<Q> {
    /// Starts the load of a key, unless there is a value, or finds the one that is running. All of that is one look under
    /// the lock of the shard: a change from before it comes before the load, one from after it overtakes the load.
    pub(crate) fn join_load(&self, key: &Q) -> Turn<'_> {
        let (hash, owner) = (self.hash(key), this_thread());
        join(self.made_table(), Arc::new(Load::new(hash, owner, key.clone())))
    }
}

/// What a caller finds that wants to load a key.
enum Found {
    Value(AnyHandle),
    Load(Arc<AnyLoad>),
    /// Neither, and the caller's load stands in the shard now.
    Neither,
}

fn join(table: &dyn UsedTable, load: Arc<AnyLoad>) -> Turn<'_> {
    let (head, hash) = (table.head(), load.hash);
    let is_key: IsKey<'_> = &|other| load.key.equals(other);
    let context = head.context(head.core.now(), 0);
    let mut locked = table.shard(head.place_of(hash)).write();
    let shard = &mut locked.any_mut();
    let at = shard.locate(hash, is_key);
    let found = match (shard.readable(at, &context), shard.load_of(hash, is_key)) {
        (Some(value), _) => Found::Value(value),
        (None, Some(running)) => Found::Load(Arc::clone(running)),
        (None, None) => {
            shard.begin_load(Arc::clone(&load));
            Found::Neither
        }
    };
    let displaced = table.publish_and_unlock(locked);
    // Before anything may panic: a load that stands in its shard has somebody who ends it.
    let turn = match found {
        Found::Value(value) => Turn::There(value),
        Found::Neither => Turn::Mine(Ticket { table, load }),
        Found::Load(running) if running.owner == load.owner => Turn::Nested(running),
        Found::Load(running) => Turn::Wait(Running(running)),
    };
    head.core.events.drain();
    drop(displaced);
    turn
}

impl Ticket<'_> {
    pub(crate) fn load(&self) -> &AnyLoad {
        &self.load
    }

    /// Ends the load with a value, for all who wait.
    pub(crate) fn land<Q: Query>(mut self, value: &Arc<Q::Value>) {
        if self.has_waiters() {
            self.load.end(State::Landed(Pair::<Q>::handle(Arc::clone(value))));
        }
        // The drop finds it ended.
    }

    /// Has nobody join the load any more. Returns whether anybody has.
    fn has_waiters(&mut self) -> bool {
        if self.load.stage.load(Ordering::Relaxed) != ENDED {
            // Waits for a writer that has just overtaken it, too: the last handle is not to be dropped under its lock.
            let place = self.table.head().place_of(self.load.hash);
            self.table.shard(place).write().any_mut().end_load(&self.load);
        }
        // Only the shard hands out handles.
        Arc::get_mut(&mut self.load).is_none()
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.has_waiters() {
            self.load.end(State::Failed);
        }
    }
}

impl Running {
    /// Waits for the end of the load; `None` if it failed.
    pub(crate) fn wait<Q: Query>(&self) -> Option<Arc<Q::Value>> {
        let mut answer = None;
        self.0.wait(&mut |value| answer = Pair::<Q>::value_of(&**value).cloned());
        answer
    }
}

impl<K> Load<K> {
    fn new(hash: u32, owner: u64, key: K) -> Self {
        let (state, landed) = (Mutex::new(State::Running), Condvar::new());
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

    /// Whether the key has changed since, or the load has ended. Exact under the lock of the key's shard.
    pub(crate) fn is_overtaken(&self) -> bool {
        self.stage.load(Ordering::Relaxed) != RUNNING
    }

    /// Told by the shard when it takes the load out.
    pub(crate) fn set_overtaken(&self) {
        self.stage.store(OVERTAKEN, Ordering::Relaxed);
    }

    /// Told by the shard when the load's own thread takes it out.
    pub(crate) fn set_ended(&self) {
        self.stage.store(ENDED, Ordering::Relaxed);
    }

    /// Waits for the end, and shows the answer if there is one.
    fn wait(&self, show: &mut dyn FnMut(&AnyHandle)) {
        let mut state = self.state.lock();
        loop {
            match &*state {
                State::Running => self.landed.wait(&mut state),
                State::Landed(value) => return show(value),
                State::Failed => return,
            }
        }
    }

    fn end(&self, end: State) {
        let mut state = self.state.lock();
        if matches!(*state, State::Running) {
            *state = end;
            self.landed.notify_all();
        }
    }
}

impl dyn UsedTable + '_ {
    /// Overtakes a load.
    pub(super) fn overtake_load(&self, load: &AnyLoad) {
        let place = self.head().place_of(load.hash);
        self.shard(place).write().any_mut().overtake_load(load);
    }

    /// The loads that are running. Not to be dropped under a lock.
    pub(crate) fn loads(&self) -> Vec<Arc<AnyLoad>> {
        let mut loads = Vec::new();
        self.each_shard(&mut |shard| loads.extend_from_slice(shard.loads()));
        loads
    }
}
