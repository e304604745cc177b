//! Mutations that run one after another. Knows nothing of what they do.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::waits::FlightId;

/// Mutations of the same scope run one after another, in the order of the calls. See [`Mutate::scope`](crate::Mutate::scope).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(Arc<str>);

impl Scope {
    /// The scope of that name. All mutations of a client that name it share it, whatever their type.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }
}

/// The last mutation of each scope that has not ended.
#[derive(Debug, Default)]
pub(crate) struct Scopes(Mutex<HashMap<Scope, Last, RandomState>>);

#[derive(Debug)]
struct Last {
    flight: FlightId,
    /// Closed when it ends.
    end: oneshot::Receiver<()>,
}

/// The place of a mutation in its scope. Dropping it lets the next one run.
#[derive(Debug)]
pub(crate) struct Turn {
    scopes: Arc<Scopes>,
    scope: Scope,
    flight: FlightId,
    before: Option<Last>,
    _end: oneshot::Sender<()>,
}

impl Scopes {
    /// Takes the place behind those of the scope that have not ended.
    pub(crate) fn enter(self: &Arc<Self>, scope: Scope, flight: FlightId) -> Turn {
        let (sender, end) = oneshot::channel();
        let before = self.0.lock().insert(scope.clone(), Last { flight, end });
        Turn { scopes: Arc::clone(self), scope, flight, before, _end: sender }
    }
}

impl Turn {
    /// The mutation that has to end first.
    pub(super) fn waits_for(&self) -> Option<FlightId> {
        self.before.as_ref().map(|before| before.flight)
    }

    /// Waits until those before it have ended, however they do.
    pub(super) async fn begin(&mut self) {
        if let Some(before) = &mut self.before {
            // Nothing is ever sent: the sender is dropped.
            let _ = (&mut before.end).await;
        }
        self.before = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut scopes = self.scopes.0.lock();
        if scopes.get(&self.scope).is_some_and(|last| last.flight == self.flight) {
            let ended = scopes.remove(&self.scope);
            drop(scopes);
            drop(ended);
        }
    }
}
