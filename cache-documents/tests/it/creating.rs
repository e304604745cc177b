//! Records that the program makes, shown before the server has them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cache_client::{Changes, Client, Context, LayerEdit, Mutate, Observer, State};
use cache_documents::{
    ChangeRecords, ClientDocuments, Document, EditRecords, Field, Id, Many, One, ReadDocument, Resource,
};
use serde_json::json;

use crate::blog::{
    Article, ArticleId, Blog, BlogError, Desk, GetArticle, GetFeed, GetPerson, Person, PersonId, blog, takes,
};

fn ann() -> PersonId {
    PersonId(Id::local("ann"))
}

fn nine() -> PersonId {
    PersonId("9".into())
}

fn person(name: &str) -> Person {
    Person { name: Field::Value(name.to_owned()), ..Person::absent() }
}

fn put_first(article: &mut Article, editor: PersonId) {
    let others = article.editors.keys().iter().filter(|other| **other != editor).cloned();
    article.editors = Many::to(std::iter::once(editor.clone()).chain(others.collect::<Vec<_>>()));
}

/// Hires an editor of article 1.
#[derive(Clone)]
struct Hire {
    /// The id that the server gives, unless it refuses.
    id: Option<&'static str>,
}

impl Mutate<Blog> for Hire {
    type Output = Document<Person>;
    type Error = BlogError;

    async fn run(&self, cx: &Context<Blog>) -> Result<Document<Person>, BlogError> {
        takes(Duration::from_secs(1)).await;
        let id = self.id.ok_or_else(|| BlogError::Unanswered("/people".to_owned()))?;
        let body = json!({"data": {"type": "people", "id": id, "attributes": {"name": "Ann", "age": 30}}})
            .to_string();
        Ok(cx.document::<Person>(body.as_bytes())?.saved(&ann()).unwrap())
    }

    fn optimistic(&self, layer: &mut LayerEdit<Blog>) {
        layer.show(&ArticleId("1".into()), Document::about(&ann(), person("Ann")));
        layer.patch(&ArticleId("1".into()), |article| put_first(article, ann()));
    }

    fn apply(&self, answer: &Document<Person>, changes: &mut Changes<Blog>) {
        let answer = changes.show(&ArticleId("1".into()), answer.clone());
        let key = answer.key().unwrap();
        changes.patch(&ArticleId("1".into()), |article| put_first(article, key.clone()));
    }
}

/// A client with article 1, which a document and a list show, and its editor 8.
async fn desk_with_article() -> Desk {
    let desk = blog();
    let article = json!({
        "type": "articles", "id": "1", "attributes": {"title": "One"},
        "relationships": {"editors": {"data": [{"type": "people", "id": "8"}]}}
    });
    let bob = json!({"type": "people", "id": "8", "attributes": {"name": "Bob"}});
    desk.answers("/articles/1", json!({"data": article, "included": [bob]}));
    desk.answers("/feed/1", json!({"data": [article]}));
    desk.article(1).await;
    desk.client.query(&GetFeed(1)).await.unwrap();
    desk
}

/// The names of the editors of article 1, as a document shows them.
fn editors(document: &Document<Article>) -> Vec<&str> {
    let article = document.data().unwrap();
    document.many(&article.editors).map(|editor| editor.name.value().map_or("?", |name| name)).collect()
}

