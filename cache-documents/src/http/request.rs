//! Requests with the options of their call, and the query under whose key their responses are kept.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use cache_core::{Query, Tag};
use foldhash::fast::RandomState;
use http::header::{CACHE_CONTROL, PRAGMA};
use http::request;

use super::{Key, Response, Windows};

/// A request to send, and what the cache may do for it.
///
/// ```
/// use bytes::Bytes;
/// use cache_documents::http::Request;
///
/// let search = http::Request::post("https://example.com/search").body(Bytes::from("mice"))?;
/// assert!(Request::from(search.clone()).key().is_none());
/// assert_eq!(Request::from(search).named("search mice").key().map(|key| key.to_string()).as_deref(), Some("search mice"));
/// # Ok::<_, http::Error>(())
/// ```
///
/// A program that sends a request often makes it once, since it has the key then, and sends it [by
/// reference](super::ClientRequests::send_ref). A clone is cheap.
#[derive(Clone)]
#[must_use]
pub struct Request {
    /// Has no key if the response is kept nowhere.
    pub(super) query: GetResponse,
    pub(super) skips_cache: bool,
    /// That of the message, which a hit need not read then.
    pub(super) is_plain: bool,
    /// Boxed, since most calls have none and requests are moved on each hit.
    pub(super) call: Option<Box<Windows>>,
}

/// What is sent.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) head: request::Parts,
    pub(super) body: Bytes,
    /// Whether the head has no directives about stored responses.
    pub(super) is_plain: bool,
    /// Under which the response is kept.
    key: Option<Key>,
}

/// Keys of URLs may come from strangers, so the hashes differ between runs.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

impl Request {
    /// Returns the key under which the response is kept: the [name](Self::named) if it has one, else the URL of a
    /// `GET`. `None`: it is kept nowhere.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        self.query.message.key.as_ref()
    }

    /// Returns the head of the request.
    #[must_use]
    pub fn head(&self) -> &request::Parts {
        &self.query.message.head
    }

    /// Keeps the response under a name, whatever the method is. All requests with this name share the response.
    pub fn named(mut self, name: &str) -> Self {
        let key = Key::named(name);
        self.query.hash = hash_of(&key);
        Arc::make_mut(&mut self.query.message).key = Some(key);
        self
    }

    /// Sends the request without looking for a stored response, and stores none.
    pub fn skip_cache(self) -> Self {
        Self { skips_cache: true, ..self }
    }

    /// Sets the times for this call. They come before the headers.
    pub fn windows(self, call: Windows) -> Self {
        let call = (call != Windows::default()).then(|| Box::new(call));
        Self { call, ..self }
    }

    /// Accepts a stored response for this time after it was received, whatever its headers say, even if somebody has
    /// marked it as stale.
    pub fn fresh(mut self, time: Duration) -> Self {
        self.call.get_or_insert_default().fresh = Some(time);
        self
    }

    pub(super) fn windows_of_call(&self) -> Windows {
        self.call.as_deref().copied().unwrap_or_default()
    }
}

impl From<http::Request<Bytes>> for Request {
    fn from(request: http::Request<Bytes>) -> Self {
        let key = Key::of(None, request.method(), request.uri());
        let hash = key.as_ref().map_or(0, hash_of);
        let message = Message::with_key(request, key);
        let is_plain = message.is_plain;
        Self { query: GetResponse { message, hash }, skips_cache: false, is_plain, call: None }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.head().method)
            .field("uri", &self.head().uri)
            .field("key", &self.key())
            .field("skips_cache", &self.skips_cache)
            .finish_non_exhaustive()
    }
}

impl Message {
    /// A message of a load, whose answer is kept under the key of a query.
    pub(super) fn of(request: http::Request<Bytes>) -> Arc<Self> {
        Self::with_key(request, None)
    }

    fn with_key(request: http::Request<Bytes>, key: Option<Key>) -> Arc<Self> {
        let (head, body) = request.into_parts();
        let is_plain = [CACHE_CONTROL, PRAGMA].iter().all(|name| !head.headers.contains_key(name));
        Arc::new(Self { head, body, is_plain, key })
    }
}

fn hash_of(key: &Key) -> u64 {
    HASHER.hash_one(key)
}

/// The query under whose key the response of a request is kept: the table of requests.
///
/// A program that [sends](super::ClientRequests::send) requests lists it in its registry:
/// `registry! { .. cache_documents::http::GetResponse .. }`, or `.include("::cache_documents::http::GetResponse")` in
/// `build.rs`. The table keeps 1,000 responses; `Cache::builder().table::<GetResponse>(..)` sets another capacity.
///
/// Two of these are equal if their keys are. The query can be observed, prefetched and invalidated like any other; then
/// the times that the headers gave when the response came decide alone. It has [the tag of its key](Key::tag).
///
/// ```
/// use bytes::Bytes;
/// use cache_documents::http::{GetResponse, Request};
///
/// let get = |url| http::Request::get(url).body(Bytes::new()).map(|request| GetResponse::of(&Request::from(request)));
/// assert!(get("https://example.com/")?.is_some());
/// assert_eq!(get("https://example.com/?a=1&b=2")?, get("https://EXAMPLE.com/?b=2&a=1")?);
/// # Ok::<_, http::Error>(())
/// ```
// A client needs a time; each load sets its own in place of it.
#[derive(Query, Clone)]
#[query(value = Response, capacity = 1_000, fresh = "1ms", tags_of = GetResponse::tags)]
pub struct GetResponse {
    pub(super) message: Arc<Message>,
    /// Of the key, so that a request that is sent often hashes it once, and a hit need not read the message.
    hash: u64,
}

impl GetResponse {
    /// Returns the query of a request; `None` if it has no [key](Request::key).
    #[must_use]
    pub fn of(request: &Request) -> Option<Self> {
        request.key().map(|_| request.query.clone())
    }

    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &Key {
        // Only requests have queries without one, and show them to nobody.
        self.message.key.as_ref().expect("the query of a response has a key")
    }

    fn tags(&self) -> [Tag; 1] {
        [self.key().tag()]
    }
}

impl PartialEq for GetResponse {
    fn eq(&self, other: &Self) -> bool {
        // Requests are often clones of one.
        Arc::ptr_eq(&self.message, &other.message) || self.message.key == other.message.key
    }
}

impl Eq for GetResponse {}

impl Hash for GetResponse {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl fmt::Debug for GetResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GetResponse").field(self.key()).finish()
    }
}
