//! The records that an answer shows: one list for each type.

use std::any::{Any, TypeId};
use std::sync::Arc;

use crate::id::Id;
use crate::map::{HashMap, HashSet};
use crate::record::{RecordRef, Renames};
use crate::resource::{AnyRecord, Resource, typed};

/// The records that a commit changes; `None` for those that it deletes.
pub(crate) type Changed = HashMap<RecordRef, Option<Arc<dyn AnyRecord>>>;

/// What a commit changes in the records that answers show.
pub(crate) struct FrameEdit<'a> {
    pub(crate) changed: &'a Changed,
    /// The names of the changed records that one answer shows.
    pub(crate) names: &'a HashSet<RecordRef>,
    /// The local names that have become names of records with ids.
    pub(crate) renames: &'a Renames,
}

/// Makes a list of records of one type. The ids are sorted.
pub(crate) type ToList = fn(Arc<[Id]>, Vec<Arc<dyn AnyRecord>>) -> Arc<dyn AnyRecordList>;

/// The records that an answer shows. Clones share the lists.
#[derive(Clone, Default)]
pub(crate) struct Frame(Arc<[Arc<dyn AnyRecordList>]>);

/// Records of one type, sorted by id.
pub(crate) trait AnyRecordList: Any + Send + Sync {
    fn resource(&self) -> TypeId;
    fn ids(&self) -> &Arc<[Id]>;
    fn record(&self, at: usize) -> Arc<dyn AnyRecord>;
    /// Returns whether the lists have the same records, in the same allocations.
    fn is_same(&self, other: &dyn AnyRecordList) -> bool;
    /// Returns a list with other records at these places, and without those that are gone. The places ascend.
    fn with(&self, changes: &[(usize, Option<Arc<dyn AnyRecord>>)]) -> Arc<dyn AnyRecordList>;
    /// Returns a list of other records of the same type. An id that comes twice counts once.
    fn of_same_type(&self, records: Vec<(Id, Arc<dyn AnyRecord>)>) -> Arc<dyn AnyRecordList>;
}

/// Records of type `R`, sorted by id.
pub(crate) struct RecordList<R> {
    /// Shared by the lists of all frames of an answer.
    ids: Arc<[Id]>,
    records: Box<[Arc<R>]>,
}

impl<R: Resource> RecordList<R> {
    /// Makes a list of records of this type. Others are left out.
    pub(crate) fn erased(ids: Arc<[Id]>, records: Vec<Arc<dyn AnyRecord>>) -> Arc<dyn AnyRecordList> {
        Arc::new(Self { ids, records: records.into_iter().filter_map(typed).collect() })
    }
}

impl<R: Resource> AnyRecordList for RecordList<R> {
    fn resource(&self) -> TypeId {
        TypeId::of::<R>()
    }

    fn ids(&self) -> &Arc<[Id]> {
        &self.ids
    }

    fn record(&self, at: usize) -> Arc<dyn AnyRecord> {
        Arc::clone(&self.records[at]) as _
    }

    fn is_same(&self, other: &dyn AnyRecordList) -> bool {
        (other as &dyn Any).downcast_ref::<Self>().is_some_and(|other| {
            let are_same =
                || self.records.iter().zip(&other.records).all(|(one, other)| Arc::ptr_eq(one, other));
            self.ids == other.ids && are_same()
        })
    }

    fn with(&self, changes: &[(usize, Option<Arc<dyn AnyRecord>>)]) -> Arc<dyn AnyRecordList> {
        let mut records = self.records.to_vec();
        let mut ids = Arc::clone(&self.ids);
        for (at, record) in changes {
            if let Some(record) = record.clone().and_then(typed) {
                records[*at] = record;
            }
        }
        let gone: Vec<_> = changes.iter().filter(|(_, record)| record.is_none()).map(|(at, _)| *at).collect();
        if !gone.is_empty() {
            let stays = |at: &usize| gone.binary_search(at).is_err();
            ids = (0..ids.len()).filter(stays).map(|at| ids[at].clone()).collect();
            gone.iter().rev().for_each(|at| drop(records.remove(*at)));
        }
        Arc::new(Self { ids, records: records.into() })
    }

    fn of_same_type(&self, mut records: Vec<(Id, Arc<dyn AnyRecord>)>) -> Arc<dyn AnyRecordList> {
        records.sort_by(|(one, _), (other, _)| one.cmp(other));
        records.dedup_by(|(one, _), (other, _)| one == other);
        let (ids, records): (Vec<_>, Vec<_>) = records.into_iter().unzip();
        Self::erased(ids.into(), records)
    }
}

