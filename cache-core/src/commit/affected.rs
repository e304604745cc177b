//! The loads and watches of the keys that a commit changes.

use std::sync::Arc;

use super::locked_shards::OpenShards;
use crate::shard::ShardRef;
use crate::shard::key::IsKey;
use crate::shard::load::AnyLoad;
use crate::shared::LoadStart;
use crate::table::head::Head;
use crate::table::watchers::{AnyWatcher, KeyEvent};

/// The loads and watches of the keys that a commit changes. Collected before the commit is sealed, since it
/// compares keys, which is foreign code. Must be dropped without locks: a load may hold an answer.
#[derive(Default)]
pub(crate) struct Affected {
    loads: Vec<Arc<AnyLoad>>,
    watchers: Vec<(KeyEvent, Arc<AnyWatcher>)>,
    /// How many of both an earlier attempt of the commit has found. They count no more.
    outdated: (usize, usize),
}

impl Affected {
    /// Adds the loads and watches of a key whose shard is locked.
    #[inline]
    pub(super) fn find(
        &mut self,
        event: KeyEvent,
        head: &Head,
        shard: ShardRef<'_>,
        (hash, is_key): (u32, IsKey<'_>),
    ) {
        if event != KeyEvent::Touched && !shard.loads().is_empty() {
            self.loads.extend(shard.load_of(hash, is_key).cloned());
        }
        head.watchers.find(hash, is_key, &mut |watcher| self.watchers.push((event, Arc::clone(watcher))));
    }

    /// Adds the watches of a key that is written by a load that began at `start`: earlier loads are out of date.
    /// The key has no blocking load.
    pub(super) fn find_since(&mut self, start: LoadStart, head: &Head, (hash, is_key): (u32, IsKey<'_>)) {
        head.watchers.find(hash, is_key, &mut |watcher| {
            let is_later = watcher.start().sequence > start.sequence;
            let event = if is_later { KeyEvent::Touched } else { KeyEvent::Loaded };
            self.watchers.push((event, Arc::clone(watcher)));
        });
    }

    /// Notifies all of them, under the locks of their shards.
    pub(super) fn notify(&self, shards: &mut OpenShards<'_>) {
        for load in &self.loads[self.outdated.0..] {
            if let Some(shard) = shards.of(load.hash()) {
                shard.overtake_load(load);
            }
        }
        for (event, watcher) in &self.watchers[self.outdated.1..] {
            watcher.record(*event);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.loads.is_empty() && self.watchers.is_empty()
    }

    /// Begins a new search. What was found before is dropped later, since shards may be locked.
    pub(super) fn restart(&mut self) {
        self.outdated = (self.loads.len(), self.watchers.len());
    }

    pub(super) fn clear(&mut self) {
        self.loads.clear();
        self.watchers.clear();
        self.outdated = (0, 0);
    }
}
