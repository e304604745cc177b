//! The route that answers the queries of browsers, one key at a time.

use axum::Router;
use axum::extract::{FromRequestParts, Path, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cache_client::App;

use crate::answer::bad_key;
use crate::cx::Cx;
use crate::listed::JsonAnswer;
use crate::web::Web;

/// How long the query string of a request may be, in bytes. Proxies commonly allow 8 KiB for the whole line.
const LONGEST_QUERY: usize = 8 * 1024;

/// Headers of all answers. A browser may keep an answer, and asks each time whether it is still right.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

impl<A: App> Web<A> {
    /// Returns the route that answers the listed queries to browsers, at `GET {path}/{name}?key={JSON}`. Its router
    /// needs a [`RequestLayer`](crate::RequestLayer), in whose context the queries are made.
    ///
    /// | status | when |
    /// |---|---|
    /// | 200 | with the value as JSON, and an `ETag` if it is the one in the cache |
    /// | 304 | the browser has this answer already |
    /// | 400 | the key is missing or no key of the query; the text names the field |
    /// | 403 | a guard refuses the request; nothing was read or loaded |
    /// | 404 | there is no such query in the list |
    /// | 413 | the query string is longer than 8 KiB |
    /// | 500 | the load has failed, or JSON cannot carry the value exactly, which is an event of `tracing` |
    /// | 503, 504 | as in [`Failure`](crate::Failure) |
    ///
    /// # Panics
    /// If `path` does not start with `/`, as [`Router::route`] does.
    pub fn answers<S: Clone + Send + Sync + 'static>(&self, path: &str) -> Router<S> {
        let web = self.clone();
        let answer = move |request: Request| {
            let web = web.clone();
            async move { web.answer(request).await }
        };
        Router::new().route(&format!("{}/{{name}}", path.trim_end_matches('/')), get(answer))
    }

    async fn answer(&self, request: Request) -> Response {
        let response = match self.try_answer(request).await {
            Ok(response) | Err(response) => response,
        };
        (HEADERS, response).into_response()
    }

    async fn try_answer(&self, request: Request) -> Result<Response, Response> {
        let mut parts = request.into_parts().0;
        let name = Path::<String>::from_request_parts(&mut parts, &()).await;
        let listed = name.ok().and_then(|Path(name)| self.named(&name));
        let Some(listed) = listed else {
            return Err((StatusCode::NOT_FOUND, "there is no such query\n").into_response());
        };
        let text = parts.uri.query().unwrap_or_default();
        if text.len() > LONGEST_QUERY {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, "the key is too long\n").into_response());
        }
        let key = form_urlencoded::parse(text.as_bytes()).find(|(name, _)| name == "key");
        let key = key.map(|(_, key)| key.into_owned());
        let key = key.ok_or_else(|| bad_key(listed.name, "the parameter `key` is missing"))?;
        let cx = Cx::from_request_parts(&mut parts, &()).await.map_err(IntoResponse::into_response)?;
        let JsonAnswer { json, etag } = (listed.answer)(listed, &cx, &key).await?;
        let etag = etag.and_then(|etag| HeaderValue::try_from(etag).ok());
        let mut response = match &etag {
            Some(etag) if is_known(&parts.headers, etag) => StatusCode::NOT_MODIFIED.into_response(),
            _ => ([(CONTENT_TYPE, "application/json")], json).into_response(),
        };
        if let Some(etag) = etag {
            response.headers_mut().insert(ETAG, etag);
        }
        Ok(response)
    }
}

/// Whether the client says that it has the answer with this tag.
fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.trim_start_matches("W/").as_bytes() == etag.as_bytes())
}
