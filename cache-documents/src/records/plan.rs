//! The plan of one commit: which records it changes, and which answers follow.

use std::any::Any;
use std::sync::Arc;

use cache_client::{AnswerKey, AnswerStore, App};
use cache_core::{Cache, CommitError};
use smallvec::SmallVec;

use super::lane::LaneGuard;
use super::order::WrittenRecord;
use super::owner::{AnyOwner, Enter};
use super::state::Documents;
use crate::frame::{Beside, Changed, Frame, FrameEdit};
use crate::id::{Id, IdChanged};
use crate::map::{HashMap, HashSet};
use crate::record::{RecordRef, Renames};
use crate::resource::AnyRecord;
use crate::resources::Resources;
use crate::sync::Mutex;

/// Beyond this number of answers that show a changed record, those that nobody shows are marked instead of rewritten.
pub(crate) const MAX_REWRITTEN: usize = 256;

/// So many answers are searched one by one.
const FEW: usize = 4;

/// What the steps of one commit have planned.
pub(crate) struct Plan<A: App> {
    pub(crate) changed: Changed,
    /// Whether a step has deleted one of these.
    deletes: bool,
    /// The local names that become names of records with ids.
    pub(crate) renames: Renames,
    /// The records that answers show besides others.
    added: Vec<Beside>,
    /// Why nothing is committed.
    pub(crate) refused: Option<IdChanged>,
    /// The answers that follow.
    following: Vec<Following<A>>,
    /// Their places, if there are more than [`FEW`].
    places: HashMap<AnswerKey<A>, usize>,
    /// The number of steps so far.
    steps: usize,
    /// The answers that the steps before the last one have written. Empty in most commits, which have one step.
    own: HashSet<AnswerKey<A>>,
    /// The answer that the last step has written.
    last_own: Option<AnswerKey<A>>,
    /// What the steps have written, if they have. Shared with what is called when the commit is installed, which each
    /// step replaces.
    written: Option<Arc<WrittenBySteps>>,
    /// The generation of the lane at the first step.
    generation: Option<u64>,
    /// What was read. Dropped after the commit, without locks.
    read: SmallVec<[Arc<dyn Any + Send + Sync>; 4]>,
}

/// What each step of a commit has written, with the number of its request.
type WrittenBySteps = Mutex<Vec<(u64, Vec<WrittenRecord>)>>;

impl<A: App> Default for Plan<A> {
    fn default() -> Self {
        Self {
            changed: Changed::default(),
            deletes: false,
            renames: Renames::default(),
            added: Vec::new(),
            refused: None,
            following: Vec::new(),
            places: HashMap::default(),
            steps: 0,
            own: HashSet::default(),
            last_own: None,
            written: None,
            generation: None,
            read: SmallVec::new(),
        }
    }
}

impl<A: Resources> Plan<A> {
    /// Keeps something that was read until no lock is held.
    pub(crate) fn keep(&mut self, read: Option<Arc<dyn Any + Send + Sync>>) {
        self.read.extend(read);
    }

    /// Returns the id that a local name has become.
    pub(crate) fn id_of(&self, documents: &Documents<A>, name: &RecordRef) -> Option<Id> {
        name.id.lid()?;
        let renamed = self.renames.get(name).cloned().or_else(|| documents.index.renamed(name));
        renamed.map(|name| name.id)
    }

    /// Returns the name by which answers show a record.
    pub(crate) fn shown_name(&self, documents: &Documents<A>, mut name: RecordRef) -> RecordRef {
        if let Some(id) = self.id_of(documents, &name) {
            name.id = id;
        }
        name
    }

    /// Returns the names of all records that answers show, or that are remembered.
    pub(crate) fn all_names(&self, documents: &Documents<A>) -> HashSet<RecordRef> {
        let names = documents.index.names(usize::MAX).into_iter().chain(documents.order.names());
        names.chain(self.changed.keys().cloned()).map(|name| self.shown_name(documents, name)).collect()
    }

    /// Returns the record that the commit leaves so far.
    pub(crate) fn known(
        &self,
        documents: &Documents<A>,
        cache: &Cache<A::Registry>,
        name: &RecordRef,
    ) -> Option<Arc<dyn AnyRecord>> {
        match self.changed.get(name) {
            Some(changed) => changed.clone(),
            None => documents.list.peek(cache, name.resource, &name.id),
        }
    }

    /// Writes a record under all its names; `None` removes it.
    pub(crate) fn set(
        &mut self,
        documents: &Documents<A>,
        store: &mut AnswerStore<'_, A>,
        name: &RecordRef,
        record: Option<Arc<dyn AnyRecord>>,
    ) {
        let mut names = documents.index.local_names(name);
        let planned = self.renames.iter().filter(|(_, renamed)| *renamed == name);
        names.extend(planned.map(|(local, _)| local.clone()));
        names.push(name.clone());
        for name in &names {
            match &record {
                Some(record) => documents.list.set(store, name, Arc::clone(record)),
                None => documents.list.remove(store, name),
            }
        }
        self.deletes |= record.is_none();
        self.changed.insert(name.clone(), record);
    }

    /// Makes the answers that show a record show others too.
    pub(crate) fn show(
        &mut self,
        documents: &Documents<A>,
        store: &mut AnswerStore<'_, A>,
        (beside, records): (RecordRef, Frame),
    ) {
        let name = self.shown_name(documents, beside);
        self.added.push(Beside { name: name.clone(), records });
        self.follow(documents, store, &[name], None);
    }

