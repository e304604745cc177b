//! A running mutation, by which other changes are ordered.

use std::any::TypeId;

use cache_core::Revision;

use super::order::{KeyHash, MarkTarget, WrittenEntry};
use crate::app::App;
use crate::client::Client;

/// A running mutation or an existing layer. Dropping it ends it.
pub(crate) struct RunningMutation<A: App> {
    client: Client<A>,
    number: u64,
}

impl<A: App> RunningMutation<A> {
    /// `kind` is the type of a mutation; `expects` are the keys that its layer changes.
    pub(crate) fn new(client: &Client<A>, kind: Option<TypeId>, expects: Vec<KeyHash>) -> Self {
        let number = client.write_order().begin(kind, expects);
        Self { client: client.clone(), number }
    }

    /// Notes what the next commit is going to mark. Replaces earlier notes.
    pub(crate) fn marks(&self, marked: Vec<MarkTarget>) {
        // Read before the marks are noted: a commit in between may count as later than the mark, but never as earlier.
        let revision = self.client.cache().revision().map_or(0, Revision::get);
        self.client.write_order().note_marks(self.number, revision, marked);
    }

    /// Notes what the commit of a revision has written, and marks the keys whose answers are out of order: now, or when
    /// all other mutations that may write them have ended.
    pub(crate) fn wrote(&self, revision: u64, written: impl FnOnce() -> Vec<WrittenEntry<Client<A>>>) {
        let order = self.client.write_order();
        if order.is_alone() {
            return;
        }
        let marks = order.note(self.number, revision, written());
        marks.into_iter().for_each(|mark| mark(&self.client));
    }
}

impl<A: App> Drop for RunningMutation<A> {
    fn drop(&mut self) {
        let marks = self.client.write_order().end(self.number);
        marks.into_iter().for_each(|mark| mark(&self.client));
    }
}
