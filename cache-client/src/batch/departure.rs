//! The task of one batch: waits for the end of the tick, loads, and tells each key what it came to. Decides nothing about
//! who joins.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use cache_core::client_support::{AnyKey, Inputs};
use tokio::sync::oneshot;
use tokio::task::yield_now;

use super::gathering::{Batch, Gathering, IsNew, Member};
use super::loaded::Loaded;
use crate::app::App;
use crate::context::{Context, Node, scoped};
use crate::erased::KeyMap;
use crate::fly::caught;
use crate::query::Together;
use crate::token::Token;

/// Turns of the other tasks in which nobody joins, after which a tick is over. One turn is not all of them where they are
/// many, or where a worker has just begun to take them from another.
const QUIET_TURNS: u32 = 3;

/// Turns of the other tasks after which a tick is over though somebody joined in each.
const MOST_TURNS: u32 = 64;

/// A load of several keys under way.
pub(super) type LoadingAll<'a> = Pin<Box<dyn Future<Output = Vec<Loaded>> + Send + 'a>>;

/// How several keys of a query are loaded. Those that fail have the chance in common.
type FetchAll<A> = for<'a> fn(&'a [Arc<dyn AnyKey>], &'a Context<A>, f64) -> LoadingAll<'a>;

/// A batch that is to be loaded.
struct Departure<A: App> {
    gathering: Arc<Gathering>,
    batch: Arc<Batch>,
    /// The context of the load.
    node: Arc<Node<A>>,
    fetch_all: FetchAll<A>,
}

/// Who waits for each key of a batch.
type Replies = Vec<Vec<oneshot::Sender<Loaded>>>;

/// Loads one key together with those that have to be loaded at the same time. `node` is the context of its flight.
pub(super) async fn load<A: App>(
    together: Together<'_, A>,
    fetch_all: FetchAll<A>,
    node: &Arc<Node<A>>,
) -> Loaded {
    let (client, Together { query, most }) = (&node.client, together);
    let (is_private, should_cache) = (node.access().is_private, node.should_cache());
    let desk = client.desk_of(query);
    let gathering = match is_private {
        true => node.tree().gatherings.of(query.type_id(), should_cache),
        false => Arc::clone(&desk.gathering),
    };
    // A context outside of all loads is in nobody's way.
    let flight = node.flight.unwrap_or_else(|| client.next_flight());
    let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
    loop {
        let runtime = client.runtime().get();
        let token = if is_private { node.request().child() } else { Token::default() };
        let begin = || {
            let slot = client.slot_of(query, desk, &runtime);
            Batch::new(client.next_flight(), token, runtime, slot)
        };
        let (mut place, is_new) = gathering.join(query, most, (client.waits(), flight), begin);
        let batch = Arc::clone(&place.batch);
        if is_new == IsNew(true) {
            if let Some(slot) = &batch.slot {
                slot.begin();
            }
            let node = context(node, is_private, &batch, query.facts().name);
            let (gathering, batch) = (Arc::clone(&gathering), Arc::clone(&batch));
            let departure = Departure { gathering, batch, node, fetch_all };
            place.batch.runtime.spawn(departure.run_caught());
        }
        let is_idle = async {
            match batch.runtime.may_be_idle() {
                // In a box, so that the tasks of loads have no room for it.
                true => Box::pin(batch.runtime.until_idle(client.runtime())).await,
                false => pending().await,
            }
        };
        tokio::select! {
            biased;
            answer = &mut place.answer => match answer {
                Ok(loaded) => return loaded,
                Err(_) if batch.is_stranded() => {}
                // As with any load that cancels its context: whatever its flight would say is no answer.
                Err(_) => {
                    node.token.cancel();
                    pending().await
                }
            },
            () = is_idle => {
                gathering.close(&batch);
                if let Some(slot) = &batch.slot {
                    slot.revoke();
                }
            }
        }
    }
}

/// The context of a batch, as that of a flight would be.
fn context<A: App>(node: &Arc<Node<A>>, is_private: bool, batch: &Batch, name: &'static str) -> Arc<Node<A>> {
    let (token, slot) = (batch.token.clone(), batch.slot.clone());
    match is_private {
        true => Node::of_flight(node, token, batch.id, slot),
        false => Node::of_load(node.client.clone(), name, token, batch.id, slot),
    }
}

