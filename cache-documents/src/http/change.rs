//! What responses that no query keeps change in the records of a client: those to unsafe requests, and those that are kept
//! nowhere.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use cache_client::{AnswerStore, Client};
use cache_core::CommitError;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;

use super::request::Message;
use super::{RecordsError, Response, Transport};
use crate::frame::Frame;
use crate::jsonapi::DocumentError;
use crate::jsonapi::read::read_any;
use crate::jsonapi::response::{Known, Response as Said};
use crate::record::RecordRef;
use crate::record_types::RecordTypes;
use crate::records::known::KnownOf;
use crate::records::state::Documents;
use crate::records::store::store_records;
use crate::resources::Resources;

const MEDIA_TYPE: &[u8] = b"application/vnd.api+json";

/// A request and the response to it. The client's step for this type applies it.
pub(crate) struct Change {
    message: Arc<Message>,
    response: Response,
    unread: OnceLock<DocumentError>,
}

/// Applies the response to a successful unsafe request, if the client keeps documents.
pub(super) async fn apply<A: Transport>(client: &Client<A>, response: Response) -> Response {
    let message = response.head().message();
    let is_change = !message.head.method.is_safe() && response.status().is_success();
    if !is_change || !client.has_step_for::<Change>() {
        return response;
    }
    let change = Arc::new(Change::of(&response));
    // Boxed, so that other requests stay small.
    let committed = Box::pin(client.change(|changes| changes.extend_by(Arc::clone(&change)))).await;
    change.applied(response, committed.map(drop))
}

/// The place of a request in the order of requests, from which on its response may change records.
pub(super) struct Issue(Option<Arc<dyn Any + Send + Sync>>);

impl Issue {
    /// Numbers a request that is sent now, if it is one whose response shows records and may be kept nowhere.
    pub(super) fn of<A: Transport>(client: &Client<A>, message: &Message) -> Self {
        Self(if message.head.method == Method::GET { client.start_of::<Change>() } else { None })
    }

    /// Applies the response to the request, which is kept nowhere: it changes the records that documents show.
    pub(super) async fn apply<A: Transport>(self, client: &Client<A>, response: Response) -> Response {
        let Some(issue) = self.0.filter(|_| response.status().is_success()) else { return response };
        let change = Arc::new(Change::of(&response));
        // Boxed, so that other requests stay small.
        let committed = Box::pin(client.commit_parts(Arc::clone(&change), Some(&*issue))).await;
        change.applied(response, committed.map(drop))
    }
}

/// The step of a client that keeps documents: writes the records of a response, and marks the documents that list
/// records of the type that was created or deleted.
pub(crate) fn apply_change<A: Resources>(change: Arc<Change>, store: &mut AnswerStore<'_, A>) -> Arc<Change> {
    let documents = store.client().extension::<Documents<A>>();
    let types = &documents.list.types;
    match change.records(types, &KnownOf::new(store.client(), &documents)) {
        Ok((records, renamed)) => {
            let listed = change.listed(types);
            if records.len() > 0 || listed.is_some() {
                store_records((&records, &renamed), listed.as_slice(), store);
            }
        }
        Err(error) => _ = change.unread.set(error),
    }
    change
}

/// Records, and the local names that become names of some of them.
type Renamed = (Frame, Vec<(RecordRef, RecordRef)>);

impl Change {
    fn of(response: &Response) -> Self {
        let message = Arc::clone(response.head().message());
        Self { message, response: response.clone(), unread: OnceLock::new() }
    }

    /// Returns the response with what has become of its records.
    fn applied(&self, response: Response, committed: Result<(), CommitError>) -> Response {
        match (self.unread.get(), committed) {
            (Some(error), _) => response.with_records_error(error.clone().into()),
            (None, Err(error)) => response.with_records_error(RecordsError::Commit(Arc::new(error))),
            (None, Ok(())) => response,
        }
    }

    /// The records that the response shows, or that were sent if it is 201 or 204 and has no content, and the local names
    /// that it gives ids.
    fn records(&self, types: &RecordTypes, known: &dyn Known) -> Result<Renamed, DocumentError> {
        let (body, sent) = (self.response.body(), &self.message.body);
        let to_frame = |body: &Bytes| {
            let Said { records, renamed, .. } = read_any(body, types, known)?;
            Ok((records, renamed))
        };
        let is_silent = matches!(self.response.status(), StatusCode::CREATED | StatusCode::NO_CONTENT);
        let is_silent = is_silent && !self.message.head.method.is_safe();
        if !body.is_empty() && is_document(&self.response.head().latest().parts.headers) {
            to_frame(body)
        } else if is_silent && body.is_empty() && is_document(&self.message.head.headers) {
            // A resource that was sent without an id is none that is known.
            Ok(to_frame(sent).unwrap_or_default())
        } else {
            Ok(Renamed::default())
        }
    }

    /// The type of which a record was created or deleted.
    fn listed(&self, types: &RecordTypes) -> Option<TypeId> {
        let kind = match (&self.message.head.method, self.response.status()) {
            (&Method::POST, StatusCode::CREATED | StatusCode::ACCEPTED | StatusCode::NO_CONTENT) => {
                self.created()?
            }
            (&Method::DELETE, _) => self.parent()?.into(),
            _ => return None,
        };
        Some(types.by_name(&kind)?.resource)
    }

    /// The type of the resource that the response shows, or that was sent.
    fn created(&self) -> Option<Cow<'_, str>> {
        let by_response = || {
            let is_document = is_document(&self.response.head().latest().parts.headers);
            primary_kind(self.response.body()).filter(|_| is_document)
        };
        let by_request =
            || primary_kind(&self.message.body).filter(|_| is_document(&self.message.head.headers));
        by_response().or_else(by_request)
    }

    /// The segment of the path before the last one. JSON:API recommends `/articles/1` as the URL of a resource.
    fn parent(&self) -> Option<&str> {
        let path = self.message.head.uri.path();
        path.strip_suffix('/').unwrap_or(path).rsplit('/').nth(1)
    }
}

/// Returns the type of a document's primary data, if that is a single resource.
fn primary_kind(body: &Bytes) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow)]
        data: Resource<'a>,
    }
    #[derive(Deserialize)]
    struct Resource<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    serde_json::from_slice::<Document<'_>>(body).ok().map(|document| document.data.kind)
}

fn is_document(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return false };
    let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(MEDIA_TYPE)
}
