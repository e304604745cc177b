//! Observers: the public type, and the switch from one query to another. Loads nothing itself.

mod channel;
pub(crate) mod registry;
mod requests;
mod snapshot;
pub(crate) mod state;
mod subscription;
mod task;

use std::fmt::{self, Debug};
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use cache_core::client_support::{AnyKey, ShownKey};
use cache_core::{Holds, LoadingOptions};
use futures_core::Stream;
use tokio::runtime::{self, Handle};

use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::concurrency::while_lent;
use crate::context::Access;
use crate::erased::{AnyValue, typed_key};
use crate::error::OptionsError;
use crate::fetch::Fetch;
use crate::observer::registry::ObservedKey;
use crate::observer::snapshot::ShownAt;
use crate::observer::state::{AnyState, State};
use crate::observer::subscription::Subscription;
use crate::observer::task::ObserverTask;
use crate::plan::Plan;
use crate::query::caller::Caller;
use crate::runtime::TaskRuntime;
use crate::sync::Mutex;

/// Shows the current state of a query and each change to it: a stream of [`State`]s.
///
/// A new state appears when another value is committed, when optimistic layers change the value, when a load fails, and
/// when a flag changes. A refresh that finds an equal value of a query with `#[query(eq)]` does not count as a change.
/// A slow reader gets the newest state, and skips the ones in between. The stream does not end while there is a
/// [runtime](crate::guide::runtimes) for its task.
///
/// An observed key is pinned: its value stays, regardless of the bound and the times of its table. The key is loaded
/// when the observer is created, according to its strategy, and again whenever it is invalidated, removed or cleared.
/// Until there is a new value, the old one is shown if the cache still has it. A value that becomes stale is shown as
/// stale; that alone loads nothing.
///
/// A value of a query that [machines share](crate::shared) is also shown as stale while this machine does not know what
/// the others have changed within the lag of the tier. This is decided when the state is read, and wakes no reader that
/// waits for the next one. Once the machine is told again, what it has missed is marked and loaded.
///
/// With the option `poll`, the key is also loaded when that much time has passed since its last load ended or a new
/// value was written, while the client is [active](Client::set_active) and [online](Client::set_online).
///
/// All observers of a key share its loads, and show each commit. Each observer decides by its own options what is
/// stale. A load uses the strictest options of all observers: the shortest `poll`, the most `retry`. Loaded values are
/// stored with the times of the query. They are not stored if the strategy of every observer is `network-only`, and
/// nothing is loaded if it is `cache-only`: a missing value is then shown as
/// [`NotCached`](crate::QueryError::NotCached). The options of a dropped observer no longer apply. When the last
/// observer is dropped, polling ends, and so does the load if no caller waits for it, unless an option `linger` keeps
/// it.
///
/// A key that is invalidated faster than it loads is still shown: an answer that only invalidations have overtaken is
/// shown as stale. At most two loads of the key run at a time.
#[must_use = "a dropped observer shows nothing, and no longer keeps its key loaded"]
pub struct Observer<A: App, Q: Fetch<A>> {
    any: AnyObserver<A>,
    query: PhantomData<fn() -> Q>,
}

/// An observer of a query of unknown type. What only some observers need is boxed, so that an observer takes few cache
/// lines.
pub(crate) struct AnyObserver<A: App> {
    client: Client<A>,
    /// `None` if they are the default.
    settings: Option<Box<ObserverSettings>>,
    observed: Option<ObservedQuery<A>>,
    /// Why the options of the query are invalid. Nothing is observed then.
    problem: Option<Box<OptionsError>>,
    /// The value of the previous query, until the current one has a value.
    previous: Option<AnyValue>,
    /// Whether a state that does not come from the subscription has not been returned yet.
    has_unseen_state: bool,
    /// The waker of the caller that waits for the next state. A change of the query wakes it.
    waker: Option<Waker>,
    /// Whether the runtime of the key's task is idle, if it may be. Used through `&mut` only, so never locked.
    idle_watch: Mutex<Option<Box<IdleWatch>>>,
    /// The task of the key cannot be idle while a caller on this runtime polls the observer. The number is 0 without such
    /// a task.
    never_idle: RuntimePair,
}

