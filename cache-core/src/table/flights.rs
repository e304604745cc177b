//! Loads that keep a thread: one caller computes, the others with the same key wait. Knows nothing of storage.
//!
//! A running load stands in the shard of its key, where it is joined, and ends, under the lock that a miss and a write take
//! anyway. A change of the key overtakes it: takes it out of the shard. An overtaken load still answers those who joined
//! it, stores nothing, and is joined by nobody else: a caller that comes after the change starts a load of its own.

use std::sync::Arc;

use super::Table;
use crate::erased::UsedTable;
use crate::query::Query;
use crate::shard::erased::AnyHandle;
use crate::shard::key::IsKey;
use crate::shard::load::{AnyLoad, Load, LoadState};
use crate::sync::this_thread;
use crate::typed::Pair;

/// What a caller has to do for its key.
pub(crate) enum JoinOutcome<'a> {
    /// Nothing: there is a value.
    Present(AnyHandle),
    /// Compute, and land the result.
    Owner(LoadGuard<'a>),
    /// Compute without landing anything: the key is asked for inside its own load, which this is.
    Nested(Arc<AnyLoad>),
    /// Wait for another's result.
    Waiter(Running),
}

/// The duty to end a load; ends it as failed when dropped. Neither is to be done under a lock.
pub(crate) struct LoadGuard<'a> {
    table: &'a dyn UsedTable,
    load: Arc<AnyLoad>,
}

/// The load of another caller.
pub(crate) struct Running(Arc<AnyLoad>);

impl<Q: Query> Table<Q> {
    /// Starts the load of a key, unless there is a value, or finds the one that is running. All of that is one look under
    /// the lock of the shard: a change from before it comes before the load, one from after it overtakes the load.
    pub(crate) fn join_load(&self, key: &Q) -> JoinOutcome<'_> {
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

fn join(table: &dyn UsedTable, load: Arc<AnyLoad>) -> JoinOutcome<'_> {
    let (head, hash) = (table.head(), load.hash());
    let is_key: IsKey<'_> = &|other| load.key().equals(other);
    let context = head.context(head.shared.now(), 0);
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
        Found::Value(value) => JoinOutcome::Present(value),
        Found::Neither => JoinOutcome::Owner(LoadGuard { table, load }),
        Found::Load(running) if running.is_of_thread_of(&load) => JoinOutcome::Nested(running),
        Found::Load(running) => JoinOutcome::Waiter(Running(running)),
    };
    head.shared.events.drain();
    drop(displaced);
    turn
}

impl LoadGuard<'_> {
    pub(crate) fn load(&self) -> &AnyLoad {
        &self.load
    }

    /// Ends the load with a value, for all who wait.
    pub(crate) fn land<Q: Query>(mut self, value: &Arc<Q::Value>) {
        if self.has_waiters() {
            self.load.end(LoadState::Landed(Pair::<Q>::handle(Arc::clone(value))));
        }
        // The drop finds it ended.
    }

    /// Ends joining of the load. Returns whether any caller has joined.
    fn has_waiters(&mut self) -> bool {
        if !self.load.has_ended() {
            // Waits for a writer that has just overtaken it, too: the last handle is not to be dropped under its lock.
            let place = self.table.head().place_of(self.load.hash());
            self.table.shard(place).write().any_mut().end_load(&self.load);
        }
        // Only the shard hands out handles.
        Arc::get_mut(&mut self.load).is_none()
    }
}

impl Drop for LoadGuard<'_> {
    fn drop(&mut self) {
        if self.has_waiters() {
            self.load.end(LoadState::Failed);
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

impl dyn UsedTable + '_ {
    /// Overtakes a load.
    pub(super) fn overtake_load(&self, load: &AnyLoad) {
        let place = self.head().place_of(load.hash());
        self.shard(place).write().any_mut().overtake_load(load);
    }

    /// The loads that are running. Not to be dropped under a lock.
    pub(crate) fn loads(&self) -> Vec<Arc<AnyLoad>> {
        let mut loads = Vec::new();
        self.each_shard(&mut |shard| loads.extend_from_slice(shard.loads()));
        loads
    }
}
