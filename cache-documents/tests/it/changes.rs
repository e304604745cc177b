//! Records that are changed and deleted by hand, with the loads that run meanwhile.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{self, Poll};
use std::time::Duration;

use cache_client::{Changes, Context, IngestionState, Mutate, Source};
use cache_core::{EntryTimes, Freshness};
use cache_documents::{ChangeRecords, ClientDocuments, Document, EditRecords, Field, ReadDocument};
use futures_core::Stream;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::blog::{
    Article, ArticleId, Blog, BlogError, Desk, GetArticle, GetFeed, Person, PersonId, blog, takes,
};

fn article(id: u32, title: &str, author: &str, name: &str) -> Value {
    json!({
        "data": {
            "type": "articles", "id": id.to_string(), "attributes": {"title": title},
            "relationships": {"author": {"data": {"type": "people", "id": author}}}
        },
        "included": [{"type": "people", "id": author, "attributes": {"name": name}}]
    })
}

fn ann() -> PersonId {
    PersonId("9".into())
}

async fn rename(desk: &Desk, name: &str) -> bool {
    let name = name.to_owned();
    desk.client.documents().patch(&ann(), move |person| person.name = name.clone().into()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_patched_record_is_shown_by_every_document_at_once() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.answers("/articles/2", article(2, "Two", "9", "Ann"));
    desk.article(1).await;
    desk.article(2).await;
    assert!(rename(&desk, "Zoe").await);
    assert_eq!((desk.author(1), desk.author(2)), ("Zoe".to_owned(), "Zoe".to_owned()));
    let revision = |id| desk.client.cache().get_entry(&GetArticle(id)).unwrap().revision();
    assert_eq!(revision(1), revision(2));
    assert_eq!(desk.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_patches_a_record_reads_the_document_that_follows() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    let cx = desk.client.request("PATCH /people/9");
    cx.query(&GetArticle(1)).await.unwrap();
    let rename = |person: &mut Person| person.name = "Zoe".to_owned().into();
    cx.change(|changes| _ = changes.patch(&ann(), rename)).await.unwrap();
    let after = cx.query(&GetArticle(1)).await.unwrap();
    assert_eq!(after.get(&ann()).unwrap().name, Field::Value("Zoe".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_changes_nothing_writes_nothing() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    let document = desk.article(1).await;
    assert!(rename(&desk, "Ann").await);
    assert!(Arc::ptr_eq(&document, &desk.cached(1)));
    assert!(!desk.client.documents().patch(&PersonId("7".into()), |_| {}).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_load_that_runs_does_not_undo_a_patch() {
    let desk = blog();
    desk.answers_after("/articles/1", 10, article(1, "One", "9", "Ann"));
    let patched = async {
        takes(Duration::from_secs(5)).await;
        // Nobody shows her yet.
        assert!(!rename(&desk, "Zoe").await);
    };
    tokio::join!(desk.article(1), patched);
    assert_eq!(desk.author(1), "Zoe");
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.reload(1).await;
    assert_eq!(desk.author(1), "Ann", "a later load is newer than the patch");
}

#[tokio::test(start_paused = true)]
async fn a_patch_of_what_nobody_shows_is_not_kept_without_loads() {
    let desk = blog();
    assert!(!rename(&desk, "Zoe").await);
    assert!(desk.person("9").is_none());
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.article(1).await;
    assert_eq!(desk.author(1), "Ann");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_record_leaves_lists_and_links_and_marks_what_is_about_it() {
    let desk = blog();
    let both = json!({
        "data": [article(1, "One", "9", "Ann")["data"], article(2, "Two", "9", "Ann")["data"]],
        "included": [{"type": "people", "id": "9", "attributes": {"name": "Ann"}}]
    });
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.answers("/feed/1", both);
    desk.article(1).await;
    desk.client.query(&GetFeed(1)).await.unwrap();
    let documents = desk.client.documents();
    assert!(documents.delete(&ArticleId("1".into())).await.unwrap());
    let feed = desk.client.cached(&GetFeed(1)).unwrap();
    let titles: Vec<_> = feed.data().map(|article| article.title.clone()).collect();
    assert_eq!(titles, [Field::Value("Two".into())]);
    let entry = desk.client.cache().get_entry(&GetArticle(1)).unwrap();
    assert_eq!(entry.state().freshness, Freshness::Invalidated);
    assert!(documents.delete(&ann()).await.unwrap());
    let feed = desk.client.cached(&GetFeed(1)).unwrap();
    let article = feed.data().next().unwrap();
    assert!(article.author.data().is_null() && feed.get(&ann()).is_none());
    assert!(desk.person("9").is_none());
    assert!(!documents.delete(&ann()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_load_that_runs_does_not_bring_back_what_was_deleted_and_a_later_one_does() {
    let desk = blog();
    desk.answers_after("/articles/1", 10, article(1, "One", "9", "Ann"));
    let deleted = async {
        takes(Duration::from_secs(5)).await;
        desk.client.documents().delete(&ann()).await.unwrap();
    };
    let (document, ()) = tokio::join!(desk.article(1), deleted);
    let shown = document.data().unwrap();
    assert!(shown.author.data().is_null() && document.get(&ann()).is_none());
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.reload(1).await;
    assert_eq!(desk.author(1), "Ann");
}

#[tokio::test(start_paused = true)]
async fn several_records_change_in_one_commit() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.article(1).await;
    let before = desk.client.cache().get_entry(&GetArticle(1)).unwrap().revision().get();
    let changed = desk.client.change(|changes| {
        changes.patch(&ann(), |person| person.name = "Zoe".to_owned().into());
        changes.patch(&ArticleId("1".into()), |article| article.title = Field::Value("Uno".into()));
        changes.patch(&ann(), |person| person.age = 41.into());
    });
    changed.await.unwrap();
    let document = desk.cached(1);
    let person = document.get(&ann()).unwrap();
    assert_eq!((person.name.value().unwrap().as_str(), person.age), ("Zoe", 41.into()));
    assert_eq!(document.data().unwrap().title, Field::Value("Uno".into()));
    let after = desk.client.cache().get_entry(&GetArticle(1)).unwrap().revision().get();
    assert_eq!(after, before + 1);
}

#[tokio::test(start_paused = true)]
async fn a_document_written_by_hand_is_an_answer_like_any_other() {
    let desk = blog();
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.article(1).await;
    let body = article(2, "Two", "9", "Zoe").to_string();
    let document = desk.client.document(body.as_bytes()).unwrap();
    desk.client.documents().write(&GetArticle(2), document).await.unwrap();
    assert_eq!((desk.author(1), desk.author(2)), ("Zoe".to_owned(), "Zoe".to_owned()));
    rename(&desk, "Eve").await;
    assert_eq!((desk.author(1), desk.author(2)), ("Eve".to_owned(), "Eve".to_owned()));
    assert_eq!(desk.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn documents_written_in_one_commit_show_the_same_records() {
    let desk = blog();
    let document = |id, name| {
        let body = article(id, "Title", "9", name).to_string();
        desk.client.document::<Article>(body.as_bytes()).unwrap()
    };
    let (one, two) = (document(1, "Ann"), document(2, "Zoe"));
    let times = EntryTimes::new().fresh(Duration::from_secs(5));
    let changed = desk.client.change(|changes| {
        changes.set_timed(GetArticle(1), one.clone(), times);
        changes.set(GetArticle(2), two.clone());
        changes.patch(&ann(), |person| person.age = 41.into());
    });
    changed.await.unwrap();
    for id in [1, 2] {
        let document = desk.cached(id);
        let person = document.get(&ann()).unwrap();
        assert_eq!((person.name.value().unwrap().as_str(), person.age), ("Zoe", 41.into()));
        assert!(Arc::ptr_eq(person, &desk.person("9").unwrap()));
    }
    let state = desk.client.cache().get_entry(&GetArticle(1)).unwrap().state();
    assert_eq!(state.fresh_for, Some(Duration::from_secs(5)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_before_a_clear_writes_nothing() {
    let desk = blog();
    desk.answers_after("/articles/1", 10, article(1, "One", "9", "Ann"));
    desk.answers(
        "/articles/2",
        json!({
            "data": {
                "type": "articles", "id": "2",
                "relationships": {"author": {"data": {"type": "people", "id": "9"}}}
            },
            "included": [{"type": "people", "id": "9", "attributes": {"age": 41}}]
        }),
    );
    let cleared = async {
        takes(Duration::from_secs(5)).await;
        desk.client.cache().clear();
        desk.article(2).await;
    };
    let (document, ()) = tokio::join!(desk.article(1), cleared);
    assert_eq!(document.get(&ann()).unwrap().name, Field::Value("Ann".to_owned()), "its caller has it");
    assert!(desk.client.cached(&GetArticle(1)).is_none());
    assert!(desk.person("9").unwrap().name.is_absent());
    assert!(desk.client.cache().get(&ArticleId("1".into())).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_patch_that_was_given_up_is_not_remembered() {
    let desk = blog();
    desk.answers("/articles/2", article(2, "Two", "8", "Ben"));
    desk.article(2).await;
    desk.answers_after("/articles/1", 10, article(1, "One", "9", "Ann"));
    let given_up = async {
        takes(Duration::from_secs(5)).await;
        let runs = AtomicUsize::new(0);
        let changed = desk.client.change(|changes| {
            changes.get(&GetArticle(2));
            if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                changes.patch(&ann(), |person| person.name = "Zoe".to_owned().into());
                // Meets what was read.
                desk.client.cache().remove(&GetArticle(2));
            }
        });
        changed.await.unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    };
    tokio::join!(desk.article(1), given_up);
    assert_eq!(desk.author(1), "Ann");
}

/// One pushed value: article 3, a new name of its author, a person without a document, and a deletion.
struct Push(Mutex<Option<UnboundedReceiver<()>>>);

struct Received(UnboundedReceiver<()>);

impl Stream for Received {
    type Item = Result<(), Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|item| item.map(Ok))
    }
}

impl Source<Blog> for Push {
    type Item = ();
    type Error = Infallible;

    async fn open(
        &self,
        _: &Context<Blog>,
    ) -> Result<impl Stream<Item = Result<(), Infallible>> + Send, Infallible> {
        Ok(Received(self.0.lock().take().unwrap()))
    }

    fn apply(&self, (): &(), changes: &mut Changes<Blog>) {
        push(changes, blog().document(&article(3, "Three", "9", "Ann")));
    }

    fn may_end(&self) -> bool {
        true
    }
}

/// Everything that a push can say of records.
fn push(changes: &mut Changes<Blog>, three: Document<Article>) {
    changes.write(&GetArticle(3), three);
    assert!(changes.patch(&ann(), |person| person.name = "Zoe".to_owned().into()));
    let aged = json!({"data": {"type": "people", "id": "9", "attributes": {"age": 41}}}).to_string();
    let aged: Document<Person> = blog().client.document(aged.as_bytes()).unwrap();
    let merged = changes.merge_records(aged);
    assert_eq!(merged.data().unwrap().name, Field::Value("Zoe".to_owned()));
    assert!(changes.delete(&ArticleId("2".into())));
}

/// A mutation that applies the same.
#[derive(Clone)]
struct Pushed;

impl Mutate<Blog> for Pushed {
    type Output = Document<Article>;
    type Error = BlogError;

    async fn run(&self, cx: &Context<Blog>) -> Result<Document<Article>, BlogError> {
        Ok(cx.document(article(3, "Three", "9", "Ann").to_string().as_bytes())?)
    }

    fn apply(&self, three: &Document<Article>, changes: &mut Changes<Blog>) {
        push(changes, three.clone());
    }
}

/// Makes changes in one of several ways, and checks what documents show then.
async fn check_push(change: impl AsyncFnOnce(&Desk)) {
    let desk = blog();
    let listed =
        [article(1, "One", "9", "Ann")["data"].clone(), article(2, "Two", "9", "Ann")["data"].clone()];
    desk.answers("/articles/1", article(1, "One", "9", "Ann"));
    desk.answers("/feed/1", json!({"data": listed}));
    desk.article(1).await;
    desk.client.query(&GetFeed(1)).await.unwrap();
    change(&desk).await;
    for id in [1, 3] {
        let document = desk.cached(id);
        let person = document.get(&ann()).unwrap();
        assert_eq!((&person.name, &person.age), (&Field::Value("Zoe".to_owned()), &41.into()));
    }
    assert_eq!(desk.client.cached(&GetFeed(1)).unwrap().data().len(), 1);
    let revision = |id| desk.client.cache().get_entry(&GetArticle(id)).unwrap().revision();
    let feed = desk.client.cache().get_entry(&GetFeed(1)).unwrap().revision();
    assert_eq!((revision(1), revision(3)), (feed, feed));
    assert_eq!((desk.loads(), desk.client.pending()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_pushed_value_writes_patches_merges_and_deletes_in_one_commit() {
    check_push(async |desk| {
        let (sender, receiver) = unbounded_channel();
        let ingestion = desk.client.ingest(Push(Mutex::new(Some(receiver))));
        sender.send(()).unwrap();
        drop(sender);
        takes(Duration::from_secs(1)).await;
        assert!(matches!(ingestion.state(), IngestionState::Ended { error: None }));
        assert_eq!(ingestion.refused(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_mutation_and_a_confirmation_change_records_alike() {
    check_push(async |desk| drop(desk.client.mutate(&Pushed).await.unwrap())).await;
    check_push(async |desk| {
        let layer = desk.client.optimistic(|layer| layer.delete(&ArticleId("2".into())));
        let three = desk.document(&article(3, "Three", "9", "Ann"));
        layer.confirm(|changes| push(changes, three.clone())).await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_record_no_longer_counts_while_the_list_that_showed_it_lives() {
    let desk = blog();
    let both = json!({
        "data": [article(1, "One", "9", "Ann")["data"], article(2, "Two", "9", "Ann")["data"]],
        "included": [{"type": "people", "id": "9", "attributes": {"name": "Ann"}}]
    });
    desk.answers("/feed/1", both);
    let held = desk.client.query(&GetFeed(1)).await.unwrap();
    let documents = desk.client.documents();
    assert_eq!(documents.records(), 3);
    assert!(documents.delete(&ArticleId("1".into())).await.unwrap());
    assert_eq!(documents.records(), 3, "the program holds a document that shows it");
    drop(held);
    assert_eq!(documents.records(), 2);
    assert!(rename(&desk, "Zoe").await, "the list still follows");
    let feed = desk.client.cached(&GetFeed(1)).unwrap();
    assert_eq!(feed.get(&ann()).unwrap().name, Field::Value("Zoe".to_owned()));
    // In one commit with the document itself.
    let document = desk.document(&article(3, "Three", "8", "Ben"));
    let changed = desk.client.change(|changes| {
        changes.write(&GetArticle(3), document.clone());
        changes.delete(&PersonId("8".into()));
    });
    changed.await.unwrap();
    assert_eq!((desk.cached(3).records(), documents.records()), (1, 3));
    drop(feed);
    desk.client.cache().clear();
    assert_eq!(documents.records(), 0);
}

const EDITORS: usize = 40;

fn editor(number: usize) -> PersonId {
    PersonId(number.to_string().as_str().into())
}

/// A program that shows an article with many editors. Their names are their numbers.
async fn edited() -> Desk {
    let identifier = |number: usize| json!({"type": "people", "id": number.to_string()});
    let person = |number: usize| {
        let mut person = identifier(number);
        person["attributes"] = json!({"name": number.to_string()});
        person
    };
    let editors: Vec<_> = (0..EDITORS).map(identifier).collect();
    let included: Vec<_> = (0..EDITORS).map(person).collect();
    let desk = blog();
    let data = json!({"type": "articles", "id": "1", "relationships": {"editors": {"data": editors}}});
    desk.answers("/articles/1", json!({"data": data, "included": included}));
    desk.article(1).await;
    desk
}

async fn rename_editor(desk: &Desk, number: usize, name: &str) {
    let change = |person: &mut Person| person.name = name.to_owned().into();
    assert!(desk.client.documents().patch(&editor(number), change).await.unwrap());
}

#[track_caller]
fn shown_editors(document: &Document<Article>) -> Vec<&str> {
    let editors = document.many(&document.data().unwrap().editors);
    editors.map(|editor| editor.name.value().unwrap().as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_document_shows_each_of_many_records_that_change_one_after_another() {
    let desk = edited().await;
    let first = desk.cached(1);
    let numbers: Vec<_> = (0..EDITORS).map(|number| number.to_string()).collect();
    let mut names = numbers.clone();
    // All of them, not in their order, and some once more.
    for number in (0..EDITORS + 5).map(|turn| turn * 7 % EDITORS) {
        names[number].push('!');
        rename_editor(&desk, number, &names[number]).await;
        let document = desk.cached(1);
        assert_eq!(shown_editors(&document), names);
        assert_eq!(document.get(&editor(number)).unwrap().name, Field::Value(names[number].clone()));
    }
    assert_eq!(shown_editors(&first), numbers);
    desk.client.documents().delete(&editor(20)).await.unwrap();
    names.remove(20);
    assert_eq!(shown_editors(&desk.cached(1)), names);
}

#[tokio::test(start_paused = true)]
async fn a_document_keeps_few_former_moments_of_its_records() {
    let desk = edited().await;
    let mut former = Vec::new();
    for number in (0..2 * EDITORS).map(|turn| turn % EDITORS) {
        former.push(Arc::downgrade(&desk.client.cache().get(&editor(number)).unwrap()));
        rename_editor(&desk, number, &format!("name {}", former.len())).await;
    }
    let kept = former.iter().filter(|moment| moment.strong_count() > 0).count();
    assert!(kept <= 8, "{kept} of {} are kept", former.len());
}
