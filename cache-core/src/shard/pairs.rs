//! Lists of keys and values outside of shards: on their way in, displaced, written by a transaction, saved or
//! restored. Compiled for each query, so it is kept small. Everything else works on numbers, through
//! [`AnyPairs`].

use std::any::Any;
use std::fmt::{self, Debug};
use std::mem::{forget, replace};
use std::sync::Arc;

use super::erased::{AnyHandle, AnyLines, AnyPair, AnyPairs};
use super::key::{self, AnyEntry, AnyKey};
use crate::query::{Query, ShownKey};
use crate::sync::HashState;
use crate::tag::Tag;
use crate::typed::{Lines, Pair, Pairs};

/// A value of a query that its holder does not know, for clients.
#[doc(hidden)]
pub struct ValueHandle(pub(crate) AnyHandle);

impl ValueHandle {
    /// Creates a handle of a value of `Q`.
    #[must_use]
    pub fn new<Q: Query>(value: Arc<Q::Value>) -> Self {
        Self(Pair::<Q>::handle(value))
    }

    /// Returns the value, if it is a value of `Q`.
    #[must_use]
    pub fn value<Q: Query>(&self) -> Option<&Arc<Q::Value>> {
        Pair::<Q>::value_of(&*self.0)
    }
}

impl Debug for ValueHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValueHandle").finish_non_exhaustive()
    }
}

impl<Q: Query> AnyKey for Q {
    fn equals(&self, other: &dyn AnyKey) -> bool {
        match (other as &dyn Any).downcast_ref::<Q>() {
            Some(other) => self == other,
            None => false,
        }
    }

    fn hash(&self, hasher: &HashState) -> u32 {
        key::hash(hasher, self)
    }

    fn to_box(&self) -> Box<dyn AnyKey> {
        Box::new(self.clone())
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ShownKey(self).fmt(f)
    }

    fn query_tags(&self) -> &'static [&'static str] {
        Q::TAGS
    }

    fn each_tag(&self, add: &mut dyn FnMut(Tag)) {
        if let Some(tags_of) = Q::TAGS_OF {
            tags_of(self, add);
        }
    }

    fn entry(&self) -> Box<dyn AnyEntry> {
        Pair { key: Some(self.clone()), value: None }.boxed()
    }
}

impl<Q: Query> Pair<Q> {
    pub(crate) fn new(key: Q, value: Arc<Q::Value>) -> Self {
        Self { key: Some(key), value: Some(value) }
    }

    /// Erases the query of a value.
    pub(crate) fn handle(value: Arc<Q::Value>) -> AnyHandle {
        Self { key: None, value: Some(value) }.boxed()
    }

    #[inline(never)]
    pub(super) fn boxed(self) -> AnyHandle {
        Box::new(self)
    }

    /// Returns the value of a pair of this query.
    pub(crate) fn value_of(pair: &dyn AnyPair) -> Option<&Arc<Q::Value>> {
        match Self::of(pair) {
            Some(pair) => pair.value.as_ref(),
            None => None,
        }
    }

    /// Downcasts to a pair of this query.
    pub(crate) fn of(pair: &dyn AnyPair) -> Option<&Self> {
        (pair as &dyn Any).downcast_ref()
    }

    pub(crate) fn of_mut(pair: &mut dyn AnyPair) -> Option<&mut Self> {
        (pair as &mut dyn Any).downcast_mut()
    }
}

impl<Q: Query> AnyPair for Pair<Q> {
    #[inline(never)]
    fn key(&self) -> Option<&dyn AnyKey> {
        match &self.key {
            Some(key) => Some(key),
            None => None,
        }
    }

    fn swap(&mut self, other: &mut dyn AnyPair, with_key: bool) {
        let Some(other) = Self::of_mut(other) else { return };
        let value = other.value.take();
        other.value = std::mem::replace(&mut self.value, value);
        if with_key {
            let key = other.key.take();
            other.key = std::mem::replace(&mut self.key, key);
        }
    }