impl<A: App> Departure<A> {
    async fn run_caught(self) {
        if caught(self.run()).await.is_err() {
            // Not the runtime's end: no caller is to begin again.
            self.batch.land();
        }
    }

    async fn run(&self) {
        self.end_of_tick().await;
        if let Some(slot) = &self.batch.slot {
            // Other keys may join until the load may run.
            tokio::select! {
                biased;
                () = self.batch.token.cancelled() => return,
                // In a box, so that calls without a limit have no room for it.
                () = Box::pin(slot.held()) => {}
            }
        }
        self.gathering.close(&self.batch);
        let (keys, replies) = sorted(self.batch.depart());
        if keys.is_empty() {
            return;
        }
        let answers = tokio::select! {
            biased;
            () = self.batch.token.cancelled() => return,
            answers = self.answers(&keys) => answers,
        };
        self.end_turn();
        if self.batch.land() {
            tell(replies, answers);
        }
    }

    /// What all keys were built from; nothing if nothing is stored.
    fn inputs(&self) -> Option<Box<Inputs>> {
        let inputs = if self.node.is_root() { self.node.take_inputs() } else { Inputs::default() };
        (!inputs.is_empty()).then(|| Box::new(inputs))
    }

    fn end_turn(&self) {
        if let Some(slot) = &self.batch.slot {
            slot.end();
        }
    }

    async fn end_of_tick(&self) {
        let (mut before, mut quiet) = (0, 0);
        for _ in 0..MOST_TURNS {
            yield_now().await;
            let (joined, is_open) = self.batch.joined();
            quiet = if joined == before { quiet + 1 } else { 0 };
            before = joined;
            if !is_open || quiet == QUIET_TURNS {
                return;
            }
        }
    }

    /// One answer for each key, in their order.
    async fn answers(&self, keys: &[Arc<dyn AnyKey>]) -> Vec<Loaded> {
        let cx = Context(Arc::clone(&self.node));
        let load = async { (self.fetch_all)(keys, &cx, fastrand::f64()).await };
        let all = |loaded| vec![loaded; keys.len()];
        match caught(scoped(Arc::clone(&self.node), load)).await {
            Ok(mut answers) if answers.len() == keys.len() => {
                let all_inputs = self.inputs();
                for answer in &mut answers {
                    if let Loaded::Answered(_, inputs) = answer {
                        inputs.clone_from(&all_inputs);
                    }
                }
                answers
            }
            Ok(answers) => all(Loaded::Miscounted { keys: keys.len(), answers: answers.len() }),
            Err(message) => all(Loaded::Panicked(message)),
        }
    }
}

impl<A: App> Drop for Departure<A> {
    /// Has nobody wait for a batch whose task is gone, also if it was never run: those on its runtime are interrupted,
    /// others join another.
    fn drop(&mut self) {
        self.gathering.close(&self.batch);
        self.end_turn();
        // Nobody aborts the task.
        if self.batch.abandon() {
            self.node.client.runtime().note_end(&self.batch.runtime);
        }
        drop(self.batch.depart());
    }
}

/// The keys, each once, and who waits for each. A key stands there twice if its load was retired before it began, and
/// another has come after it.
fn sorted(members: Vec<Member>) -> (Vec<Arc<dyn AnyKey>>, Replies) {
    let mut places: KeyMap<usize> = KeyMap::default();
    let (mut keys, mut replies) = (Vec::with_capacity(members.len()), Replies::new());
    for Member { key, reply } in members {
        match places.get(&*key) {
            Some(&place) => replies[place].push(reply),
            None => {
                places.insert(Arc::clone(&key), keys.len());
                keys.push(key);
                replies.push(vec![reply]);
            }
        }
    }
    (keys, replies)
}

fn tell(replies: Replies, answers: Vec<Loaded>) {
    for (replies, loaded) in replies.into_iter().zip(answers) {
        for reply in replies {
            // Who has left meanwhile does not want to know.
            drop(reply.send(loaded.clone()));
        }
    }
}
