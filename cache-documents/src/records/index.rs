//! Which answers show which records.

use std::any::TypeId;
use std::sync::Arc;

use cache_client::App;
use smallvec::SmallVec;

use super::owner::AnyOwner;
use crate::frame::Frame;
use crate::id::Id;
use crate::map::HashMap;
use crate::record::RecordRef;
use crate::sync::Mutex;

/// The answers that show each record. An answer enters when it is stored, and leaves when its document is dropped.
///
/// Its lock is a leaf: nothing else is locked, and no foreign code runs, under it.
pub(crate) struct RecordIndex<A: App>(Mutex<IndexState<A>>);

struct IndexState<A: App> {
    owners: HashMap<RecordRef, Owners<A>>,
    /// The answers that are lists of records of each type, by the numbers of their memberships.
    lists: HashMap<TypeId, HashMap<u64, Arc<dyn AnyOwner<A>>>>,
    last: u64,
}

/// The answers that show one record, by the numbers of their memberships.
type Owners<A> = SmallVec<[(u64, Arc<dyn AnyOwner<A>>); 1]>;

/// The entries of one answer. Kept by its documents; dropping it takes the entries out.
pub(crate) struct Membership<A: App> {
    index: Arc<RecordIndex<A>>,
    number: u64,
    names: Vec<(TypeId, Arc<[Id]>)>,
    /// The type of the records that the answer lists, if it is a list.
    listed: Option<TypeId>,
}

impl<A: App> Default for RecordIndex<A> {
    fn default() -> Self {
        Self(Mutex::new(IndexState { owners: HashMap::default(), lists: HashMap::default(), last: 0 }))
    }
}

impl<A: App> RecordIndex<A> {
    /// Enters an answer that shows these records. `listed` is their type, if the answer is a list.
    pub(crate) fn enter(
        self: &Arc<Self>,
        owner: &Arc<dyn AnyOwner<A>>,
        frame: &Frame,
        listed: Option<TypeId>,
    ) -> Membership<A> {
        let names: Vec<_> = frame.names().map(|(resource, ids)| (resource, Arc::clone(ids))).collect();
        let mut state = self.0.lock();
        state.last += 1;
        let number = state.last;
        for name in each(&names) {
            state.owners.entry(name).or_default().push((number, Arc::clone(owner)));
        }
        if let Some(listed) = listed {
            state.lists.entry(listed).or_default().insert(number, Arc::clone(owner));
        }
        drop(state);
        Membership { index: Arc::clone(self), number, names, listed }
    }

    /// Returns the answers that show a record. One may be listed several times.
    pub(crate) fn owners(&self, name: &RecordRef) -> Vec<Arc<dyn AnyOwner<A>>> {
        let state = self.0.lock();
        let owners = state.owners.get(name).map(|owners| owners.iter().map(|(_, owner)| Arc::clone(owner)));
        owners.map(Iterator::collect).unwrap_or_default()
    }

    /// Returns the answers that are lists of records of a type. One may be listed several times.
    #[cfg(feature = "http")]
    pub(crate) fn lists(&self, listed: TypeId) -> Vec<Arc<dyn AnyOwner<A>>> {
        let state = self.0.lock();
        state.lists.get(&listed).map(|owners| owners.values().cloned().collect()).unwrap_or_default()
    }

    /// Returns the records that answers show.
    pub(crate) fn names(&self) -> Vec<RecordRef> {
        self.0.lock().owners.keys().cloned().collect()
    }

    /// Returns the number of records that answers show.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().owners.len()
    }
}

fn each(names: &[(TypeId, Arc<[Id]>)]) -> impl Iterator<Item = RecordRef> {
    names
        .iter()
        .flat_map(|(resource, ids)| ids.iter().map(|id| RecordRef { resource: *resource, id: id.clone() }))
}

impl<A: App> Drop for Membership<A> {
    fn drop(&mut self) {
        // Keys are foreign code, so they are dropped without the lock.
        let mut left: SmallVec<[Arc<dyn AnyOwner<A>>; 4]> = SmallVec::new();
        let mut state = self.index.0.lock();
        for name in each(&self.names) {
            let Some(owners) = state.owners.get_mut(&name) else { continue };
            if let Some(at) = owners.iter().position(|(number, _)| *number == self.number) {
                left.push(owners.swap_remove(at).1);
            }
            if owners.is_empty() {
                state.owners.remove(&name);
            }
        }
        if let Some(listed) = self.listed
            && let Some(owners) = state.lists.get_mut(&listed)
        {
            left.extend(owners.remove(&self.number));
            if owners.is_empty() {
                state.lists.remove(&listed);
            }
        }
        drop(state);
        drop(left);
    }
}
