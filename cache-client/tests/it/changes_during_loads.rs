//! An update of a key during its first load is not lost.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};

use cache_client::{
    Answer, App, Changes, Client, Context, Fetch, LayerEdit, Mutate, Source, State, Strategy, TokioClock,
};
use cache_core::{Cache, Query, registry};
use futures_core::Stream;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::scripted::{SECOND, in_time, pass, seconds, settle, spawn_query, takes};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Vec<u32>, capacity = 1_000, fresh = "1h", error_ttl = "1h")]
pub struct GetItems(pub u32);

/// A weak table: only readers keep the value.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Vec<u32>, fresh = "1h")]
pub struct GetWeakItems(pub u32);

registry! {
    pub struct Lists {
        crate::changes_during_loads::GetItems,
        crate::changes_during_loads::GetWeakItems,
    }
}

/// A server with one list. It answers after two seconds, with the list as it was at the request.
#[derive(Default)]
pub struct Server {
    items: Mutex<Vec<u32>>,
    loads: AtomicUsize,
    is_down: Mutex<bool>,
}

impl App for Server {
    type Registry = Lists;
}

impl Server {
    async fn list(&self) -> std::io::Result<Vec<u32>> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let (items, is_down) = (self.items.lock().clone(), *self.is_down.lock());
        takes(seconds(2)).await;
        if is_down { Err(std::io::ErrorKind::NotConnected.into()) } else { Ok(items) }
    }
}

impl Fetch<Server> for GetItems {
    type Error = std::io::Error;

    async fn fetch(&self, cx: &Context<Server>) -> std::io::Result<Vec<u32>> {
        cx.app().list().await
    }
}

impl Fetch<Server> for GetWeakItems {
    type Error = std::io::Error;

    async fn fetch(&self, cx: &Context<Server>) -> std::io::Result<Vec<u32>> {
        cx.app().list().await
    }
}

const ITEMS: GetItems = GetItems(1);

fn with(items: &[u32], item: u32) -> Vec<u32> {
    [items, &[item]].concat()
}

/// Adds an item. The server stores it at once and answers after a second.
#[derive(Clone)]
struct Add(u32);

impl Mutate<Server> for Add {
    type Output = u32;
    type Error = std::convert::Infallible;

    async fn run(&self, cx: &Context<Server>) -> Result<u32, Self::Error> {
        cx.app().items.lock().push(self.0);
        takes(SECOND).await;
        Ok(self.0)
    }

    fn apply(&self, item: &u32, changes: &mut Changes<Server>) {
        let item = *item;
        changes.update(&ITEMS, |items| with(items, item));
        changes.update(&GetWeakItems(1), |items| with(items, item));
    }

    fn optimistic(&self, layer: &mut LayerEdit<Server>) {
        let item = self.0;
        layer.update(&ITEMS, move |items| Some(with(items.map_or(&[], Vec::as_slice), item)));
    }
}

fn client() -> Client<Server> {
    let cache = Cache::<Lists>::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, Server::default()).build()
}

fn loads(client: &Client<Server>) -> usize {
    client.app().loads.load(Ordering::SeqCst)
}

const NOTHING: [u32; 0] = [];

async fn answer_of(call: JoinHandle<Answer<Server, GetItems>>) -> Vec<u32> {
    in_time(call).await.unwrap().unwrap().to_vec()
}

async fn items(client: &Client<Server>) -> Vec<u32> {
    in_time(client.query(&ITEMS)).await.unwrap().to_vec()
}

/// Adds an item in one of several ways.
async fn change(client: &Client<Server>, how: &str) {
    match how {
        "a mutation" => _ = client.mutate(&Add(7)).await.unwrap(),
        "a confirmed layer" => {
            let layer = client.optimistic(|layer| Add(7).optimistic(layer));
            client.app().items.lock().push(7);
            layer.confirm(|changes| Add(7).apply(&7, changes)).await.unwrap();
        }
        "a pushed value" => {
            client.app().items.lock().push(7);
            let ingestion = client.ingest(OnePush);
            settle().await;
            drop(ingestion);
        }
        _ => unreachable!("{how}"),
    }
}

/// Pushes one item.
struct OnePush;

impl Source<Server> for OnePush {
    type Item = u32;
    type Error = std::convert::Infallible;

    async fn open(
        &self,
        _: &Context<Server>,
    ) -> Result<impl Stream<Item = Result<u32, Self::Error>> + Send, Self::Error> {
        Ok(Once(Some(7)))
    }

    fn apply(&self, item: &u32, changes: &mut Changes<Server>) {
        Add(*item).apply(item, changes);
    }

    fn may_end(&self) -> bool {
        true
    }
}

struct Once(Option<u32>);

impl Stream for Once {
    type Item = Result<u32, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}

