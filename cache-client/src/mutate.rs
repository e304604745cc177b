//! Mutations: changes outside the program, and in the cache with them. Each runs once, in a task of its own.

pub(crate) mod changes;
pub(crate) mod order;
pub(crate) mod running;
pub(crate) mod scope;
mod settling;

use std::any::{TypeId, type_name};
use std::fmt::{Debug, Display};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
use crate::mutate::settling::Settling;
use crate::panic::{catch_panic, panic_message};
use crate::telemetry::{self, WithCauses};
use crate::token::Token;

/// A change outside the program, and what it means for the cache.
///
/// Mutations that overlap may be answered in a different order than they began. An older answer may then replace a
/// newer one, and the client cannot tell which change the server has made last. So a key that both have written is
/// marked and loaded, as by an invalidation, so that the state of the server is shown. The same is done for a key that
/// the newer mutation has invalidated before the older one's answer is written. The key is marked once, when all
/// mutations that were running and may write it have ended: those of the types that have written it, and those that
/// [show](Self::optimistic) a change of it. Answers in order cause neither mark nor load. Until the load has ended,
/// reads see the older answer; a [`scope`](Self::scope) avoids that.
///
/// A change without a mutation counts as one that begins with the call: [`Client::change`], [`Client::invalidate`] and
/// its variants, and each [pushed value](Client::ingest). So the answer of a mutation that is already running does not
/// hide it, even if the server pushes the change of that same mutation. Stored loads, and direct changes to the
/// [store](Client::cache), are not compared.
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
/// # registry! { pub struct CacheRegistry { GetTitle, GetFeed } }
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
    message = "`{Self}` is not a mutation of `{A}`",
    label = "no `Mutate<{A}>` implementation",
    note = "add `impl Mutate<{A}> for {Self}` with `run` and `apply`"
)]
pub trait Mutate<A: App>: Clone + Send + Sync + 'static {
    /// The answer of the server.
    type Output: Send + Sync + 'static;

    /// Why the mutation can fail.
    type Error: Display + Send + Sync + 'static;

    /// How often the mutation may be retried if its error is [retryable](Self::is_retryable). The default is never,
    /// since the caller cannot know whether a failed attempt has taken effect.
    const RETRIES: u32 = 0;

    /// Makes the change.
    ///
    /// `cx` is a child of the caller's context with a memo of its own. It is neither cancelled with the caller nor
    /// bound by its deadline. Its queries return neither stale values nor optimistic layers.
    fn run(&self, cx: &Context<A>) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;

    /// Says what the answer writes to the cache, and what it invalidates. Both are one commit, for which the
    /// `before_commit` hooks run.
    ///
    /// Must be pure: it runs again if another commit has changed what it has read.
    fn apply(&self, output: &Self::Output, changes: &mut Changes<A>);

    /// Says what to show until there is an answer. The default is nothing. The layer is removed in the same step that
    /// commits the answer, or when the mutation has failed.
    fn optimistic(&self, _layer: &mut LayerEdit<A>) {}

    /// Returns the scope in which the mutation runs. Mutations of the same scope run one after another, in the order of
    /// the calls; each begins when all before it have ended or failed. Their [layers](Self::optimistic) are shown at
    /// once. The default is none: the mutation runs at once.
    ///
    /// A scope is for mutations that build on each other, such as those of one shopping cart: their answers arrive in
    /// the order of the calls. A mutation that waits for another of its own scope inside [`run`](Self::run) is a
    /// [`Cycle`](MutateError::Cycle).
    fn scope(&self) -> Option<Scope> {
        None
    }

    /// Returns whether the mutation may be retried after this error, as often as [`RETRIES`](Self::RETRIES) says and
    /// with the default delays of [queries](crate::Fetch::is_retryable). The default is `false` for all errors.
    fn is_retryable(_error: &Self::Error) -> bool {
        false
    }

    /// Returns whether an error is expected, such as "not found". It is reported at level `DEBUG` instead of `WARN`
    /// (see [`telemetry`](crate::telemetry)). The default is `false` for all errors.
    fn is_expected(_error: &Self::Error) -> bool {
        false
    }

    /// Returns how long to wait before the next attempt, if the error says so.
    fn retry_after(_error: &Self::Error) -> Option<Duration> {
        None
    }
}

