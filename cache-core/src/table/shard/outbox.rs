//! What operations push out of a shard, to be told to listeners, and dropped when no lock is held.

use crate::event::Cause;
use crate::query::Query;
use crate::table::slot::{Extra, Hold};

pub(crate) struct Outbox<Q: Query> {
    /// What is only to be dropped. Most writes push out one entry at most, for which nothing is allocated.
    gone: Option<(Q, Hold<Q::Value>)>,
    /// All others.
    displaced: Vec<Displaced<Q>>,
}

/// A value that left, with what listeners are told of it.
pub(crate) struct Displaced<Q: Query> {
    pub(crate) key: Option<Q>,
    pub(crate) hold: Hold<Q::Value>,
    #[expect(dead_code, reason = "kept to be dropped outside the lock")]
    pub(crate) extra: Option<Box<Extra<Q::Value>>>,
    /// What listeners have to be told; nothing for a dead value.
    pub(crate) cause: Option<Cause>,
}

impl<Q: Query> Outbox<Q> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self { gone: None, displaced: Vec::new() }
    }

    /// Takes what nobody wants to hear of.
    #[inline]
    pub(super) fn drop_later(&mut self, key: Q, hold: Hold<Q::Value>) {
        match &self.gone {
            None => self.gone = Some((key, hold)),
            Some(_) => self.push(Displaced { key: Some(key), hold, extra: None, cause: None }),
        }
    }

    pub(super) fn push(&mut self, displaced: Displaced<Q>) {
        self.displaced.push(displaced);
    }

    pub(crate) fn displaced(&mut self) -> &mut [Displaced<Q>] {
        &mut self.displaced
    }

    /// Drops everything.
    #[inline]
    pub(crate) fn clear(&mut self) {
        self.gone = None;
        self.displaced.clear();
    }
}
