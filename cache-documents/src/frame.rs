//! The records that an answer shows: one list for each type.

use std::any::{Any, TypeId};
use std::sync::Arc;

use crate::id::Id;
use crate::map::HashMap;
use crate::record::{RecordRef, Renames};
use crate::resource::{AnyRecord, Resource, typed};

/// The records that a commit changes; `None` for those that it deletes.
pub(crate) type Changed = HashMap<RecordRef, Option<Arc<dyn AnyRecord>>>;

/// What a commit changes in the records that answers show.
pub(crate) struct FrameEdit<'a> {
    pub(crate) changed: &'a Changed,
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
    /// Returns a list of the same records with these ids, which are equal to its own.
    fn with_ids(&self, ids: Arc<[Id]>) -> Arc<dyn AnyRecordList>;
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
    /// In chunks of [`CHUNK`], which lists share. So a list with another record copies one chunk, not all handles.
    chunks: Box<[Arc<[Arc<R>]>]>,
}

/// The number of records of a chunk. A document of a hundred records has as many chunks as a chunk has records.
const CHUNK: usize = 10;

/// The number of ids among which the next one is searched first. As texts, 10 to 19 and 100 to 199 are between 1 and 2.
const NEAR: usize = 16;

impl<R: Resource> RecordList<R> {
    /// Makes a list of records of this type. Others are left out.
    pub(crate) fn erased(ids: Arc<[Id]>, records: Vec<Arc<dyn AnyRecord>>) -> Arc<dyn AnyRecordList> {
        Arc::new(Self::new(ids, records.into_iter().filter_map(typed)))
    }

    fn new(ids: Arc<[Id]>, records: impl Iterator<Item = Arc<R>>) -> Self {
        let mut records = records.peekable();
        let mut chunks = Vec::with_capacity(ids.len().div_ceil(CHUNK));
        while records.peek().is_some() {
            chunks.push(records.by_ref().take(CHUNK).collect());
        }
        Self { ids, chunks: chunks.into() }
    }

    fn get(&self, at: usize) -> Option<&Arc<R>> {
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    /// Returns the records with these ids, in order. Those that the list does not have are left out.
    pub(crate) fn find<'l>(
        &'l self,
        ids: impl Iterator<Item = &'l Id>,
    ) -> impl Iterator<Item = (&'l Id, &'l Arc<R>)> {
        let mut next = 0;
        ids.filter_map(move |id| {
            let at = self.place(id, next)?;
            next = at + 1;
            Some((id, self.get(at)?))
        })
    }

    /// Returns the place of an id. It is probably `near`, or soon after: numbers that ascend have few ids between them.
    fn place(&self, id: &Id, near: usize) -> Option<usize> {
        let ids = self.ids.get(near..self.ids.len().min(near + NEAR)).unwrap_or_default();
        match ids {
            [first, .., last] if (first..=last).contains(&id) => Some(near + ids.binary_search(id).ok()?),
            _ => self.ids.binary_search(id).ok(),
        }
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
        Arc::clone(&self.chunks[at / CHUNK][at % CHUNK]) as _
    }

    fn with_ids(&self, ids: Arc<[Id]>) -> Arc<dyn AnyRecordList> {
        Arc::new(Self { ids, chunks: self.chunks.clone() })
    }

    fn is_same(&self, other: &dyn AnyRecordList) -> bool {
        (other as &dyn Any).downcast_ref::<Self>().is_some_and(|other| {
            let are_same = |one: &Arc<[Arc<R>]>, other: &Arc<[Arc<R>]>| {
                Arc::ptr_eq(one, other)
                    || one.iter().zip(&**other).all(|(one, other)| Arc::ptr_eq(one, other))
            };
            self.ids == other.ids
                && self.chunks.iter().zip(&other.chunks).all(|(one, other)| are_same(one, other))
        })
    }

