//! All routes of the service. Each asks the client, in a context of its own request.

mod api;
mod events;
mod inspect;
mod pages;
mod visit;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use cache_client::Client;

use crate::app::Newsroom;

/// What routes share.
type Shared = Client<Newsroom>;

/// The service.
pub fn router(client: Client<Newsroom>) -> Router {
    let pages = Router::new()
        .route("/", get(pages::front))
        .route("/sections/{section}", get(pages::section))
        .route("/articles/{id}", get(pages::article))
        .route("/articles/{id}/comments", axum::routing::post(pages::comment))
        .route("/search", get(pages::search))
        .route("/inspect", get(inspect::page))
        .fallback(pages::nowhere);
    let api = Router::new()
        .route("/feed", get(api::feed))
        .route("/articles/{id}", get(api::article))
        .route("/articles/{id}/comments", get(api::comments).post(api::comment))
        .route("/authors/{id}", get(api::author))
        .route("/search", get(api::search))
        .route("/stats", get(api::stats))
        .fallback(api::nowhere);
    pages
        .nest("/api", api)
        .route("/events/{article}", get(events::of_article))
        .route("/inspect.json", get(inspect::json))
        .route("/healthz", get(api::health))
        .route("/newsroom.css", get(asset("text/css; charset=utf-8", include_str!("../assets/newsroom.css"))))
        .route(
            "/newsroom.js",
            get(asset("text/javascript; charset=utf-8", include_str!("../assets/newsroom.js"))),
        )
        .with_state(client)
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
