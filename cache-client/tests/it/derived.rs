//! Answers that are built from other queries: what becomes of them when one of these changes during the load.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cache_client::{
    App, Client, ClientBuilder, Context, Fetch, FetchMany, LoadingOptions, QueryError, Strategy, TokioClock,
};
use cache_core::{Cache, CommitError, Freshness, Holds, Query, Tag, registry};
use parking_lot::Mutex;

use crate::scripted::{SECOND, in_time, pass, seconds, settle, takes};

/// What it is outside. Loaded at once.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h", tags("parts"))]
pub struct GetPart(u32);

/// The same, kept by its users alone.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, fresh = "1h")]
pub struct GetWeakPart(u32);

/// What its recipe makes.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h")]
pub struct GetBuilt(u32);

/// Keeps an equal answer.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h", eq)]
pub struct GetEqualBuilt(u32);

/// With a tag of its own.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h", tags_of = GetTaggedBuilt::tags)]
pub struct GetTaggedBuilt(u32);

impl GetTaggedBuilt {
    fn tags(&self) -> [Tag; 1] {
        [Tag::new("built", self.0)]
    }
}

/// Several at once, by the recipe of the first.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h", batch)]
pub struct GetBuiltTogether(u32);

registry! {
    pub struct KitchenRegistry {
        crate::derived::GetPart,
        crate::derived::GetWeakPart,
        crate::derived::GetBuilt,
        crate::derived::GetEqualBuilt,
        crate::derived::GetTaggedBuilt,
        crate::derived::GetBuiltTogether,
    }
}

