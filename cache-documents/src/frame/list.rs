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
    fn with(&self, changes: &[(usize, Option<Arc<dyn AnyRecord>>)]) -> Arc<dyn AnyRecordList>;
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
    /// In chunks of [`CHUNK`], which lists share. So a list with another record copies one chunk, not all handles.
    chunks: Chunks<R>,
}

/// Few records need no allocation for their only chunk but its own.
type Chunks<R> = SmallVec<[Arc<[Arc<R>]>; 1]>;

/// The number of records of a chunk. A document of a hundred records has about as many chunks as a chunk has records. A
/// power of two, since the chunk of each record that is read is computed.
const CHUNK: usize = 8;

impl<R: Resource> RecordList<R> {
    /// Makes a list of records of this type. Others are left out.
    pub(crate) fn erased(ids: Arc<Ids>, records: Vec<Arc<dyn AnyRecord>>) -> Arc<dyn AnyRecordList> {
        Arc::new(Self::new(ids, records.into_iter().filter_map(typed)))
    }

    fn new(ids: Arc<Ids>, records: impl Iterator<Item = Arc<R>>) -> Self {
        Self::after(&[], ids, records)
    }

    /// Makes a list that begins with full chunks of another.
    fn after(chunks: &[Arc<[Arc<R>]>], ids: Arc<Ids>, records: impl Iterator<Item = Arc<R>>) -> Self {
        let mut records = records.peekable();
        let number = ids.len().div_ceil(CHUNK);
        let mut chunks: Chunks<R> = chunks.iter().take(number).cloned().collect();
        chunks.reserve_exact(number - chunks.len());
        while records.peek().is_some() {
            let chunk: SmallVec<[_; CHUNK]> = records.by_ref().take(CHUNK).collect();
            chunks.push(Arc::from(&*chunk));
        }
        Self { ids, chunks }
    }

    /// Returns handles of the chunks. Those of a slice are copied faster than one by one.
    fn shared_chunks(&self) -> Chunks<R> {
        match &*self.chunks {
            [chunk] => Chunks::from_buf([Arc::clone(chunk)]),
            chunks => chunks.to_vec().into(),
        }
    }

    fn at(&self, place: usize) -> Option<&Arc<R>> {
        self.chunks.get(place / CHUNK)?.get(place % CHUNK)
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
        let chunks = self.chunks.iter().enumerate().take(places.end.div_ceil(CHUNK));
        chunks.skip(places.start / CHUNK).flat_map(move |(number, chunk)| {
            let before = number * CHUNK;
            let end = chunk.len().min(places.end - before);
            &chunk[places.start.saturating_sub(before).min(end)..end]
        })
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
        Arc::clone(&self.chunks[at / CHUNK][at % CHUNK]) as _
    }

    fn peek(&self, at: usize) -> Option<&dyn AnyRecord> {
        self.at(at).map(|record| &**record as _)
    }

    fn is_at(&self, at: usize, record: &Arc<dyn AnyRecord>) -> bool {
        self.at(at).is_some_and(|present| std::ptr::addr_eq(Arc::as_ptr(present), Arc::as_ptr(record)))
    }

    fn with_ids(&self, ids: &Arc<Ids>) -> Option<Arc<dyn AnyRecordList>> {
        if self.ids == *ids {
            return Some(Arc::new(Self { ids: Arc::clone(ids), chunks: self.shared_chunks() }));
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
            let mut records = other.chunks.iter().flat_map(|chunk| &**chunk);
            self.ids.len() == other.ids.len()
                && records.all(|record| found.next().is_some_and(|found| Arc::ptr_eq(found, record)))
        })
    }

    fn with(&self, changes: &[(usize, Option<Arc<dyn AnyRecord>>)]) -> Arc<dyn AnyRecordList> {
        let mut chunks = self.shared_chunks();
        for (at, record) in changes {
            if let Some(record) = record.clone().and_then(typed)
                && let Some(place) = Arc::make_mut(&mut chunks[at / CHUNK]).get_mut(at % CHUNK)
            {
                *place = record;
            }
        }
        let gone: HashSet<_> =
            changes.iter().filter(|(_, record)| record.is_none()).map(|(at, _)| *at).collect();
        if gone.is_empty() {
            return Arc::new(Self { ids: Arc::clone(&self.ids), chunks });
        }
        let stay = (0..self.ids.len()).filter(|at| !gone.contains(at));
        let ids = stay.clone().map(|at| self.ids.as_slice()[at].clone()).collect();
        Arc::new(Self::new(Arc::new(ids), stay.map(|at| Arc::clone(&chunks[at / CHUNK][at % CHUNK]))))
    }

    fn continued(
        &self,
        kept: usize,
        ids: Vec<Id>,
        records: Vec<Arc<dyn AnyRecord>>,
    ) -> Arc<dyn AnyRecordList> {
        let ids = self.ids.as_slice().iter().take(kept).cloned().chain(ids).collect();
        let full = kept / CHUNK;
        let kept = (full * CHUNK..kept).filter_map(|at| self.at(at).cloned());
        let records = kept.chain(records.into_iter().filter_map(typed));
        Arc::new(Self::after(&self.chunks[..full], Arc::new(ids), records))
    }

    fn of_same_type(&self, mut records: Vec<(Id, Arc<dyn AnyRecord>)>) -> Arc<dyn AnyRecordList> {
        let mut seen = HashSet::default();
        records.retain(|(id, _)| seen.insert(id.clone()));
        let ids = records.iter().map(|(id, _)| id.clone()).collect();
        Self::erased(Arc::new(ids), records.into_iter().map(|(_, record)| record).collect())
    }
}
