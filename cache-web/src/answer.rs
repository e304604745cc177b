//! Answers one key of a query as JSON.

use std::sync::{Arc, OnceLock};

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cache_client::{App, Context, Fetch};
use cache_core::Holds;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cx::Cx;
use crate::failure::Failure;
use crate::json::to_json;
use crate::listed::{AnswerFuture, JsonAnswer, Listed};
use crate::random::RandomWord;

/// Answers a key of `Q`.
pub(crate) fn answer_of<'a, A, Q>(listed: &'a Listed<A>, cx: &'a Cx<A>, key: &'a str) -> AnswerFuture<'a>
where
    A: App,
    A::Registry: Holds<Q>,
    Q: Fetch<A> + Serialize + DeserializeOwned,
    Q::Value: Serialize,
{
    Box::pin(async move {
        let query: Q = read(key).map_err(|problem| bad_key(Q::NAME, &problem))?;
        if !listed.allows(cx.request(), &query) {
            return Err((StatusCode::FORBIDDEN, "this may not be read\n").into_response());
        }
        let value = cx.query(&query).await.map_err(|error| {
            Failure::from(error).into_response_with(|error: &Q::Error| {
                let text = if listed.tells_errors {
                    format!("{error}\n")
                } else {
                    "the load has failed\n".to_owned()
                };
                (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
            })
        })?;
        let etag = etag(cx, &query, &value);
        let json = to_json(&*value).map_err(|error| {
            tracing::warn!(target: "cache_web", query = Q::NAME, %error, "unsendable_value");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        })?;
        Ok(JsonAnswer { json, etag })
    })
}

/// The response to a text that is no key of the query.
pub(crate) fn bad_key(query: &str, problem: &str) -> Response {
    (StatusCode::BAD_REQUEST, format!("no key of `{query}`: {problem}\n")).into_response()
}

/// Reads a key. The error names the field.
fn read<Q: DeserializeOwned>(key: &str) -> Result<Q, String> {
    let mut json = serde_json::Deserializer::from_str(key);
    let query = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        match path.as_str() {
            "." => error.inner().to_string(),
            path => format!("`{path}`: {}", error.inner()),
        }
    })?;
    json.end().map_err(|error| error.to_string())?;
    Ok(query)
}

/// Random per client, since revisions begin anew with each cache.
#[derive(Default)]
struct EtagPrefix(OnceLock<Option<RandomWord>>);

/// The tag of the answer in the cache. `None` if this answer is another one: of an optimistic layer, or of the request
/// alone.
fn etag<A: App, Q: Fetch<A>>(cx: &Context<A>, query: &Q, value: &Arc<Q::Value>) -> Option<String>
where
    A::Registry: Holds<Q>,
{
    let entry = cx.client().cache().peek_entry(query).filter(|entry| Arc::ptr_eq(entry.value(), value))?;
    let prefix = cx.client().extension::<EtagPrefix>();
    let prefix = prefix.0.get_or_init(|| RandomWord::new().ok()).as_ref()?;
    Some(format!("\"{}-{}\"", prefix.as_str(), entry.revision()))
}
