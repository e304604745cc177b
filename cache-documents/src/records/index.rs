//! Which answers show which records.

use std::any::TypeId;
use std::sync::Arc;

use cache_client::App;
use smallvec::SmallVec;

use super::owner::AnyOwner;
use crate::frame::Frame;
use crate::id::Id;
use crate::map::HashMap;
use crate::record::{RecordRef, Renames};
use crate::sync::Mutex;

/// The answers that show each record. An answer enters when it is stored, and leaves when its document is dropped.
///
/// Its lock is a leaf: nothing else is locked, and no foreign code runs, under it.
pub(crate) struct RecordIndex<A: App>(Mutex<IndexState<A>>);

struct IndexState<A: App> {
    owners: HashMap<RecordRef, Owners>,
    /// The answers, by the numbers of their memberships. A document that the program has, without a key, is not here.
    answers: HashMap<u64, Arc<dyn AnyOwner<A>>>,
    /// The answers that are lists of records of each type, by the numbers of their memberships.
    lists: HashMap<TypeId, HashMap<u64, Arc<dyn AnyOwner<A>>>>,
    last: u64,
    /// The names that local names have become names of. Both maps forget a record when the last answer that shows it goes.
    renamed: Renames,
    /// The local names of records.
    local_names: HashMap<RecordRef, LocalNames>,
}

type LocalNames = SmallVec<[RecordRef; 1]>;

/// The numbers of the memberships of the answers that show one record.
type Owners = SmallVec<[u64; 1]>;

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
        Self(Mutex::new(IndexState {
            owners: HashMap::default(),
            answers: HashMap::default(),
            lists: HashMap::default(),
            last: 0,
            renamed: Renames::default(),
            local_names: HashMap::default(),
        }))
    }
}

impl<A: App> RecordIndex<A> {
    /// Enters an answer that shows these records; `None` for a document without a key. `listed` is their type, if the
    /// answer is a list.
    pub(crate) fn enter(
        self: &Arc<Self>,
        owner: Option<&Arc<dyn AnyOwner<A>>>,
        frame: &Frame,
        listed: Option<TypeId>,
    ) -> Membership<A> {
        let names: Vec<_> = frame.names().map(|(resource, ids)| (resource, Arc::clone(ids))).collect();
        let mut state = self.0.lock();
        state.last += 1;
        let number = state.last;
        for name in each(&names) {
            state.owners.entry(name).or_default().push(number);
        }
        if let Some(owner) = owner {
            state.answers.insert(number, Arc::clone(owner));
            if let Some(listed) = listed {
                state.lists.entry(listed).or_default().insert(number, Arc::clone(owner));
            }
        }
        drop(state);
        Membership { index: Arc::clone(self), number, names, listed }
    }

    /// Returns the answers that show a record. One may be listed several times.
    pub(crate) fn owners(&self, name: &RecordRef) -> Vec<Arc<dyn AnyOwner<A>>> {
        let state = self.0.lock();
        let numbers = state.owners.get(name).into_iter().flatten();
        numbers.filter_map(|number| state.answers.get(number).cloned()).collect()
    }

    /// Returns the answers that are lists of records of a type. One may be listed several times.
    #[cfg(feature = "http")]
    pub(crate) fn lists(&self, listed: TypeId) -> Vec<Arc<dyn AnyOwner<A>>> {
        let state = self.0.lock();
        state.lists.get(&listed).map(|owners| owners.values().cloned().collect()).unwrap_or_default()
    }

    /// Returns the records that answers show, by one name each.
    pub(crate) fn names(&self) -> Vec<RecordRef> {
        let state = self.0.lock();
        let names = state.owners.keys().filter(|name| !state.is_second_name(name));
        names.cloned().collect()
    }

    /// Returns at most `count` of the records that answers show, by one name each.
    pub(crate) fn some_names(&self, count: usize) -> Vec<RecordRef> {
        let state = self.0.lock();
        let names = state.owners.keys().filter(|name| !state.is_second_name(name));
        names.take(count).cloned().collect()
    }

    /// Returns how many documents show a record, and at most `count` of the answers among them.
    pub(crate) fn some_owners(&self, name: &RecordRef, count: usize) -> (usize, Vec<Arc<dyn AnyOwner<A>>>) {
        let state = self.0.lock();
        let Some(numbers) = state.owners.get(name) else { return (0, Vec::new()) };
        let some = numbers.iter().take(count).filter_map(|number| state.answers.get(number).cloned());
        (numbers.len(), some.collect())
    }

    /// Returns the number of records that answers show.
    pub(crate) fn len(&self) -> usize {
        let state = self.0.lock();
        let second = state
            .renamed
            .iter()
            .filter(|(local, name)| state.owners.contains_key(local) && state.owners.contains_key(name));
        state.owners.len() - second.count()
    }

    /// Makes a local name a second one of a record, for as long as an answer shows this record.
    pub(crate) fn rename(&self, local: &RecordRef, name: &RecordRef) {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        if state.owners.contains_key(name) && state.renamed.insert(local.clone(), name.clone()).is_none() {
            state.local_names.entry(name.clone()).or_default().push(local.clone());
        }
    }

    /// Returns the name that a local one has become a second name of.
    pub(crate) fn renamed(&self, local: &RecordRef) -> Option<RecordRef> {
        local.id.lid()?;
        self.0.lock().renamed.get(local).cloned()
    }

    /// Returns whether there are local names that have become second ones.
    pub(crate) fn has_renamed(&self) -> bool {
        !self.0.lock().renamed.is_empty()
    }

    /// Returns the local names of a record.
    pub(crate) fn local_names(&self, name: &RecordRef) -> LocalNames {
        self.0.lock().local_names.get(name).cloned().unwrap_or_default()
    }
}

impl<A: App> IndexState<A> {
    /// Whether a name is that of a record which has another one. Documents that the program holds may still use it.
    fn is_second_name(&self, name: &RecordRef) -> bool {
        self.renamed.get(name).is_some_and(|name| self.owners.contains_key(name))
    }

    /// Forgets the local names of a record.
    fn forget_names(&mut self, name: &RecordRef) {
        for local in self.local_names.remove(name).into_iter().flatten() {
            self.renamed.remove(&local);
        }
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
        let mut left: SmallVec<[Option<Arc<dyn AnyOwner<A>>>; 2]> = SmallVec::new();
        let mut state = self.index.0.lock();
        left.push(state.answers.remove(&self.number));
        for name in each(&self.names) {
            let Some(owners) = state.owners.get_mut(&name) else { continue };
            if let Some(at) = owners.iter().position(|number| *number == self.number) {
                owners.swap_remove(at);
            }
            if owners.is_empty() {
                state.owners.remove(&name);
                state.forget_names(&name);
            }
        }
        if let Some(listed) = self.listed
            && let Some(owners) = state.lists.get_mut(&listed)
        {
            left.push(owners.remove(&self.number));
            if owners.is_empty() {
                state.lists.remove(&listed);
            }
        }
        drop(state);
        drop(left);
    }
}
