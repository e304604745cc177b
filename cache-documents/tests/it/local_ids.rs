//! Names of what the server has not named yet, and what becomes of them when it does.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{Changes, Context, LayerEdit, Mutate, QueryError};
use cache_core::CommitError;
use cache_documents::{
    ChangeRecords, ClientDocuments, Document, EditRecords, Field, Id, IdChanged, Many, One, ReadDocument,
    Resource,
};
use serde_json::{Value, json};

use crate::blog::{
    Article, ArticleId, Blog, BlogError, Desk, GetArticle, GetFeed, Person, PersonId, blog, takes,
};
use crate::reading::{article, articles, refused};

#[test]
fn a_local_id_has_a_stable_text_and_an_id_of_the_server_is_none() {
    let local = Id::local("user:1");
    assert_eq!((local.lid(), local.as_str()), (Some("user:1"), "@lid:user:1"));
    assert_eq!((local.to_string(), format!("{local:?}")), ("@lid:user:1".into(), "\"@lid:user:1\"".into()));
    assert_eq!(Id::from("user:1").lid(), None);
    assert_ne!(local, Id::from("user:1"));
    assert_ne!(local, Id::local("user:2"));
    let text = serde_json::to_string(&local).unwrap();
    assert_eq!(text, "\"@lid:user:1\"");
    assert_eq!(serde_json::from_str::<Id>(&text).unwrap(), local);
}

#[test]
fn resources_and_linkage_name_what_has_no_id_yet() {
    let document = article(&json!({
        "data": {
            "type": "articles", "lid": "draft",
            "relationships": {
                "author": {"data": {"type": "people", "lid": "user:1"}},
                "editors": {"data": [{"type": "people", "id": null, "lid": "user:1"}, {"type": "people", "id": "9"}]}
            }
        },
        "included": [{"type": "people", "id": null, "lid": "user:1", "attributes": {"name": "Ann"}}]
    }));
    let shown = document.get(&ArticleId(Id::local("draft"))).unwrap();
    assert!(std::sync::Arc::ptr_eq(shown, document.data().unwrap()));
    let author = PersonId(Id::local("user:1"));
    assert_eq!(shown.author, One::to(author.clone()));
    assert_eq!(shown.editors.keys(), [author, PersonId("9".into())]);
    assert_eq!(document.one(&shown.author).unwrap().name.value().unwrap(), "Ann");
}

#[test]
fn a_resource_with_an_id_and_a_local_one_is_one_record_in_its_document() {
    let resource = json!({
        "type": "articles", "id": "12", "lid": "draft",
        "relationships": {"author": {"data": {"type": "people", "lid": "user:1"}}}
    });
    let document = articles(&json!({
        "data": [{"type": "articles", "lid": "draft", "attributes": {"title": "One"}}, resource],
        "included": [{"type": "people", "id": "9", "lid": "user:1", "attributes": {"name": "Ann"}}]
    }));
    assert_eq!((document.data().len(), document.records()), (1, 2));
    let shown = document.data().next().unwrap();
    assert_eq!(shown.title, Field::Value("One".into()));
    assert_eq!(shown.author, One::to(PersonId("9".into())));
    assert!(document.one(&shown.author).is_some() && document.get(&draft()).is_none());
}

fn draft() -> ArticleId {
    ArticleId(Id::local("draft"))
}

fn twelve() -> ArticleId {
    ArticleId("12".into())
}

fn made(title: &str) -> Article {
    Article { title: Field::Value(title.into()), ..Article::absent() }
}

/// What the server answers when the draft was saved.
fn answer(desk: &Desk, resource: &Value) -> Document<Article> {
    desk.document(&json!({"data": resource})).saved(&draft()).unwrap()
}

