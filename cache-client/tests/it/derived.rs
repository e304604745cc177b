//! Answers built from other queries, and what happens when such an input changes during the load.

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

/// The value that the app has for the part. Loads at once.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h", tags("parts"))]
pub struct GetPart(u32);

/// The same in a weak table.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, fresh = "1h")]
pub struct GetWeakPart(u32);

/// The result of its recipe.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h")]
pub struct GetBuilt(u32);

/// Keeps the old value if a load returns an equal one.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h", eq)]
pub struct GetEqualBuilt(u32);

/// Has its own tag.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h", tags_of = GetTaggedBuilt::tags)]
pub struct GetTaggedBuilt(u32);

impl GetTaggedBuilt {
    fn tags(&self) -> [Tag; 1] {
        [Tag::new("built", self.0)]
    }
}

/// Batched, with the recipe of the first key.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "1h", batch)]
pub struct GetBuiltTogether(u32);

registry! {
    pub struct RecipeRegistry {
        crate::derived::GetPart,
        crate::derived::GetWeakPart,
        crate::derived::GetBuilt,
        crate::derived::GetEqualBuilt,
        crate::derived::GetTaggedBuilt,
        crate::derived::GetBuiltTogether,
    }
}

#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    #[error("the recipe failed")]
    Failed,
    #[error(transparent)]
    Query(#[from] QueryError<RecipeError>),
}

type Built = Result<usize, RecipeError>;
type Recipe = Arc<dyn Fn(Context<RecipeApp>) -> Pin<Box<dyn Future<Output = Built> + Send>> + Send + Sync>;

#[derive(Default)]
pub struct RecipeApp {
    parts: Mutex<HashMap<u32, usize>>,
    recipes: Mutex<HashMap<u32, Recipe>>,
    loads: Mutex<HashMap<(&'static str, u32), usize>>,
}

impl App for RecipeApp {
    type Registry = RecipeRegistry;
}

impl RecipeApp {
    fn recipe<F>(&self, number: u32, make: impl Fn(Context<RecipeApp>) -> F + Send + Sync + 'static)
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
        $(impl Fetch<RecipeApp> for $part {
            type Error = RecipeError;

            async fn fetch(&self, cx: &Context<RecipeApp>) -> Built {
                cx.app().count::<Self>(self.0);
                match cx.app().part(self.0) {
                    13 => Err(RecipeError::Failed),
                    part => Ok(part),
                }
            }
        })*
    };
}

macro_rules! built {
    ($($built:ident),*) => {
        $(impl Fetch<RecipeApp> for $built {
            type Error = RecipeError;

            async fn fetch(&self, cx: &Context<RecipeApp>) -> Built {
                cx.app().build::<Self>(self.0, cx).await
            }

            fn is_retryable(error: &RecipeError) -> bool {
                matches!(error, RecipeError::Failed)
            }

            fn retry_after(_: &RecipeError) -> Option<Duration> {
                Some(SECOND)
            }
        })*
    };
}

parts!(GetPart, GetWeakPart);
built!(GetBuilt, GetEqualBuilt, GetTaggedBuilt);

impl FetchMany<RecipeApp> for GetBuiltTogether {
    type Error = RecipeError;

    async fn fetch_many(keys: &[Self], cx: &Context<RecipeApp>) -> Vec<Built> {
        let built = cx.app().build::<Self>(keys[0].0, cx).await.unwrap();
        keys.iter().map(|_| Ok(built)).collect()
    }
}

fn builder() -> ClientBuilder<RecipeApp> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, RecipeApp::default())
}

fn recipe_client() -> Client<RecipeApp> {
    builder().build()
}

