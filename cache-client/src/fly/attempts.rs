//! The loads of one flight, one after the other: until one has an answer, or an error that is final. Stores nothing.

use std::sync::Arc;
use std::time::Duration;

use cache_core::{Holds, Moment};
use tokio::time::Instant;

use super::{Trip, caught};
use crate::app::{App, Fetch};
use crate::context::{Context, Node, scoped};
use crate::retry::Patience;

/// One load of a flight.
pub(super) struct Attempt<V, E> {
    /// From here on its answer ages.
    pub(super) started: Moment,
    pub(super) took: Duration,
    pub(super) ended: Ended<V, E>,
}

/// How the code of a load has ended.
pub(super) enum Ended<V, E> {
    Answered(V),
    Failed(E, Advice),
    /// With the text of its panic.
    Panicked(Arc<str>),
}

/// What the query says to an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    GiveUp,
    /// After this time, if one is given.
    TryAgain(Option<Duration>),
}

impl<A: App, Q: Fetch<A>> Trip<A, Q>
where
    A::Registry: Holds<Q>,
{
    pub(super) async fn attempts(&self) -> Attempt<Q::Value, Q::Error> {
        let begun = Instant::now();
        let mut patience = Patience::new(self.plan.retries);
        let mut attempt = self.attempt(&self.node, self.flight.started).await;
        while let Ended::Failed(_, Advice::TryAgain(asked)) = attempt.ended
            && let Some(wait) = patience.next(begun.elapsed(), asked, fastrand::f64())
        {
            tokio::time::sleep(wait).await;
            attempt = self.attempt(&self.node_for_retry(), self.node.client.cache().now()).await;
        }
        attempt
    }

    /// A load that is shared begins anew: what it asked before may be older than the answer is to be.
    fn node_for_retry(&self) -> Arc<Node<A>> {
        let (client, token) = (self.node.client.clone(), self.flight.token.clone());
        match self.flight.watch {
            Some(_) => Node::root(client, Q::NAME.into(), token, Some(self.flight.id)),
            None => Arc::clone(&self.node),
        }
    }

    async fn attempt(&self, node: &Arc<Node<A>>, started: Moment) -> Attempt<Q::Value, Q::Error> {
        let cx = Context(Arc::clone(node));
        let begun = Instant::now();
        let load = scoped(Arc::clone(node), async {
            match self.flight.key.fetch(&cx).await {
                Ok(value) => Ended::Answered(value),
                Err(error) => {
                    let advice = advice::<A, Q>(&error);
                    Ended::Failed(error, advice)
                }
            }
        });
        let ended = caught(load).await.unwrap_or_else(Ended::Panicked);
        Attempt { started, took: begun.elapsed(), ended }
    }
}

fn advice<A: App, Q: Fetch<A>>(error: &Q::Error) -> Advice {
    match Q::is_retryable(error) {
        true => Advice::TryAgain(Q::retry_after(error)),
        false => Advice::GiveUp,
    }
}