/// A client with a draft that a document is about, that a list shows beside article 1, and that the person 9 links to.
async fn with_draft() -> Desk {
    let desk = blog();
    let listed = json!({"data": [{"type": "articles", "id": "1", "attributes": {"title": "One"}}]});
    desk.answers("/feed/1", listed);
    let feed = desk.client.query(&GetFeed(1)).await.unwrap();
    let created = desk.client.change(|changes| {
        changes.write(&GetArticle(7), Document::about(&draft(), made("Draft")));
        changes.write(&GetFeed(1), feed.pushing(&draft(), made("Draft")));
    });
    created.await.unwrap();
    desk
}

fn titles(feed: &Document<[Article]>) -> Vec<String> {
    feed.data().map(|article| article.title.value().unwrap().to_string()).collect()
}

/// Drops what the cache has, and checks that nothing is left.
#[track_caller]
fn check_end(desk: &Desk) {
    desk.client.cache().clear();
    assert_eq!(desk.client.documents().records(), 0);
    assert_eq!(desk.client.documents().key(&draft()), draft(), "the local name is forgotten");
    assert!(desk.client.cache().get(&draft()).is_none() && desk.client.cache().get(&twelve()).is_none());
}

#[tokio::test(start_paused = true)]
async fn documents_show_the_record_of_the_server_in_place_of_the_local_one_in_one_commit() {
    let desk = with_draft().await;
    assert_eq!(titles(&desk.client.cached(&GetFeed(1)).unwrap()), ["One", "Draft"]);
    assert_eq!(desk.client.documents().key(&draft()), draft());
    let held = desk.cached(7);
    let resource = json!({"type": "articles", "id": "12", "attributes": {"body": "Text"}});
    desk.client.documents().merge_records(answer(&desk, &resource)).await.unwrap();

    let (about, feed) = (desk.cached(7), desk.client.cached(&GetFeed(1)).unwrap());
    let record = desk.client.cache().get(&twelve()).unwrap();
    assert_eq!((&record.title, &record.body), (&Field::Value("Draft".into()), &Field::Value("Text".into())));
    assert!(Arc::ptr_eq(about.data().unwrap(), &record) && about.get(&draft()).is_none());
    assert!(Arc::ptr_eq(feed.get(&twelve()).unwrap(), &record));
    assert_eq!((titles(&feed), feed.records(), about.records()), (vec!["One".into(), "Draft".into()], 2, 1));
    let cache = desk.client.cache();
    let (one, other) = (cache.get_entry(&GetArticle(7)).unwrap(), cache.get_entry(&GetFeed(1)).unwrap());
    assert_eq!(one.revision(), other.revision());
    assert_eq!((desk.client.documents().records(), desk.loads()), (2, 1));
    assert!(!desk.client.documents().inspect().to_string().contains("@lid"));
    assert!(held.get(&draft()).is_some(), "who holds a document keeps its moment");
    drop((about, feed, record, one, other, held));
    check_end(&desk);
}

#[tokio::test(start_paused = true)]
async fn the_local_key_finds_the_record_for_as_long_as_a_document_shows_it() {
    let desk = with_draft().await;
    let documents = desk.client.documents();
    documents.merge_records(answer(&desk, &json!({"type": "articles", "id": "12"}))).await.unwrap();
    assert_eq!(documents.key(&draft()), twelve());
    let find = |key: &ArticleId| desk.client.cache().get(key);
    assert!(Arc::ptr_eq(&find(&draft()).unwrap(), &find(&twelve()).unwrap()));

    // Later answers, patches by one name and the other.
    desk.answers(
        "/articles/12",
        json!({"data": {"type": "articles", "id": "12", "attributes": {"title": "Two"}}}),
    );
    desk.article(12).await;
    assert_eq!(find(&draft()).unwrap().title, Field::Value("Two".into()));
    assert!(documents.patch(&draft(), |article| article.body = Field::Null).await.unwrap());
    assert!(desk.cached(12).data().unwrap().body.is_null());
    assert!(Arc::ptr_eq(&find(&draft()).unwrap(), desk.cached(7).data().unwrap()));
    desk.client.cache().remove(&GetArticle(7));
    desk.client.cache().remove(&GetFeed(1));
    assert!(documents.patch(&twelve(), |article| article.title = Field::Null).await.unwrap());
    assert!(find(&draft()).unwrap().title.is_null(), "another document shows the record");

    assert!(documents.delete(&draft()).await.unwrap());
    assert!(find(&draft()).is_none() && find(&twelve()).is_none());
    check_end(&desk);
}

