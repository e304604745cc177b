//! The running loads of one shard, at most one per key. A change of a key takes its load out.

use std::sync::Arc;

use super::erased::AnyHandle;
use super::key::IsKey;
use super::load::AnyLoad;
use super::{Location, OpContext, ShardMut, ShardRef};

impl<'a> ShardRef<'a> {
    /// Returns the running loads.
    pub(crate) fn loads(self) -> &'a [Arc<AnyLoad>] {
        self.metadata.map_or(&[], |metadata| &metadata.loads)
    }

    /// Returns the running load of a key.
    pub(crate) fn load_of(self, hash: u32, is_key: IsKey<'_>) -> Option<&'a Arc<AnyLoad>> {
        find(self.loads(), hash, is_key)
    }
}

impl ShardMut<'_> {
    /// Returns the value at a location. Releases the entry first if it has expired.
    pub(crate) fn readable(&mut self, at: Location, context: &OpContext<'_>) -> Option<AnyHandle> {
        at.number?;
        let at = self.expire_at(at, context);
        self.make_room(context);
        self.lines.handle(at.number?, false)
    }

    #[inline]
    pub(crate) fn has_loads(&self) -> bool {
        !self.metadata.loads.is_empty()
    }

    /// Returns the running load of a key.
    pub(crate) fn load_of(&self, hash: u32, is_key: IsKey<'_>) -> Option<&Arc<AnyLoad>> {
        find(&self.metadata.loads, hash, is_key)
    }

    /// Adds the load of a key that has none.
    pub(crate) fn begin_load(&mut self, load: Arc<AnyLoad>) {
        self.metadata.loads.push(load);
    }

    /// Takes out a load, if it is here, for its own thread.
    pub(crate) fn end_load(&mut self, load: &AnyLoad) {
        self.take_load(load);
        load.set_ended();
    }

    /// Takes out an overtaken load, if it is here.
    pub(crate) fn overtake_load(&mut self, load: &AnyLoad) {
        if self.take_load(load) {
            load.set_overtaken();
        }
    }

    /// Takes out a load. Returns whether it was here.
    fn take_load(&mut self, load: &AnyLoad) -> bool {
        let is_it = |other: &Arc<AnyLoad>| std::ptr::addr_eq(Arc::as_ptr(other), load);
        let at = self.metadata.loads.iter().position(is_it);
        at.map(|at| self.metadata.loads.swap_remove(at)).is_some()
    }

    /// Takes out the load of a key.
    #[cold]
    pub(crate) fn overtake_load_of(&mut self, hash: u32, is_key: IsKey<'_>) {
        if let Some(load) = self.load_of(hash, is_key).cloned() {
            self.overtake_load(&load);
        }
    }

    /// Takes out all loads.
    pub(super) fn overtake_loads(&mut self) {
        for load in self.metadata.loads.drain(..) {
            load.set_overtaken();
        }
    }
}

fn find<'a>(loads: &'a [Arc<AnyLoad>], hash: u32, is_key: IsKey<'_>) -> Option<&'a Arc<AnyLoad>> {
    loads.iter().find(|load| load.hash() == hash && is_key(load.key()))
}
