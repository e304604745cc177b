//! Received responses: their content, and their head, which each 304 renews in place.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use bytes::Bytes;
use cache_core::CommitError;
use http::{StatusCode, request, response};
use parking_lot::RwLock;

use super::headers::Terms;
use super::lease::Lease;
use super::request::Message;
use super::stored::freshen;
use super::{Exchange, Verdict};
use crate::document::{Content, Document};
use crate::jsonapi::DocumentError;

/// A response: its head and its content, which is `Bytes` as it came.
///
/// ```no_run
/// # async fn example<A: cache_documents::http::Transport>(client: cache_client::Client<A>)
/// # -> Result<(), cache_client::QueryError<A::Error>>
/// # where A::Registry: cache_core::Holds<cache_documents::http::GetResponse> {
/// use cache_documents::http::ClientRequests;
///
/// let request = http::Request::get("https://example.com/").body(bytes::Bytes::new()).expect("it is valid");
/// let answer = client.send(request).await?;
/// let length = answer.response.body().len();
/// # let _ = length;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Response {
    head: Arc<ResponseHead>,
    body: Bytes,
    /// Boxed, since most have none.
    records_error: Option<Box<RecordsError>>,
}

impl Response {
    pub(super) fn new(message: Arc<Message>, received: ReceivedHead, body: Bytes) -> Self {
        Self {
            head: Arc::new(ResponseHead {
                message,
                latest: RwLock::new(Latest::of(Arc::new(received))),
                first_lease: OnceLock::new(),
                is_renewed: AtomicBool::new(false),
            }),
            body,
            records_error: None,
        }
    }

    /// Returns the head, which answers that are made of the content keep for the next request.
    #[must_use]
    pub fn head(&self) -> &Arc<ResponseHead> {
        &self.head
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.head.latest().parts.status
    }

    /// Returns why the records that the response shows were not changed, if it is one to an unsafe request or is kept
    /// nowhere; `None` if they were, or if there was nothing to change.
    #[must_use]
    pub fn records_error(&self) -> Option<&RecordsError> {
        self.records_error.as_deref()
    }

    pub(super) fn with_records_error(self, error: RecordsError) -> Self {
        Self { records_error: Some(Box::new(error)), ..self }
    }

    /// Returns the content.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("head", &self.head).field("bytes", &self.body.len()).finish()
    }
}

/// Why the records that a response shows were not changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordsError {
    /// The response cannot be read, or it reports errors in spite of its status.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A hook has refused the change, or other commits were faster many times.
    #[error("the records were not changed")]
    Commit(#[source] Arc<CommitError>),
}

/// The head of a response, kept beside an answer that was made of its content.
///
/// When the server says by a 304 that the content is still good, the head is renewed in place, so that the answer stays
/// the same.
pub struct ResponseHead {
    pub(super) message: Arc<Message>,
    latest: RwLock<Latest>,
    /// The lease as of the response that brought the content, so that hits need no lock until a 304 renews the head.
    first_lease: OnceLock<Option<Lease>>,
    is_renewed: AtomicBool,
}

struct Latest {
    head: Arc<ReceivedHead>,
    /// What `head` says with the request of its `ResponseHead`; `None` until somebody asks.
    terms: Option<Terms>,
    /// `None` until somebody asks.
    lease: Option<Option<Lease>>,
}

impl Latest {
    fn of(head: Arc<ReceivedHead>) -> Self {
        Self { head, terms: None, lease: None }
    }
}

/// The head of a response, and when it came.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedHead {
    /// Status and fields, without those that concern only the connection.
    pub parts: response::Parts,
    /// When the request was sent.
    pub requested: SystemTime,
    /// When the response came.
    pub received: SystemTime,
}

impl ResponseHead {
    /// Returns the head of the request, with the fields that the program has given.
    #[must_use]
    pub fn request(&self) -> &request::Parts {
        &self.message.head
    }

    /// Returns the head as of the last response: that which brought the content, or the last 304.
    #[must_use]
    pub fn latest(&self) -> Arc<ReceivedHead> {
        Arc::clone(&self.latest.read().head)
    }

    /// Returns the latest head and what it says, which is worked out only once.
    pub(super) fn latest_terms(&self) -> (Arc<ReceivedHead>, Terms) {
        let (head, known) = {
            let latest = self.latest.read();
            (Arc::clone(&latest.head), latest.terms)
        };
        let terms = known.unwrap_or_else(|| {
            let terms = self.exchange(&head).terms();
            let mut latest = self.latest.write();
            // A head that somebody holds is not changed in place.
            if Arc::ptr_eq(&latest.head, &head) {
                latest.terms = Some(terms);
            }
            terms
        });
        (head, terms)
    }

    /// Returns the verdict for a plain request, if it is that the response is fresh by the latest head. `now` counts
    /// from 1970.
    #[inline]
    pub(super) fn plain_verdict(&self, now: u64) -> Option<Verdict> {
        if !self.is_renewed.load(Ordering::Acquire) {
            return self.first_lease.get_or_init(|| self.latest_lease()).as_ref()?.verdict(now);
        }
        let lease = self.latest.read().lease;
        lease.unwrap_or_else(|| self.latest_lease())?.verdict(now)
    }

    #[cold]
    fn latest_lease(&self) -> Option<Lease> {
        let (head, terms) = self.latest_terms();
        let is_plain = self.message.is_plain && !terms.may_vary;
        let lease = if is_plain { Lease::of(self.exchange(&head).knowing(&terms)) } else { None };
        let mut latest = self.latest.write();
        if Arc::ptr_eq(&latest.head, &head) {
            latest.lease = Some(lease);
        }
        lease
    }

    pub(super) fn message(&self) -> &Arc<Message> {
        &self.message
    }

    /// Sets the head as of a newer response with the same content.
    pub(crate) fn renew(&self, newer: Arc<ReceivedHead>) {
        let older = std::mem::replace(&mut *self.latest.write(), Latest::of(newer));
        self.is_renewed.store(true, Ordering::Release);
        drop(older);
    }

    /// Renews the head by a 304 about the content.
    pub(super) fn confirm(&self, not_modified: &ReceivedHead) {
        let ReceivedHead { parts, requested, received } = not_modified;
        let mut latest = self.latest.write();
        let Latest { head, terms, lease } = &mut *latest;
        let head = Arc::make_mut(head);
        let is_same = freshen(&mut head.parts, parts);
        (head.requested, head.received) = (*requested, *received);
        *lease = None;
        *terms = terms.filter(|terms| is_same && terms.are_timeless());
        if let Some(terms) = terms {
            terms.age_when_received = self.exchange(head).age_when_received();
        }
        self.is_renewed.store(true, Ordering::Release);
    }

    pub(super) fn exchange<'a>(&'a self, latest: &'a ReceivedHead) -> Exchange<'a> {
        Exchange::new(self.request(), &latest.parts, latest.requested, latest.received)
    }
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseHead")
            .field("uri", &self.message.head.uri)
            .field("latest", &self.latest())
            .finish_non_exhaustive()
    }
}

impl<T: Content + ?Sized> Document<T> {
    /// Keeps the head of the response that the document was read from, for the next request
    /// ([`send_again`](super::LoadRequests::send_again)).
    #[must_use]
    pub fn with_response(mut self, response: &Response) -> Self {
        self.response = Some(Arc::clone(&response.head));
        self
    }

    /// Returns the head of the response that the document was read from, if the load has [kept](Self::with_response) it.
    #[must_use]
    pub fn response(&self) -> Option<&Arc<ResponseHead>> {
        self.response.as_ref()
    }
}
