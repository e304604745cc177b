//! Tags of single entries, and which entries reload when a tag is invalidated.

use std::sync::atomic::{AtomicUsize, Ordering};

use cache_client::{App, Changes, Client, Context, Fetch, TokioClock};
use cache_core::{Cache, Freshness, Query, Tag, registry};

use crate::scripted::{SECOND, in_time, pass, settle, spawn_query, takes};

/// The view of an article for one viewer.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h", tags("views"), tags_of = GetView::tags)]
pub struct GetView {
    pub article: u64,
    pub viewer: u64,
}

impl GetView {
    fn tags(&self) -> [Tag; 1] {
        [article(self.article)]
    }
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h")]
pub struct GetArticle(pub u64);

registry! {
    pub struct ViewRegistry { crate::tags::GetView, crate::tags::GetArticle }
}

/// Each load takes a second and answers with its number.
#[derive(Default)]
struct Views(AtomicUsize);

impl App for Views {
    type Registry = ViewRegistry;
}

impl Views {
    async fn load(&self) -> Result<usize, std::convert::Infallible> {
        let number = 1 + self.0.fetch_add(1, Ordering::SeqCst);
        takes(SECOND).await;
        Ok(number)
    }
}

impl Fetch<Views> for GetView {
    type Error = std::convert::Infallible;

    async fn fetch(&self, cx: &Context<Views>) -> Result<usize, Self::Error> {
        cx.app().load().await
    }
}

impl Fetch<Views> for GetArticle {
    type Error = std::convert::Infallible;

    async fn fetch(&self, cx: &Context<Views>) -> Result<usize, Self::Error> {
        cx.app().load().await
    }
}

fn client() -> Client<Views> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, Views::default()).build()
}

fn article(id: u64) -> Tag {
    Tag::new("article", id)
}

const fn view(article: u64, viewer: u64) -> GetView {
    GetView { article, viewer }
}

#[track_caller]
fn is_marked(client: &Client<Views>, key: &GetView) -> bool {
    client.cache().peek_entry(key).expect("the entry exists").freshness() == Freshness::Invalidated
}

#[tokio::test(start_paused = true)]
async fn observed_keys_with_the_tag_are_loaded_at_once_and_others_when_they_are_read() {
    let client = client();
    client.query(&view(7, 1)).await.unwrap();
    client.query(&view(8, 1)).await.unwrap();
    let (tagged, other) = (client.observe(&view(7, 2)), client.observe(&view(8, 2)));
    pass(2 * SECOND).await;
    assert_eq!(client.app().0.load(Ordering::SeqCst), 4);

    let invalidation = client.invalidate_tag(article(7));
    assert_eq!(invalidation.count, 2);
    in_time(invalidation.reloaded()).await;
    settle().await;
    assert_eq!(client.app().0.load(Ordering::SeqCst), 5, "only the observed key");
    assert_eq!(tagged.state().value().map(|value| **value), Some(5));
    assert!(other.state().value().is_some_and(|value| **value < 5));
    assert_eq!(*client.query(&view(8, 1)).await.unwrap(), 2);
    assert_eq!(*client.query(&view(7, 1)).await.unwrap(), 6);
    assert_eq!(client.invalidate_tag("views").count, 4, "the tag of the query");
}

#[tokio::test(start_paused = true)]
async fn a_running_load_with_the_tag_answers_its_callers_and_is_not_stored() {
    let client = client();
    let change = |changes: &mut Changes<Views>| {
        changes.set(GetArticle(7), 70);
        changes.invalidate_tag(article(7));
    };
    for is_commit in [false, true] {
        let (tagged, other) = (spawn_query(&client, &view(7, 1)), spawn_query(&client, &view(8, 1)));
        settle().await;
        match is_commit {
            true => drop(client.change(change).await.unwrap()),
            false => drop(client.invalidate_tag(article(7))),
        }
        let answer = *in_time(tagged).await.unwrap().unwrap();
        in_time(other).await.unwrap().unwrap();
        assert!(client.cached(&view(8, 1)).is_some());
        assert!(client.cached(&view(7, 1)).is_none());
        assert!(*client.query(&view(7, 1)).await.unwrap() > answer);
        client.cache().clear();
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_marks_unwritten_keys_by_tag_and_its_request_forgets_only_those() {
    let client = client();
    let cx = client.request("a request");
    for key in [view(7, 1), view(7, 2), view(8, 1)] {
        cx.query(&key).await.unwrap();
    }
    let change = |changes: &mut Changes<Views>| {
        changes.invalidate_tag(article(7));
        changes.set(view(7, 2), 20);
    };
    cx.change(change).await.unwrap();
    assert!(is_marked(&client, &view(7, 1)) && !is_marked(&client, &view(7, 2)));
    let loads = client.app().0.load(Ordering::SeqCst);
    // The request does not query again what it still remembers.
    client.cache().invalidate(&view(8, 1));
    assert_eq!(*cx.query(&view(7, 2)).await.unwrap(), 20);
    assert_eq!(*cx.query(&view(8, 1)).await.unwrap(), 3);
    assert_eq!(*cx.query(&view(7, 1)).await.unwrap(), loads + 1);
    cx.change(|changes| changes.invalidate_tag("views")).await.unwrap();
    assert_eq!(*cx.query(&view(8, 1)).await.unwrap(), loads + 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_with_a_disabled_cache_marks_by_tag_too() {
    let client = client();
    client.query(&view(7, 1)).await.unwrap();
    client.query(&view(8, 1)).await.unwrap();
    let cx = client.request("a request");
    cx.disable_cache();
    cx.change(|changes| changes.invalidate_tag(article(7))).await.unwrap();
    assert!(is_marked(&client, &view(7, 1)) && !is_marked(&client, &view(8, 1)));
}
