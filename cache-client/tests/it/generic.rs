//! A query whose loads are generic over the app.

use cache_client::{App, Client, Context, Fetch, FetchMany, TokioClock};
use cache_core::{Cache, Query, registry};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 10, fresh = "10s")]
pub struct GetGreeting(u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 10, fresh = "10s", batch = 2)]
pub struct GetFarewell(u32);

registry! {
    pub struct Greetings { crate::generic::GetGreeting, crate::generic::GetFarewell }
}

trait Speaks: App {
    fn word(&self) -> &'static str;
}

impl<A: Speaks> Fetch<A> for GetGreeting {
    type Error = std::fmt::Error;

    async fn fetch(&self, cx: &Context<A>) -> Result<String, std::fmt::Error> {
        Ok(format!("{} {}", cx.app().word(), self.0))
    }
}

impl<A: Speaks> FetchMany<A> for GetFarewell {
    type Error = std::fmt::Error;

    async fn fetch_many(keys: &[Self], cx: &Context<A>) -> Vec<Result<String, std::fmt::Error>> {
        keys.iter().map(|key| Ok(format!("no {} {}", cx.app().word(), key.0))).collect()
    }
}

struct English;

impl App for English {
    type Registry = Greetings;
}

impl Speaks for English {
    fn word(&self) -> &'static str {
        "hello"
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_impl_can_be_generic_over_the_app() {
    let cache = Cache::<Greetings>::builder().clock(TokioClock::new()).build().unwrap();
    let client = Client::builder(cache, English).build();
    assert_eq!(*client.query(&GetGreeting(1)).await.unwrap(), "hello 1");
    assert_eq!(*client.query(&GetFarewell(2)).await.unwrap(), "no hello 2");
}