    #[inline(never)]
    fn has_value(&self) -> bool {
        self.value.is_some()
    }

    fn set_value(&mut self, from: &dyn AnyPair) {
        if let Some(value) = Self::value_of(from) {
            self.value = Some(Arc::clone(value));
        }
    }

    fn take_handle(&mut self) -> Option<AnyHandle> {
        match self.value.take() {
            Some(value) => Some(Self::handle(value)),
            None => None,
        }
    }

    fn forget_value(&mut self) {
        self.value = None;
    }

    fn clear(&mut self) {
        *self = Self { key: None, value: None };
    }

    fn weigh(&self) -> u32 {
        match self {
            Self { key: Some(key), value: Some(value) } => key.weigh(value),
            _ => 1,
        }
    }

    fn entry(&self) -> Option<Box<dyn AnyEntry>> {
        match &self.key {
            Some(key) => Some(Self { key: Some(key.clone()), value: self.value.clone() }.boxed()),
            None => None,
        }
    }

    fn take_entry(&mut self) -> Option<Box<dyn AnyEntry>> {
        match self.key.take() {
            key @ Some(_) => Some(Self { key, value: self.value.clone() }.boxed()),
            None => None,
        }
    }
}

impl<Q: Query> Pairs<Q> {
    pub(crate) fn boxed(capacity: usize) -> Box<dyn AnyPairs> {
        Box::new(Self(Vec::with_capacity(capacity)))
    }

    #[inline(never)]
    pub(crate) fn push(&mut self, key: Option<Q>, value: Option<Arc<Q::Value>>) {
        // Written like this so that both are written in place, instead of elsewhere with a copy. There is
        // nothing to drop.
        let pair = self.push_empty();
        forget(replace(&mut pair.key, key));
        forget(replace(&mut pair.value, value));
    }

    #[inline(never)]
    pub(crate) fn push_empty(&mut self) -> &mut Pair<Q> {
        let number = self.0.len();
        self.0.push(Pair { key: None, value: None });
        &mut self.0[number]
    }

    /// Downcasts to the list of this query.
    pub(crate) fn of(pairs: &dyn AnyPairs) -> Option<&Self> {
        (pairs as &dyn Any).downcast_ref()
    }

    pub(crate) fn of_mut(pairs: &mut dyn AnyPairs) -> Option<&mut Self> {
        (pairs as &mut dyn Any).downcast_mut()
    }

    pub(crate) fn at(&self, number: usize) -> &Pair<Q> {
        &self.0[number]
    }

    pub(crate) fn at_mut(&mut self, number: usize) -> &mut Pair<Q> {
        &mut self.0[number]
    }
}

impl<Q: Query> Default for Pairs<Q> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<Q: Query> AnyPairs for Pairs<Q> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn pair(&self, number: usize) -> &dyn AnyPair {
        &self.0[number]
    }

    fn pair_mut(&mut self, number: usize) -> &mut dyn AnyPair {
        &mut self.0[number]
    }

    fn add(&mut self) -> &mut dyn AnyPair {
        self.push_empty()
    }

    fn add_key(&mut self, key: &dyn AnyKey) {
        if let Some(key) = (key as &dyn Any).downcast_ref::<Q>() {
            self.push(Some(key.clone()), None);
        }
    }

    fn truncate(&mut self, number: usize) {
        self.0.truncate(number);
    }

    fn copy_all(&mut self, other: &dyn AnyPairs) {
        let Some(Self(pairs)) = Self::of(other) else { return };
        self.truncate(0);
        for pair in pairs {
            match pair {
                Pair { key: Some(key), value: Some(value) } => {
                    self.push(Some(key.clone()), Some(Arc::clone(value)));
                }
                _ => self.push(None, None),
            }
        }
    }

    fn copy(&mut self, lines: &dyn AnyLines, number: u32) -> bool {
        let Some(lines) = Lines::<Q>::of(lines) else { return false };
        match lines.copy(number, true) {
            Some(Pair { key, value }) => {
                self.push(key, value);
                true
            }
            None => false,
        }
    }
}
