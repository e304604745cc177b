//! The right of this client to load a key, and to store the value in the shared tier.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::inner::Inner;
use super::protocol::{Envelope, Filled, Key, Position, Reply, Request, Shape, Token};

/// A lease. Dropping it gives it up, in the background.
#[must_use]
pub(crate) struct Lease {
    inner: Arc<Inner>,
    key: Key,
    shape: Shape,
    token: Token,
    /// The state of the server when the lease was taken.
    position: Position,
    /// The server's time then, in milliseconds since 1970.
    began: u64,
}

/// What became of a loaded value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filling {
    /// The tier has it.
    Kept,
    /// Something that it depends on was dropped during the load, or the lease had ended.
    Refused,
    /// The server has not answered, or has no memory left.
    Failed,
}

impl Lease {
    pub(super) fn new(
        inner: &Arc<Inner>,
        key: Key,
        shape: Shape,
        token: Token,
        position: Position,
        began: u64,
    ) -> Self {
        inner.leases.insert(token, key.clone(), shape);
        Self { inner: Arc::clone(inner), key, shape, token, position, began }
    }

    /// The state of the server when the lease was taken. What the load reads of other shared queries must be at least
    /// as new: see [`Shared::applied`](super::Shared::applied).
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Stores the loaded value for this long, and ends the lease. Takes at most the limit of a request.
    ///
    /// # Cancellation
    /// Gives up the lease. The value may be stored nevertheless.
    pub(crate) async fn fill(self, body: Vec<u8>, tags: &[u16], keep: Duration) -> Filling {
        let mut tags = tags.to_vec();
        tags.sort_unstable();
        tags.dedup();
        let Position { epoch, number } = self.position;
        let (size, began) = (body.len(), self.began);
        let envelope = Envelope { epoch, number, began, tags, body };
        if !self.inner.machine.lock().may_fill(&self.key, &envelope) {
            self.inner.counters.refused.add(1);
            return Filling::Refused;
        }
        let (key, shape, token) = (self.key.clone(), self.shape, self.token);
        let request = Request::Fill { key, shape, token, keep, envelope };
        let Some(Reply::Filled(filled)) = self.inner.call(&request, Instant::now() + self.inner.limit).await
        else {
            return Filling::Failed;
        };
        // In all cases the server has ended it.
        self.inner.leases.remove(self.token);
        match filled {
            Filled::Kept => {
                self.inner.counters.bytes_written.add(size);
                Filling::Kept
            }
            Filled::NoLease | Filled::OtherEpoch | Filled::Overtaken => {
                self.inner.counters.refused.add(1);
                Filling::Refused
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.inner.leases.remove(self.token) {
            let (key, shape, token) = (self.key.clone(), self.shape, self.token);
            let inner = Arc::clone(&self.inner);
            self.inner.spawn(async move {
                inner.call(&Request::Lose { key, shape, token }, Instant::now() + inner.limit).await;
            });
        }
    }
}
