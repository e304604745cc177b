//! What one tree has asked and been told, apart from the cache. Typed by query, found by type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use cache_core::{Query, Tag, has_tag};
use foldhash::fast::RandomState;
use parking_lot::Mutex;

use crate::flight::Flight;

/// The answers of one tree.
#[derive(Default)]
pub(crate) struct Memo(Mutex<HashMap<TypeId, Box<dyn AnyCells>, RandomState>>);

/// What a tree knows of one key.
pub(crate) enum Cell<Q: Query, E> {
    Answered {
        answer: Arc<Q::Value>,
        /// What layers have made of it, once the tree was told that.
        shown: Option<Arc<Q::Value>>,
    },
    /// The flight that the tree waits for, or waited for last.
    Asked(Arc<Flight<Q, E>>),
}

/// What a tree can say of one key at once.
pub(crate) enum Known<V: ?Sized> {
    Answer(Arc<V>),
    /// It waits for the answer, or has waited for one that did not come.
    Asked,
    Nothing,
}

impl<Q: Query, E> Cell<Q, E> {
    fn answered(answer: Arc<Q::Value>) -> Self {
        Self::Answered { answer, shown: None }
    }
}

pub(crate) type Cells<Q, E> = HashMap<Q, Cell<Q, E>, RandomState>;

/// The answers to one query, whose error the caller does not know.
trait AnyCells: Any + Send {
    /// What keeps the keys with a tag in a list of them, a `Vec<Q>`; `None` if no key can have one.
    fn tagged(&self) -> Option<fn(&mut dyn Any, &Tag)>;
    /// The keys, if they are of this type: a `Vec<Q>`.
    fn keys(&self) -> Box<dyn Any>;
    /// Takes out the answers to these keys, a `Vec<Q>`: to be dropped without the lock.
    fn remove(&mut self, keys: &dyn Any) -> Box<dyn Any + Send>;
}

impl<Q: Query, E: Send + Sync + 'static> AnyCells for Cells<Q, E> {
    fn tagged(&self) -> Option<fn(&mut dyn Any, &Tag)> {
        if Q::TAGS.is_empty() && Q::TAGS_OF.is_none() {
            return None;
        }
        Some(|keys, tag| {
            if let Some(keys) = keys.downcast_mut::<Vec<Q>>() {
                keys.retain(|key| has_tag(key, tag));
            }
        })
    }

    fn keys(&self) -> Box<dyn Any> {
        Box::new(HashMap::keys(self).cloned().collect::<Vec<Q>>())
    }

    fn remove(&mut self, keys: &dyn Any) -> Box<dyn Any + Send> {
        let keys = keys.downcast_ref::<Vec<Q>>().into_iter().flatten();
        Box::new(keys.filter_map(|key| self.remove_entry(key)).collect::<Vec<_>>())
    }
}

