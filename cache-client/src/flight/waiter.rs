//! A caller that waits for a flight, from its coming to its leaving.

use std::sync::Arc;

use super::state::{Flight, LoadDemand};
use super::wait_graph::{FlightId, WaitEdge, WaitGraph};
use crate::erased::Outcome;
use crate::token::Token;

/// The place of one who waits for a flight.
pub(crate) struct Waiter {
    pub(crate) flight: Arc<Flight>,
    /// In a box, since most callers have none.
    origin: Option<Box<WaiterOrigin>>,
}

/// The context that a caller waits in.
#[derive(Debug)]
struct WaiterOrigin {
    /// Cancelled with the whole request.
    tree: Token,
    /// The wait of a flight, if it is one that waits.
    waiting: Option<WaitEdge>,
}

/// Where a call comes from that is made in a context.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallOrigin<'a> {
    pub(crate) tree: &'a Token,
    /// The flight whose load it is a part of.
    pub(crate) flight: Option<(&'a Arc<WaitGraph>, FlightId)>,
}

/// Why a flight cannot be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinError {
    /// It is over.
    Closed,
    /// It waits for who wants to wait for it.
    Cycle,
}

impl Waiter {
    pub(crate) fn take(
        flight: &Arc<Flight>,
        demand: LoadDemand,
        from: Option<CallOrigin<'_>>,
    ) -> Result<Self, JoinError> {
        let origin = match from {
            Some(CallOrigin { tree, flight: asking }) => {
                let begin = |(graph, id)| WaitEdge::begin(graph, id, flight.id).ok_or(JoinError::Cycle);
                let waiting = asking.map(begin).transpose()?;
                Some(Box::new(WaiterOrigin { tree: tree.clone(), waiting }))
            }
            None => None,
        };
        if !flight.join(demand, true) {
            return Err(JoinError::Closed);
        }
        Ok(Self { flight: Arc::clone(flight), origin })
    }

    /// Waits for the outcome. May be called again after it was dropped half-way.
    pub(crate) async fn landed(&self) -> Outcome {
        self.flight.landed().await
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let origin = self.origin.take().map(|origin| *origin);
        let is_cancelled = origin.is_some_and(|WaiterOrigin { tree, waiting }| {
            drop(waiting);
            tree.is_cancelled()
        });
        // A load that has landed is left by nobody.
        if !self.flight.has_landed() {
            self.flight.leave(is_cancelled);
        }
    }
}
