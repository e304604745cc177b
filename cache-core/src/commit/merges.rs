//! The merges of one value, as a set of writes keeps them: to run again when the value that they began with has
//! changed.

use std::any::Any;
use std::sync::Arc;

use crate::shard::erased::AnyHandle;

/// One merge: makes a value from the one that is there, if there is one.
pub(crate) type MergeStep<V> = Box<dyn Fn(Option<&V>) -> Arc<V> + Send>;

/// The merges of a value whose type the holder does not know.
pub(super) trait AnyMerges: Any + Send {
    /// Runs all of them, beginning with the value that is there.
    fn run(&self, present: Option<&AnyHandle>) -> Option<AnyHandle>;
}
