//! The records that an answer shows: one list for each type.

mod builder;
pub(crate) mod ids;
mod list;

use std::any::{Any, TypeId};
use std::sync::Arc;

pub(crate) use builder::{Added, FrameBuilder};
pub(crate) use ids::Ids;
pub(crate) use list::{AnyRecordList, ListChanges, RecordList, ToList};

use smallvec::SmallVec;

use crate::id::Id;
use crate::map::HashMap;
use crate::record::{RecordRef, Renames};
use crate::resource::{AnyRecord, Resource};

/// The records that a commit changes; `None` for those that it deletes.
pub(crate) type Changed = HashMap<RecordRef, Option<Arc<dyn AnyRecord>>>;

/// What a commit changes in the records that answers show.
pub(crate) struct FrameEdit<'a> {
    pub(crate) changed: &'a Changed,
    /// Whether some of these may be deleted.
    pub(crate) deletes: bool,
    /// The names of the changed records that one answer shows. Some may be listed twice.
    pub(crate) names: &'a [RecordRef],
    /// The local names that have become names of records with ids.
    pub(crate) renames: &'a Renames,
    /// The records that answers show besides.
    pub(crate) added: &'a [Beside],
}

/// Records that an answer shows, if it shows another one.
#[derive(Clone)]
pub(crate) struct Beside {
    /// The other one.
    pub(crate) name: RecordRef,
    pub(crate) records: Frame,
}

/// The records that an answer shows. Clones share the lists.
#[derive(Clone, Default)]
pub(crate) struct Frame(Lists);

/// One list for each type. Most answers have one or two.
type Lists = SmallVec<[Arc<dyn AnyRecordList>; 2]>;

impl Frame {
    /// Returns the records of a type.
    pub(crate) fn list_of<R: Resource>(&self) -> Option<&RecordList<R>> {
        (&**self.list(TypeId::of::<R>())? as &dyn Any).downcast_ref()
    }

    fn list(&self, resource: TypeId) -> Option<&Arc<dyn AnyRecordList>> {
        self.0.iter().find(|list| list.resource() == resource)
    }

    /// Returns a record. Takes a binary search.
    pub(crate) fn get<R: Resource>(&self, id: &Id) -> Option<&Arc<R>> {
        self.list_of::<R>()?.get(id)
    }

    /// Returns all records.
    pub(crate) fn records(&self) -> impl Iterator<Item = (RecordRef, Arc<dyn AnyRecord>)> {
        self.0.iter().flat_map(|list| {
            let ids = list.ids().as_slice().iter().enumerate();
            ids.map(|(at, id)| (RecordRef { resource: list.resource(), id: id.clone() }, list.record(at)))
        })
    }

    /// Returns the lists of records, each of one type.
    pub(crate) fn lists(&self) -> &[Arc<dyn AnyRecordList>] {
        &self.0
    }

    /// Returns the types of the records, and their ids.
    pub(crate) fn names(&self) -> impl Iterator<Item = (TypeId, &Arc<Ids>)> {
        self.0.iter().map(|list| (list.resource(), list.ids()))
    }

    /// Returns the same frame with the ids of another, and in its order, if both show the records of the same names.
    pub(crate) fn with_ids_of(&self, other: &Self) -> Option<Self> {
        let lists = other.0.iter().map(|other| {
            let list = self.list(other.resource())?;
            if Arc::ptr_eq(list.ids(), other.ids()) {
                return Some(Arc::clone(list));
            }
            list.with_ids(other.ids())
        });
        if self.0.len() == other.0.len() { lists.collect::<Option<_>>().map(Self) } else { None }
    }