/// The states that an observer shows until it is idle.
async fn states(observer: &mut Observer<Blog, GetArticle>) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    while let Ok(Some(state)) = tokio::time::timeout(Duration::from_secs(5), observer.next()).await {
        if let State::Ready { value, .. } = &state {
            all.push(editors(value).into_iter().map(str::to_owned).collect());
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_made_record_is_shown_at_once_and_confirmed_in_one_step() {
    let desk = desk_with_article().await;
    let mut observer = desk.client.observe(&GetArticle(1));
    let (hired, seen) = tokio::join!(desk.client.mutate(&Hire { id: Some("9") }), states(&mut observer));
    hired.unwrap();
    assert!(seen.iter().all(|names| names == &["Bob"] || names == &["Ann", "Bob"]), "{seen:?}");
    assert_eq!(seen.last().unwrap(), &["Ann", "Bob"]);

    let shown = desk.cached(1);
    assert_eq!(shown.data().unwrap().editors.keys(), [nine(), PersonId("8".into())]);
    let editor = shown.get(&nine()).unwrap();
    assert_eq!((&editor.name, &editor.age), (&Field::Value("Ann".into()), &Field::Value(30)));
    assert!(shown.get(&ann()).is_none());
    assert!(Arc::ptr_eq(editor, &desk.client.cache().get(&nine()).unwrap()));
    assert_eq!((desk.loads(), desk.client.pending()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn while_the_server_has_not_answered_every_document_shows_the_made_record() {
    let desk = desk_with_article().await;
    let watched = async {
        takes(Duration::from_millis(500)).await;
        assert_eq!(editors(&*desk.article(1).await), ["Ann", "Bob"]);
        let feed = desk.client.query(&GetFeed(1)).await.unwrap();
        let article = feed.data().next().unwrap();
        assert_eq!(feed.many(&article.editors).count(), 1, "it does not show Bob");
        assert!(feed.get(&ann()).is_some());
        assert!(desk.client.cache().get(&ann()).is_none(), "nothing was committed");
    };
    let (hired, ()) = tokio::join!(desk.client.mutate(&Hire { id: Some("9") }), watched);
    hired.unwrap();
    let feed = desk.client.cached(&GetFeed(1)).unwrap();
    assert!(Arc::ptr_eq(feed.get(&nine()).unwrap(), desk.cached(1).get(&nine()).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn what_the_server_refuses_is_taken_back() {
    let desk = desk_with_article().await;
    let before = desk.cached(1);
    let watched = async {
        takes(Duration::from_millis(500)).await;
        assert_eq!(editors(&*desk.article(1).await), ["Ann", "Bob"]);
    };
    let (refused, ()) = tokio::join!(desk.client.mutate(&Hire { id: None }), watched);
    assert!(refused.is_err());
    assert!(Arc::ptr_eq(&desk.article(1).await, &before));
    assert_eq!((desk.client.documents().records(), desk.client.pending()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_confirmed_record_lives_as_long_as_a_document_that_shows_it() {
    let desk = desk_with_article().await;
    desk.client.mutate(&Hire { id: Some("9") }).await.unwrap();
    desk.client.documents().patch(&nine(), |person| person.name = Field::Value("Zoe".into())).await.unwrap();
    assert_eq!(editors(&desk.cached(1)), ["Zoe", "Bob"]);
    desk.client.documents().patch(&ann(), |person| person.name = Field::Value("Ann".into())).await.unwrap();
    assert_eq!(editors(&desk.cached(1)), ["Ann", "Bob"], "the local key finds it");
    desk.client.cache().remove(&GetArticle(1));
    assert_eq!(desk.client.documents().records(), 2, "the list shows it");
    desk.client.cache().remove(&GetFeed(1));
    assert_eq!(desk.client.documents().records(), 0);
    assert!(desk.client.cache().get(&nine()).is_none() && desk.client.cache().get(&ann()).is_none());
}

#[tokio::test(start_paused = true)]
async fn later_parts_of_the_commit_change_what_the_documents_show() {
    let desk = desk_with_article().await;
    let answer = || desk.client.document::<Person>(br#"{"data": {"type": "people", "id": "9"}}"#).unwrap();
    let name = |name: &'static str| move |person: &mut Person| person.name = Field::Value(name.into());
    desk.client.change(|changes| drop(changes.show(&ArticleId("1".into()), answer()))).await.unwrap();
    assert!(desk.cached(1).get(&nine()).unwrap().name.is_absent());
    let changed = desk.client.change(|changes| {
        changes.show(&ArticleId("1".into()), answer());
        changes.patch(&nine(), name("Ann"));
    });
    changed.await.unwrap();
    assert_eq!(desk.cached(1).get(&nine()).unwrap().name, Field::Value("Ann".into()));
    let changed = desk.client.change(|changes| {
        changes.show(&ArticleId("1".into()), answer());
        changes.delete(&nine());
    });
    changed.await.unwrap();
    assert!(desk.cached(1).get(&nine()).is_none());
    // A local id of the same commit, and a document that is written in it.
    let changed = desk.client.change(|changes| {
        changes.write(&GetArticle(2), Document::about(&ArticleId(Id::local("draft")), Article::absent()));
        changes.show(&ArticleId(Id::local("draft")), Document::about(&ann(), person("Ann")));
        changes.merge_records(answer().saved(&ann()).unwrap());
    });
    changed.await.unwrap();
    let shown = desk.cached(2);
    assert_eq!((shown.records(), &shown.get(&nine()).unwrap().name), (2, &Field::Value("Ann".into())));
    desk.client.documents().patch(&nine(), name("Zoe")).await.unwrap();
    assert_eq!(desk.cached(2).get(&nine()).unwrap().name, Field::Value("Zoe".into()));
}

#[tokio::test(start_paused = true)]
async fn a_document_that_shows_a_record_already_stays_as_it_is() {
    let desk = desk_with_article().await;
    let before = desk.cached(1);
    let bob = desk.client.document::<Person>(br#"{"data": {"type": "people", "id": "8"}}"#).unwrap();
    desk.client.change(|changes| drop(changes.show(&ArticleId("1".into()), bob.clone()))).await.unwrap();
    assert!(Arc::ptr_eq(&before, &desk.cached(1)));
    let feed = desk.client.cached(&GetFeed(1)).unwrap();
    let bob = PersonId("8".into());
    assert!(Arc::ptr_eq(feed.get(&bob).unwrap(), before.get(&bob).unwrap()), "the list shows him now");
}

/// Creates an article at the end of a list.
fn push(layer: &mut LayerEdit<Blog>) {
    let made = Article { title: Field::Value("Draft".into()), ..Article::absent() };
    layer.push(&GetFeed(1), &ArticleId(Id::local("draft")), made);
}

async fn titles(desk: &Desk) -> Vec<String> {
    let feed = desk.client.query(&GetFeed(1)).await.unwrap();
    feed.data().map(|article| article.title.value().unwrap().to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_made_record_is_shown_at_the_end_of_a_list() {
    let desk = desk_with_article().await;
    let layer = desk.client.optimistic(push);
    assert_eq!(titles(&desk).await, ["One", "Draft"]);
    desk.client
        .documents()
        .patch(&ArticleId("1".into()), |article| article.title = Field::Value("Uno".into()))
        .await
        .unwrap();
    assert_eq!(titles(&desk).await, ["Uno", "Draft"], "the layer is folded over later changes");
    drop(layer);
    assert_eq!(titles(&desk).await, ["Uno"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_has_the_saved_record_already_shows_it_once() {
    let desk = desk_with_article().await;
    let layer = desk.client.optimistic(push);
    let saved = json!({"type": "articles", "id": "12", "lid": "draft", "attributes": {"title": "Saved"}});
    let one = json!({"type": "articles", "id": "1"});
    desk.client
        .documents()
        .write(
            &GetFeed(1),
            desk.client.document(json!({"data": [one, saved]}).to_string().as_bytes()).unwrap(),
        )
        .await
        .unwrap();
    assert_eq!(titles(&desk).await, ["One", "Saved"]);
    layer.rollback();
    assert_eq!(titles(&desk).await, ["One", "Saved"]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_has_got_its_id_meanwhile_is_shown_once() {
    let desk = desk_with_article().await;
    let layer = desk.client.optimistic(|layer| Hire { id: None }.optimistic(layer));
    assert_eq!(editors(&*desk.article(1).await), ["Ann", "Bob"]);
    let identifiers = json!([{"type": "people", "id": "9"}, {"type": "people", "id": "8"}]);
    let pushed = json!({
        "data": {"type": "articles", "id": "1", "relationships": {"editors": {"data": identifiers}}},
        "included": [{"type": "people", "id": "9", "lid": "ann", "attributes": {"name": "Anna"}}, {"type": "people", "id": "8"}]
    });
    desk.client.documents().write(&GetArticle(1), desk.document(&pushed)).await.unwrap();
    assert_eq!(editors(&*desk.article(1).await), ["Anna", "Bob"]);
    layer.rollback();
    assert_eq!(editors(&*desk.article(1).await), ["Anna", "Bob"]);
}

/// The answer about person 9, whom the program has made.
fn anna() -> serde_json::Value {
    json!({"data": {"type": "people", "id": "9", "lid": "ann", "attributes": {"name": "Anna"}}})
}

#[tokio::test(start_paused = true)]
async fn a_made_record_is_shown_by_its_id_once_the_answer_to_another_query_has_saved_it() {
    let desk = desk_with_article().await;
    let layer = desk.client.optimistic(|layer| {
        let friend = Person { friend: One::to(ann()), ..person("Ann") };
        layer.show(&ArticleId("1".into()), Document::about(&ann(), friend));
        layer.patch(&ArticleId("1".into()), |article| put_first(article, ann()));
    });
    let mut observer = desk.client.observe(&GetArticle(1));
    assert_eq!(states(&mut observer).await, [["Ann", "Bob"]]);
    desk.answers("/people/9", anna());
    desk.client.query(&GetPerson(9)).await.unwrap();

    let check = async || {
        let shown = desk.article(1).await;
        assert_eq!(editors(&shown), ["Ann", "Bob"], "links follow");
        assert_eq!(shown.get(&nine()).unwrap().friend.key(), Some(&nine()));
        assert!(shown.get(&ann()).is_none());
        let feed = desk.client.query(&GetFeed(1)).await.unwrap();
        assert!(feed.get(&nine()).is_some() && feed.get(&ann()).is_none());
    };
    check().await;
    assert_eq!(states(&mut observer).await, [["Ann", "Bob"]]);
    assert!(observer.state().value().unwrap().get(&nine()).is_some());
    let committed = desk.client.cache().peek(&GetArticle(1)).unwrap();
    assert!(committed.get(&nine()).is_none() && committed.get(&ann()).is_none());

    // The layer knows the id when no document shows the record any more.
    desk.client.cache().remove(&GetPerson(9));
    assert_eq!(desk.client.documents().key(&ann()), ann());
    let title = |article: &mut Article| article.title = Field::Value("Uno".into());
    desk.client.documents().patch(&ArticleId("1".into()), title).await.unwrap();
    check().await;
    layer.rollback();
    assert_eq!(editors(&*desk.article(1).await), ["Bob"]);
    let layer = desk.client.optimistic(|layer| Hire { id: None }.optimistic(layer));
    assert!(desk.article(1).await.get(&ann()).is_some(), "a later one begins anew");
    drop(layer);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_begins_when_the_name_is_saved_already_shows_the_id() {
    let desk = desk_with_article().await;
    desk.answers("/people/9", anna());
    desk.client.query(&GetPerson(9)).await.unwrap();
    let layer = desk.client.optimistic(|layer| Hire { id: None }.optimistic(layer));
    desk.client.cache().remove(&GetPerson(9));
    let title = |article: &mut Article| article.title = Field::Value("Uno".into());
    desk.client.documents().patch(&ArticleId("1".into()), title).await.unwrap();
    let shown = desk.article(1).await;
    assert!(shown.get(&nine()).is_some() && shown.get(&ann()).is_none());
    drop(layer);
}

#[tokio::test(start_paused = true)]
async fn a_made_record_that_is_saved_while_its_layer_is_applied_is_shown_by_its_id() {
    let desk = desk_with_article().await;
    let (client, is_first) = (desk.client.clone(), AtomicBool::new(true));
    let layer = desk.client.optimistic(|layer| {
        layer.show(&ArticleId("1".into()), Document::about(&ann(), person("Ann")));
        layer.patch(&ArticleId("1".into()), move |article| {
            if is_first.swap(false, Ordering::Relaxed) {
                thread::scope(|scope| scope.spawn(|| save(&client)).join().unwrap());
            }
            put_first(article, ann());
        });
    });
    assert!(desk.cached(1).get(&ann()).is_some(), "as it was when the layer was applied");
    let shown = desk.article(1).await;
    assert!(shown.get(&nine()).is_some() && shown.get(&ann()).is_none());
    drop(layer);
}

/// Stores the answer about person 9, on a thread of its own.
fn save(client: &Client<Blog>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let answer = client.document::<Person>(anna().to_string().as_bytes()).unwrap();
    runtime.block_on(client.documents().write(&GetPerson(9), answer)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_list_shows_a_made_record_by_its_id_once_it_is_saved() {
    let desk = desk_with_article().await;
    let layer = desk.client.optimistic(push);
    assert_eq!(titles(&desk).await, ["One", "Draft"]);
    let saved = json!({"type": "articles", "id": "12", "lid": "draft", "attributes": {"title": "Saved"}});
    let saved: Document<Article> = desk.document(&json!({"data": saved}));
    desk.client.documents().merge_records(saved).await.unwrap();
    assert_eq!(titles(&desk).await, ["One", "Draft"]);
    let feed = desk.client.query(&GetFeed(1)).await.unwrap();
    assert_eq!(feed.keys().collect::<Vec<_>>(), [ArticleId("1".into()), ArticleId("12".into())]);
    drop(layer);
}

#[tokio::test(start_paused = true)]
async fn a_layer_is_left_alone_when_a_name_is_saved_that_it_does_not_show() {
    let desk = desk_with_article().await;
    let layer = desk.client.optimistic(|layer| Hire { id: None }.optimistic(layer));
    let mut observer = desk.client.observe(&GetArticle(1));
    assert_eq!(states(&mut observer).await, [["Ann", "Bob"]]);
    let before = desk.article(1).await;
    let save = async |lid: &str, id: &str| {
        let answer = json!({"data": {"type": "people", "id": id, "lid": lid}}).to_string();
        let answer: Document<Person> = desk.client.document(answer.as_bytes()).unwrap();
        desk.client.documents().merge_records(answer).await.unwrap();
    };
    save("zoe", "7").await;
    assert!(Arc::ptr_eq(&desk.article(1).await, &before));
    assert!(states(&mut observer).await.is_empty());
    save("ann", "9").await;
    let named = desk.article(1).await;
    assert_eq!((states(&mut observer).await.len(), named.get(&nine()).is_some()), (1, true));
    // Once more, by an answer that says nothing new.
    save("ann", "9").await;
    assert!(Arc::ptr_eq(&desk.article(1).await, &named));
    assert!(states(&mut observer).await.is_empty());
    drop(layer);
}
