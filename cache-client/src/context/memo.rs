//! The queries and answers of one tree, independent of the cache.

use std::any::{Any, TypeId};
use std::sync::Arc;

use cache_core::Tag;
use cache_core::client_support::AnyKey;
use parking_lot::Mutex;

use crate::erased::{AnyValue, KeyMap};
use crate::flight::state::Flight;

/// The answers of one tree.
#[derive(Default)]
pub(crate) struct Memo(Mutex<MemoEntries>);

/// What a tree knows about one key.
pub(crate) enum MemoEntry {
    Answered {
        answer: AnyValue,
        /// The answer with layers, once the tree has received that.
        shown: Option<AnyValue>,
    },
    /// The flight that the tree waits for, or waited for last.
    Requested(Arc<Flight>),
}

/// What a tree can answer for one key immediately.
pub(crate) enum MemoAnswer {
    Answer(AnyValue),
    /// The tree waits for the answer, or has waited for one that did not come.
    Requested,
    Unknown,
}

impl MemoEntry {
    fn answered(answer: AnyValue) -> Self {
        Self::Answered { answer, shown: None }
    }
}

pub(crate) type MemoEntries = KeyMap<MemoEntry>;

impl Memo {
    /// Works on the entries under the lock of the memo. `work` must neither call foreign code nor drop an answer.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut MemoEntries) -> T) -> T {
        work(&mut self.0.lock())
    }

    /// Forgets one key, so that the next query of it is not answered from the memo.
    pub(crate) fn forget(&self, key: &dyn AnyKey) {
        let forgotten = self.0.lock().remove_entry(key);
        drop(forgotten);
    }

    /// Forgets the keys of a query for which `is_selected` returns `true`. It is called without the lock.
    pub(crate) fn forget_where(&self, query: TypeId, is_selected: &dyn Fn(&dyn Any) -> bool) {
        let is_of_query = |key: &Arc<dyn AnyKey>| (**key).type_id() == query;
        self.forget_among(is_of_query, |key| is_selected(key));
    }

    /// Forgets the keys with a tag. They are checked without the lock.
    pub(crate) fn forget_tagged(&self, tag: &Tag) {
        self.forget_among(|_| true, |key| key.has_tag(tag));
    }

    fn forget_among(
        &self,
        is_listed: impl Fn(&Arc<dyn AnyKey>) -> bool,
        is_selected: impl Fn(&dyn AnyKey) -> bool,
    ) {
        let mut keys = Vec::new();
        for key in self.0.lock().keys() {
            if is_listed(key) {
                keys.push(Arc::clone(key));
            }
        }
        keys.retain(|key| is_selected(&**key));
        keys.iter().for_each(|key| self.forget(&**key));
    }

    /// Forgets all keys.
    pub(crate) fn forget_all(&self) {
        let forgotten = std::mem::take(&mut *self.0.lock());
        drop(forgotten);
    }

    pub(crate) fn known(&self, key: &dyn AnyKey) -> MemoAnswer {
        match self.0.lock().get(key) {
            Some(MemoEntry::Answered { answer, shown }) => {
                MemoAnswer::Answer(Arc::clone(shown.as_ref().unwrap_or(answer)))
            }
            Some(MemoEntry::Requested(_)) => MemoAnswer::Requested,
            None => MemoAnswer::Unknown,
        }
    }

    pub(crate) fn answer(&self, key: &dyn AnyKey) -> Option<AnyValue> {
        match self.0.lock().get(key)? {
            MemoEntry::Answered { answer, shown } => Some(Arc::clone(shown.as_ref().unwrap_or(answer))),
            // The flight has landed, and none of its waiters has noted that yet.
            MemoEntry::Requested(flight) => flight.outcome()?.ok(),
        }
    }

    /// Keeps an answer, unless there is one already. Returns the kept one, without layers.
    pub(crate) fn keep(&self, key: Arc<dyn AnyKey>, value: AnyValue) -> AnyValue {
        let (kept, _replaced, _surplus) = self.with(|entries| match entries.get(&*key) {
            Some(MemoEntry::Answered { answer, .. }) => (Arc::clone(answer), None, Some(value)),
            _ => {
                let replaced = entries.insert(key, MemoEntry::answered(Arc::clone(&value)));
                (value, replaced, None)
            }
        });
        kept
    }

    /// Keeps the answer of a flight, if the tree still waits for it: a key that was forgotten meanwhile stays
    /// forgotten. Returns the answer to use, without layers.
    pub(crate) fn keep_landed(&self, flight: &Arc<Flight>, value: AnyValue) -> AnyValue {
        let key = &*flight.key;
        let (kept, _replaced, _surplus) = self.with(|entries| match entries.get(key) {
            Some(MemoEntry::Answered { answer, .. }) => (Arc::clone(answer), None, Some(value)),
            Some(MemoEntry::Requested(requested)) if Arc::ptr_eq(requested, flight) => {
                let replaced =
                    entries.insert(Arc::clone(&flight.key), MemoEntry::answered(Arc::clone(&value)));
                (value, replaced, None)
            }
            _ => (value, None, None),
        });
        kept
    }

    /// Keeps the value that results from layers over a kept answer, unless there is one already. Returns the kept one.
    pub(crate) fn show(&self, key: &dyn AnyKey, base: &AnyValue, value: AnyValue) -> AnyValue {
        let (shown, _surplus) = self.with(|entries| match entries.get_mut(key) {
            Some(MemoEntry::Answered { answer, shown }) if Arc::ptr_eq(answer, base) => match shown {
                Some(shown) => (Arc::clone(shown), Some(value)),
                None => (Arc::clone(shown.insert(value)), None),
            },
            _ => (value, None),
        });
        shown
    }

    /// Keeps an answer if the key was not queried yet. Returns whether it did.
    pub(crate) fn preset(&self, key: &Arc<dyn AnyKey>, value: AnyValue) -> bool {
        let surplus = self.with(|entries| {
            if entries.contains_key(&**key) {
                return Some(value);
            }
            entries.insert(Arc::clone(key), MemoEntry::answered(value));
            None
        });
        surplus.is_none()
    }
}