/// A client whose recipe 1 reads part 1 and then works for half a second.
fn client_with_recipe() -> Client<RecipeApp> {
    let client = recipe_client();
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

fn is_marked<Q: Query>(client: &Client<RecipeApp>, query: &Q) -> bool
where
    RecipeRegistry: Holds<Q>,
{
    client.cache().peek_entry(query).expect("the answer is stored").freshness() == Freshness::Invalidated
}

/// Starts a load and lets it reach its work.
async fn begin<Q>(client: &Client<RecipeApp>, query: Q) -> tokio::task::JoinHandle<usize>
where
    Q: Fetch<RecipeApp, Value = usize, Error = RecipeError>,
    RecipeRegistry: Holds<Q>,
{
    let client = client.clone();
    let load = tokio::spawn(async move { *client.query(&query).await.unwrap() });
    settle().await;
    load
}

/// Loads the first built answer and makes a change during its work. Returns whether the answer is marked.
async fn is_marked_after(client: &Client<RecipeApp>, change: impl FnOnce(&Client<RecipeApp>)) -> bool {
    let load = begin(client, GetBuilt(1)).await;
    change(client);
    in_time(load).await.unwrap();
    is_marked(client, &GetBuilt(1))
}

/// Asserts that an answer built with `read` is marked if `change` happens during the load, and is not marked otherwise.
async fn assert_is_compared<F>(
    read: impl Fn(Context<RecipeApp>) -> F + Copy + Send + Sync + 'static,
    change: fn(&Client<RecipeApp>),
) where
    F: Future<Output = Built> + Send + 'static,
{
    for is_changed in [false, true] {
        let client = recipe_client();
        client.app().recipe(1, move |cx| async move {
            let part = read(cx).await?;
            work().await;
            Ok(part)
        });
        let change = |client: &Client<RecipeApp>| {
            if is_changed {
                change(client)
            }
        };
        assert_eq!(is_marked_after(&client, change).await, is_changed);
    }
}

#[tokio::test(start_paused = true)]
async fn an_input_invalidated_after_it_was_read_is_read_again_by_the_next_load() {
    let client = client_with_recipe();
    let load = begin(&client, GetBuilt(1)).await;
    client.app().parts.lock().insert(1, 5);
    client.invalidate(&GetPart(1));
    assert_eq!(in_time(load).await.unwrap(), 0, "the callers get the answer");
    assert_eq!(*in_time(client.query(&GetBuilt(1))).await.unwrap(), 5);
    assert_eq!(*in_time(client.query(&GetBuilt(1))).await.unwrap(), 5);
    assert_eq!(client.app().loads::<GetBuilt>(1), 2);
}

#[tokio::test(start_paused = true)]
async fn any_change_of_an_input_during_the_load_marks_the_answer() {
    type Change = fn(&Client<RecipeApp>);
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
        let client = client_with_recipe();
        assert!(is_marked_after(&client, change).await, "{name}");
        assert_eq!(client.app().loads::<GetBuilt>(1), 1, "{name}: there was no other call");
    }
}

#[tokio::test(start_paused = true)]
async fn operations_that_leave_an_input_unchanged_do_not_mark_the_answer() {
    let unchanged = client_with_recipe();
    assert!(!is_marked_after(&unchanged, |_| {}).await);
    let touched = client_with_recipe();
    assert!(!is_marked_after(&touched, |client| _ = client.cache().touch(&GetPart(1))).await);
    let other = client_with_recipe();
    other.query(&GetPart(2)).await.unwrap();
    assert!(!is_marked_after(&other, |client| _ = client.cache().remove(&GetPart(2))).await);
    let before = client_with_recipe();
    before.query(&GetPart(1)).await.unwrap();
    before.invalidate(&GetPart(1));
    assert!(!is_marked_after(&before, |_| {}).await, "the load reloaded its input itself");
    let after = client_with_recipe();
    assert!(!is_marked_after(&after, |_| {}).await);
    after.invalidate(&GetPart(1));
    assert!(!is_marked(&after, &GetBuilt(1)), "the answer is stored already");
}