/// The settings of one observer.
#[derive(Default)]
struct ObserverSettings {
    options: LoadingOptions,
    /// Shown while there is no other value.
    placeholder: Option<AnyValue>,
}

/// The observed query.
struct ObservedQuery<A: App> {
    query: Arc<dyn AnyQuery<A>>,
    subscription: Subscription,
}

/// Number of the key's task, and the runtime of the caller, whose timers are used.
type RuntimePair = (u64, Option<runtime::Id>);

/// Watches the runtime of the key's task.
struct IdleWatch {
    of: RuntimePair,
    until_idle: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<A: App> Client<A> {
    /// Observes a query: shows its current state and each change, and loads it if it is missing.
    ///
    /// Costs one task and one pin per observed key.
    ///
    /// # Panics
    /// If neither the client nor the caller has a [runtime](crate::guide::runtimes).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let mut observer = client.observe(&GetTitle { id: 1 });
    /// while let Some(state) = observer.next().await {
    ///     match state {
    ///         State::Ready { value, is_refreshing: false, .. } => {
    ///             assert_eq!(*value, "One");
    ///             break;
    ///         }
    ///         State::Failed { error, .. } => return Err(error.into()),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn observe<Q: Fetch<A>>(&self, query: &Q) -> Observer<A, Q>
    where
        A::Registry: Holds<Q>,
    {
        self.observe_with(query, |options| options)
    }

    /// Observes a query, as [`observe`](Self::observe) does, with options for this observer.
    ///
    /// `change` receives empty options.
    ///
    /// # Panics
    /// If neither the client nor the caller has a [runtime](crate::guide::runtimes).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let observer = client.observe_with(&GetTitle { id: 1 }, |options| options.poll(Duration::from_secs(10)));
    /// tokio::time::sleep(Duration::from_secs(35)).await;
    /// assert_eq!(client.app().loads(), 4, "one at once, and one every ten seconds");
    /// # drop(observer);
    /// # Ok(())
    /// # }
    /// ```
    pub fn observe_with<Q: Fetch<A>>(
        &self,
        query: &Q,
        change: impl FnOnce(LoadingOptions) -> LoadingOptions,
    ) -> Observer<A, Q>
    where
        A::Registry: Holds<Q>,
    {
        let any = AnyObserver::of(self.clone(), change(LoadingOptions::new()), query);
        Observer { any, query: PhantomData }
    }

    /// Creates an observer without a query. It shows [`State::Pending`] and loads nothing until it has one.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let mut observer = client.observer::<GetTitle>();
    /// assert!(observer.state().is_pending());
    /// observer.set_query(Some(&GetTitle { id: 1 }));
    /// assert_eq!(observer.query(), Some(&GetTitle { id: 1 }));
    /// # Ok(())
    /// # }
    /// ```
    pub fn observer<Q: Fetch<A>>(&self) -> Observer<A, Q>
    where
        A::Registry: Holds<Q>,
    {
        Observer { any: AnyObserver::new(self.clone()), query: PhantomData }
    }
}

impl<A: App, Q: Fetch<A>> Observer<A, Q>
where
    A::Registry: Holds<Q>,
{
    /// Switches to another query. With `None`, the observer waits and loads nothing.
    ///
    /// Until the new query has a state to show, the previous query's value is shown, marked as previous. Without a
    /// query, nothing is shown. Setting the same query again has no effect.
    ///
    /// # Panics
    /// If there is a query, and neither the client nor the caller has a [runtime](crate::guide::runtimes).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// let mut observer = client.observe(&GetTitle { id: 1 });
    /// observer.set_query(Some(&GetTitle { id: 2 }));
    ///
    /// // The old title is shown while the new one is loaded.
    /// let state = observer.next().await.unwrap();
    /// assert!(matches!(&state, State::Ready { value, is_previous: true, .. } if **value == "One"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_query(&mut self, query: Option<&Q>) {
        self.any.set_query(query.map(|query| query as &dyn AnyQuery<A>));
    }
}

