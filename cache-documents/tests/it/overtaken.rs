//! Answers whose key changes before they are stored.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cache_client::{App, Client, Context, Fetch, Strategy, TokioClock};
use cache_core::{Cache, Freshness, LoadingOptions, Query, registry};
use cache_documents::{
    ClientDocuments, Document, DocumentError, DocumentsBuilder, Field, Id, ReadDocument, Resource,
    ResourceList, Resources,
};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;

use crate::blog::{GetArticle, blog};

thread_local! {
    /// What happens when two texts are compared next.
    static MEANWHILE: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// A text whose comparison runs code of the program.
#[derive(Clone, Debug, Deserialize)]
pub struct Text(String);

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        if let Some(meanwhile) = MEANWHILE.take() {
            meanwhile();
        }
        self.0 == other.0
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Note, record)]
pub struct NoteId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "notes", key = NoteId)]
pub struct Note {
    pub text: Field<Text>,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Note>, capacity = 100, fresh = "60s")]
pub struct GetNote;

registry! {
    pub struct NotesRegistry { crate::overtaken::NoteId, crate::overtaken::GetNote }
}

/// A program whose server has a new text for each request.
#[derive(Debug, Default)]
pub struct Notes(AtomicU32);

impl App for Notes {
    type Registry = NotesRegistry;
}

impl Resources for Notes {
    fn list(list: &mut ResourceList<Self>) {
        list.add::<Note>();
    }
}

impl Fetch<Notes> for GetNote {
    type Error = DocumentError;

    async fn fetch(&self, cx: &Context<Notes>) -> Result<Document<Note>, DocumentError> {
        let text = format!("Text {}", cx.app().0.fetch_add(1, Ordering::Relaxed));
        let body = json!({"data": {"type": "notes", "id": "1", "attributes": {"text": text}}});
        cx.document(body.to_string().as_bytes())
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_marked_while_its_load_is_stored_shows_the_records_of_the_load() {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    let client = Client::builder(cache, Notes::default()).documents().build();
    client.query(&GetNote).await.unwrap();
    let marking = client.clone();
    MEANWHILE.set(Some(Box::new(move || assert!(marking.cache().invalidate(&GetNote)))));
    let refresh = |options: LoadingOptions| options.strategy(Strategy::Refresh);
    client.query_with(&GetNote, refresh).await.unwrap();
    assert!(MEANWHILE.take().is_none());
    let entry = client.cache().get_entry(&GetNote).unwrap();
    assert_eq!(entry.state().freshness, Freshness::Invalidated, "the load began before the mark");
    let shown = entry.value().data().unwrap();
    assert_eq!(shown.text.value().unwrap().0, "Text 1");
    assert!(Arc::ptr_eq(shown, &client.cache().get(&NoteId("1".into())).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn an_overtaken_answer_that_says_nothing_new_leaves_the_document() {
    let desk = blog();
    let body = json!({"data": {"type": "articles", "id": "1", "attributes": {"title": "One"}}});
    let (sender, receiver) = oneshot::channel();
    desk.waits_for("/articles/1", receiver);
    let written = async {
        desk.until_requested().await;
        desk.client.documents().write(&GetArticle(1), desk.document(&body)).await.unwrap();
        let entry = desk.client.cache().get_entry(&GetArticle(1)).unwrap();
        sender.send(body.to_string()).unwrap();
        entry
    };
    let (_, written) = tokio::join!(desk.reload(1), written);
    let entry = desk.client.cache().get_entry(&GetArticle(1)).unwrap();
    assert!(Arc::ptr_eq(entry.value(), written.value()));
    assert_eq!(entry.revision(), written.revision());
}