#[tokio::test(start_paused = true)]
async fn links_to_the_local_key_become_links_to_the_id() {
    let desk = blog();
    let (ann, zoe) = (PersonId(Id::local("ann")), PersonId("9".into()));
    let article = Article {
        author: One::to(ann.clone()),
        editors: Many::to([zoe.clone(), ann.clone(), PersonId("8".into())]),
        ..made("One")
    };
    let person = |friend: &PersonId| Person { friend: One::to(friend.clone()), ..Person::absent() };
    let document = Document::about(&ArticleId("1".into()), article)
        .showing(&ann, Person { age: Field::Value(30), ..person(&ann) })
        .showing(&zoe, person(&ann));
    desk.client.documents().write(&GetArticle(1), document).await.unwrap();
    let answer = json!({"data": {"type": "people", "id": "9", "attributes": {"name": "Ann"}}});
    let answer: Document<Person> = desk.client.document(answer.to_string().as_bytes()).unwrap();
    let answer = answer.saved(&ann).unwrap();
    // Person 9 is there already, as if a push had been faster than the answer.
    desk.client.documents().merge_records(answer).await.unwrap();

    let shown = desk.cached(1);
    let article = shown.data().unwrap();
    assert_eq!(article.author.key(), Some(&zoe));
    assert_eq!(article.editors.keys(), [zoe.clone(), PersonId("8".into())], "named once");
    assert_eq!(shown.get(&zoe).unwrap().friend.key(), Some(&zoe));
    assert_eq!((desk.author(1), shown.records()), ("Ann".to_owned(), 2));
    assert_eq!(shown.get(&zoe).unwrap().age, Field::Value(30), "what the program has made stays");

    // What links to the local key later links to the id too.
    let (documents, one) = (desk.client.documents(), ArticleId("1".into()));
    let patched = documents.patch(&one, |article| {
        article.author = One::to_none();
        article.editors = Many::to([ann.clone()]);
    });
    assert!(patched.await.unwrap());
    assert_eq!(desk.cached(1).data().unwrap().editors.keys(), std::slice::from_ref(&zoe));
    let linked = Document::about(&ArticleId("2".into()), Article { author: One::to(ann), ..made("Two") });
    desk.client.documents().write(&GetArticle(2), linked).await.unwrap();
    assert_eq!(desk.cached(2).data().unwrap().author.key(), Some(&zoe));
}

#[tokio::test(start_paused = true)]
async fn another_id_for_a_known_record_is_an_error_and_nothing_is_applied() {
    let desk = with_draft().await;
    let documents = desk.client.documents();
    let resource =
        |id: &str, title: &str| json!({"type": "articles", "id": id, "attributes": {"title": title}});
    documents.merge_records(answer(&desk, &resource("12", "Saved"))).await.unwrap();
    let before = (desk.cached(7), desk.client.cached(&GetFeed(1)).unwrap());

    let both = desk.client.change(|changes| {
        changes.merge_records(answer(&desk, &resource("13", "Other")));
        // A later part of the same commit does not make up for it.
        changes.patch(&ArticleId("1".into()), |article| article.title = Field::Null);
    });
    let Err(CommitError::Refused(source)) = both.await else { panic!("this is refused") };
    let changed: &IdChanged = source.downcast_ref().unwrap();
    assert_eq!((&changed.known, &changed.said, &changed.name), (&"12".into(), &"13".into(), &draft().0));
    assert_eq!(changed.resource, "articles");
    assert!(Arc::ptr_eq(&before.0, &desk.cached(7)));
    assert!(Arc::ptr_eq(&before.1, &desk.client.cached(&GetFeed(1)).unwrap()));
    assert!(desk.client.cache().get(&ArticleId("13".into())).is_none());

    // An answer to a change of a known article.
    let other = desk.document(&json!({"data": resource("13", "Other")})).saved(&twelve()).unwrap_err();
    assert_eq!(
        other.to_string(),
        "an id never changes: `12` of type `articles` has the id `12`, and the response says `13`"
    );
    // A load whose answer has both.
    let mut both = resource("13", "Other");
    both["lid"] = json!("draft");
    desk.answers("/articles/13", json!({"data": both}));
    let error = desk.client.query(&GetArticle(13)).await.unwrap_err();
    let QueryError::Failed { source, .. } = error else { panic!("{error:?}") };
    let BlogError::Document(error) = &*source else { panic!("{source}") };
    assert_eq!(error.read().unwrap().pointer(), "/data/id");
    assert!(error.to_string().contains("the local id `draft` has become `12`"), "{error}");
    assert!(desk.client.cached(&GetArticle(13)).is_none());
}

