//! When a fallback replaces a failed load, and where it must not appear.

use cache_client::{App, BreakerOptions, Client, Context, Fetch, FetchMany, QueryError, TokioClock};
use cache_core::{Cache, Query, registry};

use crate::flaky::*;
use crate::scripted::{in_time, pass, seconds};

#[tokio::test(start_paused = true)]
async fn a_fallback_is_the_answer_when_all_retries_failed_and_the_next_call_loads_again() {
    let client = flaky_client();
    let query = GetBacked(1);
    client.app().script(&query, [Step::Pass; 4]);
    assert_eq!(*client.query(&query).await.unwrap(), 1_000);
    assert_eq!(client.app().loads(&query), 4);
    assert!(client.cached(&query).is_none());
    assert_eq!(*client.query(&query).await.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_query_chooses_which_errors_have_a_fallback() {
    let client = flaky_client();
    for (number, step, has_fallback) in [(1, Step::Fail, false), (2, Step::Panic, true)] {
        let query = GetBacked(number);
        client.app().script(&query, [step]);
        assert_eq!(client.query(&query).await.is_ok(), has_fallback, "{step:?}");
    }
    let query = GetFlaky(1);
    client.app().script(&query, [Step::Panic]);
    assert!(client.query(&query).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_interruption_has_no_fallback() {
    let client = flaky_client();
    let query = GetBacked(1);
    client.app().script(&query, [Step::Quit]);
    assert!(matches!(in_time(client.query(&query)).await, Err(QueryError::Interrupted { .. })));
    let cx = client.request("tree");
    cx.cancel();
    assert!(matches!(cx.query(&query).await, Err(QueryError::Interrupted { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_allowed_stale_value_takes_precedence_over_a_fallback() {
    let client = flaky_client();
    let query = GetBackedForgiven(1);
    client.query(&query).await.unwrap();
    client.app().script(&query, [Step::Panic, Step::Panic]);
    pass(seconds(60)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 1);
    pass(seconds(20)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 1_000);
    assert_eq!(client.cached(&query).as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_tree_does_not_memoise_a_fallback() {
    let client = flaky_client();
    let query = GetBacked(1);
    client.app().script(&query, [Step::Panic]);
    let cx = client.request("tree");
    assert_eq!(*cx.query(&query).await.unwrap(), 1_000);
    assert_eq!(*cx.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_load_never_receives_a_fallback() {
    let client = flaky_client();
    client.app().script(&GetBacked(1), [Step::Panic]);
    let error = client.query(&GetBackedWhole(1)).await.unwrap_err();
    assert!(matches!(error, QueryError::Failed { .. }));
    assert_eq!(*client.query(&GetBackedWhole(1)).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_error_behind_a_fallback_is_readable_until_a_load_succeeds() {
    let client = flaky_client();
    let query = GetBacked(1);
    client.app().script(&query, [Step::Panic]);
    client.query(&query).await.unwrap();
    assert!(matches!(client.refresh_error(&query), Some(QueryError::Panicked { .. })));
    client.query(&query).await.unwrap();
    assert!(client.refresh_error(&query).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_remembered_error_yields_the_fallback_while_it_is_remembered() {
    let client = flaky_client();
    let query = GetBackedForgiven(1);
    client.app().script(&query, [Step::Panic]);
    assert_eq!(*client.query(&query).await.unwrap(), 1_000);
    pass(seconds(4)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 1_000);
    assert_eq!(client.app().loads(&query), 1);
    pass(seconds(1)).await;
    assert_eq!(*client.query(&query).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_replaces_a_load_that_the_breaker_refuses() {
    let client = builder()
        .query::<GetBacked>(|options| options.breaker("backed"))
        .breaker("backed", BreakerOptions::new().failures(1))
        .build();
    client.app().script(&GetBacked(1), [Step::Panic]);
    assert_eq!(*client.query(&GetBacked(1)).await.unwrap(), 1_000);
    assert_eq!(*client.query(&GetBacked(2)).await.unwrap(), 1_000);
    assert_eq!(client.app().loads(&GetBacked(2)), 0);
}

#[tokio::test(start_paused = true)]
async fn a_tree_with_a_disabled_cache_has_fallbacks_too() {
    let client = flaky_client();
    let query = GetBacked(1);
    client.app().script(&query, [Step::Panic]);
    let cx = client.request("tree");
    cx.disable_cache();
    assert_eq!(*cx.query(&query).await.unwrap(), 1_000);
    assert!(client.refresh_error(&query).is_none());
}

/// Has a value as its fallback option.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 10, fresh = "10s", fallback = 7)]
pub struct GetSeven(u32);

/// Has a function of the query as its fallback option.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 10, fresh = "10s", batch, fallback = GetNamed::unknown)]
pub struct GetNamed(u32);

impl GetNamed {
    fn unknown(&self) -> String {
        format!("number {}", self.0)
    }
}

registry! {
    pub struct Backed { crate::fallback::GetSeven, crate::fallback::GetNamed }
}

struct Broken;

impl App for Broken {
    type Registry = Backed;
}

impl Fetch<Broken> for GetSeven {
    type Error = std::fmt::Error;

    async fn fetch(&self, _: &Context<Broken>) -> Result<usize, std::fmt::Error> {
        Err(std::fmt::Error)
    }
}

impl FetchMany<Broken> for GetNamed {
    type Error = std::fmt::Error;

    async fn fetch_many(keys: &[Self], _: &Context<Broken>) -> Vec<Result<String, std::fmt::Error>> {
        keys.iter().map(|_| Err(std::fmt::Error)).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_can_be_an_option_of_the_query() {
    let cache = Cache::<Backed>::builder().clock(TokioClock::new()).build().unwrap();
    let client = Client::builder(cache, Broken).build();
    assert_eq!(*client.query(&GetSeven(1)).await.unwrap(), 7);
    assert_eq!(*client.query(&GetNamed(3)).await.unwrap(), "number 3");
    assert!(client.cached(&GetSeven(1)).is_none() && client.cached(&GetNamed(3)).is_none());
}

#[tokio::test(start_paused = true)]
async fn an_observer_shows_the_error_behind_a_fallback() {
    let client = flaky_client();
    let query = GetBackedForgiven(1);
    client.app().script(&query, [Step::Panic]);
    assert_eq!(*client.query(&query).await.unwrap(), 1_000);
    let mut observer = client.observe(&query);
    let state = in_time(observer.next()).await.unwrap();
    assert!(state.error().is_some(), "{state:?}");
}