impl Frame {
    /// Makes a frame of records, of which each is named once. Those of types that are not listed are left out.
    pub(crate) fn new(
        mut records: Vec<(RecordRef, Arc<dyn AnyRecord>)>,
        to_list: &dyn Fn(TypeId) -> Option<ToList>,
    ) -> Self {
        records.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let lists = records.chunk_by(|(one, _), (other, _)| one.resource == other.resource);
        let lists = lists.filter_map(|list| {
            let ids = list.iter().map(|(name, _)| name.id.clone()).collect();
            let records = list.iter().map(|(_, record)| Arc::clone(record)).collect();
            Some(to_list(list.first()?.0.resource)?(ids, records))
        });
        Self(lists.collect())
    }

    fn list(&self, resource: TypeId) -> Option<&Arc<dyn AnyRecordList>> {
        self.0.iter().find(|list| list.resource() == resource)
    }

    /// Returns a record. Takes a binary search.
    pub(crate) fn get<R: Resource>(&self, id: &Id) -> Option<&Arc<R>> {
        let list = (&**self.list(TypeId::of::<R>())? as &dyn Any).downcast_ref::<RecordList<R>>()?;
        list.records.get(list.ids.binary_search(id).ok()?)
    }

    /// Returns all records.
    pub(crate) fn records(&self) -> impl Iterator<Item = (RecordRef, Arc<dyn AnyRecord>)> {
        self.0.iter().flat_map(|list| {
            let ids = list.ids().iter().enumerate();
            ids.map(|(at, id)| (RecordRef { resource: list.resource(), id: id.clone() }, list.record(at)))
        })
    }

    /// Returns the types of the records, and their ids.
    pub(crate) fn names(&self) -> impl Iterator<Item = (TypeId, &Arc<[Id]>)> {
        self.0.iter().map(|list| (list.resource(), list.ids()))
    }

    /// Returns the number of records.
    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|list| list.ids().len()).sum()
    }

    /// Returns whether two frames have the same records, in the same allocations.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || self.0.len() == other.0.len()
                && self.0.iter().zip(&*other.0).all(|(one, other)| one.is_same(&**other))
    }

    /// Returns a frame that shows a record besides the others, or in place of one with the same id.
    pub(crate) fn showing<R: Resource>(&self, id: &Id, record: Arc<R>) -> Self {
        let mut lists = self.0.to_vec();
        match lists.iter_mut().find(|list| list.resource() == TypeId::of::<R>()) {
            None => lists.push(RecordList::<R>::erased([id.clone()].into(), vec![record])),
            Some(list) => {
                let others = list.ids().iter().cloned().enumerate().filter(|(_, other)| other != id);
                let others = others.map(|(at, other)| (other, list.record(at)));
                let records = others.chain([(id.clone(), record as _)]).collect();
                *list = list.of_same_type(records);
            }
        }
        Self(lists.into())
    }

    /// Returns a frame with ids in place of the local ones that have become ids; `None` if it shows none of them. The
    /// records stay.
    pub(crate) fn renamed(&self, renames: &Renames) -> Option<Self> {
        let mut lists: Option<Vec<_>> = None;
        for (place, list) in self.0.iter().enumerate() {
            let new_id = |id: &Id| {
                id.lid()?;
                renames.get(&RecordRef { resource: list.resource(), id: id.clone() }).map(|name| &name.id)
            };
            if renames.is_empty() || list.ids().iter().all(|id| new_id(id).is_none()) {
                continue;
            }
            let records = list.ids().iter().enumerate();
            let records = records.map(|(at, id)| (new_id(id).unwrap_or(id).clone(), list.record(at)));
            lists.get_or_insert_with(|| self.0.to_vec())[place] = list.of_same_type(records.collect());
        }
        lists.map(|lists| Self(lists.into()))
    }

    /// Returns a frame with the `changed` records of these names in place of those that it shows; `None` if it shows none
    /// of them, or has them already.
    pub(crate) fn with(&self, changed: &Changed, names: &HashSet<RecordRef>) -> Option<Self> {
        let mut lists: Option<Vec<_>> = None;
        for (place, list) in self.0.iter().enumerate() {
            let of_type = names.iter().filter(|name| name.resource == list.resource());
            let mut changes: Vec<_> = of_type
                .filter_map(|name| {
                    let (at, record) = (list.ids().binary_search(&name.id).ok()?, changed.get(name)?);
                    let is_shown = |record: &Arc<dyn AnyRecord>| {
                        std::ptr::addr_eq(Arc::as_ptr(&list.record(at)), Arc::as_ptr(record))
                    };
                    let is_new = !record.as_ref().is_some_and(is_shown);
                    is_new.then(|| (at, record.clone()))
                })
                .collect();
            if !changes.is_empty() {
                changes.sort_unstable_by_key(|(at, _)| *at);
                lists.get_or_insert_with(|| self.0.to_vec())[place] = list.with(&changes);
            }
        }
        lists.map(|lists| Self(lists.into()))
    }
}
