//! Which answers show which records.

mod layered;
mod owners;

use std::any::TypeId;
use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use cache_client::{AnswerKey, App};
use slab::Slab;
use smallvec::SmallVec;

use self::layered::{LayeredAnswers, LayeredNames};
use self::owners::Owners;
use super::owner::AnyOwner;
use crate::frame::{Frame, Ids};
use crate::id::Id;
use crate::map::HashMap;
use crate::record::{RecordRef, Renames};
use crate::sync::Mutex;

/// The answers that show each record. An answer enters when it is stored, and leaves when its document is dropped.
///
/// Its lock is a leaf: nothing else is locked, and no foreign code runs, under it.
pub(crate) struct RecordIndex<A: App>(Mutex<IndexState<A>>);

struct IndexState<A: App> {
    /// The answers that show each record, by the type of the record. One map for all types would repeat the type.
    owners: HashMap<TypeId, HashMap<Id, Owners>>,
    /// The answers by the numbers of their memberships; `None` for a document that the program has, without a key. Numbers
    /// are used again, and removing one allocates nothing.
    answers: Slab<Member<A>>,
    /// The numbers of the answers that are lists of records of each type.
    lists: HashMap<TypeId, BTreeSet<u32>>,
    second_names: SecondNames,
    layered: LayeredNames<A>,
}

/// One answer.
struct Member<A: App> {
    owner: Option<Arc<dyn AnyOwner<A>>>,
    /// The number of its records.
    records: usize,
}

/// Some answers, each with the number of its records.
pub(crate) type SizedOwners<A> = SmallVec<[(usize, Arc<dyn AnyOwner<A>>); 4]>;

/// The names of records that have several. Both maps forget a record when the last answer that shows it goes.
#[derive(Default)]
struct SecondNames {
    /// The names that local names have become names of.
    renamed: Renames,
    /// The local names of records.
    local: HashMap<RecordRef, LocalNames>,
}

type LocalNames = SmallVec<[RecordRef; 1]>;

/// The entries of one answer. Kept by its documents; dropping it takes the entries out.
pub(crate) struct Membership<A: App> {
    index: Arc<RecordIndex<A>>,
    number: u32,
    names: Vec<(TypeId, Arc<Ids>)>,
    /// The type of the records that the answer lists, if it is a list.
    listed: Option<TypeId>,
}

/// The local names under which one layer shows records. Kept by what the layer does; dropping it takes them out.
pub(crate) struct LayerMembership<A: App> {
    index: Arc<RecordIndex<A>>,
    names: Vec<RecordRef>,
    answers: LayeredAnswers<A>,
}