    fn with(&self, changes: &[(usize, Option<Arc<dyn AnyRecord>>)]) -> Arc<dyn AnyRecordList> {
        let mut chunks = self.chunks.clone();
        for (at, record) in changes {
            if let Some(record) = record.clone().and_then(typed)
                && let Some(place) = Arc::make_mut(&mut chunks[at / CHUNK]).get_mut(at % CHUNK)
            {
                *place = record;
            }
        }
        let gone: Vec<_> = changes.iter().filter(|(_, record)| record.is_none()).map(|(at, _)| *at).collect();
        if gone.is_empty() {
            return Arc::new(Self { ids: Arc::clone(&self.ids), chunks });
        }
        let stays = |at: &usize| gone.binary_search(at).is_err();
        let stay = (0..self.ids.len()).filter(stays);
        let ids = stay.clone().map(|at| self.ids[at].clone()).collect();
        Arc::new(Self::new(ids, stay.map(|at| Arc::clone(&chunks[at / CHUNK][at % CHUNK]))))
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

    /// Returns the records of a type.
    pub(crate) fn list_of<R: Resource>(&self) -> Option<&RecordList<R>> {
        (&**self.list(TypeId::of::<R>())? as &dyn Any).downcast_ref()
    }

    fn list(&self, resource: TypeId) -> Option<&Arc<dyn AnyRecordList>> {
        self.0.iter().find(|list| list.resource() == resource)
    }

    /// Returns a record. Takes a binary search.
    pub(crate) fn get<R: Resource>(&self, id: &Id) -> Option<&Arc<R>> {
        let list = self.list_of::<R>()?;
        list.get(list.ids.binary_search(id).ok()?)
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

    /// Returns the same frame with the ids of another, if both show the records of the same names.
    pub(crate) fn with_ids_of(&self, other: &Self) -> Option<Self> {
        let are_same = self.0.len() == other.0.len()
            && self.names().zip(other.names()).all(|(names, other)| names == other);
        let lists = self.0.iter().zip(&*other.0);
        are_same.then(|| Self(lists.map(|(list, other)| list.with_ids(Arc::clone(other.ids()))).collect()))
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
            let (at, record) = (list.ids().binary_search(&name.id).ok()?, changed.get(name)?.as_ref());
            let is_shown = |record: &Arc<dyn AnyRecord>| {
                std::ptr::addr_eq(Arc::as_ptr(&list.record(at)), Arc::as_ptr(record))
            };
            (!record.is_some_and(is_shown)).then_some((at, record))
        })
    }

    /// Returns whether the frame shows one of these records as it was before it was `changed`.
    pub(crate) fn is_outdated(&self, changed: &Changed, names: &[RecordRef]) -> bool {
        self.0.iter().any(|list| Self::changes(&**list, changed, names).next().is_some())
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

    /// Returns a frame that shows records besides others, if it shows these; `None` if it has all of them already.
    pub(crate) fn with_added(&self, added: &[Beside]) -> Option<Self> {
        let mut lists: Option<Vec<_>> = None;
        for list in added.iter().filter(|beside| self.has(&beside.name)).flat_map(|beside| &*beside.records.0)
        {
            let all = lists.as_deref().unwrap_or(&self.0);
            let place = all.iter().position(|present| present.resource() == list.resource());
            let present = place.map(|place| &all[place]);
            let has_it = |id: &Id| present.is_some_and(|present| present.ids().binary_search(id).is_ok());
            let named = |list: &Arc<dyn AnyRecordList>| {
                let ids = list.ids().iter().enumerate();
                ids.map(|(at, id)| (id.clone(), list.record(at))).collect::<Vec<_>>()
            };
            let mut records = named(list);
            records.retain(|(id, _)| !has_it(id));
            if records.is_empty() {
                continue;
            }
            records.extend(present.into_iter().flat_map(named));
            let next = list.of_same_type(records);
            let lists = lists.get_or_insert_with(|| self.0.to_vec());
            match place {
                Some(place) => lists[place] = next,
                None => lists.push(next),
            }
        }
        lists.map(|mut lists| {
            lists.sort_by_key(|list| list.resource());
            Self(lists.into())
        })
    }

    fn has(&self, name: &RecordRef) -> bool {
        self.list(name.resource).is_some_and(|list| list.ids().binary_search(&name.id).is_ok())
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
    /// of them, or has them already. A name may be listed twice.
    pub(crate) fn with(&self, changed: &Changed, names: &[RecordRef]) -> Option<Self> {
        let mut lists: Option<Vec<_>> = None;
        for (place, list) in self.0.iter().enumerate() {
            let mut changes: Vec<_> =
                Self::changes(&**list, changed, names).map(|(at, record)| (at, record.cloned())).collect();
            if !changes.is_empty() {
                changes.sort_unstable_by_key(|(at, _)| *at);
                lists.get_or_insert_with(|| self.0.to_vec())[place] = list.with(&changes);
            }
        }
        lists.map(|lists| Self(lists.into()))
    }
}
