//! Mutations: what changes something outside, and the cache with it. MutationTask once, in a task of their own.

pub(crate) mod changes;
pub(crate) mod order;
pub(crate) mod running;
pub(crate) mod scope;

use std::any::{TypeId, type_name};
use std::fmt::{Debug, Display};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use cache_core::CommitError;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::app::App;
use crate::client::Client;
use crate::concurrency::while_lent;
use crate::context::{self, Context, ContextName, Node, Tree, scoped};
use crate::flight::backoff::{RetryBackoff, RetryPolicy};
use crate::flight::wait_graph::WaitEdge;
use crate::layer::{Layer, LayerEdit};
use crate::mutate::changes::{Changes, Commit};
use crate::mutate::running::RunningMutation;
use crate::mutate::scope::{Scope, ScopePlace};
use crate::panic::{catch_panic, panic_message};
use crate::telemetry::{self, WithCauses};
use crate::token::Token;

/// Something that is changed outside, and what that means for the cache.
///
/// Mutations that run at the same time may be answered in another order than they began in. An older answer then takes the
/// place of a younger one, and nobody can tell which of them the server did last. So a key that both have written is
/// marked and loaded, as by an invalidation: what the server has counts. So is a key that the younger one has marked, by
/// whichever invalidation, before the older one's answer is written. That happens once, when those have ended that
/// were running by then and may write the key too: mutations of the types that have written it, and those that
/// [show](Self::optimistic) a change of it. Answers in order cause neither mark nor load. Until the load has ended, the
/// older answer is what is read; a [`scope`](Self::scope) avoids that.
///
/// What the client changes without a mutation counts as one that begins with the call: [`Client::change`],
/// [`Client::invalidate`] and its like, and each [pushed value](Client::ingest). So the answer of a mutation that was
/// running by then does not hide it, though the server may push what that mutation has done itself. What loads store, and
/// what the program does to the [store](Client::cache) itself, is not compared.
///
/// ```
/// # use cache_client::{App, Changes, Client, Context, Fetch, LayerEdit, Mutate, TokioClock};
/// # use cache_core::{Cache, Query, registry};
/// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// # #[query(value = String, capacity = 1_000, fresh = "30s")]
/// # pub struct GetTitle { pub id: u64 }
/// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
/// # #[query(value = Vec<u64>, capacity = 1_000, fresh = "30s", tags("feed"))]
/// # pub struct GetFeed { pub page: u64 }
/// # registry! { pub struct CacheRegistry { crate::GetTitle, crate::GetFeed } }
/// # struct Blog;
/// # impl App for Blog { type Registry = CacheRegistry; }
/// # impl Blog { async fn rename(&self, _: u64, title: &str) -> Result<String, std::io::Error> { Ok(title.trim().to_owned()) } }
/// # impl Fetch<Blog> for GetTitle {
/// #     type Error = std::io::Error;
/// #     async fn fetch(&self, _: &Context<Blog>) -> Result<String, std::io::Error> { Ok("Notes".to_owned()) }
/// # }
/// #[derive(Clone)]
/// struct Rename { id: u64, title: String }
///
/// impl Mutate<Blog> for Rename {
///     type Output = String;
///     type Error = std::io::Error;
///
///     async fn run(&self, cx: &Context<Blog>) -> Result<String, std::io::Error> {
///         cx.app().rename(self.id, &self.title).await
///     }
///
///     fn apply(&self, title: &String, changes: &mut Changes<Blog>) {
///         changes.set(GetTitle { id: self.id }, title.clone());
///         changes.invalidate_tag("feed");
///     }
///
///     fn optimistic(&self, layer: &mut LayerEdit<Blog>) {
///         let title = self.title.clone();
///         layer.update(&GetTitle { id: self.id }, move |_| Some(title.clone()));
///     }
/// }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
/// # let client = Client::builder(cache, Blog).build();
///
/// let title = client.mutate(&Rename { id: 7, title: "  Seven".to_owned() }).await?;
/// assert_eq!(title, "Seven");
/// assert_eq!(*client.query(&GetTitle { id: 7 }).await?, "Seven");
/// # Ok(())
/// # })
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no mutation of `{A}`",
    label = "no `Mutate<{A}>` implementation",
    note = "add `impl Mutate<{A}> for {Self}` with `run` and `apply`"
)]
pub trait Mutate<A: App>: Clone + Send + Sync + 'static {
    /// What the server answers.
    type Output: Send + Sync + 'static;

    /// Why it can fail.
    type Error: Display + Send + Sync + 'static;

    /// How often it may be tried again where its error [may pass](Self::is_retryable). Never, unless it says so: who
    /// does not know whether it has happened had better not do it twice.
    const RETRIES: u32 = 0;

    /// Changes what is outside.
    ///
    /// `cx` is a context below that of the caller, but neither cancelled with it nor bound by its deadline, and with a
    /// memo of its own. What it asks is answered with nothing stale, and not with what is shown before it is true.
    fn run(&self, cx: &Context<A>) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;

    /// Says what the answer writes to the cache, and what is to be loaded again because of it. Both are one commit, asked
    /// of the `before_commit` hooks.
    ///
    /// Must be pure: it runs again if it has read what another commit has changed meanwhile.
    fn apply(&self, output: &Self::Output, changes: &mut Changes<A>);

    /// Says what is to be shown until there is an answer. By default nothing. It is gone when the answer is committed, in
    /// one step, or the mutation has failed.
    fn optimistic(&self, _layer: &mut LayerEdit<A>) {}

    /// The scope that the mutation runs in: those of one scope run one after another, in the order of the calls, each when
    /// all before it have ended, however they did. What they [expect](Self::optimistic) is shown at once. By default none:
    /// it runs at once.
    ///
    /// A scope is for mutations of which the later builds on the earlier, as those of one cart: their answers arrive in the
    /// order of the calls. One that waits for another of its own scope inside of [`run`](Self::run) is
    /// a [`Cycle`](MutateError::Cycle).
    fn scope(&self) -> Option<Scope> {
        None
    }

    /// Whether an error may pass, so that the mutation may be tried again, as often as [`RETRIES`](Self::RETRIES) says and
    /// at the default pace of [queries](crate::Fetch::is_retryable). By default none may.
    fn is_retryable(_error: &Self::Error) -> bool {
        false
    }

    /// Whether an error is nothing to look into, as that there is no such thing. It is told at the level `DEBUG` in place
    /// of `WARN` (see [`telemetry`](crate::telemetry)). By default none is.
    fn is_expected(_error: &Self::Error) -> bool {
        false
    }

    /// How long to wait before the next attempt, where the error says so.
    fn retry_after(_error: &Self::Error) -> Option<Duration> {
        None
    }
}

