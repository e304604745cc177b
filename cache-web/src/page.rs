//! One page: which answers it hands on to the browser, and where in its HTML. `body` sends it.

mod body;
mod entry;
mod error;
mod flush;
mod script;
mod shell;
mod state;

use std::any::Any;
use std::cell::Cell;
use std::fmt::{self, Debug, Display};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Poll, Waker};

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use cache_client::{Answer, App, Context, Fetch};
use cache_core::{Holds, Moment};

use crate::cx::Cx;
use crate::json::{JsonWriter, Quoting};
use crate::random::RandomWord;
use crate::web::Web;
use body::{PageBody, PageSender, first_flush};
use entry::Outcome;
use script::Form;
use shell::Shell;
use state::State;

pub use error::PageError;

/// A page that hands its answers on to the browser.
///
/// What the page [queries](Self::query) is sent with it, and what it [announces](Self::announce) follows when it has
/// settled, if the query is in the list [`Web`]. What the loads of these queries have read is not sent.
pub struct Page<A: App> {
    cx: Context<A>,
    request: Arc<Parts>,
    web: Web<A>,
    /// The random words of this response: of the place for the state, and the nonce.
    words: Result<[RandomWord; 2], getrandom::Error>,
    /// When the page began. Its answers are that old at most.
    began: Moment,
    pending: Mutex<Pending>,
}

/// What the page has collected so far. Locked only for changes of this data.
#[derive(Default)]
struct Pending {
    state: State,
    loads: Vec<Load>,
    as_data_blocks: bool,
    is_sent: bool,
}

/// A query that was announced and has not settled yet.
pub(crate) type Load = Pin<Box<dyn Future<Output = (usize, Outcome)> + Send>>;

/// Where the state of a page goes in its HTML. Displays as a random word of letters, digits and hyphens, which no text
/// of a user can contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Option<RandomWord>);

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(word) => write!(f, "{PLACE}{}", word.as_str()),
            None => Ok(()),
        }
    }
}

/// What the word of a place begins with. Its first letter is rare in texts, so that it is found fast.
const PLACE: &str = "Zcache-web-place-";

impl<A: App> Cx<A> {
    /// Begins a page that hands the answers of the listed queries on to the browser.
    #[must_use]
    pub fn page(&self, web: &Web<A>) -> Page<A> {
        let (cx, request) = (self.context().clone(), Arc::clone(self.request()));
        let words = RandomWord::new().and_then(|place| Ok([place, RandomWord::new()?]));
        let began = cx.client().cache().now();
        Page { cx, request, web: web.clone(), words, began, pending: Mutex::default() }
    }
}

impl<A: App> Page<A> {
    /// Answers a query, like [`Context::query`]. If it is in the list, the browser gets the answer with the first part
    /// of the page.
    ///
    /// # Errors
    /// Those of [`Context::query`].
    ///
    /// # Cancellation
    /// If this is dropped, nothing is sent.
    pub async fn query<Q: Fetch<A>>(&self, query: &Q) -> Answer<A, Q>
    where
        A::Registry: Holds<Q>,
    {
        let (answer, as_of) = self.cx.query_dated(query).await;
        if let Some(index) = self.web.index_of::<Q>() {
            self.note(index, query, Outcome::of(&self.cx, query, (&answer, as_of), self.began));
        }
        answer
    }

    /// Tells the browser that the answer to a query follows, so that it starts no load of its own. The query starts
    /// now; its answer is sent with the first part of the page if it is there by then, or else when it has settled.
    ///
    /// A query that is not in the list is not loaded, which is an event of `tracing` at level `WARN`. Nor is one that a
    /// guard refuses.
    pub fn announce<Q: Fetch<A>>(&self, query: &Q)
    where
        A::Registry: Holds<Q>,
    {
        self.start(query, false);
    }

    /// Like [`announce`](Self::announce), and the first part of the page waits until the query has settled, at most 500
    /// ms for all such queries together.
    pub fn defer<Q: Fetch<A>>(&self, query: &Q)
    where
        A::Registry: Holds<Q>,
    {
        self.start(query, true);
    }

    fn start<Q: Fetch<A>>(&self, query: &Q, is_deferred: bool)
    where
        A::Registry: Holds<Q>,
    {
        let Some(index) = self.web.index_of::<Q>() else {
            tracing::warn!(target: "cache_web", query = Q::NAME, "announced_unlisted");
            return;
        };
        let Some(at) = self.begin(index, query, is_deferred) else { return };
        let (cx, query, began) = (self.cx.clone(), query.clone(), self.began);
        let mut load: Load = Box::pin(async move {
            let (answer, as_of) = cx.query_dated(&query).await;
            (at, Outcome::of(&cx, &query, (&answer, as_of), began))
        });
        // Starts the load. The body waits for it with a waker of its own.
        match load.as_mut().poll(&mut task::Context::from_waker(Waker::noop())) {
            Poll::Ready((at, outcome)) => self.settle(at, outcome),
            Poll::Pending => self.lock().loads.push(load),
        }
    }

