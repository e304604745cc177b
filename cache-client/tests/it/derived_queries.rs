//! Queries with the option `derived`: their stored answers are marked when what they were built from changes.

use std::collections::HashMap;
use std::sync::Arc;

use cache_client::{
    App, Client, Context, Fetch, FetchMany, LoadingOptions, QueryError, Strategy, TokioClock,
};
use cache_core::{Cache, Freshness, Holds, Query, registry};
use parking_lot::Mutex;

use crate::scripted::{SECOND, in_time, pass, seconds, settle, takes};

/// The price of an item. Loads at once.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10m", tags("prices"), eq)]
pub struct GetPrice(u32);

/// The sum of its prices, after a second of work.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10m", derived)]
pub struct GetCart(Vec<u32>);

/// The sum of two carts, after a second of work.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10m", derived)]
pub struct GetHousehold(u32);

/// Prices with a discount, several at once.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 1_000, fresh = "10m", derived, batch)]
pub struct GetReduced(u32);

registry! {
    pub struct ShopRegistry {
        crate::derived_queries::GetPrice,
        crate::derived_queries::GetCart,
        crate::derived_queries::GetHousehold,
        crate::derived_queries::GetReduced,
    }
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ShopError(#[from] QueryError<ShopError>);

type Loaded = Result<usize, ShopError>;

#[derive(Default)]
pub struct Shop {
    prices: Mutex<HashMap<u32, usize>>,
    loads: Mutex<HashMap<&'static str, usize>>,
}

impl App for Shop {
    type Registry = ShopRegistry;
}

impl Shop {
    fn count<Q: Query>(&self) {
        *self.loads.lock().entry(Q::NAME).or_default() += 1;
    }

    fn loads<Q: Query>(&self) -> usize {
        self.loads.lock().get(Q::NAME).copied().unwrap_or_default()
    }

    fn price(&self, item: u32) -> usize {
        self.prices.lock().get(&item).copied().unwrap_or(10)
    }
}

impl Fetch<Shop> for GetPrice {
    type Error = ShopError;

    async fn fetch(&self, cx: &Context<Shop>) -> Loaded {
        cx.app().count::<Self>();
        Ok(cx.app().price(self.0))
    }
}

impl Fetch<Shop> for GetCart {
    type Error = ShopError;

    async fn fetch(&self, cx: &Context<Shop>) -> Loaded {
        cx.app().count::<Self>();
        let mut sum = 0;
        for &item in &self.0 {
            sum += *cx.query(&GetPrice(item)).await?;
        }
        takes(SECOND).await;
        Ok(sum)
    }
}

impl Fetch<Shop> for GetHousehold {
    type Error = ShopError;

    async fn fetch(&self, cx: &Context<Shop>) -> Loaded {
        cx.app().count::<Self>();
        let (first, second) = (cart(self.0), cart(self.0 + 1));
        let sum = *cx.query(&first).await? + *cx.query(&second).await?;
        takes(SECOND).await;
        Ok(sum)
    }
}

impl FetchMany<Shop> for GetReduced {
    type Error = ShopError;

    async fn fetch_many(keys: &[Self], cx: &Context<Shop>) -> Vec<Loaded> {
        cx.app().count::<Self>();
        let mut reduced = Vec::new();
        for key in keys {
            reduced.push(cx.query(&GetPrice(key.0)).await.map(|price| *price / 2).map_err(ShopError));
        }
        reduced
    }
}

/// A cart with one item.
fn cart(item: u32) -> GetCart {
    GetCart(vec![item])
}

fn shop_client() -> Client<Shop> {
    let cache = Cache::builder().clock(TokioClock::new()).build().unwrap();
    Client::builder(cache, Shop::default()).build()
}

fn is_marked<Q: Query>(client: &Client<Shop>, query: &Q) -> bool
where
    ShopRegistry: Holds<Q>,
{
    client.cache().peek_entry(query).expect("the answer is stored").freshness() == Freshness::Invalidated
}

async fn answer<Q: Fetch<Shop, Value = usize, Error = ShopError>>(client: &Client<Shop>, query: &Q) -> usize
where
    ShopRegistry: Holds<Q>,
{
    *in_time(client.query(query)).await.unwrap()
}

/// Long after the load, when neither the answer nor its inputs are stale yet.
async fn wait() {
    pass(seconds(300)).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_stale_once_an_input_has_been_invalidated_later() {
    let client = shop_client();
    assert_eq!(answer(&client, &GetCart(vec![1, 2])).await, 20);
    wait().await;
    client.app().prices.lock().insert(2, 15);
    client.invalidate(&GetPrice(2));
    assert!(is_marked(&client, &GetCart(vec![1, 2])));
    assert_eq!(answer(&client, &GetCart(vec![1, 2])).await, 25);
    assert_eq!(answer(&client, &GetCart(vec![1, 2])).await, 25);
    assert_eq!((client.app().loads::<GetCart>(), client.app().loads::<GetPrice>()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn changes_of_the_client_count_as_well() {
    type Change = fn(&Client<Shop>);
    let changes: [(&str, Change); 4] = [
        ("tag", |client| drop(client.invalidate_tag("prices"))),
        ("predicate", |client| drop(client.invalidate_where::<GetPrice>(|_| true))),
        ("all", |client| drop(client.invalidate_all())),
        ("removal", |client| _ = client.cache().remove(&GetPrice(1))),
    ];
    for (name, change) in changes {
        let client = shop_client();
        answer(&client, &cart(1)).await;
        change(&client);
        assert!(is_marked(&client, &cart(1)), "{name}");
    }
    let client = shop_client();
    answer(&client, &cart(1)).await;
    client.change(|changes| drop(changes.set(GetPrice(1), 11))).await.unwrap();
    assert!(is_marked(&client, &cart(1)));
}

#[tokio::test(start_paused = true)]
async fn an_input_that_is_loaded_again_counts_only_if_it_differs() {
    let client = shop_client();
    answer(&client, &cart(1)).await;
    let refresh = |options: LoadingOptions| options.strategy(Strategy::Refresh);
    client.query_with(&GetPrice(1), refresh).await.unwrap();
    assert!(!is_marked(&client, &cart(1)), "equal, and the query has `eq`");
    client.app().prices.lock().insert(1, 11);
    client.query_with(&GetPrice(1), refresh).await.unwrap();
    assert!(is_marked(&client, &cart(1)));
}

#[tokio::test(start_paused = true)]
async fn answers_built_from_answers_are_stale_with_them_and_each_is_loaded_once() {
    let client = shop_client();
    assert_eq!(answer(&client, &GetHousehold(1)).await, 20);
    client.app().prices.lock().insert(2, 15);
    client.invalidate(&GetPrice(2));
    assert!(is_marked(&client, &GetHousehold(1)) && is_marked(&client, &cart(2)));
    assert!(!is_marked(&client, &cart(1)));
    assert_eq!(answer(&client, &GetHousehold(1)).await, 25);
    assert!(!is_marked(&client, &GetHousehold(1)));
    assert_eq!((client.app().loads::<GetHousehold>(), client.app().loads::<GetCart>()), (2, 3));
}

/// A load stores its inputs while it runs. That must not make its own answer out of date.
#[tokio::test(start_paused = true)]
async fn an_answer_that_became_stale_with_its_inputs_is_loaded_once() {
    let client = shop_client();
    answer(&client, &GetHousehold(1)).await;
    pass(seconds(700)).await;
    for item in [1, 2] {
        client.app().prices.lock().insert(item, 15);
    }
    assert_eq!(answer(&client, &GetHousehold(1)).await, 30);
    assert!(!is_marked(&client, &GetHousehold(1)));
    assert_eq!(answer(&client, &GetHousehold(1)).await, 30);
    assert_eq!((client.app().loads::<GetHousehold>(), client.app().loads::<GetCart>()), (2, 4));
}

#[tokio::test(start_paused = true)]
async fn an_observed_answer_follows_its_inputs() {
    let client = shop_client();
    let observer = client.observe(&GetHousehold(1));
    pass(seconds(10)).await;
    assert_eq!(observer.state().value().map(|value| **value), Some(20));
    for price in [15, 16, 17] {
        client.cache().insert(GetPrice(2), price);
        pass(seconds(10)).await;
        assert_eq!(observer.state().value().map(|value| **value), Some(10 + price));
    }
    assert_eq!(client.app().loads::<GetHousehold>(), 4);
    wait().await;
    assert_eq!(client.app().loads::<GetHousehold>(), 4, "it settles");
}

#[tokio::test(start_paused = true)]
async fn all_keys_of_a_batch_are_built_from_what_its_load_has_read() {
    let client = shop_client();
    for reduced in in_time(client.query_all(&[GetReduced(1), GetReduced(2)])).await {
        reduced.unwrap();
    }
    assert_eq!(client.app().loads::<GetReduced>(), 1);
    client.cache().insert(GetPrice(1), 30);
    assert!(is_marked(&client, &GetReduced(1)) && is_marked(&client, &GetReduced(2)));
}

#[tokio::test(start_paused = true)]
async fn a_running_load_that_has_read_an_old_input_stores_a_marked_answer() {
    let client = shop_client();
    answer(&client, &cart(1)).await;
    client.invalidate(&cart(1));
    let load = tokio::spawn({
        let client = client.clone();
        async move { answer(&client, &cart(1)).await }
    });
    settle().await;
    client.cache().insert(GetPrice(1), 12);
    assert_eq!(load.await.unwrap(), 10);
    assert!(is_marked(&client, &cart(1)));
    assert_eq!(answer(&client, &cart(1)).await, 12);
}

#[tokio::test(start_paused = true)]
async fn more_than_64_inputs_are_not_followed() {
    let client = shop_client();
    let (few, many) = (GetCart((0..64).collect()), GetCart((0..65).collect()));
    answer(&client, &few).await;
    answer(&client, &many).await;
    assert!(!is_marked(&client, &few) && is_marked(&client, &many));
    client.cache().insert(GetPrice(63), 1);
    assert!(is_marked(&client, &few));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_stored_follows_nothing() {
    let client = shop_client();
    let value = client.query_with(&cart(1), |options| options.strategy(Strategy::NetworkOnly)).await.unwrap();
    client.cache().insert(GetPrice(1), 30);
    assert_eq!((*value, client.cache().contains(&cart(1))), (10, false));
    let held: Arc<usize> = client.cache().insert(cart(1), 10);
    client.cache().insert(GetPrice(1), 31);
    assert!(!is_marked(&client, &cart(1)), "a value written by hand was not built from anything");
    drop(held);
}
