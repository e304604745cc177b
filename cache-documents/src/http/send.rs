//! Requests of a client: served from the table of requests as the policy allows, else loaded into it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cache_client::{Client, QueryError, Strategy};
use cache_core::{Freshness, Holds, LoadingOptions, Query};

use super::change::Issue;
use super::clock;
use super::load::exchange;
use super::status::is_failure;
use super::{GetResponse, Request, Response, Reuse, State, Transport, Verdict, Windows};

/// The answer to a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The response. Its head has the request.
    pub response: Arc<Response>,
    /// What was decided about the response that was stored when the request was made; `None` if there was none, or
    /// none was looked for.
    pub verdict: Option<Verdict>,
    /// Whether `response` was stored already, rather than loaded for this call or confirmed by the server.
    pub is_stored: bool,
}

/// Sends requests by a client.
pub trait ClientRequests<A: Transport> {
    /// Returns the response to a request: the stored one as far as the [policy](super::Reuse) allows, else that of the
    /// server. A status that reports an error is a response.
    ///
    /// Concurrent calls for a key share one request, unless the response varies or may not be shared. A request without
    /// a [key](Request::key), or one that [skips the cache](Request::skip_cache), is sent by the caller's own task.
    ///
    /// A successful unsafe request marks what it has made stale, and changes records, as in
    /// [a load](super::LoadRequests). If the client keeps [documents](crate::DocumentsBuilder), so does a response of
    /// JSON:API to a `GET` that is kept nowhere: it changes the records that documents show, and counts as issued when its
    /// request was sent. See [`Response::records_error`].
    ///
    /// # Errors
    /// As those of [`Client::query`]. If a load fails, or the server answers 500, 502, 503 or 504, a stale response is
    /// the answer for as long as its `stale-if-error` says.
    ///
    /// # Cancellation
    /// May be dropped at any time. A shared request continues for other callers.
    fn send(
        &self,
        request: impl Into<Request> + Send,
    ) -> impl Future<Output = Result<Answer, QueryError<A::Error>>> + Send;

    /// Sends a request as [`send`](Self::send) does, without taking it. A program that makes a request once and sends it
    /// often needs no clones of it then.
    ///
    /// # Errors
    /// Same as [`send`](Self::send), as is cancellation.
    ///
    /// # Examples
    /// ```no_run
    /// # use bytes::Bytes;
    /// # use cache_client::{Client, QueryError};
    /// # use cache_core::Holds;
    /// # use cache_documents::http::{ClientRequests, GetResponse, Request, Transport};
    /// # async fn example<A: Transport>(client: Client<A>) -> Result<(), QueryError<A::Error>>
    /// # where A::Registry: Holds<GetResponse> {
    /// let get = http::Request::get("https://example.com/").body(Bytes::new()).expect("it is valid");
    /// let request = Request::from(get);
    /// let first = client.send_ref(&request).await?;
    /// let second = client.send_ref(&request).await?;
    /// # let _ = (first, second);
    /// # Ok(())
    /// # }
    /// ```
    fn send_ref(
        &self,
        request: &Request,
    ) -> impl Future<Output = Result<Answer, QueryError<A::Error>>> + Send;
}

impl<A: Transport> ClientRequests<A> for Client<A>
where
    A::Registry: Holds<GetResponse>,
{
    fn send(
        &self,
        request: impl Into<Request> + Send,
    ) -> impl Future<Output = Result<Answer, QueryError<A::Error>>> + Send {
        let request = request.into();
        async move { self.send_ref(&request).await }
    }

    async fn send_ref(&self, request: &Request) -> Result<Answer, QueryError<A::Error>> {
        let call = Call { client: self, request };
        let plain = call.plainly_stored();
        let counts = plain.is_none();
        match plain.and_then(|response| call.plain_answer(response)) {
            Some(answer) => Ok(answer),
            // Boxed, so that hits stay small.
            None => Box::pin(call.answer(counts)).await,
        }
    }
}

/// One request.
struct Call<'a, A: Transport> {
    client: &'a Client<A>,
    request: &'a Request,
}

/// The response that was stored when the request was made.
struct Stored {
    response: Arc<Response>,
    /// By the times of its entry alone.
    freshness: Freshness,
    verdict: Verdict,
}