#[test]
fn two_ids_for_one_local_id_in_a_document_are_refused() {
    let person = |id: &str| json!({"type": "people", "id": id, "lid": "a"});
    let body = json!({"data": null, "included": [person("1"), person("1"), person("2")]}).to_string();
    refused::<Article>(&body, "/included/2/id", "the local id `a` has become `1`");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_has_both_ids_says_so_by_itself() {
    let desk = with_draft().await;
    desk.answers(
        "/articles/12",
        json!({
            "data": {"type": "articles", "id": "12", "lid": "draft", "attributes": {"title": "Saved"}},
            "included": [{"type": "people", "id": "9", "lid": "ann"}]
        }),
    );
    desk.article(12).await;
    assert_eq!(titles(&desk.client.cached(&GetFeed(1)).unwrap()), ["One", "Saved"]);
    assert!(Arc::ptr_eq(desk.cached(7).data().unwrap(), desk.cached(12).data().unwrap()));
    assert_eq!(desk.client.documents().key(&PersonId(Id::local("ann"))), PersonId("9".into()));
    check_end(&desk);
}

#[tokio::test(start_paused = true)]
async fn what_is_known_of_the_record_with_the_id_is_stronger_than_what_the_program_has_made() {
    let desk = with_draft().await;
    let known = json!({"data": {"type": "articles", "id": "12", "attributes": {"title": "Known"}}});
    desk.answers("/articles/12", known);
    desk.article(12).await;
    let text = |article: &mut Article| article.body = Field::Value("Text".into());
    desk.client.documents().patch(&draft(), text).await.unwrap();
    let saved = answer(&desk, &json!({"type": "articles", "id": "12"}));
    desk.client.documents().merge_records(saved).await.unwrap();
    let (shown, made) = (desk.cached(12), desk.cached(7));
    assert!(Arc::ptr_eq(shown.data().unwrap(), made.data().unwrap()));
    let record = shown.data().unwrap();
    assert_eq!((&record.title, &record.body), (&Field::Value("Known".into()), &Field::Value("Text".into())));
    drop((shown, made));
    check_end(&desk);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_was_requested_before_does_not_undo_what_the_program_has_made() {
    let desk = with_draft().await;
    let old = json!({"type": "articles", "id": "12", "attributes": {"title": "Older", "body": "Text"}});
    desk.answers_after("/articles/12", 10, json!({"data": old}));
    let saved = async {
        takes(Duration::from_secs(5)).await;
        let resource = json!({"type": "articles", "id": "12"});
        desk.client.documents().merge_records(answer(&desk, &resource)).await.unwrap();
    };
    tokio::join!(desk.article(12), saved);
    let shown = desk.cached(7);
    let article = shown.data().unwrap();
    assert_eq!(
        (&article.title, &article.body),
        (&Field::Value("Draft".into()), &Field::Value("Text".into()))
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_with_a_local_id_and_taken_without_a_body_stays_local() {
    let desk = with_draft().await;
    let sent =
        json!({"data": {"type": "articles", "lid": "draft", "attributes": {"title": "Sent"}}}).to_string();
    let document: Document<Article> = desk.client.document_or_sent(sent.as_bytes(), 204, b"").unwrap();
    desk.client.documents().merge_records(document.saved(&draft()).unwrap()).await.unwrap();
    assert_eq!(desk.cached(7).get(&draft()).unwrap().title, Field::Value("Sent".into()));
    // Sent once more after the answer.
    desk.client
        .documents()
        .merge_records(answer(&desk, &json!({"type": "articles", "id": "12"})))
        .await
        .unwrap();
    let document: Document<Article> = desk.client.document_or_sent(sent.as_bytes(), 204, b"").unwrap();
    let kept = desk.client.documents().merge_records(document).await.unwrap();
    assert!(Arc::ptr_eq(kept.data().unwrap(), desk.cached(7).get(&twelve()).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_only_the_program_has_keeps_the_local_name() {
    let desk = blog();
    let documents = desk.client.documents();
    let saved = || answer(&desk, &json!({"type": "articles", "id": "12"}));
    let kept = documents.merge_records(saved()).await.unwrap();
    assert_eq!(desk.client.documents().key(&draft()), twelve());
    assert!(Arc::ptr_eq(&desk.client.cache().get(&draft()).unwrap(), kept.data().unwrap()));
    drop(kept);
    check_end(&desk);
    // An answer that nobody keeps leaves nothing.
    drop(documents.merge_records(saved()).await.unwrap());
    check_end(&desk);
    // Nor does one that is gone when it is committed.
    desk.client.change(|changes| drop(changes.merge_records(saved()))).await.unwrap();
    check_end(&desk);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_only_a_running_load_keeps_has_no_local_name() {
    let desk = with_draft().await;
    desk.answers_after(
        "/articles/12",
        10,
        json!({"data": {"type": "articles", "id": "12", "attributes": {"body": "Text"}}}),
    );
    let forgotten = async {
        takes(Duration::from_secs(5)).await;
        let documents = desk.client.documents();
        documents.merge_records(answer(&desk, &json!({"type": "articles", "id": "12"}))).await.unwrap();
        let title =
            |title: &'static str| move |article: &mut Article| article.title = Field::Value(title.into());
        documents.patch(&draft(), title("Kept")).await.unwrap();
        desk.client.cache().remove(&GetArticle(7));
        desk.client.cache().remove(&GetFeed(1));
        let find = |key: &ArticleId| desk.client.cache().get(key).unwrap().title.clone();
        assert_eq!((documents.key(&draft()), find(&draft())), (draft(), Field::Value("Kept".into())));
        // A later change reaches one of them only.
        assert!(documents.patch(&twelve(), title("Later")).await.unwrap());
        assert!(desk.client.cache().get(&draft()).is_none());
        assert_eq!(find(&twelve()), Field::Value("Later".into()));
    };
    tokio::join!(desk.article(12), forgotten);
    let shown = desk.cached(12);
    let article = shown.data().unwrap();
    assert_eq!(
        (&article.title, &article.body),
        (&Field::Value("Later".into()), &Field::Value("Text".into()))
    );
    assert!(desk.client.cache().get(&draft()).is_none());
    drop(shown);
    check_end(&desk);
}

#[tokio::test(start_paused = true)]
async fn a_layer_over_the_local_record_stays_over_the_one_of_the_server() {
    let desk = with_draft().await;
    let shout = |article: &mut Article| article.title = Field::Value("LOUD".into());
    let layer = desk.client.optimistic(|layer| layer.patch(&draft(), shout));
    desk.client
        .documents()
        .merge_records(answer(&desk, &json!({"type": "articles", "id": "12"})))
        .await
        .unwrap();
    let shown = desk.client.query(&GetFeed(1)).await.unwrap();
    assert_eq!(shown.get(&twelve()).unwrap().title, Field::Value("LOUD".into()));
    layer.rollback();
    // A layer that begins with the old name.
    let layer = desk.client.optimistic(|layer| layer.delete(&draft()));
    assert_eq!(titles(&desk.client.query(&GetFeed(1)).await.unwrap()), ["One"]);
    layer.rollback();
    assert_eq!(titles(&desk.client.query(&GetFeed(1)).await.unwrap()), ["One", "Draft"]);
}

#[tokio::test(start_paused = true)]
async fn a_load_that_names_both_ids_does_not_undo_a_later_patch_of_the_local_record() {
    let desk = with_draft().await;
    let both = json!({"type": "articles", "id": "12", "lid": "draft", "attributes": {"title": "Older", "body": "Text"}});
    desk.answers_after("/articles/12", 10, json!({"data": both}));
    let patched = async {
        takes(Duration::from_secs(5)).await;
        let documents = desk.client.documents();
        documents.patch(&draft(), |article| article.title = Field::Value("Patched".into())).await.unwrap();
    };
    tokio::join!(desk.article(12), patched);
    for shown in [desk.cached(7), desk.cached(12)] {
        let article = shown.data().unwrap();
        assert_eq!(
            (&article.title, &article.body),
            (&Field::Value("Patched".into()), &Field::Value("Text".into()))
        );
    }
}

/// Creates an article.
#[derive(Clone)]
struct Create(&'static str);

impl Mutate<Blog> for Create {
    type Output = Document<Article>;
    type Error = BlogError;

    async fn run(&self, cx: &Context<Blog>) -> Result<Document<Article>, BlogError> {
        takes(Duration::from_secs(1)).await;
        let resource =
            json!({"type": "articles", "id": "12", "attributes": {"title": self.0.to_uppercase()}});
        let body = json!({"data": resource}).to_string();
        Ok(cx.document::<Article>(body.as_bytes())?.saved(&draft()).unwrap())
    }

    fn optimistic(&self, layer: &mut LayerEdit<Blog>) {
        let title = self.0;
        layer.update(&GetFeed(1), move |feed| Some(feed?.pushing(&draft(), made(title))));
        layer.update(&GetArticle(7), move |_| Some(Document::about(&draft(), made(title))));
    }

    fn apply(&self, answer: &Document<Article>, changes: &mut Changes<Blog>) {
        let answer = changes.merge_records(answer.clone());
        if let (Some(feed), Some(article)) = (changes.get(&GetFeed(1)), answer.data()) {
            changes.write(&GetFeed(1), feed.pushing(&twelve(), Arc::clone(article)));
        }
        changes.write(&GetArticle(7), Document::clone(&answer));
    }
}

#[tokio::test(start_paused = true)]
async fn a_mutation_shows_the_local_record_until_the_answer_brings_that_of_the_server() {
    let desk = blog();
    let listed = json!({"data": [{"type": "articles", "id": "1", "attributes": {"title": "One"}}]});
    desk.answers("/feed/1", listed);
    desk.client.query(&GetFeed(1)).await.unwrap();
    let shown = async || titles(&desk.client.query(&GetFeed(1)).await.unwrap());
    let watched = async {
        takes(Duration::from_millis(500)).await;
        assert_eq!(shown().await, ["One", "draft"]);
        let about = desk.client.query(&GetArticle(7)).await.unwrap();
        assert_eq!(about.get(&draft()).unwrap().title, Field::Value("draft".into()));
        assert!(desk.client.cache().get(&draft()).is_none(), "nothing was committed");
    };
    let (created, ()) = tokio::join!(desk.client.mutate(&Create("draft")), watched);
    created.unwrap();
    assert_eq!(shown().await, ["One", "DRAFT"]);
    let record = desk.client.cache().get(&twelve()).unwrap();
    assert!(Arc::ptr_eq(desk.cached(7).data().unwrap(), &record));
    assert!(Arc::ptr_eq(&desk.client.cache().get(&draft()).unwrap(), &record));
    assert_eq!((desk.client.documents().key(&draft()), desk.client.pending()), (twelve(), 0));
}
