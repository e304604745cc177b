//! Names of records of any type.

use std::any::TypeId;

use crate::id::Id;
use crate::map::HashMap;

/// A record of some type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordRef {
    /// The type of the record.
    pub(crate) resource: TypeId,
    pub(crate) id: Id,
}

/// The records that local names have become names of.
pub(crate) type Renames = HashMap<RecordRef, RecordRef>;
