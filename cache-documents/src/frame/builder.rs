//! Makes a frame of records that come one after another, many of which another frame may have in the same order.

use std::any::TypeId;
use std::sync::Arc;

use smallvec::SmallVec;

use super::list::{AnyRecordList, ListChanges, ToList};
use super::{Frame, Ids};
use crate::id::Id;
use crate::record::RecordRef;
use crate::resource::AnyRecord;

/// Makes a frame. Each record is added once.
#[derive(Default)]
pub(crate) struct FrameBuilder {
    /// The other frame.
    base: Frame,
    lists: SmallVec<[NextList; 1]>,
    /// That of the last record. The next one often has the same type.
    current: usize,
}

/// The records of one type.
struct NextList {
    resource: TypeId,
    base: Option<Arc<dyn AnyRecordList>>,
    /// So many records are at places of the base, before the others.
    kept: usize,
    /// Those among them that are not the ones of the base.
    replaced: ListChanges,
    ids: Vec<Id>,
    records: Vec<Arc<dyn AnyRecord>>,
}

/// Where a record is that was added to a [`FrameBuilder`].
#[derive(Clone, Copy)]
pub(crate) struct Added {
    list: usize,
    at: usize,
}

impl FrameBuilder {
    pub(crate) fn over(base: Frame) -> Self {
        Self { base, ..Self::default() }
    }

    /// Takes another frame as a base, for lists that have no records yet.
    pub(crate) fn set_base(&mut self, base: Frame) {
        self.base = base;
    }

    /// Adds a record.
    pub(crate) fn push(
        &mut self,
        RecordRef { resource, id }: RecordRef,
        record: Arc<dyn AnyRecord>,
    ) -> Added {
        let list = self.list(resource);
        let NextList { ids, records, .. } = &mut self.lists[list];
        if ids.is_empty() {
            // Many answers have one record of a type.
            ids.reserve_exact(1);
            records.reserve_exact(1);
        }
        ids.push(id);
        records.push(record);
        Added { list, at: records.len() - 1 }
    }

    /// Adds a record of the base. Those of a list that has only such are not copied while they keep their places.
    pub(crate) fn keep(&mut self, resource: TypeId, at: usize) {
        let list = self.list(resource);
        let NextList { base, kept, ids, records, .. } = &mut self.lists[list];
        if *kept == at && ids.is_empty() {
            *kept += 1;
        } else if let Some(base) = base.as_ref().or_else(|| self.base.list(resource)) {
            ids.push(base.ids().as_slice()[at].clone());
            records.push(base.record(at));
        }
    }

    /// Adds a record in place of one of the base. The ids of a list are not copied while its records keep their places.
    pub(crate) fn replace(&mut self, at: usize, name: RecordRef, record: Arc<dyn AnyRecord>) {
        let list = self.list(name.resource);
        let NextList { base, kept, replaced, ids, .. } = &mut self.lists[list];
        if base.is_some() && *kept == at && ids.is_empty() {
            *kept += 1;
            replaced.push((at, Some(record)));
        } else {
            self.push(name, record);
        }
    }

    /// Returns a record that was [pushed](Self::push).
    pub(crate) fn pushed(&mut self, Added { list, at }: Added) -> &mut Arc<dyn AnyRecord> {
        &mut self.lists[list].records[at]
    }

    /// Returns the frame, without the records whose types are not listed.
    pub(crate) fn finish(self, to_list: &dyn Fn(TypeId) -> Option<ToList>) -> Frame {
        Frame(self.lists.into_iter().filter_map(|list| list.finish(to_list)).collect())
    }

    fn list(&mut self, resource: TypeId) -> usize {
        let Self { base, lists, current } = self;
        if lists.get(*current).is_none_or(|list| list.resource != resource) {
            *current = lists.iter().position(|list| list.resource == resource).unwrap_or_else(|| {
                let base = base.list(resource).cloned();
                lists.push(NextList::new(resource, base));
                lists.len() - 1
            });
        }
        *current
    }
}

impl NextList {
    fn new(resource: TypeId, base: Option<Arc<dyn AnyRecordList>>) -> Self {
        Self { resource, base, kept: 0, replaced: ListChanges::new(), ids: Vec::new(), records: Vec::new() }
    }

    fn finish(self, to_list: &dyn Fn(TypeId) -> Option<ToList>) -> Option<Arc<dyn AnyRecordList>> {
        let Self { resource, mut base, kept, replaced, ids, records } = self;
        if !replaced.is_empty() {
            base = base.map(|base| base.with(replaced));
        }
        match base.filter(|_| kept > 0) {
            None => Some(to_list(resource)?(Arc::new(ids.into_iter().collect::<Ids>()), records)),
            Some(base) if ids.is_empty() && kept == base.ids().as_slice().len() => Some(base),
            Some(base) => Some(base.continued(kept, ids, records)),
        }
    }
}