#[derive(Debug, thiserror::Error)]
pub enum KitchenError {
    #[error("burnt")]
    Burnt,
    #[error(transparent)]
    Query(#[from] QueryError<KitchenError>),
}

type Built = Result<usize, KitchenError>;
type Recipe = Arc<dyn Fn(Context<Kitchen>) -> Pin<Box<dyn Future<Output = Built> + Send>> + Send + Sync>;

#[derive(Default)]
pub struct Kitchen {
    parts: Mutex<HashMap<u32, usize>>,
    recipes: Mutex<HashMap<u32, Recipe>>,
    loads: Mutex<HashMap<(&'static str, u32), usize>>,
}

impl App for Kitchen {
    type Registry = KitchenRegistry;
}

impl Kitchen {
    fn recipe<F>(&self, number: u32, make: impl Fn(Context<Kitchen>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Built> + Send + 'static,
    {
        self.recipes.lock().insert(number, Arc::new(move |cx| Box::pin(make(cx))));
    }

    fn loads<Q: Query>(&self, number: u32) -> usize {
        self.loads.lock().get(&(Q::NAME, number)).copied().unwrap_or_default()
    }

    fn count<Q: Query>(&self, number: u32) -> usize {
        let mut loads = self.loads.lock();
        let count = loads.entry((Q::NAME, number)).or_default();
        *count += 1;
        *count
    }

    fn part(&self, number: u32) -> usize {
        self.parts.lock().get(&number).copied().unwrap_or_default()
    }

    async fn build<Q: Query>(&self, number: u32, cx: &Context<Self>) -> Built {
        self.count::<Q>(number);
        let recipe = self.recipes.lock().get(&number).cloned().unwrap();
        recipe(cx.clone()).await
    }
}

macro_rules! parts {
    ($($part:ident),*) => {
        $(impl Fetch<Kitchen> for $part {
            type Error = KitchenError;

            async fn fetch(&self, cx: &Context<Kitchen>) -> Built {
                cx.app().count::<Self>(self.0);
                match cx.app().part(self.0) {
                    13 => Err(KitchenError::Burnt),
                    part => Ok(part),
                }
            }
        })*
    };
}

macro_rules! built {
    ($($built:ident),*) => {
        $(impl Fetch<Kitchen> for $built {
            type Error = KitchenError;

            async fn fetch(&self, cx: &Context<Kitchen>) -> Built {
                cx.app().build::<Self>(self.0, cx).await
            }

            fn is_retryable(error: &KitchenError) -> bool {
                matches!(error, KitchenError::Burnt)
            }

            fn retry_after(_: &KitchenError) -> Option<Duration> {
                Some(SECOND)
            }
        })*
    };
}

parts!(GetPart, GetWeakPart);
built!(GetBuilt, GetEqualBuilt, GetTaggedBuilt);

impl FetchMany<Kitchen> for GetBuiltTogether {
    type Error = KitchenError;

    async fn fetch_many(keys: &[Self], cx: &Context<Kitchen>) -> Vec<Built> {
        let built = cx.app().build::<Self>(keys[0].0, cx).await.unwrap();
        keys.iter().map(|_| Ok(built)).collect()
    }
}

fn builder() -> ClientBuilder<Kitchen> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, Kitchen::default())
}

fn kitchen() -> Client<Kitchen> {
    builder().build()
}

/// One whose first recipe reads the first part, and then works for half a second.
fn kitchen_with_recipe() -> Client<Kitchen> {
    let client = kitchen();
    client.app().recipe(1, |cx| async move {
        let part = cx.query(&GetPart(1)).await?;
        work().await;
        Ok(*part)
    });
    client
}

async fn work() {
    takes(SECOND / 2).await;
}

fn is_marked<Q: Query>(client: &Client<Kitchen>, query: &Q) -> bool
where
    KitchenRegistry: Holds<Q>,
{
    client.cache().peek_entry(query).expect("it is stored").freshness() == Freshness::Invalidated
}

/// Begins a load, and lets it come to its work.
async fn begin<Q>(client: &Client<Kitchen>, query: Q) -> tokio::task::JoinHandle<usize>
where
    Q: Fetch<Kitchen, Value = usize, Error = KitchenError>,
    KitchenRegistry: Holds<Q>,
{
    let client = client.clone();
    let load = tokio::spawn(async move { *client.query(&query).await.unwrap() });
    settle().await;
    load
}

/// Loads the first built answer, with a change in the middle of its work. Returns whether it is marked.
async fn is_marked_after(client: &Client<Kitchen>, change: impl FnOnce(&Client<Kitchen>)) -> bool {
    let load = begin(client, GetBuilt(1)).await;
    change(client);
    in_time(load).await.unwrap();
    is_marked(client, &GetBuilt(1))
}

/// An answer for which this is read is marked if that changes during the load, and not else.
async fn compares_what_it_reads<F>(
    read: impl Fn(Context<Kitchen>) -> F + Copy + Send + Sync + 'static,
    change: fn(&Client<Kitchen>),
) where
    F: Future<Output = Built> + Send + 'static,
{
    for is_changed in [false, true] {
        let client = kitchen();
        client.app().recipe(1, move |cx| async move {
            let part = read(cx).await?;
            work().await;
            Ok(part)
        });
        let change = |client: &Client<Kitchen>| {
            if is_changed {
                change(client)
            }
        };
        assert_eq!(is_marked_after(&client, change).await, is_changed);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_read_and_then_invalidated_is_read_again_by_the_next_load() {
    let client = kitchen_with_recipe();
    let load = begin(&client, GetBuilt(1)).await;
    client.app().parts.lock().insert(1, 5);
    client.invalidate(&GetPart(1));
    assert_eq!(in_time(load).await.unwrap(), 0, "its callers get the answer");
    assert_eq!(*in_time(client.query(&GetBuilt(1))).await.unwrap(), 5);
    assert_eq!(*in_time(client.query(&GetBuilt(1))).await.unwrap(), 5);
    assert_eq!(client.app().loads::<GetBuilt>(1), 2);
}

#[tokio::test(start_paused = true)]
async fn whatever_changes_an_input_during_the_load_marks_the_answer() {
    type Change = fn(&Client<Kitchen>);
    let changes: [(&str, Change); 9] = [
        ("insert", |client| drop(client.cache().insert(GetPart(1), 7))),
        ("remove", |client| _ = client.cache().remove(&GetPart(1))),
        ("invalidate", |client| _ = client.cache().invalidate(&GetPart(1))),
        ("predicate", |client| drop(client.invalidate_where::<GetPart>(|_| true))),
        ("tag", |client| drop(client.invalidate_tag("parts"))),
        ("update", |client| {
            client
                .cache()
                .transact(|tx| Ok::<_, CommitError>(tx.update(&GetPart(1), |part| **part)))
                .unwrap();
        }),
        ("mark in a transaction", |client| {
            client.cache().transact(|tx| Ok::<_, CommitError>(tx.invalidate(&GetPart(1)))).unwrap();
        }),
        ("removed and written again", |client| {
            let value = client.cache().get(&GetPart(1)).unwrap();
            client.cache().remove(&GetPart(1));
            drop(client.cache().insert(GetPart(1), *value));
        }),
        ("mark and touch in one", |client| {
            client.cache().invalidate(&GetPart(1));
            drop(client.cache().insert(GetPart(1), 0));
        }),
    ];
    for (name, change) in changes {
        let client = kitchen_with_recipe();
        assert!(is_marked_after(&client, change).await, "{name}");
        assert_eq!(client.app().loads::<GetBuilt>(1), 1, "{name}: nobody has asked again");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_change_of_an_input_marks_nothing() {
    let unchanged = kitchen_with_recipe();
    assert!(!is_marked_after(&unchanged, |_| {}).await);
    let touched = kitchen_with_recipe();
    assert!(!is_marked_after(&touched, |client| _ = client.cache().touch(&GetPart(1))).await);
    let other = kitchen_with_recipe();
    other.query(&GetPart(2)).await.unwrap();
    assert!(!is_marked_after(&other, |client| _ = client.cache().remove(&GetPart(2))).await);
    let before = kitchen_with_recipe();
    before.query(&GetPart(1)).await.unwrap();
    before.invalidate(&GetPart(1));
    assert!(!is_marked_after(&before, |_| {}).await, "the load has had it loaded anew");
    let after = kitchen_with_recipe();
    assert!(!is_marked_after(&after, |_| {}).await);
    after.invalidate(&GetPart(1));
    assert!(!is_marked(&after, &GetBuilt(1)), "the answer is stored already");
}

#[tokio::test(start_paused = true)]
async fn an_input_that_the_cache_has_let_go_of_is_compared_all_the_same() {
    let read = |cx: Context<Kitchen>| async move { Ok(*cx.query(&GetWeakPart(1)).await?) };
    compares_what_it_reads(read, |client| drop(client.invalidate(&GetWeakPart(1)))).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_built_from_an_answer_that_was_out_of_date_is_so_too() {
    let client = kitchen_with_recipe();
    client.app().recipe(2, |cx| async move { Ok(*cx.query(&GetBuilt(1)).await?) });
    client.app().recipe(3, |cx| async move {
        let built = *cx.query(&GetBuilt(2)).await?;
        work().await;
        Ok(built)
    });
    let load = begin(&client, GetBuilt(3)).await;
    client.app().parts.lock().insert(1, 5);
    client.invalidate(&GetPart(1));
    assert_eq!(in_time(load).await.unwrap(), 0);
    assert_eq!([1, 2, 3].map(|number| is_marked(&client, &GetBuilt(number))), [true; 3]);
    assert_eq!(*in_time(client.query(&GetBuilt(3))).await.unwrap(), 5);
    assert_eq!([1, 2, 3].map(|number| is_marked(&client, &GetBuilt(number))), [false; 3]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_which_the_load_was_retired_is_an_input_that_has_changed() {
    let client = kitchen_with_recipe();
    client.app().recipe(2, |cx| async move { Ok(*cx.query(&GetBuilt(1)).await?) });
    let load = begin(&client, GetBuilt(2)).await;
    client.cache().insert(GetBuilt(1), 9);
    assert_eq!(in_time(load).await.unwrap(), 0);
    assert!(is_marked(&client, &GetBuilt(2)));
    assert_eq!(*in_time(client.query(&GetBuilt(2))).await.unwrap(), 9);
}

#[tokio::test(start_paused = true)]
async fn reads_of_contexts_below_that_of_the_load_count_and_those_that_keep_from_the_cache_do_not() {
    type Below = fn(&Context<Kitchen>) -> Context<Kitchen>;
    let contexts: [(Below, bool); 4] = [
        (|cx| cx.child("below").child("deeper"), true),
        (|cx| cx.without_layers(), true),
        (|cx| cx.with_deadline(tokio::time::Instant::now() + seconds(100)), true),
        (
            |cx| {
                let below = cx.child("below");
                below.disable_cache();
                below
            },
            false,
        ),
    ];
    for (below, counts) in contexts {
        let client = kitchen();
        client.app().recipe(1, move |cx| async move {
            let part = *below(&cx).query(&GetPart(1)).await?;
            work().await;
            Ok(part)
        });
        let change = |client: &Client<Kitchen>| drop(client.cache().insert(GetPart(1), 7));
        assert_eq!(is_marked_after(&client, change).await, counts);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_not_stored_is_compared_by_the_load_it_came_of() {
    let only = |options: LoadingOptions| options.strategy(Strategy::NetworkOnly);
    let read = move |cx: Context<Kitchen>| async move { Ok(*cx.query_with(&GetPart(1), only).await?) };
    compares_what_it_reads(read, |client| drop(client.invalidate(&GetPart(1)))).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_load_finds_in_the_cache_or_misses_there_is_compared_too() {
    let client = kitchen();
    client.app().recipe(1, |cx| async move {
        let part = cx.cached(&GetPart(1)).map_or(100, |part| *part);
        work().await;
        Ok(part)
    });
    let reload = |client: &Client<Kitchen>| drop(client.invalidate(&GetBuilt(1)));
    let insert = |client: &Client<Kitchen>| drop(client.cache().insert(GetPart(1), 7));
    assert!(!is_marked_after(&client, |_| {}).await, "missed, and still missing");
    reload(&client);
    assert!(is_marked_after(&client, insert).await, "missed, and written");
    assert!(!is_marked_after(&client, |_| {}).await, "found, and still there");
    reload(&client);
    assert!(is_marked_after(&client, |client| _ = client.cache().invalidate(&GetPart(1))).await);
    // Found though it was marked: that is no change, or nothing built from it would ever be fresh.
    assert!(!is_marked_after(&client, |_| {}).await);
    reload(&client);
    assert!(is_marked_after(&client, insert).await);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_the_load_copes_with_is_an_input() {
    for is_changed in [false, true] {
        let client = kitchen();
        client.app().parts.lock().insert(1, 13);
        client.app().recipe(1, |cx| async move {
            let part = cx.query(&GetPart(1)).await.map_or(0, |part| *part);
            work().await;
            Ok(part)
        });
        let change = |client: &Client<Kitchen>| _ = is_changed.then(|| client.invalidate(&GetPart(1)));
        assert_eq!(is_marked_after(&client, change).await, is_changed);
    }
    // One that is remembered too.
    for is_changed in [false, true] {
        let client = builder().query::<GetPart>(|options| options.error_ttl(seconds(100))).build();
        client.app().parts.lock().insert(1, 13);
        assert!(client.query(&GetPart(1)).await.is_err());
        client.app().recipe(1, |cx| async move {
            let part = cx.query(&GetPart(1)).await.map_or(0, |part| *part);
            work().await;
            Ok(part)
        });
        let change = |client: &Client<Kitchen>| _ = is_changed.then(|| client.invalidate(&GetPart(1)));
        assert_eq!(is_marked_after(&client, change).await, is_changed);
        assert_eq!(client.app().loads::<GetPart>(1), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_load_that_is_tried_again_the_last_attempt_counts() {
    for is_changed in [false, true] {
        let client = kitchen();
        client.app().recipe(1, |cx| async move {
            let attempt = cx.app().loads::<GetBuilt>(1);
            let part = *cx.query(&GetPart(1)).await?;
            work().await;
            if attempt == 1 { Err(KitchenError::Burnt) } else { Ok(part) }
        });
        let load = begin(&client, GetBuilt(1)).await;
        // During the first attempt, which fails.
        client.cache().insert(GetPart(1), 7);
        pass(seconds(1)).await;
        pass(SECOND * 3 / 4).await;
        assert_eq!(client.app().loads::<GetBuilt>(1), 2);
        if is_changed {
            client.cache().insert(GetPart(1), 8);
        }
        assert_eq!(in_time(load).await.unwrap(), 7);
        assert_eq!(is_marked(&client, &GetBuilt(1)), is_changed);
    }
}

#[tokio::test(start_paused = true)]
async fn what_several_keys_are_built_from_marks_all_of_them() {
    for is_changed in [false, true] {
        let client = kitchen_with_recipe();
        let keys = [GetBuiltTogether(1), GetBuiltTogether(2)];
        let asker = client.clone();
        let load = tokio::spawn(async move { asker.query_all(&keys).await.len() });
        settle().await;
        if is_changed {
            client.invalidate(&GetPart(1));
        }
        in_time(load).await.unwrap();
        let marked = [1, 2].map(|number| is_marked(&client, &GetBuiltTogether(number)));
        assert_eq!((marked, client.app().loads::<GetBuiltTogether>(1)), ([is_changed; 2], 1));
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_64_inputs_are_not_compared_but_taken_for_changed() {
    for (count, is_marked) in [(64, false), (65, true)] {
        let client = kitchen();
        client.app().recipe(1, move |cx| async move {
            let parts: Vec<_> = (0..count).map(GetPart).collect();
            // Each key counts once.
            for _ in 0..3 {
                assert!(cx.query_all(&parts).await.iter().all(Result::is_ok));
            }
            Ok(0)
        });
        assert_eq!(is_marked_after(&client, |_| {}).await, is_marked, "{count}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_equal_answer_is_kept_and_marked_if_it_is_out_of_date() {
    let client = kitchen_with_recipe();
    let first = in_time(client.query(&GetEqualBuilt(1))).await.unwrap();
    for is_changed in [true, false] {
        client.invalidate(&GetEqualBuilt(1));
        let load = begin(&client, GetEqualBuilt(1)).await;
        if is_changed {
            client.invalidate(&GetPart(1));
        }
        in_time(load).await.unwrap();
        let kept = client.cached(&GetEqualBuilt(1)).unwrap();
        assert_eq!((Arc::ptr_eq(&kept, &first), is_marked(&client, &GetEqualBuilt(1))), (true, is_changed));
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_has_an_equal_answer_loaded_once_more_too() {
    let client = kitchen_with_recipe();
    let _observer = client.observe(&GetEqualBuilt(1));
    pass(SECOND).await;
    client.invalidate(&GetEqualBuilt(1));
    settle().await;
    client.invalidate(&GetPart(1));
    pass(seconds(60)).await;
    assert_eq!(client.app().loads::<GetEqualBuilt>(1), 3);
    assert!(!is_marked(&client, &GetEqualBuilt(1)));
}

#[tokio::test(start_paused = true)]
async fn a_tag_of_its_own_finds_it_however_it_was_stored() {
    for is_changed in [false, true] {
        let client = kitchen_with_recipe();
        let load = begin(&client, GetTaggedBuilt(1)).await;
        if is_changed {
            client.invalidate(&GetPart(1));
        }
        in_time(load).await.unwrap();
        assert_eq!(client.invalidate_tag(Tag::new("built", 1)).count, 1, "{is_changed}");
    }
    // A tag of an input marks what is built from it, too.
    let client = kitchen();
    client.app().recipe(2, |_| async { Ok(0) });
    client.app().recipe(3, |cx| async move {
        let built = *cx.query(&GetTaggedBuilt(2)).await?;
        work().await;
        Ok(built)
    });
    let load = begin(&client, GetBuilt(3)).await;
    client.invalidate_tag(Tag::new("built", 2));
    in_time(load).await.unwrap();
    assert!(is_marked(&client, &GetBuilt(3)));
}

#[tokio::test(start_paused = true)]
async fn an_observer_has_it_loaded_once_more_and_is_quiet_when_its_inputs_are() {
    let client = kitchen_with_recipe();
    let mut observer = client.observe(&GetBuilt(1));
    settle().await;
    client.app().parts.lock().insert(1, 5);
    client.invalidate(&GetPart(1));
    pass(seconds(60)).await;
    let state = in_time(observer.next()).await.unwrap();
    assert_eq!((state.value().map(|value| **value), client.app().loads::<GetBuilt>(1)), (Some(5), 2));
    assert!(!is_marked(&client, &GetBuilt(1)));
    // An input that changes without end: each load is out of date, and they do not follow each other closely.
    for change in 0..600 {
        client.cache().insert(GetPart(1), change);
        if change == 0 {
            client.invalidate(&GetBuilt(1));
        }
        pass(SECOND / 10).await;
    }
    let loads = client.app().loads::<GetBuilt>(1);
    assert!((12..=60).contains(&loads), "{loads} in a minute, each of which takes half a second");
    pass(seconds(10)).await;
    let state = in_time(observer.next()).await.unwrap();
    assert_eq!((state.value().map(|value| **value), is_marked(&client, &GetBuilt(1))), (Some(599), false));
}

/// Two that are built from each other, half a second each.
fn kitchen_with_circle(builder: ClientBuilder<Kitchen>) -> Client<Kitchen> {
    let client = builder.build();
    for (number, other) in [(1, 2), (2, 1)] {
        client.app().recipe(number, move |cx| async move {
            let part = cx.cached(&GetBuilt(other)).map_or(0, |part| *part);
            work().await;
            Ok(part + 1)
        });
    }
    client
}

/// Has both loaded at the same time, the one in the middle of the other.
async fn kick(client: &Client<Kitchen>) {
    client.invalidate(&GetBuilt(1));
    pass(SECOND / 4).await;
    client.invalidate(&GetBuilt(2));
}

fn loads_of_circle(client: &Client<Kitchen>) -> usize {
    client.app().loads::<GetBuilt>(1) + client.app().loads::<GetBuilt>(2)
}

#[tokio::test(start_paused = true)]
async fn two_that_are_observed_and_built_from_each_other_come_to_rest() {
    let client = kitchen_with_circle(builder());
    let _observers = [client.observe(&GetBuilt(1)), client.observe(&GetBuilt(2))];
    pass(seconds(60)).await;
    let before = loads_of_circle(&client);
    kick(&client).await;
    pass(seconds(3)).await;
    assert!(loads_of_circle(&client) >= before + 4, "each has the other loaded again");
    pass(seconds(200)).await;
    let after = loads_of_circle(&client);
    pass(seconds(1_000)).await;
    assert_eq!(loads_of_circle(&client), after);
    assert!(!is_marked(&client, &GetBuilt(1)) && !is_marked(&client, &GetBuilt(2)));
}

#[tokio::test(start_paused = true)]
async fn two_that_are_polled_and_built_from_each_other_are_loaded_little_more_than_they_are_polled() {
    let client = kitchen_with_circle(builder().query::<GetBuilt>(|options| options.poll(seconds(10))));
    let _observers = [client.observe(&GetBuilt(1)), client.observe(&GetBuilt(2))];
    pass(seconds(3)).await;
    kick(&client).await;
    pass(seconds(1_000)).await;
    let loads = loads_of_circle(&client);
    // Without an end, or without waits, there would be 4,000.
    assert!((150..400).contains(&loads), "{loads}");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_reads_has_it_loaded_once_for_each_read_until_it_is_up_to_date() {
    let client = kitchen_with_recipe();
    for change in 1..4 {
        let load = begin(&client, GetBuilt(1)).await;
        client.cache().insert(GetPart(1), change);
        in_time(load).await.unwrap();
        pass(seconds(100)).await;
        assert_eq!(client.app().loads::<GetBuilt>(1), change, "nobody reads it");
    }
    assert_eq!(*in_time(client.query(&GetBuilt(1))).await.unwrap(), 3);
    in_time(client.query(&GetBuilt(1))).await.unwrap();
    assert_eq!(client.app().loads::<GetBuilt>(1), 4);
}
