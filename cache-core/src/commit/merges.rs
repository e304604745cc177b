//! The merges of one value in a write set. They run again when their base value has changed.

use std::any::Any;
use std::sync::Arc;

use crate::shard::erased::AnyHandle;

/// One merge: makes a value from the current one, if there is one.
pub(crate) type MergeStep<V> = Box<dyn Fn(Option<&V>) -> Arc<V> + Send>;

/// The merges of a value whose type the holder does not know.
pub(super) trait AnyMerges: Any + Send {
    /// Runs all merges, beginning with the current value.
    fn run(&self, present: Option<&AnyHandle>) -> Option<AnyHandle>;
}
