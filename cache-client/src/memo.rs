//! What one tree has asked and been told, apart from the cache. Typed by query, found by type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use cache_core::Query;
use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::flight::Flight;

/// The answers of one tree.
#[derive(Default)]
pub(crate) struct Memo(Mutex<HashMap<TypeId, Box<dyn Any + Send>, RandomState>>);

/// What a tree knows of one key.
pub(crate) enum Cell<Q: Query, E> {
    Answered(Arc<Q::Value>),
    /// The flight that the tree waits for, or waited for last.
    Asked(Arc<Flight<Q, E>>),
}

pub(crate) type Cells<Q, E> = HashMap<Q, Cell<Q, E>, RandomState>;

impl Memo {
    /// Works on the answers to one query, under the lock of the memo: `work` must neither call foreign code nor drop an
    /// answer.
    pub(crate) fn with<Q: Query, E: Send + Sync + 'static, T>(
        &self,
        work: impl FnOnce(&mut Cells<Q, E>) -> T,
    ) -> T {
        let mut memo = self.0.lock();
        let cells = memo
            .entry(TypeId::of::<Cells<Q, E>>())
            .or_insert_with(|| Box::new(Cells::<Q, E>::default()) as Box<dyn Any + Send>);
        // Put there by the line above, under the type that it is looked up by.
        let cells = cells.downcast_mut().expect("the cells stand under their own type");
        work(cells)
    }

    pub(crate) fn answer<Q: Query, E: Send + Sync + 'static>(&self, key: &Q) -> Option<Arc<Q::Value>> {
        self.with::<Q, E, _>(|cells| match cells.get(key) {
            Some(Cell::Answered(value)) => Some(Arc::clone(value)),
            // Landed, but nobody who waited has come to note it.
            Some(Cell::Asked(flight)) => flight.outcome()?.ok(),
            None => None,
        })
    }

    /// Keeps an answer, unless there is one. Returns the one that counts.
    pub(crate) fn keep<Q: Query, E: Send + Sync + 'static>(
        &self,
        key: &Q,
        value: Arc<Q::Value>,
    ) -> Arc<Q::Value> {
        let (kept, _replaced, _surplus) = self.with::<Q, E, _>(|cells| match cells.get(key) {
            Some(Cell::Answered(kept)) => (Arc::clone(kept), None, Some(value)),
            _ => {
                let replaced = cells.insert(key.clone(), Cell::Answered(Arc::clone(&value)));
                (value, replaced, None)
            }
        });
        kept
    }

    /// Keeps an answer if nothing was asked yet. Returns whether it did.
    pub(crate) fn preset<Q: Query, E: Send + Sync + 'static>(&self, key: &Q, value: Arc<Q::Value>) -> bool {
        let surplus = self.with::<Q, E, _>(|cells| {
            if cells.contains_key(key) {
                return Some(value);
            }
            cells.insert(key.clone(), Cell::Answered(value));
            None
        });
        surplus.is_none()
    }
}