/// Why a mutation has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MutateError<E> {
    /// It failed. Nothing is changed in the cache.
    #[error("the mutation `{mutation}` failed")]
    Failed {
        /// Type of the mutation.
        mutation: &'static str,
        /// What `run` returned.
        source: E,
    },
    /// It panicked; nothing is changed in the cache.
    #[error("the mutation `{mutation}` panicked: {message}")]
    Panicked {
        /// Type of the mutation.
        mutation: &'static str,
        /// What it panicked with, if that was a text.
        message: Arc<str>,
    },
    /// It waits for a mutation of its scope that waits for it. It is not run.
    #[error("the mutation `{mutation}` waits for one of its scope that waits for it")]
    Cycle {
        /// Type of the mutation.
        mutation: &'static str,
    },
    /// The request was cancelled, or its deadline passed. Once its future was polled the mutation goes on, also one that
    /// still waits for its turn in its scope, and its answer is committed. If the request had ended before, it is not run.
    #[error(
        "the request for the mutation `{mutation}` was interrupted; if the mutation was under way, it goes on"
    )]
    Interrupted {
        /// Type of the mutation.
        mutation: &'static str,
    },
    /// It has been run, and its answer was not let into the cache. What it would have changed there is marked, so that
    /// it is loaded when it is read.
    #[error("the mutation `{mutation}` was run, but its answer was not stored")]
    Refused {
        /// Type of the mutation.
        mutation: &'static str,
        /// Why the commit failed.
        source: CommitError,
    },
}

impl<E> MutateError<E> {
    /// Whether the request has ended, so that it is not known here what the mutation comes to.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Interrupted { .. })
    }
}

/// What a mutation comes to.
type MutationResult<A, M> = Result<<M as Mutate<A>>::Output, MutateError<<M as Mutate<A>>::Error>>;

