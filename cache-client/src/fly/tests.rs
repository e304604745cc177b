//! What the task of a load takes up: each load that runs has one.

use cache_core::{Cache, Query, registry};
use tokio_util::sync::CancellationToken;

use crate::app::{App, Fetch};
use crate::client::Client;
use crate::context::{Access, Context, Node};
use crate::ask::Asker;
use crate::flight::Flight;
use crate::fly::Trip;
use std::convert::Infallible;
use std::sync::Arc;

/// What it took when this was written.
const MOST: usize = 1_064;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 1_000, fresh = "10s")]
pub struct Get(u64);

registry! {
    pub struct Registry { crate::fly::tests::Get }
}

struct Nothing;

impl App for Nothing {
    type Registry = Registry;
}

impl Fetch<Nothing> for Get {
    type Error = Infallible;

    async fn fetch(&self, _: &Context<Nothing>) -> Result<u64, Infallible> {
        Ok(self.0)
    }
}

#[test]
fn the_task_of_a_load_stays_small() {
    let client = Client::builder(Cache::<Registry>::new(), Nothing).build();
    let key = Get(1);
    let (id, token) = (client.next_flight(), CancellationToken::new());
    let watch = Some(client.cache().watch(&key));
    let flight = Arc::new(Flight::new(id, key.clone(), client.cache().now(), watch, token.clone()));
    let node = Node::root(client.clone(), "get".into(), token, Some(id));
    let plan = Asker::without_context(&client).planned::<Get>(None, Access::PLAIN).unwrap().shared();
    let trip = Trip { desk: client.desks().of::<Get, Infallible>(), flight, node, plan, told: None };
    let bytes = std::mem::size_of_val(&trip.run());
    assert!(bytes <= MOST, "{bytes}");
}
