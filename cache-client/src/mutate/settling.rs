//! Waits until the observed keys that a mutation has marked have been loaded again. Marks and loads nothing itself.

use std::future::pending;
use std::sync::Arc;

use cache_core::client_support::AnyKey;

use crate::app::App;
use crate::client::Client;
use crate::concurrency::while_lent;
use crate::context::Node;
use crate::observer::registry::Reload;
use crate::query::caller::Caller;
use crate::sync::Mutex;

/// The keys that a mutation has marked and written so far.
#[derive(Default)]
pub(crate) struct Settling(Mutex<Changed>);

#[derive(Default)]
struct Changed {
    reloads: Vec<Reload>,
    /// A written key is marked later, if the answers of two mutations have arrived out of order.
    written: Vec<Box<dyn AnyKey>>,
}

impl Settling {
    pub(super) fn note(&self, reloads: Vec<Reload>, written: Vec<Box<dyn AnyKey>>) {
        let mut changed = self.0.lock();
        changed.reloads.extend(reloads);
        changed.written.extend(written);
    }

    /// Waits for the loads of observed keys, at most until the request has ended.
    pub(super) async fn settled<A: App>(&self, client: &Client<A>, request: Option<&Arc<Node<A>>>) {
        let Changed { mut reloads, written } = std::mem::take(&mut *self.0.lock());
        reloads.extend(written.iter().filter_map(|key| client.reload_key(&**key)));
        let all = async {
            for reload in reloads {
                reload.done(client.runtime()).await;
            }
        };
        let ended = async {
            match request {
                Some(node) => node.ended().await,
                None => pending().await,
            }
        };
        let caller = request.map_or(Caller::without_context(client), Caller::of);
        while_lent(caller.enclosing_slot(), async {
            tokio::select! {
                () = ended => {}
                () = all => {}
            }
        })
        .await;
    }
}