impl<A: App, Q: Fetch<A>> Observer<A, Q> {
    /// Shows this value while the query has none and is being loaded, as [`State::Ready`] with `is_placeholder`. Only
    /// this observer shows it, for each of its queries, and it is never stored. The value of a previous query takes
    /// precedence.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let mut observer = client.observe(&GetTitle { id: 1 }).with_placeholder("...".to_owned());
    /// let state = observer.next().await.ok_or("no runtime")?;
    /// assert!(matches!(state, State::Ready { value, is_placeholder: true, .. } if *value == "..."));
    /// assert!(client.cached(&GetTitle { id: 1 }).is_none());
    ///
    /// let state = observer.next().await.ok_or("no runtime")?;
    /// assert_eq!(state.value().map(|title| title.as_str()), Some("One"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_placeholder(mut self, value: impl Into<Arc<Q::Value>>) -> Self {
        self.any.settings_mut().placeholder = Some(value.into());
        self
    }

    /// Returns the observed query.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let mut observer = client.observe(&GetTitle { id: 1 });
    /// assert_eq!(observer.query(), Some(&GetTitle { id: 1 }));
    /// observer.set_query(None);
    /// assert_eq!(observer.query(), None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn query(&self) -> Option<&Q> {
        self.any.observed.as_ref().map(|observed| typed_key(&*observed.query))
    }

    /// Returns the current state. [`next`](Self::next) returns it too, unless it already has.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// let observer = client.observe(&GetTitle { id: 1 });
    /// assert!(observer.state().is_pending());
    ///
    /// client.query(&GetTitle { id: 1 }).await?;
    /// assert_eq!(observer.state().value().map(|title| title.as_str()), Some("One"));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn state(&self) -> State<Q::Value, Q::Error> {
        self.any.state().typed()
    }

    /// Waits for a state that this observer has not returned yet. The first is available at once. `None` only if the
    /// runtime of the client has ended, and the caller has no other.
    ///
    /// A load that waits here gives up its place among the loads that [run at once](crate::guide::many), and gets it
    /// back before it gets the state. A load that polls an observer as a `Stream` keeps its place.
    ///
    /// # Cancellation
    /// May be dropped at any time; no state is lost.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = blog_client();
    /// client.query(&GetTitle { id: 1 }).await?;
    /// let mut observer = client.observe(&GetTitle { id: 1 });
    /// assert_eq!(**observer.next().await.unwrap().value().unwrap(), "One");
    ///
    /// client.cache().insert(GetTitle { id: 1 }, "Uno".to_owned());
    /// assert_eq!(**observer.next().await.unwrap().value().unwrap(), "Uno");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<State<Q::Value, Q::Error>> {
        self.any.next().await.map(AnyState::typed)
    }
}

impl<A: App> AnyObserver<A> {
    fn new(client: Client<A>) -> Self {
        Self {
            client,
            settings: None,
            observed: None,
            problem: None,
            previous: None,
            has_unseen_state: true,
            waker: None,
            idle_watch: Mutex::new(None),
            never_idle: (0, None),
        }
    }