impl Memo {
    /// Works on the answers to one query, under the lock of the memo: `work` must neither call foreign code nor drop an
    /// answer.
    pub(crate) fn with<Q: Query, E: Send + Sync + 'static, T>(
        &self,
        work: impl FnOnce(&mut Cells<Q, E>) -> T,
    ) -> T {
        let mut memo = self.0.lock();
        let cells = memo.entry(TypeId::of::<Q>()).or_insert_with(|| Box::new(Cells::<Q, E>::default()));
        // A query has one error, that of its `Fetch` for the app of the tree.
        let cells = (&mut **cells as &mut dyn Any).downcast_mut().expect("the cells stand under their query");
        work(cells)
    }

    /// Forgets what was asked of the keys that are meant, so that it is asked again. `is_meant` is called without the lock.
    pub(crate) fn forget<Q: Query>(&self, is_meant: impl Fn(&Q) -> bool) {
        let keys = self.0.lock().get(&TypeId::of::<Q>()).map(|cells| cells.keys());
        let Some(Ok(mut keys)) = keys.map(|keys| keys.downcast::<Vec<Q>>()) else { return };
        keys.retain(is_meant);
        let forgotten = self.0.lock().get_mut(&TypeId::of::<Q>()).map(|cells| cells.remove(&*keys));
        drop(forgotten);
    }

    /// Forgets what was asked of the keys with a tag. They are looked at without the lock.
    pub(crate) fn forget_tagged(&self, tag: &Tag) {
        let mut listed = Vec::new();
        for (&query, cells) in &*self.0.lock() {
            listed.extend(cells.tagged().map(|retain_tagged| (query, cells.keys(), retain_tagged)));
        }
        for (query, mut keys, retain_tagged) in listed {
            retain_tagged(&mut *keys, tag);
            let forgotten = self.0.lock().get_mut(&query).map(|cells| cells.remove(&*keys));
            drop(forgotten);
        }
    }

    /// Forgets all that was asked.
    pub(crate) fn forget_all(&self) {
        let forgotten = std::mem::take(&mut *self.0.lock());
        drop(forgotten);
    }

    pub(crate) fn known<Q: Query, E: Send + Sync + 'static>(&self, key: &Q) -> Known<Q::Value> {
        self.with::<Q, E, _>(|cells| match cells.get(key) {
            Some(Cell::Answered { answer, shown }) => {
                Known::Answer(Arc::clone(shown.as_ref().unwrap_or(answer)))
            }
            Some(Cell::Asked(_)) => Known::Asked,
            None => Known::Nothing,
        })
    }

    pub(crate) fn answer<Q: Query, E: Send + Sync + 'static>(&self, key: &Q) -> Option<Arc<Q::Value>> {
        self.with::<Q, E, _>(|cells| match cells.get(key) {
            Some(Cell::Answered { answer, shown }) => Some(Arc::clone(shown.as_ref().unwrap_or(answer))),
            // Landed, but nobody who waited has come to note it.
            Some(Cell::Asked(flight)) => flight.outcome()?.ok(),
            None => None,
        })
    }

    /// Keeps an answer, unless there is one. Returns the one that counts, without layers.
    pub(crate) fn keep<Q: Query, E: Send + Sync + 'static>(
        &self,
        key: &Q,
        value: Arc<Q::Value>,
    ) -> Arc<Q::Value> {
        let (kept, _replaced, _surplus) = self.with::<Q, E, _>(|cells| match cells.get(key) {
            Some(Cell::Answered { answer, .. }) => (Arc::clone(answer), None, Some(value)),
            _ => {
                let replaced = cells.insert(key.clone(), Cell::answered(Arc::clone(&value)));
                (value, replaced, None)
            }
        });
        kept
    }

    /// Keeps what a flight has brought, if the tree still waits for that: what was forgotten meanwhile stays forgotten.
    /// Returns the answer that counts, without layers.
    pub(crate) fn keep_landed<Q: Query, E: Send + Sync + 'static>(
        &self,
        flight: &Arc<Flight<Q, E>>,
        value: Arc<Q::Value>,
    ) -> Arc<Q::Value> {
        let key = &flight.key;
        let (kept, _replaced, _surplus) = self.with::<Q, E, _>(|cells| match cells.get(key) {
            Some(Cell::Answered { answer, .. }) => (Arc::clone(answer), None, Some(value)),
            Some(Cell::Asked(asked)) if Arc::ptr_eq(asked, flight) => {
                let replaced = cells.insert(key.clone(), Cell::answered(Arc::clone(&value)));
                (value, replaced, None)
            }
            _ => (value, None, None),
        });
        kept
    }

    /// Notes what layers have made of an answer that is kept, unless the tree was told before. Returns what it is told.
    pub(crate) fn show<Q: Query, E: Send + Sync + 'static>(
        &self,
        key: &Q,
        made_of: &Arc<Q::Value>,
        value: Arc<Q::Value>,
    ) -> Arc<Q::Value> {
        let (told, _surplus) = self.with::<Q, E, _>(|cells| match cells.get_mut(key) {
            Some(Cell::Answered { answer, shown }) if Arc::ptr_eq(answer, made_of) => match shown {
                Some(shown) => (Arc::clone(shown), Some(value)),
                None => (Arc::clone(shown.insert(value)), None),
            },
            _ => (value, None),
        });
        told
    }

    /// Keeps an answer if nothing was asked yet. Returns whether it did.
    pub(crate) fn preset<Q: Query, E: Send + Sync + 'static>(&self, key: &Q, value: Arc<Q::Value>) -> bool {
        let surplus = self.with::<Q, E, _>(|cells| {
            if cells.contains_key(key) {
                return Some(value);
            }
            cells.insert(key.clone(), Cell::answered(value));
            None
        });
        surplus.is_none()
    }
}
