//! The records of one type that an answer shows.

use std::any::{Any, TypeId};
use std::ops::Range;
use std::sync::Arc;

use smallvec::SmallVec;

use super::ids::Ids;
use crate::id::Id;
use crate::map::HashSet;
use crate::resource::{AnyRecord, Resource, typed};

/// Makes a list of records of one type, each with its id.
pub(crate) type ToList = fn(Arc<Ids>, Vec<Arc<dyn AnyRecord>>) -> Arc<dyn AnyRecordList>;

/// The records that take the place of others, `None` for those that are gone. Most commits change one record of a list.
pub(crate) type ListChanges = SmallVec<[(usize, Option<Arc<dyn AnyRecord>>); 1]>;

/// Records of one type, in the order of the response.
pub(crate) trait AnyRecordList: Any + Send + Sync {
    fn resource(&self) -> TypeId;
    fn ids(&self) -> &Arc<Ids>;
    fn record(&self, at: usize) -> Arc<dyn AnyRecord>;
    /// Returns a record without a handle of its own.
    fn peek(&self, at: usize) -> Option<&dyn AnyRecord>;
    /// Returns whether the record at this place is in this allocation.
    fn is_at(&self, at: usize, record: &Arc<dyn AnyRecord>) -> bool;
    /// Returns a list of the same records in the order of these ids; `None` if they are not the ids of its records.
    fn with_ids(&self, ids: &Arc<Ids>) -> Option<Arc<dyn AnyRecordList>>;
    /// Returns whether the lists have the same records, in the same allocations, in whatever order.
    fn is_same(&self, other: &dyn AnyRecordList) -> bool;
    /// Returns a list with other records at these places, and without those that are gone.
    fn with(&self, changes: ListChanges) -> Arc<dyn AnyRecordList>;
    /// Returns a list of the first `kept` records, and of others after them.
    fn continued(
        &self,
        kept: usize,
        ids: Vec<Id>,
        records: Vec<Arc<dyn AnyRecord>>,
    ) -> Arc<dyn AnyRecordList>;
    /// Returns a list of other records of the same type. Of an id that comes twice, the first counts.
    fn of_same_type(&self, records: Vec<(Id, Arc<dyn AnyRecord>)>) -> Arc<dyn AnyRecordList>;
}

/// Records of type `R`, in the order of the response.
pub(crate) struct RecordList<R> {
    /// Shared by the lists of all frames of an answer.
    ids: Arc<Ids>,
    /// A record for each id. Shared by lists that differ in a few records, so that a list with another record copies
    /// one handle, not all.
    base: Arc<[Arc<R>]>,
    /// The records that are shown in place of those of the base, in the order of their places.
    replaced: SmallVec<[(usize, Arc<R>); 1]>,
}

impl<R: Resource> RecordList<R> {
    /// Makes a list of records of this type. Others are left out.
    pub(crate) fn erased(ids: Arc<Ids>, records: Vec<Arc<dyn AnyRecord>>) -> Arc<dyn AnyRecordList> {
        Arc::new(Self::new(ids, records.into_iter().filter_map(typed)))
    }

    fn new(ids: Arc<Ids>, records: impl Iterator<Item = Arc<R>>) -> Self {
        Self { ids, base: records.collect(), replaced: SmallVec::new() }
    }

    /// Returns whether the base is copied rather than so many of its records replaced. The copy takes about as long as
    /// that of the replaced records takes in all lists before.
    fn are_many(&self, replaced: usize) -> bool {
        replaced >= (2 * self.base.len()).isqrt()
    }

    fn at(&self, place: usize) -> Option<&Arc<R>> {
        match self.replaced.binary_search_by_key(&place, |(at, _)| *at) {
            Ok(found) => Some(&self.replaced[found].1),
            Err(_) => self.base.get(place),
        }
    }

    /// Returns a record.
    pub(crate) fn get(&self, id: &Id) -> Option<&Arc<R>> {
        self.at(self.ids.place(id, 0)?)
    }

