//! What a document says, and what a query expects of it. No behaviour but that of the primary data.

use std::any::{Any, TypeId};
use std::sync::Arc;

use super::head::Head;
use crate::frame::Frame;
use crate::id::Id;
use crate::record::RecordRef;

/// The primary data of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Primary {
    /// The document has no such member.
    Absent,
    Null,
    One(RecordRef),
    Many(Arc<[RecordRef]>),
}

impl Primary {
    /// Returns the records, if it is a list.
    pub(crate) fn list(&self) -> Option<&Arc<[RecordRef]>> {
        match self {
            Self::Many(records) => Some(records),
            Self::Absent | Self::Null | Self::One(_) => None,
        }
    }

    /// Returns the same data with ids in place of local ones. A list names a record once that it has named by both.
    pub(crate) fn renamed(&self, ids: &dyn Fn(&RecordRef) -> Option<Id>) -> Self {
        let new_name = |name: &RecordRef| ids(name).map(|id| RecordRef { id, ..name.clone() });
        match self {
            Self::One(name) => Self::One(new_name(name).unwrap_or_else(|| name.clone())),
            Self::Many(names) if names.iter().any(|name| new_name(name).is_some()) => {
                let mut next = Vec::with_capacity(names.len());
                for name in &**names {
                    match new_name(name) {
                        None => next.push(name.clone()),
                        Some(new) if names.contains(&new) || next.contains(&new) => {}
                        Some(new) => next.push(new),
                    }
                }
                Self::Many(next.into())
            }
            primary => primary.clone(),
        }
    }

    /// Returns the same data without the records that are gone, if it is a list.
    pub(crate) fn without(self, is_gone: &dyn Fn(&RecordRef) -> bool) -> Self {
        match self {
            Self::Many(ref records) if records.iter().any(is_gone) => {
                Self::Many(records.iter().filter(|name| !is_gone(name)).cloned().collect())
            }
            primary => primary,
        }
    }
}

/// What a document says.
pub(crate) struct Response {
    pub(crate) primary: Primary,
    pub(crate) records: Frame,
    pub(crate) head: Head,
    /// The number of resources of types that the program does not list.
    pub(crate) skipped: usize,
    /// The local names of resources that have an id too, with those of their ids.
    pub(crate) renamed: Vec<(RecordRef, RecordRef)>,
}

/// What primary data a query expects.
#[derive(Clone, Copy)]
pub(crate) struct Expected {
    /// The name of the type.
    pub(crate) kind: &'static str,
    pub(crate) is_collection: bool,
}

/// What is known before a document is read.
pub(crate) trait Known {
    /// Returns the id that a local name has become.
    fn id_of(&self, local: &RecordRef) -> Option<Id>;

    /// Returns what a stored answer shows that has a record.
    fn shown_with(&self, resource: TypeId, id: &str) -> Option<Shown>;

    /// Returns whether a stored answer may show a record.
    fn is_shown(&self, resource: TypeId, id: &str) -> bool;
}

/// Nothing is known.
impl Known for () {
    fn id_of(&self, _: &RecordRef) -> Option<Id> {
        None
    }

    fn shown_with(&self, _: TypeId, _: &str) -> Option<Shown> {
        None
    }

    fn is_shown(&self, _: TypeId, _: &str) -> bool {
        false
    }
}

/// What a stored answer shows.
#[derive(Clone, Default)]
pub(crate) struct Shown {
    pub(crate) frame: Frame,
    /// As long as this lives, [each record of the frame is shown](Known::is_shown).
    pub(crate) _owned: Option<Arc<dyn Any + Send + Sync>>,
}