/// Why a mutation has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MutateError<E> {
    /// The mutation failed. The cache is unchanged.
    #[error("the mutation `{mutation}` failed")]
    Failed {
        /// Type of the mutation.
        mutation: &'static str,
        /// What `run` returned.
        source: E,
    },
    /// The mutation panicked. The cache is unchanged.
    #[error("the mutation `{mutation}` panicked: {message}")]
    Panicked {
        /// Type of the mutation.
        mutation: &'static str,
        /// The message of the panic, if it was text.
        message: Arc<str>,
    },
    /// The mutation waits for another mutation of its scope, which waits for this one. It has not run.
    #[error("the mutation `{mutation}` waits for another mutation of its scope, which waits for it")]
    Cycle {
        /// Type of the mutation.
        mutation: &'static str,
    },
    /// The request was cancelled, or its deadline has passed. If its future had been polled, the mutation continues,
    /// even if it still waits in its scope, and its answer is committed. If the request had already ended, the mutation
    /// has not run.
    #[error(
        "the request for the mutation `{mutation}` was interrupted; if the mutation has begun, it continues"
    )]
    Interrupted {
        /// Type of the mutation.
        mutation: &'static str,
    },
    /// The mutation has run, but its answer was not stored. The keys that it would have changed are marked, so that the
    /// next read loads them.
    #[error("the mutation `{mutation}` has run, but its answer was not stored")]
    Refused {
        /// Type of the mutation.
        mutation: &'static str,
        /// Why the commit failed.
        source: CommitError,
    },
}

impl<E> MutateError<E> {
    /// Returns whether the request has ended, so that the outcome of the mutation is unknown.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Interrupted { .. })
    }
}

/// The answer of a mutation, and whether other machines know of it. Returned by [`Client::mutate_and_report`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mutated<T> {
    /// The answer of the server.
    pub output: T,
    /// Whether other machines are told later, since the [shared tier](crate::shared) has not acknowledged in time what the
    /// mutation changes. Until then they may show what was there before.
    pub is_queued: bool,
}

/// The outcome of a mutation.
type MutationResult<A, M> = Result<<M as Mutate<A>>::Output, MutateError<<M as Mutate<A>>::Error>>;

impl<A: App> Client<A> {
    /// Runs a mutation, and applies its answer to the cache.
    ///
    /// Nothing happens before the future is polled.
    ///
    /// # Errors
    /// - [`MutateError::Failed`], [`MutateError::Panicked`]: the cache is unchanged.
    /// - [`MutateError::Refused`]: a `before_commit` hook refused the commit, or it conflicted with others too often.
    /// - [`MutateError::Cycle`]: the mutation waits for another one of its [scope](Mutate::scope), which waits for it.
    ///   It has not run.
    /// - [`MutateError::Interrupted`]: the runtime of the call has ended.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    ///
    /// # Cancellation
    /// May be dropped at any time. Once polled, the mutation continues, even if it still waits in its scope.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// // `Rename` calls the server and writes its answer to the cache.
    /// client.mutate(&Rename { id: 1, title: "Uno" }).await?;
    /// assert_eq!(*client.query(&GetTitle { id: 1 }).await?, "Uno");
    /// assert_eq!(client.app().loads(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn mutate<'a, M: Mutate<A>>(
        &'a self,
        mutation: &'a M,
    ) -> impl Future<Output = Result<M::Output, MutateError<M::Error>>> + Send + 'a {
        mutate(self, None, mutation, None, None)
    }

    /// Runs a mutation, as [`mutate`](Self::mutate) does, and says whether other machines know of it. Use it where a
    /// program has to tell its user that a change is not visible everywhere yet.
    ///
    /// A client with a [shared tier](crate::shared) tells the others what a mutation changes before it is shown here, and
    /// waits for that at most as long as a [request](crate::shared::SharedTierBuilder::limit) may take.
    ///
    /// # Errors
    /// As [`mutate`](Self::mutate), as are panics and cancellation.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let mutated = client.mutate_and_report(&Rename { id: 1, title: "Uno" }).await?;
    /// assert!(!mutated.is_queued, "the client shares nothing");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn mutate_and_report<M: Mutate<A>>(
        &self,
        mutation: &M,
    ) -> Result<Mutated<M::Output>, MutateError<M::Error>> {
        let is_queued = Arc::new(AtomicBool::new(false));
        let output = mutate(self, None, mutation, None, Some(Arc::clone(&is_queued))).await?;
        Ok(Mutated { output, is_queued: is_queued.load(Ordering::Acquire) })
    }

    /// Runs a mutation, as [`mutate`](Self::mutate) does, and waits until each observed key that it has marked or
    /// written shows the outcome: until a marked key has been loaded again, or has failed to load. Use it for a form
    /// that stays busy until the list behind it is up to date. While the client is [offline](crate::Client::set_online),
    /// the loads wait, and so does this call.
    ///
    /// The mutation itself ends before that: the next one of its [scope](Mutate::scope) does not wait for the loads.
    ///
    /// # Errors
    /// As [`mutate`](Self::mutate). Only the observers show errors of the loads.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    ///
    /// # Cancellation
    /// May be dropped at any time. Once polled, the mutation and the loads continue.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[derive(Clone)]
    /// # struct Retitle;
    /// impl Mutate<Blog> for Retitle {
    ///     # type Output = ();
    ///     # type Error = io::Error;
    ///     # async fn run(&self, cx: &Context<Blog>) -> Result<(), io::Error> { cx.app().rename(1, "Uno"); Ok(()) }
    ///     fn apply(&self, _: &(), changes: &mut Changes<Blog>) {
    ///         changes.invalidate(&GetTitle { id: 1 });
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let observer = client.observe(&GetTitle { id: 1 });
    /// client.mutate_and_settle(&Retitle).await?;
    /// assert_eq!(observer.state().value().map(|title| title.as_str()), Some("Uno"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn mutate_and_settle<'a, M: Mutate<A>>(
        &'a self,
        mutation: &'a M,
    ) -> impl Future<Output = Result<M::Output, MutateError<M::Error>>> + Send + 'a {
        mutate_and_settle(self, None, mutation)
    }
}