impl<A: App> Client<A> {
    /// Runs a mutation, and changes the cache by its answer.
    ///
    /// Nothing happens before the future is polled.
    ///
    /// # Errors
    /// - [`MutateError::Failed`], [`MutateError::Panicked`]: nothing is changed in the cache.
    /// - [`MutateError::Refused`]: a `before_commit` hook said no, or it has conflicted with others too often.
    /// - [`MutateError::Cycle`]: it waits for a mutation of its [scope](Mutate::scope) that waits for it. It is not run.
    /// - [`MutateError::Interrupted`]: the runtime that it was called in has ended.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    ///
    /// # Cancellation
    /// May be dropped at any time. Once it was polled the mutation goes on, also if it still waits for its turn in its scope.
    pub fn mutate<'a, M: Mutate<A>>(
        &'a self,
        mutation: &'a M,
    ) -> impl Future<Output = Result<M::Output, MutateError<M::Error>>> + Send + 'a {
        mutate(self, None, mutation)
    }
}

impl<A: App> Context<A> {
    /// Runs a mutation, and changes the cache by its answer. What this request was told of the keys that are written or
    /// marked is forgotten, so that it is asked again.
    ///
    /// Where the request is kept from the cache or has answers of its own, nothing is written or shown before it is true;
    /// what would be written is marked, since it is out of date whoever has asked.
    ///
    /// # Errors
    /// As [`Client::mutate`], [`MutateError::Cycle`] too; and [`MutateError::Interrupted`] if the request is cancelled or its
    /// deadline passes.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    ///
    /// # Cancellation
    /// May be dropped at any time. Once it was polled the mutation goes on, also if it still waits for its turn in its scope.
    pub fn mutate<'a, M: Mutate<A>>(
        &'a self,
        mutation: &'a M,
    ) -> impl Future<Output = Result<M::Output, MutateError<M::Error>>> + Send + 'a {
        mutate(self.client(), Some(&self.0), mutation)
    }
}

async fn mutate<A: App, M: Mutate<A>>(
    client: &Client<A>,
    parent: Option<&Arc<Node<A>>>,
    mutation: &M,
) -> MutationResult<A, M> {
    let interrupted = MutateError::Interrupted { mutation: type_name::<M>() };
    if parent.is_some_and(|node| node.has_ended()) {
        return Err(interrupted);
    }
    let (answer, answered) = oneshot::channel();
    let run = catch_unwind(AssertUnwindSafe(|| MutationTask::new(client, parent, mutation.clone())))
        .map_err(|panic| {
            let message = panic_message(panic.as_ref());
            telemetry::mutation(type_name::<M>(), "panicked", Some(&message), false);
            MutateError::Panicked { mutation: type_name::<M>(), message }
        })?;
    // A mutation that waits for the load that waits for it is a cycle, whether or not the load has used its context.
    let asks = match parent {
        Some(node) => Some(Arc::clone(node)),
        None => context::current::<A>().filter(|node| node.client.is(client)),
    };
    let (flight, slot) = asks.map(|node| (node.flight, node.slot.clone())).unwrap_or_default();
    let _waits =
        flight.zip(run.node.flight).and_then(|(from, to)| WaitEdge::begin(client.wait_graph(), from, to));
    Handle::current().spawn(async move {
        let outcome = run.run().await;
        tell::<A, M>(&outcome);
        // Who asked may be gone.
        let _ = answer.send(outcome);
    });
    let cancelled = async {
        match parent {
            Some(node) => node.ended().await,
            None => std::future::pending().await,
        }
    };
    let answer = async {
        tokio::select! {
            biased;
            answer = answered => answer.unwrap_or(Err(interrupted)),
            () = cancelled => Err(interrupted),
        }
    };
    while_lent(slot, answer).await
}

fn tell<A: App, M: Mutate<A>>(outcome: &MutationResult<A, M>) {
    let with_causes;
    let (error, is_expected): (Option<&dyn Display>, _) = match outcome {
        Ok(_) => (None, false),
        Err(MutateError::Failed { source, .. }) => {
            let is_expected = catch_unwind(AssertUnwindSafe(|| M::is_expected(source))).unwrap_or(false);
            (Some(source), is_expected)
        }
        Err(MutateError::Refused { source, .. }) => {
            with_causes = WithCauses(source);
            (Some(&with_causes), false)
        }
        Err(MutateError::Panicked { message, .. }) => (Some(message), false),
        Err(error @ (MutateError::Interrupted { .. } | MutateError::Cycle { .. })) => (Some(error), false),
    };
    telemetry::mutation(type_name::<M>(), outcome_of(outcome), error, is_expected);
}

