//! Requests inside of loads: sends, asks conditionally, and gives the load the times of its response. The one way by
//! which requests leave; `send` is built on it.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use cache_client::{Client, Context, Fetch, Fetched};
use cache_core::Moment;
use http::request;

use super::change::{Issue, apply};
use super::clock;
use super::conditional::Confirmation;
use super::request::Message;
use super::response::ReceivedHead;
use super::stored::remove_connection_fields;
use super::{
    GetResponse, Response, ResponseHead, Reuse, State, Transport, Why, Windows, conditional, invalidated,
};

/// Sends requests inside of loads and mutations.
///
/// In a load, the headers of each response decide about the answer of the load:
/// - It is fresh for as long as they say, and then served stale for as long as their `stale-while-revalidate` and
///   `stale-if-error` say; with several requests, the shortest times count. Where they say nothing, the options of the
///   query decide. `must-revalidate` and `no-cache` end both windows.
/// - It is stored nowhere if one of them forbids so, or if a response varies by fields that its request did not have
///   (see [`constant_headers`](Transport::constant_headers)). A [document](crate::Document) that is stored nowhere still
///   changes the records that others show, as if it were [merged](crate::DocumentsOf::merge_records).
///
/// A successful unsafe request marks the answers of its URL, and of those in `Location` and `Content-Location`: the
/// entries with the [tags of these keys](super::Key::tag). If the client keeps [documents](crate::DocumentsBuilder), a
/// response of JSON:API to such a request changes the records that it shows, as if it were a push that arrives now; after
/// 201 and 204 without content, what was sent changes them. Documents that list records of the type that was created or
/// deleted are marked. See [`Response::records_error`].
pub trait LoadRequests<A: Transport> {
    /// Sends a request.
    ///
    /// # Errors
    /// The transport has no response.
    fn send(&self, request: http::Request<Bytes>) -> impl Future<Output = Result<Response, A::Error>> + Send;

    /// Sends a request in [`fetch_again`](Fetch::fetch_again), where `present` is the head that the answer in the cache
    /// has kept. If that has an `ETag` or `Last-Modified`, the server is asked whether it has changed. After a 304 the
    /// head is renewed, and the result is [`Fetched::Unchanged`], which `fetch_again` returns.
    ///
    /// # Errors
    /// The transport has no response.
    fn send_again(
        &self,
        request: http::Request<Bytes>,
        present: Option<&Arc<ResponseHead>>,
    ) -> impl Future<Output = Result<Fetched<Response>, A::Error>> + Send;
}

impl<A: Transport> LoadRequests<A> for Context<A> {
    // The futures are smaller without the requests.
    fn send(&self, request: http::Request<Bytes>) -> impl Future<Output = Result<Response, A::Error>> + Send {
        let message = Message::of(request);
        async move { Sending { cx: self, message: &message, query: None }.plainly().await }
    }

    fn send_again(
        &self,
        request: http::Request<Bytes>,
        present: Option<&Arc<ResponseHead>>,
    ) -> impl Future<Output = Result<Fetched<Response>, A::Error>> + Send {
        let message = Message::of(request);
        async move { Sending { cx: self, message: &message, query: None }.again(present).await }
    }
}

impl<A: Transport> Fetch<A> for GetResponse {
    type Error = A::Error;

    async fn fetch(&self, cx: &Context<A>) -> Result<Response, A::Error> {
        let query = Some(cx.app().windows());
        Sending { cx, message: &self.message, query }.plainly().await
    }

    async fn fetch_again(
        &self,
        cx: &Context<A>,
        present: &Arc<Response>,
    ) -> Result<Fetched<Response>, A::Error> {
        let query = Some(cx.app().windows());
        Sending { cx, message: &self.message, query }.again(Some(present.head())).await
    }
}

/// A request inside of a load.
struct Sending<'a, A: Transport> {
    cx: &'a Context<A>,
    message: &'a Arc<Message>,
    /// The times where the headers are silent; `None` if the options of the query decide then.
    query: Option<Windows>,
}