impl<A: App> Context<A> {
    /// Runs a mutation, and applies its answer to the cache. This request forgets its answers to all keys that are
    /// written or marked, so that later queries get new ones.
    ///
    /// If the request bypasses the cache or has answers of its own, nothing is written, and no layer is shown. Keys
    /// that would be written are marked instead, since they are out of date for all callers.
    ///
    /// # Errors
    /// Same as [`Client::mutate`], and [`MutateError::Interrupted`] if the request is cancelled or its deadline passes.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    ///
    /// # Cancellation
    /// May be dropped at any time. Once polled, the mutation continues, even if it still waits in its scope.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let cx = client.request("PUT /posts/1");
    /// assert_eq!(*cx.query(&GetTitle { id: 1 }).await?, "One");
    /// cx.mutate(&Rename { id: 1, title: "Uno" }).await?;
    /// assert_eq!(*cx.query(&GetTitle { id: 1 }).await?, "Uno");
    /// # Ok(())
    /// # }
    /// ```
    pub fn mutate<'a, M: Mutate<A>>(
        &'a self,
        mutation: &'a M,
    ) -> impl Future<Output = Result<M::Output, MutateError<M::Error>>> + Send + 'a {
        mutate(self.client(), Some(&self.0), mutation, None, None)
    }

    /// Runs a mutation, as [`mutate`](Self::mutate) does, and waits for the loads of the observed keys that it has
    /// marked or written, as [`Client::mutate_and_settle`] does, at most until the request is cancelled or its deadline
    /// passes.
    ///
    /// # Errors
    /// As [`mutate`](Self::mutate). Only the observers show errors of the loads.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    ///
    /// # Cancellation
    /// May be dropped at any time. Once polled, the mutation and the loads continue.
    pub fn mutate_and_settle<'a, M: Mutate<A>>(
        &'a self,
        mutation: &'a M,
    ) -> impl Future<Output = Result<M::Output, MutateError<M::Error>>> + Send + 'a {
        mutate_and_settle(self.client(), Some(&self.0), mutation)
    }
}

async fn mutate_and_settle<A: App, M: Mutate<A>>(
    client: &Client<A>,
    parent: Option<&Arc<Node<A>>>,
    mutation: &M,
) -> MutationResult<A, M> {
    let settling = Arc::new(Settling::default());
    let outcome = mutate(client, parent, mutation, Some(Arc::clone(&settling)), None).await;
    settling.settled(client, parent).await;
    outcome
}