#[tokio::test(start_paused = true)]
async fn the_load_answers_its_callers_and_the_next_read_loads() {
    for how in ["a mutation", "a confirmed layer", "a pushed value"] {
        let client = client();
        let call = spawn_query(&client, &ITEMS);
        settle().await;
        change(&client, how).await;
        assert_eq!(answer_of(call).await, NOTHING, "{how}: the state at the request");
        settle().await;
        assert_eq!(client.cached(&ITEMS), None, "{how}");
        assert_eq!(items(&client).await, [7], "{how}");
        assert_eq!((items(&client).await, loads(&client)), (vec![7], 2), "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_after_the_change_does_not_join_the_earlier_load() {
    let client = client();
    let early = spawn_query(&client, &ITEMS);
    settle().await;
    client.mutate(&Add(7)).await.unwrap();
    assert_eq!(items(&client).await, [7]);
    assert_eq!(answer_of(early).await, NOTHING);
}

#[tokio::test(start_paused = true)]
async fn an_observer_ends_with_the_state_of_the_server() {
    let client = client();
    let mut observer = client.observe(&ITEMS);
    settle().await;
    client.mutate(&Add(7)).await.unwrap();
    pass(seconds(3)).await;
    let State::Ready { value, is_stale: false, is_refreshing: false, is_optimistic: false, .. } =
        observer.next().await.unwrap()
    else {
        panic!("{:?}", observer.state())
    };
    assert_eq!((value.to_vec(), loads(&client)), (vec![7], 2));
}

#[tokio::test(start_paused = true)]
async fn a_prefetched_key_is_loaded_again_after_a_change() {
    let client = client();
    client.prefetch(&ITEMS);
    settle().await;
    client.mutate(&Add(7)).await.unwrap();
    pass(seconds(2)).await;
    assert_eq!(items(&client).await, [7]);
}

#[tokio::test(start_paused = true)]
async fn an_error_from_before_the_change_is_forgotten() {
    let client = client();
    *client.app().is_down.lock() = true;
    assert!(client.query(&ITEMS).await.is_err() && client.query(&ITEMS).await.is_err());
    assert_eq!(loads(&client), 1, "remembered");
    *client.app().is_down.lock() = false;
    client.mutate(&Add(7)).await.unwrap();
    assert_eq!(items(&client).await, [7]);
}

#[tokio::test(start_paused = true)]
async fn a_request_forgets_a_changed_key_that_the_cache_has_evicted() {
    let client = client();
    let cx = client.request("a request");
    assert_eq!(*cx.query(&GetWeakItems(1)).await.unwrap(), NOTHING);
    let unstored = cx.query_with(&ITEMS, |options| options.strategy(Strategy::NetworkOnly)).await;
    assert_eq!(*unstored.unwrap(), NOTHING);
    cx.mutate(&Add(7)).await.unwrap();
    assert_eq!(*cx.query(&ITEMS).await.unwrap(), [7]);
    assert_eq!(
        *cx.query(&GetWeakItems(1)).await.unwrap(),
        [7],
        "the request holds the value, and it was updated"
    );
}

#[tokio::test(start_paused = true)]
async fn pages_are_loaded_again_when_they_are_shown_again() {
    let client = client();
    let mut pages = client.infinite(ITEMS, |_| None);
    let (page, added) = tokio::join!(pages.fetch_next(), client.mutate(&Add(7)));
    assert_eq!((*page.unwrap().unwrap()).len() + added.unwrap() as usize, 7);
    in_time(pages.revalidate()).await.unwrap();
    assert_eq!(*pages.pages()[0], [7]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_change_retires_the_load_too() {
    let cache = Cache::<Lists>::builder()
        .clock(TokioClock::new())
        .before_commit_async(|_| async { Err("not now".into()) })
        .build()
        .unwrap();
    let client = Client::builder(cache, Server::default()).build();
    let _held = client.cache().insert(GetWeakItems(1), vec![]);
    let call = spawn_query(&client, &ITEMS);
    settle().await;
    assert!(client.mutate(&Add(7)).await.is_err());
    assert_eq!(answer_of(call).await, NOTHING);
    assert_eq!(items(&client).await, [7]);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_found_no_value_runs_again_if_the_load_stores_one_first() {
    let client = client();
    let (call, found) = (spawn_query(&client, &ITEMS), Arc::new(Mutex::new(Vec::new())));
    settle().await;
    let layer = client.optimistic(|_| {});
    let (seen, cache) = (Arc::clone(&found), client.cache().clone());
    let confirm = layer.confirm(move |changes| {
        let was_there = changes.update(&ITEMS, |items| with(items, 7));
        seen.lock().push(was_there);
        if !was_there {
            // The key is loaded just before the commit.
            cache.insert(ITEMS, vec![1]);
        }
    });
    confirm.await.unwrap();
    assert_eq!(items(&client).await, [1, 7]);
    assert_eq!(*found.lock(), [false, true]);
    drop(call);
}
