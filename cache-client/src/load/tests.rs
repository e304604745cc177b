//! The size of a waiting call and of the task of a load, of which there may be many.

use cache_core::{Cache, Query, registry};

use crate::any_query::AnyQuery;
use crate::app::App;
use crate::client::Client;
use crate::context::{Access, Context, ContextName, Node};
use crate::fetch::Fetch;
use crate::flight::state::Flight;
use crate::load::LoadTask;
use crate::query::caller::Caller;
use crate::token::Token;
use std::convert::Infallible;
use std::sync::Arc;

/// The measured sizes, in bytes.
const MAX_CALL_SIZE: usize = 264;
const MAX_TASK_SIZE: usize = 848;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u64, capacity = 1_000, fresh = "10s")]
pub struct Get(u64);

registry! {
    pub struct Registry { crate::load::tests::Get }
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
fn a_call_and_the_task_of_a_load_stay_small() {
    let client = Client::builder(Cache::<Registry>::new(), Nothing).build();
    let key = Get(1);
    let (id, token) = (client.next_flight(), Token::default());
    let query: Arc<dyn AnyQuery<Nothing>> = Arc::new(key.clone());
    let watch = Some(query.watch(client.cache(), None));
    let tokio = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let runtime = tokio.block_on(async { client.runtime().get() });
    let now = client.cache().now();
    let flight = Flight::new(id, (query.clone(), 0), now, watch, token.clone(), runtime, None);
    let node = Node::root(client.clone(), ContextName::Query("get"), token, Some(id));
    let plan = Caller::without_context(&client).planned(&*query, None, Access::PLAIN).unwrap().shared();
    let query_state = Arc::clone(client.state_of(&*query));
    let task = LoadTask::new(query, query_state, flight, node, plan);
    let (call, task) = (std::mem::size_of_val(&client.query(&key)), std::mem::size_of_val(&task.run()));
    assert!(call <= MAX_CALL_SIZE && task <= MAX_TASK_SIZE, "{call} and {task} bytes");
}
