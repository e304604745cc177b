//! The drops of one commit: sent before it can be seen, and settled afterwards.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::app::App;
use crate::client::Client;
use crate::shared::protocol::Mark;
use crate::shared::{PendingDrop, Shared};

/// The drops of one commit, over all its attempts. Dropping this without [`committed`](Self::committed) means that the
/// commit was given up: what the drops name is marked here.
pub(crate) struct CommitDrops<'a> {
    tier: Option<&'a Shared>,
    sent: Vec<(Vec<Mark>, PendingDrop)>,
}

impl<'a> CommitDrops<'a> {
    pub(crate) fn new<A: App>(client: &'a Client<A>) -> Self {
        Self { tier: client.shared_tier(), sent: Vec::new() }
    }

    /// Sends what an attempt of the commit changes, and waits until the server has it, at most as long as a request may
    /// take. Sets `is_queued` if that takes longer.
    pub(crate) async fn send(&mut self, marks: Vec<Mark>, is_queued: Option<&AtomicBool>) {
        let Some(tier) = self.tier.filter(|_| !marks.is_empty()) else { return };
        // Another attempt usually changes the same.
        if self.sent.iter().any(|(sent, _)| *sent == marks) {
            return;
        }
        let drop = tier.begin_drop(marks.clone(), false);
        self.sent.push((marks, drop));
        if let Some((_, drop)) = self.sent.last_mut()
            && drop.acknowledged().await.is_err()
            && let Some(is_queued) = is_queued
        {
            is_queued.store(true, Ordering::Release);
        }
    }

    /// The commit can be seen here from now on.
    pub(crate) fn committed(self) {
        self.sent.into_iter().for_each(|(_, drop)| drop.committed());
    }
}
