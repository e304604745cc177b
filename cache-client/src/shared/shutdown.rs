//! The orderly end of a client's shared tier.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::inner::Inner;
use super::protocol::Request;

/// What did not finish before a shutdown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Leases that were not given up. Other machines wait until they are over.
    pub leases: usize,
    /// Drops that were not sent. Other machines may keep what they name.
    pub outbox: usize,
    /// Drops that were sent and not acknowledged.
    pub under_way: usize,
}

impl ShutdownReport {
    /// Returns whether everything was finished.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        *self == Self::default()
    }
}

impl Inner {
    pub(super) async fn shutdown(self: &Arc<Self>, limit: Duration) -> ShutdownReport {
        self.is_closed.store(true, Ordering::Release);
        let deadline = Instant::now() + limit;
        let leases = self.give_up_leases(deadline).await;
        // The limit may be long enough for several attempts.
        let _ = tokio::time::timeout_at(deadline, self.finish_drops()).await;
        let machine = self.machine.lock();
        ShutdownReport { leases, outbox: machine.waiting(), under_way: machine.under_way() }
    }

    /// Returns how many were not given up.
    async fn give_up_leases(self: &Arc<Self>, deadline: Instant) -> usize {
        let mut calls = JoinSet::new();
        for (token, key, shape) in self.leases.take_all() {
            let inner = Arc::clone(self);
            let deadline = deadline.min(Instant::now() + inner.limit);
            calls.spawn(
                async move { inner.call(&Request::Lose { key, shape, token }, deadline).await.is_some() },
            );
        }
        calls.join_all().await.into_iter().filter(|is_given_up| !is_given_up).count()
    }

    fn has_sent_all(&self) -> bool {
        let machine = self.machine.lock();
        machine.waiting() == 0 && machine.under_way() == 0
    }

    async fn finish_drops(self: &Arc<Self>) {
        loop {
            self.send_outbox().await;
            if self.has_sent_all() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
