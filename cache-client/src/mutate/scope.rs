//! Mutations that run one after another. Knows nothing of what they do.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::flight::wait_graph::FlightId;
use crate::sync::Mutex;

/// Mutations of the same scope run one after another, in the order of the calls. See
/// [`Mutate::scope`](crate::Mutate::scope).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(Arc<str>);

impl Scope {
    /// Creates the scope with a name. All mutations of a client with that name share it, whatever their type.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }
}

/// The last mutation of each scope that has not ended.
#[derive(Debug, Default)]
pub(crate) struct Scopes(Mutex<HashMap<Scope, LastInScope, RandomState>>);

#[derive(Debug)]
struct LastInScope {
    flight: FlightId,
    /// Closed when the mutation ends. A mutation that leaves the queue before it runs sends the one before it, if that
    /// has not ended.
    end: oneshot::Receiver<Option<LastInScope>>,
}

/// A mutation in the queue of its scope. Dropping it lets the next one run, as soon as all earlier ones have ended.
#[derive(Debug)]
pub(crate) struct ScopePlace {
    scopes: Arc<Scopes>,
    scope: Scope,
    flight: FlightId,
    before: Option<LastInScope>,
    /// `None` once it is used.
    end: Option<oneshot::Sender<Option<LastInScope>>>,
}

impl Scopes {
    /// Adds a mutation behind those of the scope that have not ended.
    pub(crate) fn enter(self: &Arc<Self>, scope: Scope, flight: FlightId) -> ScopePlace {
        let (sender, end) = oneshot::channel();
        let before = self.0.lock().insert(scope.clone(), LastInScope { flight, end });
        ScopePlace { scopes: Arc::clone(self), scope, flight, before, end: Some(sender) }
    }
}

impl LastInScope {
    /// The mutation to wait for. That is an earlier one if this one has left the queue.
    fn unended(mut self) -> Option<Self> {
        loop {
            match self.end.try_recv() {
                Ok(Some(earlier)) => self = earlier,
                Err(TryRecvError::Empty) => return Some(self),
                Ok(None) | Err(TryRecvError::Closed) => return None,
            }
        }
    }
}

impl ScopePlace {
    /// The mutation that has to end first, as far as this one knows. `None` if this one may run.
    pub(super) fn waits_for(&self) -> Option<FlightId> {
        self.before.as_ref().map(|before| before.flight)
    }

    /// Waits until the mutation before it has ended or left the queue. There may then be an earlier one to wait for.
    pub(super) async fn move_up(&mut self) {
        if let Some(before) = &mut self.before {
            self.before = (&mut before.end).await.ok().flatten();
        }
    }
}

impl Drop for ScopePlace {
    fn drop(&mut self) {
        let before = self.before.take().and_then(LastInScope::unended);
        let mut scopes = self.scopes.0.lock();
        let this = match scopes.get_mut(&self.scope).filter(|last| last.flight == self.flight) {
            None => {
                drop(scopes);
                // The next mutation in the queue has the receiver. There is one, since this mutation is not the last.
                let _ = self.end.take().map(|end| end.send(before));
                return;
            }
            Some(last) => match before {
                Some(before) => Some(std::mem::replace(last, before)),
                None => scopes.remove(&self.scope),
            },
        };
        drop(scopes);
        drop(this);
    }
}
