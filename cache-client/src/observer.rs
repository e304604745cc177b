//! Seeing a query as it changes: the public face, and the way from one query to the next. Loads nothing itself.

mod claim;
mod keeper;
mod notice;
pub(crate) mod post;
pub(crate) mod state;

use std::fmt::{self, Debug};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use cache_core::{Holds, LoadingOptions};
use futures_core::Stream;
use tokio::runtime::Handle;

use crate::app::{App, Fetch};
use crate::ask::Asker;
use crate::client::Client;
use crate::context::Access;
use crate::error::OptionsError;
use crate::observer::claim::Claim;
use crate::observer::keeper::Keeper;
use crate::observer::state::State;

/// Shows what is known of one query, now and whenever it changes: a stream of [`State`]s, the present one first.
///
/// There is a new state when the value is committed anew, when optimistic layers change it, when a load fails, and when a
/// flag changes; a refresh that finds an equal value of a query with `#[query(eq)]` is none. Who reads slowly gets the
/// newest state and misses those between. The stream has no end while the runtime lives.
///
/// As long as a key is observed it is pinned, so that its value stays whatever the bound and the times of its table are.
/// It is loaded when its observer comes, as its strategy says, and again whenever it is invalidated, removed or cleared;
/// until there is a new value, that of before is shown if the cache still has it. A value that becomes stale is shown as
/// stale, and not loaded for that alone.
///
/// With the option `poll` it is also loaded whenever that much time has passed since its last load ended, or a new value was
/// written, as long as the client is [active](Client::set_active).
///
/// All observers of a key show the same and wait for the same load; the options of the one that came last count, but of
/// several `poll` the shortest. With the last one the polling ends, and the load is cancelled if nobody else waits for it.
#[must_use = "what is observed is kept and loaded as long as there is an observer"]
pub struct Observer<A: App, Q: Fetch<A>> {
    client: Client<A>,
    options: LoadingOptions,
    claim: Option<Claim<Q, Q::Error>>,
    /// Why the options of the query cannot work; there is no claim then.
    problem: Option<OptionsError>,
    /// The value of the query before, until the present one has one.
    previous: Option<Arc<Q::Value>>,
    /// Whether there is a state to be shown that is not that of a claim.
    has_news: bool,
    /// Of who waits for the next state: waits for the wrong query when there is another.
    waker: Option<Waker>,
}

impl<A: App> Client<A> {
    /// Observes a query: shows it now and whenever it changes, and has it loaded if it is missing.
    ///
    /// Costs a task for each observed key, and one pin.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    ///
    /// # Examples
    /// ```
    /// # use cache_client::{App, Client, Context, Fetch, State, TokioClock};
    /// # use cache_core::{Cache, Query, registry};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 1_000, fresh = "30s")]
    /// # pub struct GetTitle { pub id: u64 }
    /// # registry! { pub struct CacheRegistry { crate::GetTitle } }
    /// # struct Blog;
    /// # impl App for Blog { type Registry = CacheRegistry; }
    /// # impl Fetch<Blog> for GetTitle {
    /// #     type Error = std::io::Error;
    /// #     async fn fetch(&self, _: &Context<Blog>) -> Result<String, std::io::Error> { Ok("Notes".to_owned()) }
    /// # }
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// # let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
    /// # let client = Client::builder(cache, Blog).build();
    /// let mut observer = client.observe(&GetTitle { id: 7 });
    /// while let Some(state) = observer.next().await {
    ///     match state {
    ///         State::Ready { value, is_refreshing: false, .. } => {
    ///             assert_eq!(*value, "Notes");
    ///             break;
    ///         }
    ///         State::Failed { error, .. } => return Err(error.into()),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub fn observe<Q: Fetch<A>>(&self, query: &Q) -> Observer<A, Q>
    where
        A::Registry: Holds<Q>,
    {
        self.observe_with(query, |options| options)
    }

    /// [`observe`](Self::observe) with options for this observer: `change` gets options that decide nothing.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn observe_with<Q: Fetch<A>>(
        &self,
        query: &Q,
        change: impl FnOnce(LoadingOptions) -> LoadingOptions,
    ) -> Observer<A, Q>
    where
        A::Registry: Holds<Q>,
    {
        let mut observer = self.observer();
        observer.options = change(LoadingOptions::new());
        observer.set_query(Some(query));
        observer
    }

    /// An observer without a query: it shows [`State::Pending`] and loads nothing until it has one.
    pub fn observer<Q: Fetch<A>>(&self) -> Observer<A, Q>
    where
        A::Registry: Holds<Q>,
    {
        Observer {
            client: self.clone(),
            options: LoadingOptions::new(),
            claim: None,
            problem: None,
            previous: None,
            has_news: true,
            waker: None,
        }
    }
}