impl<A: Transport> Sending<'_, A> {
    async fn plainly(&self) -> Result<Response, A::Error> {
        let (started, issue) = (self.cx.client().cache().now(), self.issue());
        let response = exchange(self.cx.client(), self.message).await?;
        Ok(self.take(response, started, issue).await)
    }

    /// The place of the request among others, if nobody else reads the records of its response: the answer of a query of
    /// the program has them itself.
    fn issue(&self) -> Option<Issue> {
        self.query.map(|_| Issue::of(self.cx.client(), self.message))
    }

    /// Takes a new response.
    async fn take(&self, response: Response, started: Moment, issue: Option<Issue>) -> Response {
        let is_kept = self.apply(response.head(), started);
        match issue {
            Some(issue) if !is_kept => issue.apply(self.cx.client(), response).await,
            _ => response,
        }
    }

    async fn again(&self, present: Option<&Arc<ResponseHead>>) -> Result<Fetched<Response>, A::Error> {
        let Some((present, stored, asks)) = present.and_then(|present| self.question(present)) else {
            return self.plainly().await.map(Fetched::New);
        };
        let (started, issue) = (self.cx.client().cache().now(), self.issue());
        // Only a `GET` or `HEAD` asks so, and their responses change nothing.
        let (head, body) = send(self.cx.client(), self.message, asks).await?;
        match Confirmation::of(&stored.parts, &head.parts) {
            Confirmation::Same => {
                // Usually the last handle but one, so that the head need not be copied.
                drop(stored);
                present.confirm(&head);
                self.apply(present, started);
                Ok(Fetched::Unchanged)
            }
            // Boxed, since it is rare.
            Confirmation::OtherResponse => Box::pin(self.plainly()).await.map(Fetched::New),
            Confirmation::Failed | Confirmation::Replaced => {
                let answer = Response::new(Arc::clone(self.message), head, body);
                Ok(Fetched::New(self.take(answer, started, issue).await))
            }
        }
    }

    /// The head of the request that asks whether a stored response is still good.
    fn question<'p>(
        &self,
        present: &'p ResponseHead,
    ) -> Option<(&'p ResponseHead, Arc<ReceivedHead>, request::Parts)> {
        let (app, (stored, terms)) = (self.cx.app(), present.latest_terms());
        let reuse = Reuse::new(present.exchange(&stored).knowing(&terms), stored.received);
        // Of a request that must not be stored, nothing may be learned for the stored response.
        if reuse.for_request(&self.message.head).constant(app.constant_headers()).is_ruled_out() {
            return None;
        }
        let asks = conditional(&self.message.head, &stored.parts)?;
        Some((present, stored, asks))
    }

    /// Gives the load the times that a response says. Returns whether the answer may be kept.
    fn apply(&self, head: &ResponseHead, started: Moment) -> bool {
        let (app, (latest, terms)) = (self.cx.app(), head.latest_terms());
        let exchange = head.exchange(&latest).knowing(&terms);
        let reuse = Reuse::new(exchange, latest.received).constant(app.constant_headers());
        let verdict = reuse.query(self.query.unwrap_or_default()).verdict(app.policy());
        if matches!(verdict.state, State::NotStored | State::NeverReused) {
            self.cx.no_store();
            return false;
        }
        let [sets_swr, sets_if_error] = match self.query {
            Some(_) => [true; 2],
            None => reuse.sets_windows(&verdict),
        };
        if sets_swr {
            self.cx.stale_while_revalidate_at_most(verdict.stale_while_revalidate);
        }
        if sets_if_error {
            self.cx.stale_if_error_at_most(verdict.stale_if_error);
        }
        let is_silent = match verdict.why {
            Why::Heuristic | Why::Nothing => true,
            Why::Policy => verdict.state == State::Fresh && verdict.fresh_for.is_zero(),
            _ => false,
        };
        if self.query.is_none() && is_silent {
            return true;
        }
        // The time counts from the start of the load, but the age of the response includes its request.
        let elapsed = self.cx.client().cache().now().since(started);
        self.cx.fresh_at_most(verdict.fresh_for.saturating_add(elapsed));
        true
    }
}

/// Sends a message, and marks and applies what it has changed.
pub(super) async fn exchange<A: Transport>(
    client: &Client<A>,
    message: &Arc<Message>,
) -> Result<Response, A::Error> {
    let (head, body) = send(client, message, message.head.clone()).await?;
    Ok(apply(client, Response::new(Arc::clone(message), head, body)).await)
}

/// Sends a message with this head, and marks what it has changed. Returns the head and the content of the response.
fn send<A: Transport>(
    client: &Client<A>,
    message: &Message,
    asks: request::Parts,
) -> impl Future<Output = Result<(ReceivedHead, Bytes), A::Error>> + Send {
    let app = client.app();
    let requested = clock::now(app);
    // Not in the future, which is smaller without the request.
    let sent = app.send(http::Request::from_parts(asks, message.body.clone()));
    async move {
        let response = sent.await?;
        let received = clock::now(app);
        let (mut parts, body) = response.into_parts();
        for key in invalidated(&message.head, &parts) {
            client.invalidate_tag(key.tag());
        }
        remove_connection_fields(&mut parts.headers);
        Ok((ReceivedHead { parts, requested, received }, body))
    }
}