#[tokio::test(start_paused = true)]
async fn an_evicted_input_is_still_compared() {
    let read = |cx: Context<RecipeApp>| async move { Ok(*cx.query(&GetWeakPart(1)).await?) };
    assert_is_compared(read, |client| drop(client.invalidate(&GetWeakPart(1)))).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_built_from_an_outdated_input_is_outdated_too() {
    let client = client_with_recipe();
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
async fn an_input_whose_load_was_retired_counts_as_changed() {
    let client = client_with_recipe();
    client.app().recipe(2, |cx| async move { Ok(*cx.query(&GetBuilt(1)).await?) });
    let load = begin(&client, GetBuilt(2)).await;
    client.cache().insert(GetBuilt(1), 9);
    assert_eq!(in_time(load).await.unwrap(), 0);
    assert!(is_marked(&client, &GetBuilt(2)));
    assert_eq!(*in_time(client.query(&GetBuilt(2))).await.unwrap(), 9);
}

#[tokio::test(start_paused = true)]
async fn reads_of_child_contexts_count_unless_their_cache_is_disabled() {
    type Below = fn(&Context<RecipeApp>) -> Context<RecipeApp>;
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
        let client = recipe_client();
        client.app().recipe(1, move |cx| async move {
            let part = *below(&cx).query(&GetPart(1)).await?;
            work().await;
            Ok(part)
        });
        let change = |client: &Client<RecipeApp>| drop(client.cache().insert(GetPart(1), 7));
        assert_eq!(is_marked_after(&client, change).await, counts);
    }
}

#[tokio::test(start_paused = true)]
async fn an_input_that_was_not_stored_is_compared_by_its_load() {
    let only = |options: LoadingOptions| options.strategy(Strategy::NetworkOnly);
    let read = move |cx: Context<RecipeApp>| async move { Ok(*cx.query_with(&GetPart(1), only).await?) };
    assert_is_compared(read, |client| drop(client.invalidate(&GetPart(1)))).await;
}

#[tokio::test(start_paused = true)]
async fn hits_and_misses_of_cached_reads_are_compared_too() {
    let client = recipe_client();
    client.app().recipe(1, |cx| async move {
        let part = cx.cached(&GetPart(1)).map_or(100, |part| *part);
        work().await;
        Ok(part)
    });
    let reload = |client: &Client<RecipeApp>| drop(client.invalidate(&GetBuilt(1)));
    let insert = |client: &Client<RecipeApp>| drop(client.cache().insert(GetPart(1), 7));
    assert!(!is_marked_after(&client, |_| {}).await, "missed, and still missing");
    reload(&client);
    assert!(is_marked_after(&client, insert).await, "missed, and written");
    assert!(!is_marked_after(&client, |_| {}).await, "found, and still there");
    reload(&client);
    assert!(is_marked_after(&client, |client| _ = client.cache().invalidate(&GetPart(1))).await);
    // A marked value that was found is no change: otherwise no answer built from it would ever be fresh.
    assert!(!is_marked_after(&client, |_| {}).await);
    reload(&client);
    assert!(is_marked_after(&client, insert).await);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_the_load_handles_is_an_input() {
    for is_changed in [false, true] {
        let client = recipe_client();
        client.app().parts.lock().insert(1, 13);
        client.app().recipe(1, |cx| async move {
            let part = cx.query(&GetPart(1)).await.map_or(0, |part| *part);
            work().await;
            Ok(part)
        });
        let change = |client: &Client<RecipeApp>| _ = is_changed.then(|| client.invalidate(&GetPart(1)));
        assert_eq!(is_marked_after(&client, change).await, is_changed);
    }
    // A remembered error counts too.
    for is_changed in [false, true] {
        let client = builder().query::<GetPart>(|options| options.error_ttl(seconds(100))).build();
        client.app().parts.lock().insert(1, 13);
        assert!(client.query(&GetPart(1)).await.is_err());
        client.app().recipe(1, |cx| async move {
            let part = cx.query(&GetPart(1)).await.map_or(0, |part| *part);
            work().await;
            Ok(part)
        });
        let change = |client: &Client<RecipeApp>| _ = is_changed.then(|| client.invalidate(&GetPart(1)));
        assert_eq!(is_marked_after(&client, change).await, is_changed);
        assert_eq!(client.app().loads::<GetPart>(1), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_inputs_of_the_last_attempt_count() {
    for is_changed in [false, true] {
        let client = recipe_client();
        client.app().recipe(1, |cx| async move {
            let attempt = cx.app().loads::<GetBuilt>(1);
            let part = *cx.query(&GetPart(1)).await?;
            work().await;
            if attempt == 1 { Err(RecipeError::Failed) } else { Ok(part) }
        });
        let load = begin(&client, GetBuilt(1)).await;
        // The change happens during the first attempt, which fails.
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
async fn a_changed_input_of_a_batch_marks_all_its_keys() {
    for is_changed in [false, true] {
        let client = client_with_recipe();
        let keys = [GetBuiltTogether(1), GetBuiltTogether(2)];
        let caller = client.clone();
        let load = tokio::spawn(async move { caller.query_all(&keys).await.len() });
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
async fn more_than_64_inputs_count_as_changed_without_a_comparison() {
    for (count, is_marked) in [(64, false), (65, true)] {
        let client = recipe_client();
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
async fn an_equal_answer_is_kept_and_marked_if_it_is_outdated() {
    let client = client_with_recipe();
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
async fn an_observer_reloads_an_outdated_equal_answer_once() {
    let client = client_with_recipe();
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
async fn a_tag_finds_its_entry_however_the_entry_was_stored() {
    for is_changed in [false, true] {
        let client = client_with_recipe();
        let load = begin(&client, GetTaggedBuilt(1)).await;
        if is_changed {
            client.invalidate(&GetPart(1));
        }
        in_time(load).await.unwrap();
        assert_eq!(client.invalidate_tag(Tag::new("built", 1)).count, 1, "{is_changed}");
    }
    // A tag of an input marks the answers built from it too.
    let client = recipe_client();
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
async fn an_observer_reloads_an_outdated_answer_and_stops_when_its_inputs_settle() {
    let client = client_with_recipe();
    let mut observer = client.observe(&GetBuilt(1));
    settle().await;
    client.app().parts.lock().insert(1, 5);
    client.invalidate(&GetPart(1));
    pass(seconds(60)).await;
    let state = in_time(observer.next()).await.unwrap();
    assert_eq!((state.value().map(|value| **value), client.app().loads::<GetBuilt>(1)), (Some(5), 2));
    assert!(!is_marked(&client, &GetBuilt(1)));
    // The input never stops changing: each load is outdated, and waits separate the loads.
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

/// A client with two answers that are built from each other, in half a second each.
fn client_with_cycle(builder: ClientBuilder<RecipeApp>) -> Client<RecipeApp> {
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

/// Loads both concurrently, each in the middle of the other.
async fn reload_both(client: &Client<RecipeApp>) {
    client.invalidate(&GetBuilt(1));
    pass(SECOND / 4).await;
    client.invalidate(&GetBuilt(2));
}

fn loads_of_both(client: &Client<RecipeApp>) -> usize {
    client.app().loads::<GetBuilt>(1) + client.app().loads::<GetBuilt>(2)
}

#[tokio::test(start_paused = true)]
async fn observed_answers_built_from_each_other_settle() {
    let client = client_with_cycle(builder());
    let _observers = [client.observe(&GetBuilt(1)), client.observe(&GetBuilt(2))];
    pass(seconds(60)).await;
    let before = loads_of_both(&client);
    reload_both(&client).await;
    pass(seconds(3)).await;
    assert!(loads_of_both(&client) >= before + 4, "each reloads the other");
    pass(seconds(200)).await;
    let after = loads_of_both(&client);
    pass(seconds(1_000)).await;
    assert_eq!(loads_of_both(&client), after);
    assert!(!is_marked(&client, &GetBuilt(1)) && !is_marked(&client, &GetBuilt(2)));
}

#[tokio::test(start_paused = true)]
async fn polled_answers_built_from_each_other_cause_few_extra_loads() {
    let client = client_with_cycle(builder().query::<GetBuilt>(|options| options.poll(seconds(10))));
    let _observers = [client.observe(&GetBuilt(1)), client.observe(&GetBuilt(2))];
    pass(seconds(3)).await;
    reload_both(&client).await;
    pass(seconds(1_000)).await;
    let loads = loads_of_both(&client);
    // An endless loop, or one without waits, would cause 4,000 loads.
    assert!((150..400).contains(&loads), "{loads}");
}

#[tokio::test(start_paused = true)]
async fn each_read_reloads_an_outdated_answer_once_until_it_is_current() {
    let client = client_with_recipe();
    for change in 1..4 {
        let load = begin(&client, GetBuilt(1)).await;
        client.cache().insert(GetPart(1), change);
        in_time(load).await.unwrap();
        pass(seconds(100)).await;
        assert_eq!(client.app().loads::<GetBuilt>(1), change, "it has no readers");
    }
    assert_eq!(*in_time(client.query(&GetBuilt(1))).await.unwrap(), 3);
    in_time(client.query(&GetBuilt(1))).await.unwrap();
    assert_eq!(client.app().loads::<GetBuilt>(1), 4);
}
