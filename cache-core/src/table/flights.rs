//! Blocking loads: one caller computes, and the others with the same key wait. Knows nothing of storage.
//!
//! A running load is stored in the shard of its key. Callers join it, and it ends, under the lock that a miss
//! and a write take anyway. A change of the key overtakes the load: it takes the load out of the shard. An
//! overtaken load still answers the callers that joined it, but it stores nothing, and no further caller
//! joins it. A caller that comes after the change starts its own load.

use std::sync::Arc;

use super::Table;
use crate::erased::UsedTable;
use crate::query::Query;
use crate::shard::erased::AnyHandle;
use crate::shard::key::IsKey;
use crate::shard::load::{AnyLoad, Load, LoadState};
use crate::sync::this_thread;
use crate::typed::Pair;

/// What a caller must do for its key.
pub(crate) enum JoinOutcome<'a> {
    /// Nothing: there is a value.
    Present(AnyHandle),
    /// Compute, and land the result.
    Owner(LoadGuard<'a>),
    /// Compute without landing anything: the key is requested inside its own load, which is this one.
    Nested(Arc<AnyLoad>),
    /// Wait for the result of another caller.
    Waiter(Running),
}

/// Ends a load exactly once: with a value, or as failed when dropped. Must not be ended or dropped under a
/// lock.
pub(crate) struct LoadGuard<'a> {
    table: &'a dyn UsedTable,
    load: Arc<AnyLoad>,
}

/// The load of another caller.
pub(crate) struct Running(Arc<AnyLoad>);

impl<Q: Query> Table<Q> {
    /// Starts the load of a key, or finds its value or its running load. All of this is one step under the
    /// lock of the shard: an earlier change comes before the load, and a later one overtakes the load.
    pub(crate) fn join_load(&self, key: &Q) -> JoinOutcome<'_> {
        let (hash, owner) = (self.hash(key), this_thread());
        join(self.ensure_shards(), Arc::new(Load::new(hash, owner, key.clone())))
    }
}

/// What a caller finds when it wants to load a key.
enum Found {
    Value(AnyHandle),
    Load(Arc<AnyLoad>),
    /// Neither. The caller's load is now in the shard.
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
    // Before anything may panic: a load in its shard always has a guard that ends it.
    let outcome = match found {
        Found::Value(value) => JoinOutcome::Present(value),
        Found::Neither => JoinOutcome::Owner(LoadGuard { table, load }),
        Found::Load(running) if running.is_on_thread_of(&load) => JoinOutcome::Nested(running),
        Found::Load(running) => JoinOutcome::Waiter(Running(running)),
    };
    head.shared.drain();
    drop(displaced);
    outcome
}

impl LoadGuard<'_> {
    pub(crate) fn load(&self) -> &AnyLoad {
        &self.load
    }

    /// Ends the load with a value for all waiting callers.
    pub(crate) fn land<Q: Query>(mut self, value: &Arc<Q::Value>) {
        if self.has_waiters() {
            self.load.end(LoadState::Landed(Pair::<Q>::handle(Arc::clone(value))));
        }
        // The drop finds that the load has ended.
    }

    /// Closes the load to new callers. Returns whether any caller has joined.
    fn has_waiters(&mut self) -> bool {
        if !self.load.has_ended() {
            // Also waits for a writer that has just overtaken the load: the last handle must not be dropped
            // under its lock.
            let place = self.table.head().place_of(self.load.hash());
            self.table.shard(place).write().any_mut().end_load(&self.load);
        }
        // Only the shard gives out handles.
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
    /// Blocks until the load ends; `None` if it failed.
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

    /// Returns the running loads. The result must not be dropped under a lock.
    pub(crate) fn loads(&self) -> Vec<Arc<AnyLoad>> {
        let mut loads = Vec::new();
        self.each_shard(&mut |shard| loads.extend_from_slice(shard.loads()));
        loads
    }
}