impl<A: Transport> Call<'_, A>
where
    A::Registry: Holds<GetResponse>,
{
    /// The stored response, if nothing but its headers decides about it, and nobody has marked it. This counts as a use.
    #[inline]
    fn plainly_stored(&self) -> Option<Arc<Response>> {
        let (app, request) = (self.client.app(), self.request);
        let is_plain = request.is_plain
            && request.call.is_none()
            && !request.skips_cache
            && app.windows() == Windows::default()
            && !app.policy().has_opinions();
        // Nothing is stored for a request without a key.
        if is_plain { self.client.cache().plainly_unmarked(&request.query) } else { None }
    }

    /// The answer of such a response, if it is fresh.
    #[inline]
    fn plain_answer(&self, response: Arc<Response>) -> Option<Answer> {
        let verdict = response.head().plain_verdict(clock::coarse_nanos(self.client.app())?)?;
        Some(Answer { response, verdict: Some(verdict), is_stored: true })
    }

    /// The answer in all cases. `counts` says whether to count a use of the stored response.
    async fn answer(&self, counts: bool) -> Result<Answer, QueryError<A::Error>> {
        if self.request.skips_cache || self.request.key().is_none() {
            return alone(self.client, self.request).await;
        }
        match self.stored(counts) {
            Some(Stored { response, verdict, .. }) if verdict.state == State::Fresh => {
                Ok(Answer { response, verdict: Some(verdict), is_stored: true })
            }
            stored => self.load(stored).await,
        }
    }

    /// Loads the response, of which `stored` is not fresh.
    async fn load(&self, stored: Option<Stored>) -> Result<Answer, QueryError<A::Error>> {
        let verdict = stored.as_ref().map(|stored| stored.verdict);
        let served_at_once = verdict.is_some_and(|verdict| verdict.state == State::StaleWhileRevalidate);
        let loaded = self.client.query_with(&self.request.query, |_| self.options(stored.as_ref())).await;
        let has_failed = match &loaded {
            Ok(response) => is_failure(response.status()),
            Err(error) => matches!(error, QueryError::Failed { .. } | QueryError::CircuitOpen { .. }),
        };
        let stands_in = |stored: &&Stored| has_failed && stored.verdict.state == State::StaleIfError;
        if let Some(stored) = stored.as_ref().filter(stands_in) {
            return Ok(Answer { response: Arc::clone(&stored.response), verdict, is_stored: true });
        }
        let response = loaded?;
        let is_same = stored.is_some_and(|stored| Arc::ptr_eq(&stored.response, &response));
        // Such a response may now be one that must not be stored.
        let is_confirmed = is_same && verdict.is_some_and(|verdict| verdict.state != State::NeverReused);
        if !is_confirmed && !self.may_have(&response) {
            return alone(self.client, self.request).await;
        }
        Ok(Answer { response, verdict, is_stored: is_same && served_at_once })
    }

    fn stored(&self, counts: bool) -> Option<Stored> {
        let (response, state) = self.client.cache().value_and_state(&self.request.query, counts)?;
        if state.is_expired {
            return None;
        }
        let freshness = state.freshness;
        let verdict = self.judge(&response, freshness == Freshness::Invalidated);
        Some(Stored { response, freshness, verdict })
    }

    fn judge(&self, response: &Response, is_marked: bool) -> Verdict {
        let (app, (latest, terms)) = (self.client.app(), response.head().latest_terms());
        Reuse::new(response.head().exchange(&latest).knowing(&terms), clock::now(app))
            .for_request(self.request.head())
            .constant(app.constant_headers())
            .call(self.request.windows_of_call())
            .query(app.windows())
            .marked(is_marked)
            .verdict(app.policy())
    }

    /// How to load. By the times of its entry alone, a response is stale in general if the verdict says so; then calls
    /// share a load. Otherwise only this caller wants another one.
    fn options(&self, stored: Option<&Stored>) -> LoadingOptions {
        // The verdict decides what is served stale, not the times of the entry.
        let options = LoadingOptions::new().swr(Duration::ZERO).stale_if_error(Duration::ZERO);
        let Some(Stored { freshness, verdict, .. }) = stored else {
            return options.strategy(Strategy::CacheFirst);
        };
        match verdict.state {
            State::StaleWhileRevalidate => {
                let options = options.strategy(Strategy::StaleWhileRevalidate).swr(Duration::MAX);
                // Zero is no time for a query.
                let least = Duration::from_nanos(1);
                self.request.windows_of_call().fresh.map_or(options, |fresh| options.fresh(fresh.max(least)))
            }
            _ if *freshness == Freshness::Fresh => options.strategy(Strategy::Refresh),
            _ => options.strategy(Strategy::CacheFirst),
        }
    }

    /// Whether a response that was loaded for another request with the same key is for this one too.
    fn may_have(&self, response: &Response) -> bool {
        let is_own = Arc::ptr_eq(&response.head().message, &self.request.query.message);
        is_own || !matches!(self.judge(response, false).state, State::NeverReused | State::NotStored)
    }
}

/// Sends a request whose response is kept nowhere.
async fn alone<A: Transport>(client: &Client<A>, request: &Request) -> Result<Answer, QueryError<A::Error>> {
    let message = &request.query.message;
    let issue = Issue::of(client, message);
    let sent = exchange(client, message).await;
    let response =
        sent.map_err(|error| QueryError::Failed { query: GetResponse::NAME, source: Arc::new(error) })?;
    let response = Arc::new(issue.apply(client, response).await);
    Ok(Answer { response, verdict: None, is_stored: false })
}
