//! Makes a frame of records that come one after another, many of which another frame may have in the same order.

use std::any::TypeId;
use std::sync::Arc;

use super::list::{AnyRecordList, ToList};
use super::{Frame, Ids};
use crate::id::Id;
use crate::record::RecordRef;
use crate::resource::AnyRecord;

/// Makes a frame. Each record is added once.
#[derive(Default)]
pub(crate) struct FrameBuilder {
    /// The other frame.
    base: Frame,
    lists: Vec<NextList>,
    /// That of the last record. The next one often has the same type.
    current: usize,
}

/// The records of one type.
struct NextList {
    resource: TypeId,
    base: Option<Arc<dyn AnyRecordList>>,
    /// So many records of the base come before the others.
    kept: usize,
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

    /// Returns a record that was [pushed](Self::push).
    pub(crate) fn pushed(&mut self, Added { list, at }: Added) -> &mut Arc<dyn AnyRecord> {
        &mut self.lists[list].records[at]
    }

    /// Returns the frame, without the records whose types are not listed.
    pub(crate) fn finish(self, to_list: &dyn Fn(TypeId) -> Option<ToList>) -> Frame {
        let lists: Arc<[_]> = self.lists.into_iter().filter_map(|list| list.finish(to_list)).collect();
        let Frame(base) = &self.base;
        let is_base =
            base.len() == lists.len() && base.iter().zip(&*lists).all(|(one, other)| Arc::ptr_eq(one, other));
        if is_base { self.base } else { Frame(lists) }
    }

    fn list(&mut self, resource: TypeId) -> usize {
        let Self { base, lists, current } = self;
        if lists.get(*current).is_none_or(|list| list.resource != resource) {
            *current = lists.iter().position(|list| list.resource == resource).unwrap_or_else(|| {
                let base = base.list(resource).cloned();
                lists.push(NextList { resource, base, kept: 0, ids: Vec::new(), records: Vec::new() });
                lists.len() - 1
            });
        }
        *current
    }
}

impl NextList {
    fn finish(self, to_list: &dyn Fn(TypeId) -> Option<ToList>) -> Option<Arc<dyn AnyRecordList>> {
        let Self { resource, base, kept, ids, records } = self;
        match base.filter(|_| kept > 0) {
            None => Some(to_list(resource)?(Arc::new(ids.into_iter().collect::<Ids>()), records)),
            Some(base) if ids.is_empty() && kept == base.ids().as_slice().len() => Some(base),
            Some(base) => Some(base.continued(kept, ids, records)),
        }
    }
}
