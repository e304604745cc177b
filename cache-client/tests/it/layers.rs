//! Optimistic layers: shown over committed values, replaced in one step, and rolled back completely.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_client::{App, Client, Context, Fetch, Layer, LayerEdit, Observer, State, TokioClock};
use cache_core::{Cache, Query, registry};
use parking_lot::Mutex;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::scripted::{SECOND, in_time, pass, settle};
use crate::sized;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Vec<u32>, capacity = 1_000, fresh = "1h")]
pub struct GetList(pub u32);

/// The length of a list.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h")]
pub struct GetLength(pub u32);

registry! {
    pub struct Lists { crate::layers::GetList, crate::layers::GetLength }
}

/// The server, with lists by number.
#[derive(Default)]
pub struct Server {
    lists: Mutex<BTreeMap<u32, Vec<u32>>>,
    loads: AtomicUsize,
}

impl App for Server {
    type Registry = Lists;
}

impl Fetch<Server> for GetList {
    type Error = std::io::Error;

    async fn fetch(&self, cx: &Context<Server>) -> std::io::Result<Vec<u32>> {
        cx.app().loads.fetch_add(1, Ordering::SeqCst);
        crate::scripted::takes(SECOND).await;
        let list = cx.app().lists.lock().get(&self.0).cloned();
        list.ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}

impl Fetch<Server> for GetLength {
    type Error = std::io::Error;