    /// Returns the number of records.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|list| list.ids().len()).sum()
    }

    /// Returns whether two frames have the same records, in the same allocations.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let has_same = |other: &Arc<dyn AnyRecordList>| {
            let list = self.list(other.resource());
            list.is_some_and(|list| Arc::ptr_eq(list, other) || list.is_same(&**other))
        };
        self.0.len() == other.0.len() && other.0.iter().all(has_same)
    }

    /// Returns whether the frame has the same records as another, and these say what those of the other say.
    pub(crate) fn says(&self, other: &Self) -> bool {
        let mut records = self.records();
        let says = |(name, saved): (RecordRef, Arc<dyn AnyRecord>)| {
            let present = records.next().filter(|(present, _)| *present == name);
            present.is_some_and(|(_, present)| {
                let numbers = 0..saved.names().len();
                numbers.into_iter().all(|number| {
                    let field = saved.any_field(number);
                    field.differs(present.any_field(number), field.known()) == 0
                })
            })
        };
        self.len() == other.len() && other.records().all(says)
    }

    /// Returns the places, in a list of the frame, of those records among these names that are `changed` and that the
    /// list does not have yet.
    fn changes<'c>(
        list: &dyn AnyRecordList,
        changed: &'c Changed,
        names: &[RecordRef],
    ) -> impl Iterator<Item = (usize, Option<&'c Arc<dyn AnyRecord>>)> {
        let of_type = names.iter().filter(|name| name.resource == list.resource());
        of_type.filter_map(|name| {
            let (at, record) = (list.ids().place(&name.id, 0)?, changed.get(name)?.as_ref());
            (!record.is_some_and(|record| list.is_at(at, record))).then_some((at, record))
        })
    }

    /// Returns whether the frame shows one of these records as it was before it was `changed`.
    pub(crate) fn is_outdated(&self, changed: &Changed, names: &[RecordRef]) -> bool {
        self.0.iter().any(|list| Self::changes(&**list, changed, names).next().is_some())
    }

    /// Returns a frame that shows a record besides the others, or in place of one with the same id.
    pub(crate) fn showing<R: Resource>(&self, id: &Id, record: Arc<R>) -> Self {
        let mut lists = self.0.clone();
        match lists.iter_mut().find(|list| list.resource() == TypeId::of::<R>()) {
            None => lists
                .push(RecordList::<R>::erased(Arc::new([id.clone()].into_iter().collect()), vec![record])),
            Some(list) => {
                let others =
                    list.ids().as_slice().iter().cloned().enumerate().filter(|(_, other)| other != id);
                let others = others.map(|(at, other)| (other, list.record(at)));
                let records = others.chain([(id.clone(), record as _)]).collect();
                *list = list.of_same_type(records);
            }
        }
        Self(lists)
    }

    /// Returns a frame that shows records besides others, if it shows these; `None` if it has all of them already. They
    /// come after those of the same type.
    pub(crate) fn with_added(&self, added: &[Beside]) -> Option<Self> {
        let mut lists: Option<Lists> = None;
        let shown = added.iter().filter(|beside| self.has(&beside.name));
        for list in shown.flat_map(|beside| &*beside.records.0) {
            let all = lists.as_deref().unwrap_or(&self.0);
            let place = all.iter().position(|present| present.resource() == list.resource());
            let present = place.map(|place| &all[place]);
            let named = |list: &Arc<dyn AnyRecordList>| {
                let ids = list.ids().as_slice().iter().enumerate();
                ids.map(|(at, id)| (id.clone(), list.record(at))).collect::<Vec<_>>()
            };
            let mut missing = named(list);
            missing.retain(|(id, _)| present.is_none_or(|present| present.ids().place(id, 0).is_none()));
            if missing.is_empty() {
                continue;
            }
            let records = present.into_iter().flat_map(named).chain(missing).collect();
            let next = list.of_same_type(records);
            let lists = lists.get_or_insert_with(|| self.0.clone());
            match place {
                Some(place) => lists[place] = next,
                None => lists.push(next),
            }
        }
        lists.map(Self)
    }

    fn has(&self, name: &RecordRef) -> bool {
        self.list(name.resource).is_some_and(|list| list.ids().place(&name.id, 0).is_some())
    }

    /// Returns a frame with ids in place of the local ones that have become ids; `None` if it shows none of them. The
    /// records stay.
    pub(crate) fn renamed(&self, renames: &Renames) -> Option<Self> {
        let mut lists: Option<Lists> = None;
        for (place, list) in self.0.iter().enumerate() {
            let new_id = |id: &Id| {
                id.lid()?;
                renames.get(&RecordRef { resource: list.resource(), id: id.clone() }).map(|name| &name.id)
            };
            if renames.is_empty() || list.ids().as_slice().iter().all(|id| new_id(id).is_none()) {
                continue;
            }
            let records = list.ids().as_slice().iter().enumerate();
            let records = records.map(|(at, id)| (new_id(id).unwrap_or(id).clone(), list.record(at)));
            lists.get_or_insert_with(|| self.0.clone())[place] = list.of_same_type(records.collect());
        }
        lists.map(Self)
    }

    /// Returns a frame with the `changed` records of these names in place of those that it shows; `None` if it shows none
    /// of them, or has them already. A name may be listed twice.
    pub(crate) fn with(&self, changed: &Changed, names: &[RecordRef]) -> Option<Self> {
        let mut lists: Option<Lists> = None;
        for (place, list) in self.0.iter().enumerate() {
            let changes = Self::changes(&**list, changed, names).map(|(at, record)| (at, record.cloned()));
            let changes: ListChanges = changes.collect();
            if !changes.is_empty() {
                lists.get_or_insert_with(|| self.0.clone())[place] = list.with(changes);
            }
        }
        lists.map(Self)
    }
}
