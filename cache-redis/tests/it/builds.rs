//! Two builds of a program side by side, whose values have different shapes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cache_client::{App, Client, TokioClock};
use cache_core::{Cache, Registry};
use cache_redis::RedisTier;
use cache_redis_test_server::TestServer;
use tokio::time::{sleep, timeout};

/// Declares a build: the same query, with a value of its own.
macro_rules! build {
    ($build:ident, $value:ty, $loaded:expr) => {
        mod $build {
            use std::convert::Infallible;
            use std::sync::Arc;
            use std::sync::atomic::{AtomicUsize, Ordering};

            use cache_client::{App, Context, Fetch};
            use cache_core::{Query, Shape, registry};
            use serde::{Deserialize, Serialize};

            #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
            #[query(value = $value, capacity = 100, fresh = "10m", share)]
            pub struct GetPost(pub u32);

            registry! { pub struct Tables { GetPost } }

            /// Counts loads.
            #[derive(Debug)]
            pub struct Build(pub Arc<AtomicUsize>);

            impl App for Build {
                type Registry = Tables;
            }

            impl Fetch<Build> for GetPost {
                type Error = Infallible;

                async fn fetch(&self, cx: &Context<Build>) -> Result<$value, Infallible> {
                    cx.app().0.fetch_add(1, Ordering::Relaxed);
                    Ok($loaded)
                }
            }
        }
    };
}

build!(older, String, "text".to_owned());
build!(newer, (String, u32), ("text".to_owned(), 7));

/// A machine that follows the feed, and its number of loads.
async fn machine<A>(server: &TestServer, build: fn(Arc<AtomicUsize>) -> A) -> (Client<A>, Arc<AtomicUsize>)
where
    A: App,
    A::Registry: Registry,
{
    let loads = Arc::new(AtomicUsize::new(0));
    // A busy machine may be late, which is not what is tested.
    let tier = RedisTier::at(server.url()).namespace("test").max_lag(Duration::from_secs(30));
    let tier = tier.limit(Duration::from_secs(10)).optional();
    let cache = Cache::builder().clock(TokioClock::new()).build().expect("the settings are valid");
    let client = Client::builder(cache, build(Arc::clone(&loads))).shared(tier).build();
    until(|| client.shared_state().is_some_and(|state| state.is_usable)).await;
    (client, loads)
}

/// Waits until a machine knows of one drop.
async fn told<A: App>(client: &Client<A>) {
    until(|| client.shared_state().is_some_and(|state| state.applied == 1)).await;
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(30), waiting).await.expect("it is so within 30 s");
}

/// The value and how often the build has loaded.
macro_rules! read {
    ($build:ident, $machine:expr) => {{
        let value = $machine.0.query(&$build::GetPost(1)).await.expect("loads do not fail");
        ((*value).clone(), $machine.1.load(Ordering::Relaxed))
    }};
}

#[tokio::test]
async fn builds_with_other_shapes_load_once_each_and_are_told_of_the_same_drops() {
    let server = TestServer::start();
    let (old, new) = (machine(&server, older::Build).await, machine(&server, newer::Build).await);
    let of_old = |loads| ("text".to_owned(), loads);
    let of_new = |loads| (("text".to_owned(), 7), loads);
    for _ in 0..3 {
        assert_eq!(read!(older, old), of_old(1));
        assert_eq!(read!(newer, new), of_new(1));
    }
    // Others of the same build find its value in the tier, and that of the other build does not disturb them.
    let (second_old, second_new) =
        (machine(&server, older::Build).await, machine(&server, newer::Build).await);
    assert_eq!(read!(older, second_old), of_old(0));
    assert_eq!(read!(newer, second_new), of_new(0));

    drop(old.0.invalidate(&older::GetPost(1)));
    told(&old.0).await;
    told(&new.0).await;
    told(&second_old.0).await;
    told(&second_new.0).await;
    assert_eq!(read!(older, old), of_old(2));
    assert_eq!(read!(newer, new), of_new(2));
    assert_eq!(read!(older, second_old), of_old(0));
    assert_eq!(read!(newer, second_new), of_new(0));
}
