//! A caller that waits for a flight, from when it joins until it leaves.

use std::future::Future;
use std::sync::Arc;

use super::state::{Flight, LoadDemand};
use super::wait_graph::{FlightId, WaitEdge, WaitGraph};
use crate::erased::Outcome;
use crate::token::Token;

/// A caller that waits for a flight. Dropping this leaves the flight.
pub(crate) struct Waiter {
    pub(crate) flight: Arc<Flight>,
    /// Boxed, since most callers have none.
    origin: Option<Box<WaiterOrigin>>,
}

/// The context in which a caller waits.
#[derive(Debug)]
struct WaiterOrigin {
    /// Cancelled with the whole request.
    tree: Token,
    /// The edge of the wait graph, if the caller is itself a flight.
    waiting: Option<WaitEdge>,
}

/// The context of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallOrigin<'a> {
    pub(crate) tree: &'a Token,
    /// The flight whose load makes the call.
    pub(crate) flight: Option<(&'a Arc<WaitGraph>, FlightId)>,
}

/// Why a flight cannot be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinError {
    /// The flight no longer accepts callers.
    Closed,
    /// Joining would close a cycle of waits.
    Cycle,
}

impl Waiter {
    pub(crate) fn take(
        flight: &Arc<Flight>,
        demand: LoadDemand,
        from: Option<CallOrigin<'_>>,
    ) -> Result<Self, JoinError> {
        let origin = match from {
            Some(CallOrigin { tree, flight: caller }) => {
                let begin = |(graph, id)| WaitEdge::begin(graph, id, flight.id).ok_or(JoinError::Cycle);
                let waiting = caller.map(begin).transpose()?;
                Some(Box::new(WaiterOrigin { tree: tree.clone(), waiting }))
            }
            None => None,
        };
        if !flight.join(demand, true) {
            return Err(JoinError::Closed);
        }
        Ok(Self { flight: Arc::clone(flight), origin })
    }

    /// Waits for the outcome. May be dropped and called again.
    pub(crate) fn landed(&self) -> impl Future<Output = Outcome> + Send {
        self.flight.landed()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let origin = self.origin.take().map(|origin| *origin);
        let is_cancelled = origin.is_some_and(|WaiterOrigin { tree, waiting }| {
            drop(waiting);
            tree.is_cancelled()
        });
        // After the landing there is nothing to leave.
        if !self.flight.has_landed() {
            self.flight.leave(is_cancelled);
        }
    }
}
