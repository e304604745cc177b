//! Local names become second names of records that have ids.

use std::sync::Arc;

use cache_client::AnswerStore;

use super::merge::{FieldParts, merge};
use super::order::WrittenRecord;
use super::plan::Plan;
use super::state::Documents;
use crate::field::{DATA, Parts};
use crate::id::IdChanged;
use crate::record::RecordRef;
use crate::resource::{AnyRecord, relinked};
use crate::resources::Resources;

impl<A: Resources> Plan<A> {
    /// Makes local names second names of records with ids, and links to them links to the ids. Returns the names of the
    /// records that have changed. Visits all records if a name is new.
    pub(crate) fn rename(
        &mut self,
        documents: &Documents<A>,
        store: &mut AnswerStore<'_, A>,
        said: &[(RecordRef, RecordRef)],
    ) -> Result<Vec<RecordRef>, IdChanged> {
        let mut new = Vec::new();
        for (local, name) in said {
            match self.id_of(documents, local) {
                None => new.push((local, name)),
                Some(known) if known == name.id => continue,
                Some(known) => {
                    let record_type = documents.list.types.by_type(name.resource);
                    let resource = record_type.map(|record_type| record_type.name()).unwrap_or_default();
                    let (name, said) = (local.id.clone(), name.id.clone());
                    return Err(IdChanged { resource, name, known, said });
                }
            }
            self.renames.insert(local.clone(), name.clone());
        }
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let (mut names, mut written) = (Vec::new(), Vec::new());
        for (local, name) in new {
            if let Some(joined) = self.join(documents, store, (local, name)) {
                written.push(joined);
                names.extend([local.clone(), name.clone()]);
            }
        }
        for name in self.all_names(documents) {
            let Some(present) = self.known(documents, store.client().cache(), &name) else { continue };
            let Some((next, fields)) = relinked(&*present, &|name| self.id_of(documents, name)) else {
                continue;
            };
            self.keep(Some(present as _));
            self.set(documents, store, &name, Some(Arc::clone(&next)));
            let parts = fields.into_iter().map(|field| (field, DATA)).collect();
            written.push(WrittenRecord { name: name.clone(), record: Some(next), parts });
            names.push(name);
        }
        self.note(documents.order.next(), written);
        Ok(names)
    }

    /// Makes one record of a local one and one with an id. What the latter has is stronger.
    fn join(
        &mut self,
        documents: &Documents<A>,
        store: &mut AnswerStore<'_, A>,
        (local, name): (&RecordRef, &RecordRef),
    ) -> Option<WrittenRecord> {
        let cache = store.client().cache();
        let (own, other) = (self.known(documents, cache, local), self.known(documents, cache, name));
        self.keep(own.clone().map(|record| record as _));
        self.keep(other.clone().map(|record| record as _));
        self.changed.remove(local);
        let Some(own) = own else {
            // The local name finds it from now on.
            if other.is_some() {
                self.set(documents, store, name, other);
            }
            return None;
        };
        let unknown =
            |field: u16, record: &dyn AnyRecord| -> Parts { !record.any_field(usize::from(field)).known() };
        let record = merge(other, &own, &unknown).record;
        self.set(documents, store, name, Some(Arc::clone(&record)));
        Some(WrittenRecord { name: name.clone(), record: Some(record), parts: known_parts(&*own) })
    }
}

/// The parts of a record that are known, by field.
fn known_parts(record: &dyn AnyRecord) -> FieldParts {
    let numbers = (0_u16..).zip(0..record.names().len());
    let known = numbers.map(|(field, number)| (field, record.any_field(number).known()));
    known.filter(|(_, known)| *known != 0).collect()
}
