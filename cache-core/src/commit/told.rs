//! Loads and watches of the keys that a commit changes.

use std::sync::Arc;

use super::locked_shards::OpenShards;
use crate::shard::ShardRef;
use crate::shard::key::IsKey;
use crate::table::Head;
use crate::table::flights::AnyLoad;
use crate::table::watchers::AnyWatcher;

/// Found before nothing can fail any more, since that compares keys, which is foreign code. Dropped without locks: a load
/// may hold an answer.
#[derive(Default)]
pub(crate) struct Told {
    loads: Vec<Arc<AnyLoad>>,
    watchers: Vec<(Tell, Arc<AnyWatcher>)>,
}

/// What is told of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    Replaced,
    Marked,
    Touched,
}

impl Told {
    /// Adds those of a key whose shard is locked.
    #[inline]
    pub(super) fn find(
        &mut self,
        tell: Tell,
        head: &Head,
        shard: ShardRef<'_>,
        (hash, is_key): (u32, IsKey<'_>),
    ) {
        if tell != Tell::Touched && !shard.loads().is_empty() {
            self.loads.extend(shard.load_of(hash, is_key).cloned());
        }
        head.watchers.find(hash, is_key, &mut |watcher| self.watchers.push((tell, Arc::clone(watcher))));
    }

    /// Tells all of them, under the locks of their shards.
    pub(super) fn tell(&self, shards: &mut OpenShards<'_>) {
        for load in &self.loads {
            if let Some(shard) = shards.of(load.hash()) {
                shard.overtake_load(load);
            }
        }
        for (tell, watcher) in &self.watchers {
            match tell {
                Tell::Replaced => watcher.overtake(),
                Tell::Marked => watcher.overtake_by_mark(),
                Tell::Touched => watcher.ring_later(),
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.loads.is_empty() && self.watchers.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.loads.clear();
        self.watchers.clear();
    }
}