    /// Returns the records that a list of keys names, in order. Those that this list does not have are left out.
    pub(crate) fn named<'l, T: Send + Sync + 'static>(
        &'l self,
        keys: &'l Arc<[T]>,
        id: impl Fn(&T) -> &Id + Copy + 'l,
    ) -> impl Iterator<Item = &'l Arc<R>> {
        let run = self.ids.run(keys, id);
        let others: &[T] = if run.is_some() { &[] } else { keys };
        let found = self.find(others.iter().map(id)).map(|(_, record)| record);
        self.between(run.unwrap_or_default()).chain(found)
    }

    /// Returns the records at these places.
    fn between(&self, places: Range<usize>) -> impl Iterator<Item = &Arc<R>> {
        let place_of = |place: usize| self.replaced.partition_point(move |(at, _)| *at < place);
        let replaced = &self.replaced[place_of(places.start)..place_of(places.end)];
        let replaced = replaced.iter().map(|(at, record)| (*at, Some(record)));
        let mut next = places.start;
        // The records of the base before each that is replaced, and after the last.
        replaced.chain([(places.end, None)]).flat_map(move |(at, record)| {
            let kept = &self.base[next..at];
            next = at + 1;
            kept.iter().chain(record)
        })
    }

    fn records(&self) -> impl Iterator<Item = &Arc<R>> {
        self.between(0..self.base.len())
    }

    /// Returns a list with other records, and without those that are gone, whose base is its own.
    fn with_many(&self, changes: ListChanges) -> Self {
        let mut records: Vec<_> = self.records().cloned().map(Some).collect();
        for (at, record) in changes {
            records[at] = record.and_then(typed);
        }
        if records.iter().all(Option::is_some) {
            return Self::new(Arc::clone(&self.ids), records.into_iter().flatten());
        }
        let ids = self.ids.as_slice().iter().zip(&records).filter(|(_, record)| record.is_some());
        let ids = ids.map(|(id, _)| id.clone()).collect();
        Self::new(Arc::new(ids), records.into_iter().flatten())
    }

    /// Returns the records with these ids, in order. Those that the list does not have are left out.
    pub(crate) fn find<'l>(
        &'l self,
        ids: impl Iterator<Item = &'l Id>,
    ) -> impl Iterator<Item = (&'l Id, &'l Arc<R>)> {
        let mut next = 0;
        ids.filter_map(move |id| {
            let place = self.ids.place(id, next)?;
            next = place + 1;
            Some((id, self.at(place)?))
        })
    }
}

impl<R: Resource> AnyRecordList for RecordList<R> {
    fn resource(&self) -> TypeId {
        TypeId::of::<R>()
    }

    fn ids(&self) -> &Arc<Ids> {
        &self.ids
    }

    fn record(&self, at: usize) -> Arc<dyn AnyRecord> {
        Arc::clone(self.at(at).expect("there is a record for each id")) as _
    }

    fn peek(&self, at: usize) -> Option<&dyn AnyRecord> {
        self.at(at).map(|record| &**record as _)
    }

    fn is_at(&self, at: usize, record: &Arc<dyn AnyRecord>) -> bool {
        self.at(at).is_some_and(|present| std::ptr::addr_eq(Arc::as_ptr(present), Arc::as_ptr(record)))
    }

    fn with_ids(&self, ids: &Arc<Ids>) -> Option<Arc<dyn AnyRecordList>> {
        if self.ids == *ids {
            let (base, replaced) = (Arc::clone(&self.base), self.replaced.clone());
            return Some(Arc::new(Self { ids: Arc::clone(ids), base, replaced }));
        }
        if self.ids.len() != ids.len() {
            return None;
        }
        let records: Vec<_> =
            self.find(ids.as_slice().iter()).map(|(_, record)| Arc::clone(record)).collect();
        let are_same = records.len() == ids.len();
        are_same.then(|| Arc::new(Self::new(Arc::clone(ids), records.into_iter())) as _)
    }

    fn is_same(&self, other: &dyn AnyRecordList) -> bool {
        (other as &dyn Any).downcast_ref::<Self>().is_some_and(|other| {
            let mut found = self.find(other.ids.as_slice().iter()).map(|(_, record)| record);
            self.ids.len() == other.ids.len()
                && other.records().all(|record| found.next().is_some_and(|found| Arc::ptr_eq(found, record)))
        })
    }

    fn with(&self, changes: ListChanges) -> Arc<dyn AnyRecordList> {
        let has_deleted = changes.iter().any(|(_, record)| record.is_none());
        if has_deleted || self.are_many(self.replaced.len() + changes.len()) {
            return Arc::new(self.with_many(changes));
        }
        let mut replaced = self.replaced.clone();
        for (at, record) in changes {
            let Some(record) = record.and_then(typed) else { continue };
            match replaced.binary_search_by_key(&at, |(at, _)| *at) {
                Ok(found) => replaced[found].1 = record,
                Err(place) => replaced.insert(place, (at, record)),
            }
        }
        Arc::new(Self { ids: Arc::clone(&self.ids), base: Arc::clone(&self.base), replaced })
    }

    fn continued(
        &self,
        kept: usize,
        ids: Vec<Id>,
        records: Vec<Arc<dyn AnyRecord>>,
    ) -> Arc<dyn AnyRecordList> {
        let ids = self.ids.as_slice().iter().take(kept).cloned().chain(ids).collect();
        let records = self.between(0..kept).cloned().chain(records.into_iter().filter_map(typed));
        Arc::new(Self::new(Arc::new(ids), records))
    }

    fn of_same_type(&self, mut records: Vec<(Id, Arc<dyn AnyRecord>)>) -> Arc<dyn AnyRecordList> {
        let mut seen = HashSet::default();
        records.retain(|(id, _)| seen.insert(id.clone()));
        let ids = records.iter().map(|(id, _)| id.clone()).collect();
        Self::erased(Arc::new(ids), records.into_iter().map(|(_, record)| record).collect())
    }
}
