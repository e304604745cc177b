//! What is in the cache: for people, and for tools.

use axum::Json;
use axum::extract::State;
use axum::response::Html;
use cache_core::Inspection;

use super::Shared;
use crate::views::{self, inspect};

pub(super) async fn page(State(client): State<Shared>) -> Html<String> {
    let ledger = client.app().database.ledger.report();
    views::page(&inspect::page(&client.cache().inspect(), &ledger))
}

pub(super) async fn json(State(client): State<Shared>) -> Json<Inspection> {
    Json(client.cache().inspect())
}
