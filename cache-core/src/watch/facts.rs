//! What is stored with an answer, and the outcome. Plain data.

use super::brought::BroughtEntries;
use crate::commit::inputs::Inputs;
use crate::entry_times::EntryTimes;
use crate::shard::pairs::ValueHandle;

/// The times and inputs of a loaded value, and the entries that its load brings along.
#[doc(hidden)]
#[derive(Debug)]
pub struct AnswerFacts<'a> {
    pub times: EntryTimes,
    /// The inputs that it was built from.
    pub inputs: &'a Inputs,
    /// Whether the load has found the current value unchanged. The value to be stored is then the current one.
    pub is_unchanged: bool,
    /// The entries that the load brings along. Each list is of another table.
    pub brought: &'a mut [BroughtEntries],
}

/// The outcome of storing a loaded value of some query. A handle is that of an equal current value, which
/// stays.
#[doc(hidden)]
#[derive(Debug)]
pub enum AnyStoreOutcome {
    Written,
    Kept(ValueHandle),
    Overtaken,
    Marked(Option<ValueHandle>),
}