/// As it is told.
fn outcome_of<T, E>(outcome: &Result<T, MutateError<E>>) -> &'static str {
    match outcome {
        Ok(_) => "done",
        Err(MutateError::Failed { .. } | MutateError::Cycle { .. }) => "failed",
        Err(MutateError::Panicked { .. }) => "panicked",
        Err(MutateError::Interrupted { .. }) => "interrupted",
        Err(MutateError::Refused { .. }) => "refused",
    }
}

/// One mutation on its way.
struct MutationTask<A: App, M: Mutate<A>> {
    mutation: M,
    node: Arc<Node<A>>,
    /// The request, which forgets what is changed.
    asked_by: Option<Arc<Tree>>,
    /// Whether the request is kept from the cache.
    is_private: bool,
    /// What is shown meanwhile.
    layer: Option<Layer<A>>,
    /// From when it runs. Ends before others of its scope begin. `None` before its turn.
    begun: Option<RunningMutation<A>>,
    /// Its place in its scope.
    place: Option<ScopePlace>,
}

impl<A: App, M: Mutate<A>> MutationTask<A, M> {
    fn new(client: &Client<A>, parent: Option<&Arc<Node<A>>>, mutation: M) -> Self {
        let (id, token) = (client.next_flight(), Token::default());
        let is_private = parent.is_some_and(|node| node.access().is_private);
        let layer = (!is_private).then(|| client.add_layer(|layer| mutation.optimistic(layer)));
        let node = match parent {
            Some(parent) => Node::of_mutation(parent, token, id),
            None => Node::root(client.clone(), ContextName::Query(type_name::<M>()), token, Some(id)),
        };
        let asked_by = parent.map(|parent| Arc::clone(parent.tree()));
        let place = mutation.scope().map(|scope| client.scopes().enter(scope, id));
        Self { mutation, node, asked_by, is_private, layer, begun: None, place }
    }

    async fn run(mut self) -> MutationResult<A, M> {
        let name = type_name::<M>();
        if !self.wait_in_scope().await {
            return Err(MutateError::Cycle { mutation: name });
        }
        let keys = self.layer.as_ref().map(Layer::keys).unwrap_or_default();
        // One that writes nothing is waited for by nobody.
        let kind = (!self.is_private).then(TypeId::of::<M>);
        self.begun = Some(RunningMutation::new(&self.node.client, kind, keys));
        let panicked = |message| MutateError::Panicked { mutation: name, message };
        let output = catch_panic(self.attempts()).await.map_err(panicked)?;
        let output = output.map_err(|source| MutateError::Failed { mutation: name, source })?;
        match catch_panic(self.commit(&output)).await.map_err(panicked)? {
            Ok(()) => Ok(output),
            Err(source) => Err(MutateError::Refused { mutation: name, source }),
        }
    }

    /// Returns whether it may run: not if those before it in its scope wait for it.
    async fn wait_in_scope(&mut self) -> bool {
        let (Some(place), Some(flight)) = (&mut self.place, self.node.flight) else { return true };
        while let Some(before) = place.waits_for() {
            let Some(_waiting) = WaitEdge::begin(self.node.client.wait_graph(), flight, before) else {
                return false;
            };
            place.move_up().await;
        }
        true
    }

    async fn attempts(&self) -> Result<M::Output, M::Error> {
        let begun = Instant::now();
        let mut backoff = RetryBackoff::new(M::RETRIES);
        let cx = Context(Arc::clone(&self.node));
        loop {
            let error = match scoped(Arc::clone(&self.node), self.mutation.run(&cx)).await {
                Ok(output) => return Ok(output),
                Err(error) if M::is_retryable(&error) => error,
                Err(error) => return Err(error),
            };
            let policy = &RetryPolicy::DEFAULT;
            let wait = backoff.next(policy, begun.elapsed(), M::retry_after(&error), fastrand::f64());
            let Some(wait) = wait else { return Err(error) };
            tokio::time::sleep(wait).await;
        }
    }

    async fn commit(&self, output: &M::Output) -> Result<(), CommitError> {
        let commit = Commit {
            client: &self.node.client,
            tree: self.asked_by.as_deref(),
            label: Some(type_name::<M>()),
            layer: self.layer.as_ref().map(Layer::off_flag),
            begun: self.begun.as_ref(),
        };
        let apply = |changes: &mut Changes<A>| self.mutation.apply(output, changes);
        if self.is_private {
            commit.mark(apply);
            return Ok(());
        }
        match commit.run(apply).await {
            Ok(_) => Ok(()),
            Err(error) => {
                commit.mark(apply);
                Err(error)
            }
        }
    }
}
