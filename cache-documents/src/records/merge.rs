//! Merges what a response says of a record into what is known of it. Pure.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::field::{DATA, Parts};
use crate::record::RecordRef;
use crate::resource::AnyRecord;

/// Parts of fields, by the numbers of the fields.
pub(crate) type FieldParts = SmallVec<[(u16, Parts); 8]>;

/// What became of a record.
pub(crate) struct Merged {
    pub(crate) record: Arc<dyn AnyRecord>,
    /// Whether it differs from the present one.
    pub(crate) is_changed: bool,
    /// What the response has said, by field.
    pub(crate) parts: FieldParts,
}

/// Merges a record of a response into the present one. `allowed` says which parts of a field may be written.
///
/// If nothing changes, the result is the present record itself. If there is no present record, it is the new one itself.
pub(crate) fn merge(
    present: Option<Arc<dyn AnyRecord>>,
    newer: &Arc<dyn AnyRecord>,
    allowed: &dyn Fn(u16, &dyn AnyRecord) -> Parts,
) -> Merged {
    let mut parts = SmallVec::new();
    let numbers = || (0_u16..).zip(0..newer.names().len());
    let Some(mut record) = present else {
        parts.extend(numbers().map(|(field, number)| (field, newer.any_field(number).known())));
        parts.retain(|(_, known)| *known != 0);
        return Merged { record: Arc::clone(newer), is_changed: true, parts };
    };
    let mut is_changed = false;
    for (field, number) in numbers() {
        let said = newer.any_field(number);
        let known = said.known();
        if known == 0 {
            continue;
        }
        let known = known & allowed(field, &*record);
        if known == 0 {
            continue;
        }
        parts.push((field, known));
        let differs = said.differs(record.any_field(number), known);
        if differs == 0 {
            continue;
        }
        if !is_changed {
            record = record.to_arc();
            is_changed = true;
        }
        // A copy of its own.
        if let Some(record) = Arc::get_mut(&mut record) {
            record.any_field_mut(number).take(said, differs);
        }
    }
    Merged { record, is_changed, parts }
}

/// Returns the parts in which two records of one type differ, by field.
pub(crate) fn differing(one: &dyn AnyRecord, other: &dyn AnyRecord) -> FieldParts {
    let numbers = (0_u16..).zip(0..one.names().len());
    let differing = numbers
        .map(|(field, number)| (field, one.any_field(number).differs(other.any_field(number), Parts::MAX)));
    differing.filter(|(_, parts)| *parts != 0).collect()
}

/// Returns a record without its links to a deleted one, and the fields that had such links; `None` if there are none.
pub(crate) fn without_links_to(
    record: &dyn AnyRecord,
    deleted: &RecordRef,
) -> Option<(Arc<dyn AnyRecord>, FieldParts)> {
    let numbers = (0_u16..).zip(0..record.names().len());
    let naming = numbers.filter(|(_, number)| record.any_field(*number).names(deleted));
    let naming: SmallVec<[(u16, usize); 8]> = naming.collect();
    if naming.is_empty() {
        return None;
    }
    let mut next = record.to_arc();
    // A copy of its own.
    if let Some(next) = Arc::get_mut(&mut next) {
        naming.iter().for_each(|(_, number)| next.any_field_mut(*number).unlink(deleted));
    }
    Some((next, naming.iter().map(|(field, _)| (*field, DATA)).collect()))
}