    fn settle(&self, at: usize, outcome: Outcome) {
        let surplus = self.lock().state.settle(at, outcome);
        drop(surplus);
    }

    /// Notes the outcome of a query, which is given as an index of the list.
    fn note(&self, query: usize, key: &dyn Any, outcome: Outcome) {
        let surplus = self.with_key(query, key, |key| self.lock().state.note(query, key, outcome));
        drop(surplus);
    }

    /// Notes that the answer to a key is being loaded. Returns its entry if that is new, and the answer may leave.
    fn begin(&self, query: usize, key: &dyn Any, is_deferred: bool) -> Option<usize> {
        self.with_key(query, key, |key| self.lock().state.begin(query, key, is_deferred)).flatten()
    }

    /// Passes a key as JSON. Returns `None` if the answer must not leave.
    fn with_key<T>(&self, query: usize, key: &dyn Any, work: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let listed = self.web.listed(query);
        if !listed.allows(&self.request, key) {
            tracing::debug!(target: "cache_web", query = listed.name, "refused_by_guard");
            return None;
        }
        // A thread that ends has no buffer any more.
        let mut buffer = KEY_BUFFER.try_with(Cell::take).unwrap_or_default();
        buffer.clear();
        let mut json = JsonWriter::after(buffer, Quoting::Plain);
        let result = match (listed.write_key)(key, &mut json) {
            Ok(()) => Some(work(json.written())),
            Err(error) => {
                tracing::warn!(target: "cache_web", query = listed.name, %error, "unsendable_key");
                None
            }
        };
        let buffer = json.into_bytes();
        if buffer.capacity() <= LONGEST_KEPT_KEY {
            let _ = KEY_BUFFER.try_with(|kept| kept.set(buffer));
        }
        result
    }

    /// Returns where the state goes in the HTML of the page: anywhere a `<script>` may be, once. In a template that
    /// escapes texts it may be written like any text.
    #[must_use]
    pub fn place(&self) -> Place {
        Place(self.words.as_ref().ok().map(|[place, _]| *place))
    }

    /// Returns the nonce of the scripts that carry the state, for a `Content-Security-Policy` that allows
    /// `'nonce-...'`. 32 hexadecimal digits, random per response.
    #[must_use]
    pub fn nonce(&self) -> &str {
        self.words.as_ref().map(|[_, nonce]| nonce.as_str()).unwrap_or_default()
    }

    /// Sends the state as blocks of data instead of scripts, for a policy that allows no inline script at all.
    pub fn data_blocks(&self) {
        self.lock().as_data_blocks = true;
    }

    /// Returns the response: the HTML, with the state in its [place](Self::place), and then what was announced. `shell`
    /// is the whole HTML of the page; what follows it is only state.
    ///
    /// A response that carries state has `Cache-Control: private, no-store`, unless the handler sets the header. If the
    /// shell does not have the place exactly once, or the page was sent already, the response is [`PageError`], with
    /// status 500.
    pub fn html(&self, shell: impl Into<String>) -> PageResponse {
        PageResponse(self.body(shell.into()))
    }

    fn body(&self, html: String) -> Result<(Body, bool), PageError> {
        let [place, nonce] =
            *self.words.as_ref().map_err(|error| PageError::NoRandomness(error.to_string()))?;
        let shell = Shell::new(html, &place)?;
        let mut pending = self.lock();
        if std::mem::replace(&mut pending.is_sent, true) {
            return Err(PageError::SentAlready);
        }
        let (mut state, loads) = (std::mem::take(&mut pending.state), std::mem::take(&mut pending.loads));
        let form = if pending.as_data_blocks { Form::DataBlocks } else { Form::Scripts { nonce } };
        drop(pending);
        if state.is_empty() {
            return Ok((Body::from(shell.into_html()), false));
        }
        if loads.is_empty() {
            let now = self.cx.client().cache().now();
            return Ok((Body::from(first_flush(&mut state, &self.web, now, form, &shell, None)), true));
        }
        let sender = PageSender { client: self.cx.client().clone(), web: self.web.clone(), form, state };
        Ok((Body::new(PageBody::new(sender, shell, loads, self.cx.deadline())), true))
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// Where a key is written until the page has a copy, so that it needs no allocation of its own. Taken while it is in
    /// use.
    static KEY_BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// How many bytes the buffer of a thread may keep.
const LONGEST_KEPT_KEY: usize = 1024;

/// The response of a [`Page`].
#[must_use = "a page is sent when its response is returned from the handler"]
pub struct PageResponse(Result<(Body, bool), PageError>);

impl IntoResponse for PageResponse {
    fn into_response(self) -> Response {
        let (body, has_state) = match self.0 {
            Ok(parts) => parts,
            Err(error) => return error.into_response(),
        };
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        if has_state {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        }
        response
    }
}

impl Debug for PageResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageResponse").field("error", &self.0.as_ref().err()).finish_non_exhaustive()
    }
}

impl<A: App> Debug for Page<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page").field("cx", &self.cx).field("web", &self.web).finish_non_exhaustive()
    }
}
