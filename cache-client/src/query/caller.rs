//! The caller of a query, and what it may do. Reads and loads nothing.

use std::sync::Arc;

use crate::app::App;
use crate::client::Client;
use crate::concurrency::LoadSlot;
use crate::context::{self, Access, Node};
use crate::telemetry::Telemetry;

/// The caller of a query: a client, perhaps in a context.
pub(crate) enum Caller<'a, A: App> {
    Client(&'a Client<A>),
    /// A task of the client. It is never a part of a load, even if a load started it.
    ObserverTask(&'a Client<A>),
    Node(&'a Arc<Node<A>>),
}

impl<A: App> Clone for Caller<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: App> Copy for Caller<'_, A> {}

impl<'a, A: App> Caller<'a, A> {
    pub(crate) fn of(node: &'a Arc<Node<A>>) -> Self {
        Self::Node(node)
    }

    pub(crate) fn without_context(client: &'a Client<A>) -> Self {
        Self::Client(client)
    }

    pub(crate) fn of_observer_task(client: &'a Client<A>) -> Self {
        Self::ObserverTask(client)
    }

    #[inline]
    pub(crate) fn client(self) -> &'a Client<A> {
        match self {
            Self::Client(client) | Self::ObserverTask(client) => client,
            Self::Node(node) => &node.client,
        }
    }

    #[inline]
    pub(crate) fn node(self) -> Option<&'a Arc<Node<A>>> {
        match self {
            Self::Client(_) | Self::ObserverTask(_) => None,
            Self::Node(node) => Some(node),
        }
    }

    pub(super) fn telemetry(&self) -> Telemetry {
        self.client().telemetry()
    }

    pub(crate) fn access(&self) -> Access {
        match self.node() {
            Some(node) => node.access(),
            // Code inside a load may call the client itself, and not use its context.
            None => Access { fresh_only: self.enclosing_load().is_some(), ..Access::PLAIN },
        }
    }

    /// The context of the load that the calling code is a part of, if that code has not used it.
    fn enclosing_load(&self) -> Option<Arc<Node<A>>> {
        let Self::Client(client) = self else { return None };
        context::current::<A>().filter(|node| node.client.is(client) && node.flight.is_some())
    }

    /// The context of a call with this access.
    pub(crate) fn context(&self, access: Access) -> Option<Arc<Node<A>>> {
        // Without a context, a call has this access only inside a load.
        let enclosing = || if access.fresh_only { self.enclosing_load() } else { None };
        self.node().cloned().or_else(enclosing)
    }

    /// The slot of the load that makes the call, if it needs one.
    pub(crate) fn enclosing_slot(&self) -> Option<Arc<LoadSlot>> {
        self.context(self.access())?.slot.clone()
    }
}