    pub(crate) fn set_query(&mut self, query: Option<&dyn AnyQuery<A>>) {
        let present = self.observed.as_ref().map(|observed| &*observed.query);
        let is_same = match (query, present) {
            (Some(query), Some(present)) => query.equals(present),
            (None, None) => self.problem.is_none(),
            _ => false,
        };
        if is_same {
            return;
        }
        self.previous = match self.state() {
            State::Ready { is_placeholder: true, .. } => None,
            state => query.and_then(|_| state.value().cloned()),
        };
        // Dropped once the new subscription exists.
        let _left = self.observed.take();
        self.problem = None;
        self.has_unseen_state = true;
        if let Some(query) = query {
            self.observe(query);
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn observe(&mut self, query: &dyn AnyQuery<A>) {
        let client = &self.client;
        let options = self.settings.as_ref().map(|settings| settings.options);
        let options = options.filter(|options| *options != LoadingOptions::new());
        let plan = match Caller::without_context(client).planned(query, options, Access::PLAIN) {
            Ok(plan) => plan.shared(),
            Err(problem) => {
                self.problem = Some(Box::new(problem));
                return;
            }
        };
        // Before anything is observed, since there may be no runtime.
        let runtime = client.runtime().get();
        // With strategies that use the cache, the cached value is shown.
        let present = if plan.stores() { None } else { query.read(client.cache(), false) };
        let base = present.map(|(_, state)| state.revision);
        let query = query.to_query();
        let key: Arc<dyn AnyKey> = query.clone();
        let query_state = Arc::clone(client.state_of(&*query));
        let subscription = Subscription::take(query_state, &key, (plan, query.facts().name), base);
        let observed = self.observed.insert(ObservedQuery { query, subscription });
        observed.ensure_task(&self.client, None, Some(runtime));
    }

    pub(crate) fn state(&self) -> AnyState {
        match &self.observed {
            Some(observed) => {
                let subscription = &observed.subscription;
                if subscription.observed_key.channel.is_over() {
                    observed.ensure_task(&self.client, None, None);
                }
                let newest = subscription.state(|plan| shown_now(&self.client, plan));
                // Once the new query was shown, the previous value is not shown again.
                let previous = self.previous.as_ref().filter(|_| !subscription.has_shown());
                self.present(previous, newest)
            }
            None => self.idle(),
        }
    }

    async fn next(&mut self) -> Option<AnyState> {
        loop {
            let Some(slot) = Caller::without_context(&self.client).enclosing_slot() else {
                return poll_fn(|cx| self.poll_state(cx)).await;
            };
            // The state is taken when the load has its slot back, so that no state is lost if the load stops waiting.
            Box::pin(while_lent(Some(slot), poll_fn(|cx| self.poll_next_state(false, cx).map(drop)))).await;
            // The state may no longer be available.
            if let Poll::Ready(state) = poll_fn(|cx| Poll::Ready(self.poll_state(cx))).await {
                return state;
            }
        }
    }

    /// Waits for a state, and returns it.
    pub(crate) fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<Option<AnyState>> {
        let Some(state) = ready!(self.poll_next_state(true, cx)) else { return Poll::Ready(None) };
        let Some(ObservedQuery { subscription, .. }) = &self.observed else {
            return Poll::Ready(Some(state));
        };
        let is_pending = state.is_pending();
        if !is_pending || subscription.has_shown() {
            self.previous = None;
        }
        Poll::Ready(Some(if is_pending { self.present(self.previous.as_ref(), state) } else { state }))
    }

    /// Waits for a state that was not returned yet; if the caller `takes` it, it counts as returned. Replaces the key's
    /// task if it has stopped. `None` if there is no runtime for a new task.
    fn poll_next_state(&mut self, takes: bool, cx: &mut Context<'_>) -> Poll<Option<AnyState>> {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
        loop {
            let Some(observed) = &mut self.observed else {
                if !self.has_unseen_state {
                    return Poll::Pending;
                }
                self.has_unseen_state = !takes;
                return Poll::Ready(Some(self.idle()));
            };
            let subscription = &mut observed.subscription;
            let idle = match subscription.poll_newer(takes, |plan| shown_now(&self.client, plan), cx) {
                Poll::Ready(None) => None,
                newer @ Poll::Ready(Some(_)) => return newer,
                Poll::Pending => {
                    let checks = (self.idle_watch.get_mut(), &mut self.never_idle);
                    Some(ready!(poll_idle(&self.client, &subscription.observed_key, checks, cx)))
                }
            };
            if !observed.ensure_task(&self.client, idle, None) {
                return Poll::Ready(None);
            }
        }
    }

    /// An observer of a query, with options of its own.
    pub(crate) fn of(client: Client<A>, options: LoadingOptions, query: &dyn AnyQuery<A>) -> Self {
        let mut observer = Self::new(client);
        if options != LoadingOptions::new() {
            observer.settings_mut().options = options;
        }
        observer.set_query(Some(query));
        observer
    }

    pub(crate) fn observed_query(&self) -> Option<&dyn AnyQuery<A>> {
        self.observed.as_ref().map(|observed| &*observed.query)
    }

    fn settings_mut(&mut self) -> &mut ObserverSettings {
        self.settings.get_or_insert_default()
    }

    /// The state of a query, or the value of the previous query or the placeholder instead.
    fn present(&self, previous: Option<&AnyValue>, state: AnyState) -> AnyState {
        let placeholder = || self.settings.as_ref().and_then(|settings| settings.placeholder.as_ref());
        match (&state, previous.or_else(placeholder)) {
            (State::Pending, Some(value)) => State::Ready {
                value: Arc::clone(value),
                is_stale: true,
                is_refreshing: true,
                is_optimistic: false,
                is_previous: previous.is_some(),
                is_placeholder: previous.is_none(),
            },
            _ => state,
        }
    }

    /// The state without a subscription.
    fn idle(&self) -> AnyState {
        match self.problem.as_deref().cloned() {
            Some(problem) => State::Failed { error: problem.into(), last: None, is_refreshing: false },
            None => State::Pending,
        }
    }
}

impl<A: App> ObservedQuery<A> {
    /// Starts the task of the key, on `runtime` if it is given, unless there is a task that is not `idle`. Returns
    /// whether there is a task now.
    fn ensure_task(&self, client: &Client<A>, idle: Option<u64>, runtime: Option<TaskRuntime>) -> bool {
        let Some(runtime) = runtime.or_else(|| client.runtime().try_get()) else { return false };
        let observed_key = &self.subscription.observed_key;
        let Some(number) = observed_key.channel.new_task(idle) else { return true };
        // Before the task is spawned, so that the first state is already right.
        let task = runtime.enter(|| {
            let (query, observed_key) = (Arc::clone(&self.query), Arc::clone(observed_key));
            let mut task = ObserverTask::new(client.clone(), query, (number, runtime.clone()), observed_key);
            if number > 1 {
                task.resume();
            }
            let read = task.catch_up();
            task.show(read);
            task
        });
        observed_key.set_task(number, runtime.spawn_endable(task.run()), runtime.clone());
        if !observed_key.channel.is_over() {
            return true;
        }
        // That runtime has ended, and the client knows by now.
        runtime.is_elsewhere() && self.ensure_task(client, None, None)
    }
}

/// Waits until the task of a key has stopped because its runtime is idle. Returns the number of the task.
fn poll_idle<A: App>(
    client: &Client<A>,
    observed_key: &ObservedKey,
    (watch, never_idle): (&mut Option<Box<IdleWatch>>, &mut RuntimePair),
    cx: &mut Context<'_>,
) -> Poll<u64> {
    let caller = Handle::try_current().ok().map(|current| current.id());
    let pair = (observed_key.task_number(), caller);
    if pair.0 > 0 && *never_idle == pair {
        return Poll::Pending;
    }
    let Some((task, runtime)) = observed_key.task_that_may_be_idle() else {
        *watch = None;
        // The number was read first: if there is another task by now, its number is not found here the next time.
        *never_idle = pair;
        return Poll::Pending;
    };
    let of = (task, caller);
    if watch.as_ref().is_none_or(|watch| watch.of != of) {
        let client = Arc::clone(client.runtime());
        let until_idle = Box::pin(async move { runtime.until_idle(&client).await });
        *watch = Some(Box::new(IdleWatch { of, until_idle }));
    }
    let Some(watching) = watch else { return Poll::Pending };
    ready!(watching.until_idle.as_mut().poll(cx));
    *watch = None;
    Poll::Ready(task)
}

impl<A: App, Q: Fetch<A>> Stream for Observer<A, Q> {
    type Item = State<Q::Value, Q::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().any.poll_state(cx).map(|state| state.map(AnyState::typed))
    }
}

impl<A: App, Q: Fetch<A>> Debug for Observer<A, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").field("query", &self.query().map(ShownKey)).finish_non_exhaustive()
    }
}

/// When a state is shown now, by the options of its observer.
fn shown_now<A: App>(client: &Client<A>, plan: &Plan) -> ShownAt {
    ShownAt { now: client.cache().about_now(), oldest_fresh: client.oldest_fresh(plan) }
}