async fn mutate<A: App, M: Mutate<A>>(
    client: &Client<A>,
    parent: Option<&Arc<Node<A>>>,
    mutation: &M,
    settling: Option<Arc<Settling>>,
    is_queued: Option<Arc<AtomicBool>>,
) -> MutationResult<A, M> {
    let interrupted = MutateError::Interrupted { mutation: type_name::<M>() };
    if parent.is_some_and(|node| node.has_ended()) {
        return Err(interrupted);
    }
    let (answer, answered) = oneshot::channel();
    let run = catch_unwind(AssertUnwindSafe(|| MutationTask::new(client, parent, mutation.clone())))
        .map(|task| MutationTask { settling, is_queued, ..task })
        .map_err(|panic| {
            let message = panic_message(panic.as_ref());
            telemetry::mutation(type_name::<M>(), "panicked", Some(&message), false);
            MutateError::Panicked { mutation: type_name::<M>(), message }
        })?;
    // A mutation that waits for the load that waits for it is a cycle, whether or not the load has used its context.
    let caller = match parent {
        Some(node) => Some(Arc::clone(node)),
        None => context::current::<A>().filter(|node| node.client.is(client)),
    };
    let (flight, slot) = caller.map(|node| (node.flight, node.slot.clone())).unwrap_or_default();
    let _waits =
        flight.zip(run.node.flight).and_then(|(from, to)| WaitEdge::begin(client.wait_graph(), from, to));
    Handle::current().spawn(async move {
        let outcome = run.run().await;
        report::<A, M>(&outcome);
        // The caller may have left.
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

fn report<A: App, M: Mutate<A>>(outcome: &MutationResult<A, M>) {
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

/// The name of the outcome in telemetry.
fn outcome_of<T, E>(outcome: &Result<T, MutateError<E>>) -> &'static str {
    match outcome {
        Ok(_) => "done",
        Err(MutateError::Failed { .. } | MutateError::Cycle { .. }) => "failed",
        Err(MutateError::Panicked { .. }) => "panicked",
        Err(MutateError::Interrupted { .. }) => "interrupted",
        Err(MutateError::Refused { .. }) => "refused",
    }
}

/// One mutation, from its call to its end.
struct MutationTask<A: App, M: Mutate<A>> {
    mutation: M,
    node: Arc<Node<A>>,
    /// The tree of the request, which forgets the changed keys.
    request_tree: Option<Arc<Tree>>,
    /// Whether the request bypasses the cache, or has answers of its own.
    is_private: bool,
    /// The layer that is shown meanwhile.
    layer: Option<Layer<A>>,
    /// Orders the mutation among others. Dropped before the next one of its scope begins. `None` before it runs.
    begun: Option<RunningMutation<A>>,
    /// Its place in its scope.
    place: Option<ScopePlace>,
    /// The loads that the caller waits for afterwards, if any.
    settling: Option<Arc<Settling>>,
    /// Set if other machines are told later.
    is_queued: Option<Arc<AtomicBool>>,
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
        let request_tree = parent.map(|parent| Arc::clone(parent.tree()));
        let place = mutation.scope().map(|scope| client.scopes().enter(scope, id));
        Self {
            mutation,
            node,
            request_tree,
            is_private,
            layer,
            begun: None,
            place,
            settling: None,
            is_queued: None,
        }
    }

    async fn run(mut self) -> MutationResult<A, M> {
        let name = type_name::<M>();
        if !self.wait_in_scope().await {
            return Err(MutateError::Cycle { mutation: name });
        }
        let keys = self.layer.as_ref().map(Layer::keys).unwrap_or_default();
        // Other mutations do not wait for one that writes nothing.
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

    /// Waits for the earlier mutations of its scope. Returns `false` if one of them waits for this mutation, which then
    /// must not run.
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
            tree: self.request_tree.as_deref(),
            label: Some(type_name::<M>()),
            layer: self.layer.as_ref().map(Layer::off_flag),
            begun: self.begun.as_ref(),
            settling: self.settling.as_deref(),
            is_queued: self.is_queued.as_deref(),
        };
        let apply = |changes: &mut Changes<A>| self.mutation.apply(output, changes);
        if self.is_private {
            commit.mark(apply).await;
            return Ok(());
        }
        match commit.run(apply).await {
            Ok(_) => Ok(()),
            Err(error) => {
                commit.mark(apply).await;
                Err(error)
            }
        }
    }
}