    async fn fetch(&self, cx: &Context<Server>) -> std::io::Result<usize> {
        let by_context = cx.query(&GetList(self.0)).await.map_err(std::io::Error::other)?;
        let by_client = cx.client().query(&GetList(self.0)).await.map_err(std::io::Error::other)?;
        assert_eq!(by_context, by_client);
        Ok(by_client.len())
    }
}

const LIST: GetList = GetList(1);

/// A client whose cache has the given items as the first list.
fn client_with_list(first: &[u32]) -> Client<Server> {
    let cache = Cache::<Lists>::builder().clock(TokioClock::new()).build().unwrap();
    let client = Client::builder(cache, Server::default()).build();
    client.app().lists.lock().insert(1, first.to_vec());
    client.cache().insert(LIST, first.to_vec());
    client
}

/// A layer that adds an item to the first list, if the list has a value.
fn adding_layer(client: &Client<Server>, what: u32) -> Layer<Server> {
    client.optimistic(|layer| layer.update(&LIST, move |list| Some([list?.as_slice(), &[what]].concat())))
}

async fn shown(client: &Client<Server>) -> Vec<u32> {
    in_time(client.query(&LIST)).await.unwrap().to_vec()
}

type Seen = (Vec<u32>, bool, bool);

/// The value, whether it is optimistic, and whether it is loading.
fn seen(state: &State<Vec<u32>, std::io::Error>) -> Seen {
    match state {
        State::Ready { value, is_optimistic, is_refreshing, .. } => {
            (value.to_vec(), *is_optimistic, *is_refreshing)
        }
        _ => panic!("no value: {state:?}"),
    }
}

async fn next(observer: &mut Observer<Server, GetList>) -> Seen {
    seen(&in_time(observer.next()).await.unwrap())
}

/// The states that are available without time passing.
async fn states(observer: &mut Observer<Server, GetList>) -> Vec<Seen> {
    let mut states = Vec::new();
    loop {
        settle().await;
        tokio::select! {
            biased;
            state = observer.next() => states.push(seen(&state.unwrap())),
            () = std::future::ready(()) => return states,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_added_item_is_shown_at_once_and_replaced_in_one_step() {
    let client = client_with_list(&[1]);
    let mut observer = client.observe(&LIST);
    assert_eq!(next(&mut observer).await, (vec![1], false, false));
    let layer = adding_layer(&client, 0);
    assert_eq!(shown(&client).await, [1, 0]);
    assert_eq!(client.pending(), 1);
    assert_eq!(states(&mut observer).await, [(vec![1, 0], true, false)]);
    layer
        .confirm(|changes| _ = changes.update(&LIST, |list| [list.as_slice(), &[2]].concat()))
        .await
        .unwrap();
    assert_eq!(shown(&client).await, [1, 2]);
    assert_eq!(states(&mut observer).await, [(vec![1, 2], false, false)]);
    assert_eq!((client.pending(), client.app().loads.load(Ordering::SeqCst)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_observer_is_notified_when_a_layer_is_added_and_removed() {
    let client = client_with_list(&[1]);
    let mut observer = client.observe(&LIST);
    assert_eq!(next(&mut observer).await, (vec![1], false, false));
    let began = tokio::time::Instant::now();
    let waiting = tokio::spawn(async move { (next(&mut observer).await, observer) });
    settle().await;
    let layer = adding_layer(&client, 2);
    let (state, mut observer) = waiting.await.unwrap();
    assert_eq!((state, began.elapsed()), ((vec![1, 2], true, false), Duration::ZERO));
    let waiting = tokio::spawn(async move { next(&mut observer).await });
    settle().await;
    layer.rollback();
    assert_eq!((waiting.await.unwrap(), began.elapsed()), ((vec![1], false, false), Duration::ZERO));
}

/// The second call wakes after the layer is added.
#[tokio::test(start_paused = true)]
async fn two_waiting_calls_of_a_request_get_the_same_answer_despite_new_layers() {
    let client = client_with_list(&[1]);
    client.cache().remove(&LIST);
    let cx = client.request("a request");
    let spawn_query = || {
        let cx = cx.clone();
        tokio::spawn(async move { cx.query(&LIST).await.unwrap() })
    };
    let first_layer = adding_layer(&client, 10);
    let first = spawn_query();
    settle().await;
    let layer = tokio::spawn({
        let client = client.clone();
        async move {
            client.query(&LIST).await.unwrap();
            adding_layer(&client, 20)
        }
    });
    settle().await;
    let second = spawn_query();
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!((first.to_vec(), second.to_vec()), (vec![1, 10], vec![1, 10]));
    drop((layer.await.unwrap(), first_layer));
}

#[tokio::test(start_paused = true)]
async fn rolling_back_a_layer_leaves_the_others_on_the_committed_value() {
    let client = client_with_list(&[1]);
    let (a, b) = (adding_layer(&client, 10), adding_layer(&client, 20));
    assert_eq!(shown(&client).await, [1, 10, 20]);
    client.cache().insert(LIST, vec![1, 2]);
    assert_eq!(shown(&client).await, [1, 2, 10, 20]);
    a.rollback();
    assert_eq!(shown(&client).await, [1, 2, 20]);
    drop(b);
    assert_eq!(shown(&client).await, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn an_observer_shows_a_layer_over_each_value_that_is_committed() {
    let client = client_with_list(&[1]);
    let mut observer = client.observe(&LIST);
    assert_eq!(next(&mut observer).await, (vec![1], false, false));
    let layer = adding_layer(&client, 0);
    assert_eq!(states(&mut observer).await, [(vec![1, 0], true, false)]);
    client.change(|changes| _ = changes.set(LIST, vec![2])).await.unwrap();
    assert_eq!(states(&mut observer).await, [(vec![2, 0], true, false)]);
    drop(layer);
    assert_eq!(states(&mut observer).await, [(vec![2], false, false)]);
}

#[tokio::test(start_paused = true)]
async fn all_layers_are_rolled_back_together() {
    let client = client_with_list(&[1]);
    let mut observer = client.observe(&LIST);
    let layers: Vec<_> = (2..5).map(|what| adding_layer(&client, what)).collect();
    assert_eq!((client.pending(), shown(&client).await), (3, vec![1, 2, 3, 4]));
    assert_eq!(client.rollback_all(), 3);
    assert_eq!((client.pending(), shown(&client).await), (0, vec![1]));
    drop(layers);
    assert_eq!((client.pending(), client.rollback_all()), (0, 0));
    let late = adding_layer(&client, 9);
    assert_eq!(shown(&client).await, [1, 9]);
    drop(late);
    assert_eq!(states(&mut observer).await.last(), Some(&(vec![1], false, false)));
}

#[tokio::test(start_paused = true)]
async fn the_captures_of_a_change_are_dropped_with_its_layer() {
    let client = client_with_list(&[1]);
    let held = Arc::new(());
    let holding = |layer: &mut LayerEdit<Server>| {
        for key in [LIST, GetList(2)] {
            let held = Arc::clone(&held);
            layer.update(&key, move |list| (Arc::strong_count(&held) > 0).then(|| list.cloned())?);
        }
    };
    type End = fn(&Client<Server>, Layer<Server>);
    let ends: [(&str, End); 3] = [
        ("dropped", |_, layer| drop(layer)),
        ("rolled back", |_, layer| layer.rollback()),
        ("all rolled back", |client, layer| {
            assert_eq!(client.rollback_all(), 1);
            drop(layer);
        }),
    ];
    for (how, end) in ends {
        let layer = client.optimistic(holding);
        assert_eq!((shown(&client).await, Arc::strong_count(&held)), (vec![1], 3), "{how}");
        end(&client, layer);
        assert_eq!(Arc::strong_count(&held), 1, "{how}");
    }
    client.optimistic(holding).confirm(|changes| _ = changes.set(LIST, vec![2])).await.unwrap();
    assert_eq!((shown(&client).await, Arc::strong_count(&held)), (vec![2], 1));
    let edit = std::panic::AssertUnwindSafe(|| {
        client.optimistic(|layer| {
            holding(layer);
            panic!("the edit panics");
        })
    });
    assert!(std::panic::catch_unwind(edit).is_err());
    assert_eq!((shown(&client).await, Arc::strong_count(&held)), (vec![2], 1));
}

#[tokio::test(start_paused = true)]
async fn several_keys_are_shown_at_once() {
    let client = client_with_list(&[1]);
    client.cache().insert(GetLength(1), 1_usize);
    let reader = client.clone();
    let layer = client.optimistic(|layer| {
        layer.update(&LIST, |_| Some(vec![1, 2]));
        assert_eq!(reader.cached(&LIST).as_deref(), Some(&vec![1]), "no layer is visible before all are");
        layer.update(&GetLength(1), |_| Some(2));
    });
    assert_eq!(client.cached(&LIST).as_deref(), Some(&vec![1, 2]));
    assert_eq!(client.cached(&GetLength(1)).as_deref(), Some(&2));
    drop(layer);
    assert_eq!(client.cached(&GetLength(1)).as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn the_store_and_loads_do_not_see_layers() {
    let client = client_with_list(&[1]);
    let layer = adding_layer(&client, 2);
    assert_eq!(client.cache().get(&LIST).as_deref(), Some(&vec![1]));
    assert_eq!(*in_time(client.query(&GetLength(1))).await.unwrap(), 1);
    let cx = client.request("a request");
    assert_eq!(*in_time(cx.query(&LIST)).await.unwrap(), [1, 2]);
    drop(layer);
}

#[tokio::test(start_paused = true)]
async fn a_request_keeps_its_answer_when_the_layer_ends() {
    let client = client_with_list(&[1]);
    let layer = adding_layer(&client, 2);
    let cx = client.request("a request");
    let first = cx.query(&LIST).await.unwrap();
    layer.rollback();
    assert!(Arc::ptr_eq(&first, &cx.query(&LIST).await.unwrap()));
    assert!(Arc::ptr_eq(&first, &cx.query_all(&[LIST]).await[0].as_ref().unwrap().clone()));
    assert_eq!(shown(&client).await, [1]);
}

#[tokio::test(start_paused = true)]
async fn a_request_with_a_disabled_cache_does_not_see_layers() {
    let client = client_with_list(&[1]);
    let _layer = adding_layer(&client, 2);
    let cx = client.request("a request");
    cx.disable_cache();
    assert_eq!(*in_time(cx.query(&LIST)).await.unwrap(), [1]);
    let replaced = client.request("another").with_override::<GetLength>(|_| Ok(Arc::new(7)));
    assert_eq!(*in_time(replaced.query(&LIST)).await.unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_request_can_read_committed_values_only() {
    let client = client_with_list(&[1]);
    let _layer = adding_layer(&client, 2);
    let cx = client.request("a request");
    assert_eq!(*cx.query(&LIST).await.unwrap(), [1, 2]);
    let committed = cx.without_layers();
    assert_eq!(*committed.query(&LIST).await.unwrap(), [1]);
    assert_eq!(committed.child("below").cached(&LIST).as_deref(), Some(&vec![1]));
    assert_eq!(*cx.query(&LIST).await.unwrap(), [1, 2]);
    cx.cancel();
    assert!(
        committed.query(&GetList(2)).await.unwrap_err().is_interrupted(),
        "the child belongs to the request"
    );
}

#[tokio::test(start_paused = true)]
async fn layers_can_create_an_answer_for_a_missing_key() {
    let client = client_with_list(&[1]);
    let unknown = GetList(2);
    let mut observer = client.observe(&unknown);
    assert!(in_time(observer.next()).await.unwrap().is_pending());
    let layer = client.optimistic(|layer| layer.update(&unknown, |_| Some(vec![5])));
    assert_eq!(*client.query(&unknown).await.unwrap(), [5]);
    assert_eq!(client.cached(&unknown).as_deref(), Some(&vec![5]));
    assert_eq!(next(&mut observer).await, (vec![5], true, true));
    drop(layer);
    assert_eq!(client.cached(&unknown), None);
    // A layer that leaves the missing value unchanged does not replace a load.
    let layer = client.optimistic(|layer| layer.update(&unknown, |list| list.map(|_| vec![6])));
    assert!(in_time(client.query(&unknown)).await.is_err());
    drop(layer);
}

#[tokio::test(start_paused = true)]
async fn a_loaded_value_is_shown_with_its_layers() {
    let client = client_with_list(&[1]);
    client.cache().remove(&LIST);
    let loading = tokio::spawn({
        let client = client.clone();
        async move { client.query(&LIST).await.unwrap() }
    });
    settle().await;
    let layer = adding_layer(&client, 2);
    assert_eq!(*in_time(loading).await.unwrap(), [1, 2]);
    let refreshed = client.query_with(&LIST, |options| options.strategy(cache_client::Strategy::NetworkOnly));
    assert_eq!(*in_time(refreshed).await.unwrap(), [1, 2]);
    drop(layer);
}

#[tokio::test(start_paused = true)]
async fn a_change_runs_once_for_each_value() {
    let client = client_with_list(&[1]);
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let layer = client.optimistic(|layer| {
        layer.update(&LIST, move |list| {
            count.fetch_add(1, Ordering::SeqCst);
            list.cloned()
        });
    });
    let (first, again) = (client.query(&LIST).await.unwrap(), client.query(&LIST).await.unwrap());
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    client.cache().insert(LIST, vec![1]);
    assert!(!Arc::ptr_eq(&first, &client.query(&LIST).await.unwrap()));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    drop(layer);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_panics_leaves_the_value_unchanged() {
    let client = client_with_list(&[1]);
    let panicking = client.optimistic(|layer| layer.update(&LIST, |_| panic!("no change")));
    let layer = adding_layer(&client, 2);
    let mut observer = client.observe(&LIST);
    assert_eq!(shown(&client).await, [1, 2]);
    assert_eq!(states(&mut observer).await, [(vec![1, 2], true, false)]);
    drop((panicking, layer));
    // A panic while a layer is built leaves nothing of it either.
    let making = std::panic::AssertUnwindSafe(|| {
        drop(client.optimistic(|layer| {
            layer.update(&LIST, |_| Some(vec![]));
            panic!("the edit panics");
        }));
    });
    assert!(std::panic::catch_unwind(making).is_err());
    assert_eq!((client.pending(), shown(&client).await), (0, vec![1]));
}

#[tokio::test(start_paused = true)]
async fn a_failed_or_dropped_confirmation_rolls_back() {
    let cache = Cache::<Lists>::builder()
        .clock(TokioClock::new())
        .before_commit_async(|proposal| async move {
            crate::scripted::takes(SECOND).await;
            if proposal.label() == Some("bad") { Err("refused".into()) } else { Ok(()) }
        })
        .build()
        .unwrap();
    let client = Client::builder(cache, Server::default()).build();
    client.cache().insert(LIST, vec![1]);
    let bad = adding_layer(&client, 2);
    let refused = in_time(bad.confirm(|changes| {
        changes.label("bad");
        changes.set(LIST, vec![1, 2]);
    }));
    assert!(refused.await.is_err());
    assert_eq!((client.pending(), shown(&client).await), (0, vec![1]));

    let slow = adding_layer(&client, 3);
    let confirming = slow.confirm(|changes| _ = changes.set(LIST, vec![1, 3, 3]));
    tokio::time::timeout(SECOND / 2, confirming).await.unwrap_err();
    pass(SECOND).await;
    assert_eq!((client.pending(), shown(&client).await), (0, vec![1]));
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_runs_again_after_a_conflicting_commit() {
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let gate = Arc::new(tokio::sync::Mutex::new(Some(receiver)));
    let cache = Cache::<Lists>::builder()
        .clock(TokioClock::new())
        .before_commit_async(move |_| {
            let gate = Arc::clone(&gate);
            async move {
                if let Some(receiver) = gate.lock().await.take() {
                    receiver.await?;
                }
                Ok(())
            }
        })
        .build()
        .unwrap();
    let client = Client::builder(cache, Server::default()).build();
    client.cache().insert(LIST, vec![1]);
    let layer = adding_layer(&client, 9);
    let confirming = tokio::spawn(layer.confirm(|changes| {
        changes.update(&LIST, |list| [list.as_slice(), &[9]].concat());
    }));
    settle().await;
    client.cache().insert(LIST, vec![1, 2]);
    assert_eq!(shown(&client).await, [1, 2, 9]);
    sender.send(()).unwrap();
    let receipt = in_time(confirming).await.unwrap().unwrap();
    assert_eq!(receipt.get(&LIST).map(|list| list.to_vec()), Some(vec![1, 2, 9]));
    assert_eq!(shown(&client).await, [1, 2, 9]);
}

/// Each round adds its number to the list, and then the server has it. A reader that sees the list without the number,
/// or with the number twice, has seen half of a confirmation.
#[test]
fn no_thread_sees_both_a_layer_and_its_confirmation_or_neither() {
    let rounds = sized(2_000, 10_000);
    let client = client_with_list(&[]);
    let (round, reader) = (Arc::new(AtomicUsize::new(0)), client.clone());
    let seen = Arc::clone(&round);
    let reading = std::thread::spawn(move || {
        while seen.load(Ordering::SeqCst) < rounds {
            let before = seen.load(Ordering::SeqCst);
            let list = reader.cached(&LIST).unwrap();
            let after = seen.load(Ordering::SeqCst);
            let is_in_order = list.iter().enumerate().all(|(at, what)| *what as usize == at + 1);
            let (length, last) = (list.len(), list.last());
            assert!(
                is_in_order && (before..=after + 1).contains(&length),
                "{before} {after} {length} {last:?}"
            );
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for number in 1..=rounds {
        let what = u32::try_from(number).unwrap();
        let layer = adding_layer(&client, what);
        round.store(number, Ordering::SeqCst);
        let add = move |changes: &mut cache_client::Changes<Server>| {
            changes.update(&LIST, |list| [list.as_slice(), &[what]].concat());
        };
        runtime.block_on(layer.confirm(add)).unwrap();
    }
    reading.join().unwrap();
}

#[derive(Clone, Debug)]
enum Act {
    Add { key: u32, what: u32 },
    RollBack(usize),
    Confirm { which: usize, what: u32 },
    Commit { key: u32, what: u32 },
    Remove(u32),
    RollBackAll,
}

fn act() -> impl Strategy<Value = Act> {
    let key = 0..3_u32;
    prop_oneof![
        4 => (key.clone(), any::<u8>()).prop_map(|(key, what)| Act::Add { key, what: what.into() }),
        2 => any::<usize>().prop_map(Act::RollBack),
        3 => (any::<usize>(), any::<u8>()).prop_map(|(which, what)| Act::Confirm { which, what: what.into() }),
        2 => (key.clone(), any::<u8>()).prop_map(|(key, what)| Act::Commit { key, what: what.into() }),
        1 => key.prop_map(Act::Remove),
        1 => Just(Act::RollBackAll),
    ]
}

/// The naive model: folds the layers of a key over its committed value.
fn folded(committed: Option<&Vec<u32>>, layers: &[(u32, u32, Layer<Server>)], key: u32) -> Option<Vec<u32>> {
    let mut list = committed.cloned();
    for (_, what, _) in layers.iter().filter(|(of, ..)| *of == key) {
        list.get_or_insert_default().push(*what);
    }
    list
}

proptest! {
    #[test]
    fn layers_equal_a_fold_of_their_changes(acts in vec(act(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let cache = Cache::<Lists>::builder().clock(TokioClock::new()).build().unwrap();
            let client = Client::builder(cache, Server::default()).build();
            let mut committed = BTreeMap::new();
            let mut layers = Vec::new();
            for act in acts {
                match act {
                    Act::Add { key, what } => {
                        let layer = client.optimistic(|layer| layer.update(&GetList(key), move |list| {
                            Some([list.map_or(&[][..], Vec::as_slice), &[what]].concat())
                        }));
                        layers.push((key, what, layer));
                    }
                    Act::RollBack(which) if !layers.is_empty() => drop(layers.remove(which % layers.len())),
                    Act::Confirm { which, what } if !layers.is_empty() => {
                        let (key, _, layer) = layers.remove(which % layers.len());
                        committed.insert(key, vec![what]);
                        layer.confirm(move |changes| _ = changes.set(GetList(key), vec![what])).await.unwrap();
                    }
                    Act::Commit { key, what } => {
                        committed.insert(key, vec![what, what]);
                        client.cache().insert(GetList(key), vec![what, what]);
                    }
                    Act::Remove(key) => {
                        committed.remove(&key);
                        client.cache().remove(&GetList(key));
                    }
                    Act::RollBackAll => {
                        prop_assert_eq!(client.rollback_all(), layers.len());
                        layers.clear();
                    }
                    Act::RollBack(_) | Act::Confirm { .. } => {}
                }
                prop_assert_eq!(client.pending(), layers.len());
                for key in 0..3 {
                    let expected = folded(committed.get(&key), &layers, key);
                    prop_assert_eq!(client.cached(&GetList(key)).map(|list| list.to_vec()), expected);
                    let stored = client.cache().get(&GetList(key));
                    prop_assert_eq!(stored.as_deref(), committed.get(&key));
                }
            }
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_calls_of_a_request_apply_a_change_once() {
    let client = client_with_list(&[1]);
    client.cache().remove(&LIST);
    let _layer = adding_layer(&client, 2);
    let cx = client.request("a request");
    let (first, second) = tokio::join!(cx.query(&LIST), cx.query(&LIST));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.as_slice(), second.as_slice()), ([1, 2].as_slice(), [1, 2].as_slice()));
    assert!(Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&first, &in_time(cx.query(&LIST)).await.unwrap()));
}
