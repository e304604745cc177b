//! All routes of the service. Each queries the client in the context of its own request.

mod api;
mod documents;
mod events;
mod inspect;
mod pages;
mod visit;

use axum::extract::DefaultBodyLimit;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use cache_client::Client;

use crate::app::Newsroom;
use crate::settings::Settings;
use crate::streams::Streams;
use visit::ApiProblem;

pub(crate) use inspect::inspector;

/// What routes share.
type Shared = Client<Newsroom>;

/// Maximum length of a request body, in bytes. The longest comment takes 24 KB if each of its characters is escaped.
const LONGEST_BODY: usize = 64 * 1024;

/// Headers of every response. A browser runs and fetches only what this service serves, and never shows it in a frame
/// of another site.
const SECURITY: [(HeaderName, HeaderValue); 4] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// The service.
pub fn router(client: Client<Newsroom>, settings: &Settings) -> Router {
    let api_gate = from_fn_with_state(settings.inspection, inspect::gate::<ApiProblem>);
    let pages = Router::new()
        .route("/", get(pages::front))
        .route("/sections/{section}", get(pages::section))
        .route("/articles/{id}", get(pages::article))
        .route("/articles/{id}/comments", post(pages::comment))
        .route("/search", get(pages::search))
        .fallback(pages::nowhere)
        .method_not_allowed_fallback(pages::not_that_way);
    let api = Router::new()
        .route("/feed", get(api::feed))
        .route("/articles/{id}", get(api::article))
        .route("/articles/{id}/comments", get(api::comments).post(api::comment))
        .route("/authors/{id}", get(api::author))
        .route("/search", get(api::search))
        .route("/stats", get(api::stats).layer(api_gate))
        .fallback(api::nowhere)
        .method_not_allowed_fallback(api::not_that_way)
        .with_state(client.clone());
    let api = Router::new()
        .fallback(documents::negotiate)
        .with_state(documents::Apis { plain: api, documents: documents::router(client.clone()) });
    let streams = Streams::new(settings);
    let events = Router::new()
        .route("/events/discussed", get(events::of_discussed))
        .route("/events/{article}", get(events::of_article))
        .layer(Extension(streams));
    pages
        .merge(events)
        .nest("/api", api)
        .route("/api/", any(api::nowhere))
        .route("/healthz", get(api::health))
        .route("/newsroom.css", get(asset("text/css; charset=utf-8", include_str!("../assets/newsroom.css"))))
        .route(
            "/newsroom.js",
            get(asset("text/javascript; charset=utf-8", include_str!("../assets/newsroom.js"))),
        )
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .layer(map_response(secured))
        .with_state(client)
}

async fn secured(mut response: Response) -> Response {
    response.headers_mut().extend(SECURITY);
    response
}

/// A file that is part of the program.
fn asset(
    kind: &'static str,
    text: &'static str,
) -> impl Fn() -> std::future::Ready<axum::response::Response> + Clone + Send + Sync + 'static {
    move || {
        let headers = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "max-age=60")];
        std::future::ready((headers, text).into_response())
    }
}