impl<A: App> Default for RecordIndex<A> {
    fn default() -> Self {
        Self(Mutex::new(IndexState {
            owners: HashMap::default(),
            answers: Slab::new(),
            lists: HashMap::default(),
            second_names: SecondNames::default(),
            layered: LayeredNames::default(),
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
        let number = state.answers.insert(Member { owner: owner.cloned(), records: frame.len() });
        let number = u32::try_from(number).expect("there are fewer than 2^32 documents");
        for (resource, ids) in &names {
            state.add(*resource, ids.as_slice(), number);
        }
        let listed = listed.filter(|_| owner.is_some());
        if let Some(listed) = listed {
            state.lists.entry(listed).or_default().insert(number);
        }
        drop(state);
        Membership { index: Arc::clone(self), number, names, listed }
    }

    /// Enters a layer that shows records of these names over answers. Only local names count.
    pub(crate) fn enter_layer(
        self: &Arc<Self>,
        names: impl Iterator<Item = RecordRef>,
        answers: impl Iterator<Item = AnswerKey<A>>,
    ) -> LayerMembership<A> {
        let names: Vec<_> = names.filter(|name| name.id.lid().is_some()).collect();
        let answers: LayeredAnswers<A> = answers.collect();
        let mut state = self.0.lock();
        let IndexState { layered, second_names, .. } = &mut *state;
        for name in &names {
            layered.enter(name, second_names.renamed.get(name), &answers);
        }
        drop(state);
        LayerMembership { index: Arc::clone(self), names, answers }
    }

    /// Returns the answers that show a record. One may be listed several times.
    pub(crate) fn owners(&self, name: &RecordRef) -> SmallVec<[Arc<dyn AnyOwner<A>>; 2]> {
        let mut owners = SmallVec::new();
        let state = self.0.lock();
        let Some(numbers) = state.owners_of(name) else { return owners };
        owners.reserve(numbers.len());
        owners.extend(numbers.iter().filter_map(|number| state.answer(number).cloned()));
        owners
    }

    /// Returns the answers that are lists of records of a type. One may be listed several times.
    #[cfg(feature = "http")]
    pub(crate) fn lists(&self, listed: TypeId) -> Vec<Arc<dyn AnyOwner<A>>> {
        let state = self.0.lock();
        let numbers = state.lists.get(&listed).into_iter().flatten();
        numbers.filter_map(|number| state.answer(*number).cloned()).collect()
    }

    /// Returns at most `count` of the records that answers show, by one name each.
    pub(crate) fn names(&self, count: usize) -> Vec<RecordRef> {
        let state = self.0.lock();
        let names = state.owners.iter().flat_map(|(resource, owners)| {
            owners.keys().map(|id| RecordRef { resource: *resource, id: id.clone() })
        });
        names.filter(|name| !state.is_second_name(name)).take(count).collect()
    }

    /// Returns how many documents show a record, and at most `count` of the answers among them.
    pub(crate) fn some_owners(
        &self,
        resource: TypeId,
        id: &str,
        count: usize,
    ) -> (usize, Vec<Arc<dyn AnyOwner<A>>>) {
        let state = self.0.lock();
        let Some(owners) = state.owners_by(resource, id) else { return (0, Vec::new()) };
        let some = owners.iter().take(count).filter_map(|number| state.answer(number).cloned());
        (owners.len(), some.collect())
    }

    /// Returns at most `count` of the answers that show a record, and how many records each had when it was entered.
    pub(crate) fn sized_owners(&self, resource: TypeId, id: &str, count: usize) -> SizedOwners<A> {
        let mut sized = SmallVec::new();
        let state = self.0.lock();
        let numbers = state.owners_by(resource, id).into_iter().flat_map(|owners| owners.iter().take(count));
        let members = numbers.filter_map(|number| state.answers.get(number as usize));
        sized.extend(members.filter_map(|member| Some((member.records, member.owner.clone()?))));
        sized
    }

    /// Returns whether an answer, or a document that the program has stored, shows a record.
    pub(crate) fn is_shown(&self, resource: TypeId, id: &str) -> bool {
        self.0.lock().owners_by(resource, id).is_some()
    }

    /// Returns the number of records that answers show.
    pub(crate) fn len(&self) -> usize {
        let state = self.0.lock();
        let has_both = |(local, name): &(&RecordRef, &RecordRef)| {
            state.owners_of(local).is_some() && state.owners_of(name).is_some()
        };
        let all: usize = state.owners.values().map(HashMap::len).sum();
        all - state.second_names.renamed.iter().filter(has_both).count()
    }

    /// Makes a local name a second one of a record, for as long as an answer shows this record. Returns the answers
    /// over which layers show it under the local name.
    pub(crate) fn rename(&self, local: &RecordRef, name: &RecordRef) -> Vec<AnswerKey<A>> {
        let mut state = self.0.lock();
        if state.owners_of(name).is_some() {
            state.second_names.add(local, name);
        }
        state.layered.save(local, name)
    }

    /// Returns the name that a local one has become a second name of.
    pub(crate) fn renamed(&self, local: &RecordRef) -> Option<RecordRef> {
        local.id.lid()?;
        self.0.lock().second_names.renamed.get(local).cloned()
    }

    /// Returns the name that a local one has become a second name of, also if only layers that show it know.
    pub(crate) fn renamed_in_layers(&self, local: &RecordRef) -> Option<RecordRef> {
        local.id.lid()?;
        let state = self.0.lock();
        state.second_names.renamed.get(local).or_else(|| state.layered.saved(local)).cloned()
    }

    /// Returns whether there are local names that have become second ones.
    pub(crate) fn has_renamed(&self) -> bool {
        !self.0.lock().second_names.renamed.is_empty()
    }

    /// Returns the local names of a record.
    pub(crate) fn local_names(&self, name: &RecordRef) -> LocalNames {
        let state = self.0.lock();
        let SecondNames { local, .. } = &state.second_names;
        if local.is_empty() { LocalNames::new() } else { local.get(name).cloned().unwrap_or_default() }
    }
}

impl<A: App> IndexState<A> {
    fn owners_of(&self, name: &RecordRef) -> Option<&Owners> {
        self.owners_by(name.resource, name.id.as_str())
    }

    fn owners_by(&self, resource: TypeId, id: &str) -> Option<&Owners> {
        self.owners.get(&resource)?.get(id)
    }

    fn answer(&self, number: u32) -> Option<&Arc<dyn AnyOwner<A>>> {
        self.answers.get(number as usize)?.owner.as_ref()
    }

    /// Adds an answer to the owners of records of one type.
    fn add(&mut self, resource: TypeId, ids: &[Id], number: u32) {
        let owners = self.owners.entry(resource).or_default();
        if owners.is_empty() {
            owners.reserve(ids.len());
        }
        for id in ids {
            match owners.entry(id.clone()) {
                Entry::Occupied(mut entry) => entry.get_mut().insert(number),
                Entry::Vacant(entry) => _ = entry.insert(Owners::One(number)),
            }
        }
    }

    /// Takes an answer out of the owners of records of one type. Forgets records without owners.
    fn remove(&mut self, resource: TypeId, ids: &[Id], number: u32) {
        let Some(owners) = self.owners.get_mut(&resource) else { return };
        for id in ids {
            if owners.get_mut(id).is_some_and(|owners| owners.remove(number)) {
                owners.remove(id);
                self.second_names.forget(resource, id);
            }
        }
    }

    /// Whether a name is that of a record which has another one. Documents that the program holds may still use it.
    fn is_second_name(&self, name: &RecordRef) -> bool {
        self.second_names.renamed.get(name).is_some_and(|name| self.owners_of(name).is_some())
    }
}

impl SecondNames {
    fn add(&mut self, local: &RecordRef, name: &RecordRef) {
        if self.renamed.insert(local.clone(), name.clone()).is_none() {
            self.local.entry(name.clone()).or_default().push(local.clone());
        }
    }

    /// Forgets the local names of a record.
    fn forget(&mut self, resource: TypeId, id: &Id) {
        if self.local.is_empty() {
            return;
        }
        for local in self.local.remove(&RecordRef { resource, id: id.clone() }).into_iter().flatten() {
            self.renamed.remove(&local);
        }
    }
}

impl<A: App> LayerMembership<A> {
    /// Returns those of the local names that have become second names, and of what.
    pub(crate) fn renames(&self) -> Renames {
        let state = self.index.0.lock();
        let saved = |local: &RecordRef| Some((local.clone(), state.layered.saved(local)?.clone()));
        self.names.iter().filter_map(saved).collect()
    }
}

impl<A: App> Drop for LayerMembership<A> {
    fn drop(&mut self) {
        let Self { index, names, answers } = self;
        let mut state = index.0.lock();
        names.drain(..).for_each(|name| state.layered.leave(name, answers));
    }
}

impl<A: App> Drop for Membership<A> {
    fn drop(&mut self) {
        let Self { index, number, names, listed } = self;
        let mut state = index.0.lock();
        let left = state.answers.remove(*number as usize);
        for (resource, ids) in &*names {
            state.remove(*resource, ids.as_slice(), *number);
        }
        if let Some(listed) = listed
            && let Some(lists) = state.lists.get_mut(listed)
        {
            lists.remove(number);
        }
        drop(state);
        // A key is foreign code, so it is dropped without the lock.
        drop(left);
    }
}