    /// Makes the commit fail.
    pub(crate) fn refuse(&mut self, changed: IdChanged, store: &mut AnswerStore<'_, A>) {
        self.refused = Some(changed.clone());
        store.guard_with(move || Err(CommitError::Refused(Box::new(changed.clone()))));
    }

    /// Adds what a request has written.
    pub(super) fn note(&mut self, number: u64, written: Vec<WrittenRecord>) {
        if !written.is_empty() {
            self.written.get_or_insert_default().lock().push((number, written));
        }
    }

    /// Adds what a step has written, and prepares the commit.
    pub(crate) fn seal(
        &mut self,
        documents: &Documents<A>,
        store: &mut AnswerStore<'_, A>,
        lane: LaneGuard,
        (number, written): (u64, Vec<WrittenRecord>),
    ) {
        if let Some(refused) = self.refused.clone() {
            return self.refuse(refused, store);
        }
        let generation = *self.generation.get_or_insert(*lane);
        self.note(number, written);
        let install = self.install(documents, store);
        // The lane cannot be held while something async runs.
        let entered = (!store.may_wait()).then_some(lane);
        store.guard_with(documents.lane.guard(generation, entered, install));
    }

    /// Returns what is to be done when the commit is installed, if there is anything.
    fn install(
        &self,
        documents: &Documents<A>,
        store: &AnswerStore<'_, A>,
    ) -> Option<Arc<dyn Fn(LaneGuard) + Send + Sync>> {
        if self.written.is_none() && self.renames.is_empty() {
            return None;
        }
        let (order, written) = (Arc::clone(&documents.order), self.written.clone());
        let (index, renames) = (Arc::clone(&documents.index), self.renames.clone());
        let client = (!renames.is_empty()).then(|| store.client().clone());
        Some(Arc::new(move |lane: LaneGuard| {
            let written = written.as_ref().map(|written| std::mem::take(&mut *written.lock()));
            written.iter().flatten().for_each(|(number, records)| order.note(*number, records));
            let layered: Vec<_> =
                renames.iter().flat_map(|(local, name)| index.rename(local, name)).collect();
            drop(lane);
            // Wakes observers, so without the lane.
            if let Some(client) = &client {
                layered.iter().for_each(|answer| client.fold_again(answer));
            }
        }))
    }

    /// Returns the place of an answer among those that follow.
    fn place(&mut self, owner: Arc<dyn AnyOwner<A>>) -> usize {
        let next = self.following.len();
        let place = if next <= FEW {
            let known = self.following.iter().position(|following| following.owner.key() == owner.key());
            known.unwrap_or(next)
        } else {
            if self.places.is_empty() {
                let places = self.following.iter().map(|following| following.owner.key().clone()).zip(0..);
                self.places.extend(places);
            }
            *self.places.entry(owner.key().clone()).or_insert(next)
        };
        if place == next {
            self.following.push(Following::new(owner));
        }
        place
    }

    /// Makes the answers that show these records follow. `own` is stored by the commit itself.
    pub(crate) fn follow(
        &mut self,
        documents: &Documents<A>,
        store: &mut AnswerStore<'_, A>,
        names: &[RecordRef],
        own: Option<&AnswerKey<A>>,
    ) {
        self.steps += 1;
        self.own.extend(self.last_own.take());
        let mut touched: SmallVec<[usize; FEW]> = SmallVec::new();
        for name in names {
            let owners = documents.index.owners(name);
            let marks = owners.len() > MAX_REWRITTEN;
            if self.following.is_empty() {
                self.following.reserve(owners.len());
                touched.reserve(owners.len());
                if owners.len() > FEW {
                    self.places.reserve(owners.len());
                }
            }
            for owner in owners.into_iter().filter(|owner| own != Some(owner.key())) {
                let place = self.place(owner);
                let following = &mut self.following[place];
                if following.last_step != self.steps {
                    following.last_step = self.steps;
                    touched.push(place);
                }
                following.marks |= marks;
                following.names.push(name.clone());
                following.names.extend(self.renames.get(name).cloned());
            }
        }
        let enter: Enter<'_, A> = &|owner: &Arc<dyn AnyOwner<A>>, frame: &Frame, listed| {
            Arc::new(documents.index.enter(Some(owner), frame, listed))
        };
        self.read.reserve(touched.len());
        for place in touched {
            let Following { owner, names, marks, .. } = &self.following[place];
            // With the names of earlier steps of the commit, whose rewrite of the answer this one replaces.
            let (changed, renames, added) = (&self.changed, &self.renames, &*self.added);
            let edit = FrameEdit { changed, deletes: self.deletes, names, renames, added };
            let read = match self.own.contains(owner.key()) {
                true => owner.amend(store, &edit, enter),
                false => owner.follow(store, &edit, enter, *marks),
            };
            self.read.extend(read);
        }
        self.last_own = own.cloned();
    }
}

/// An answer that follows.
struct Following<A: App> {
    owner: Arc<dyn AnyOwner<A>>,
    /// Some may be listed twice.
    names: SmallVec<[RecordRef; 1]>,
    marks: bool,
    /// The last step that has changed one of its records.
    last_step: usize,
}

impl<A: App> Following<A> {
    fn new(owner: Arc<dyn AnyOwner<A>>) -> Self {
        Self { owner, names: SmallVec::new(), marks: false, last_step: 0 }
    }
}