impl<A: App, Q: Fetch<A>> Observer<A, Q>
where
    A::Registry: Holds<Q>,
{
    /// Goes over to another query, or waits without one and loads nothing.
    ///
    /// Until there is a state of the new query to show, the value of the one before is, marked as the previous one.
    /// Without a query nothing is. The same query again changes nothing.
    ///
    /// # Panics
    /// Outside a tokio runtime, if there is a query.
    pub fn set_query(&mut self, query: Option<&Q>) {
        let is_idle = self.claim.is_none() && self.problem.is_none();
        if query == self.query() && (query.is_some() || is_idle) {
            return;
        }
        self.previous = query.and_then(|_| self.state().value().cloned());
        // Left when the new one is there.
        let _left = self.claim.take();
        self.problem = None;
        self.has_news = true;
        if let Some(query) = query {
            self.claim(query);
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn claim(&mut self, query: &Q) {
        let runtime = Handle::current();
        let plan = match Asker::without_context(&self.client).plan::<Q>(Some(self.options), Access::PLAIN) {
            Ok(plan) => plan,
            Err(problem) => {
                self.problem = Some(problem);
                return;
            }
        };
        let (claim, is_new) = Claim::take(self.client.desks().of::<Q, Q::Error>(), query, plan);
        if is_new {
            let mut keeper = Keeper::new(self.client.clone(), Arc::clone(&claim.post), plan);
            // Here and now, so that the first state is the true one.
            keeper.catch_up();
            keeper.show();
            claim.post.is_kept_by(runtime.spawn(keeper.run()).abort_handle());
        }
        self.claim = Some(claim);
    }
}

impl<A: App, Q: Fetch<A>> Observer<A, Q> {
    /// The query that is observed.
    #[must_use]
    pub fn query(&self) -> Option<&Q> {
        self.claim.as_ref().map(|claim| &claim.post.key)
    }

    /// What is known now. [`next`](Self::next) gives it again, if it has not given it yet.
    #[must_use]
    pub fn state(&self) -> State<Q::Value, Q::Error> {
        match &self.claim {
            Some(claim) => {
                let newest = claim.post.notice.newest();
                // What was shown once is not followed by what was shown before it.
                if claim.has_shown() { newest } else { present(&self.previous, newest) }
            }
            None => self.idle(),
        }
    }

    /// Waits for a state that this observer has not given yet; the first is there at once. `None` only if the runtime ends.
    ///
    /// # Cancellation
    /// May be dropped at any time without missing anything.
    pub async fn next(&mut self) -> Option<State<Q::Value, Q::Error>> {
        poll_fn(|cx| self.poll_state(cx)).await
    }

    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<Option<State<Q::Value, Q::Error>>> {
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
        let Some(claim) = &mut self.claim else {
            return match std::mem::take(&mut self.has_news) {
                true => Poll::Ready(Some(self.idle())),
                false => Poll::Pending,
            };
        };
        let Some(state) = ready!(claim.poll_newer(cx)) else { return Poll::Ready(None) };
        if !state.is_pending() || claim.has_shown() {
            self.previous = None;
        }
        Poll::Ready(Some(present(&self.previous, state)))
    }

    /// The state without a claim.
    fn idle(&self) -> State<Q::Value, Q::Error> {
        match self.problem.clone() {
            Some(problem) => State::Failed { error: problem.into(), last: None, is_refreshing: false },
            None => State::Pending,
        }
    }
}

/// The state of a query, or the value of the one before in its place.
fn present<V, E>(previous: &Option<Arc<V>>, state: State<V, E>) -> State<V, E> {
    match (state, previous) {
        (State::Pending, Some(value)) => State::Ready {
            value: Arc::clone(value),
            is_stale: true,
            is_refreshing: true,
            is_optimistic: false,
            is_previous: true,
        },
        (state, _) => state,
    }
}

impl<A: App, Q: Fetch<A>> Stream for Observer<A, Q> {
    type Item = State<Q::Value, Q::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_state(cx)
    }
}

impl<A: App, Q: Fetch<A>> Debug for Observer<A, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").field("query", &self.query()).finish_non_exhaustive()
    }
}
