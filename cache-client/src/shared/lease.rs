//! The right of this client to load a key, and to store the value in the shared tier.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::inner::Inner;
use super::protocol::{Envelope, Filled, Key, Position, Reply, Request, Shape, Token};

/// A lease. Dropping it gives it up, in the background.
#[must_use]
pub(crate) struct Lease {
    right: LeaseRight,
    /// The state of the server when the lease was taken.
    position: Position,
    /// The server's time then, in milliseconds since 1970.
    began: u64,
}

/// A lease that was asked for. The server may give it although the answer does not come, so dropping this gives it up.
#[must_use]
pub(super) struct LeaseRight {
    inner: Arc<Inner>,
    key: Key,
    shape: Shape,
    token: Token,
}

impl LeaseRight {
    /// Must be created before the lease is asked for.
    pub(super) fn new(inner: &Arc<Inner>, key: Key, shape: Shape) -> Self {
        let token = inner.random.token();
        inner.leases.insert(token, key.clone(), shape);
        Self { inner: Arc::clone(inner), key, shape, token }
    }

    pub(super) fn token(&self) -> Token {
        self.token
    }

    /// The server has said that there is a value, or that another has the lease.
    pub(super) fn was_not_given(self) {
        self.inner.leases.remove(self.token);
    }

    /// The server has given the lease. `None` if it was given up meanwhile.
    pub(super) fn was_given(self, position: Position, began: u64) -> Option<Lease> {
        let is_there = self.inner.leases.has(self.token);
        is_there.then_some(Lease { right: self, position, began })
    }
}

impl Drop for LeaseRight {
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
        let LeaseRight { inner, key, shape, token } = &self.right;
        if !inner.machine.lock().may_fill(key, &envelope) {
            inner.counters.refused.add(1);
            return Filling::Refused;
        }
        let request = Request::Fill { key: key.clone(), shape: *shape, token: *token, keep, envelope };
        let Some(Reply::Filled(filled)) = inner.call(&request, Instant::now() + inner.limit).await else {
            return Filling::Failed;
        };
        // In all cases the server has ended it.
        inner.leases.remove(*token);
        match filled {
            Filled::Kept => {
                inner.counters.bytes_written.add(size);
                Filling::Kept
            }
            Filled::NoLease | Filled::OtherEpoch | Filled::Overtaken => {
                inner.counters.refused.add(1);
                Filling::Refused
            }
        }
    }
}
