//! The task of one batch: waits for the end of the tick, loads, and tells each key what it came to. Decides nothing about
//! who joins.

use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;

use cache_core::{Inputs, Query};
use foldhash::fast::RandomState;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

use super::FetchMany;
use super::gathering::{Batch, Gathering, IsNew, Member};
use super::loaded::Loaded;
use crate::app::App;
use crate::context::{Context, Node, scoped};
use crate::fly::caught;

/// Turns of the other tasks in which nobody joins, after which a tick is over. One turn is not all of them where they are
/// many, or where a worker has just begun to take them from another.
const QUIET_TURNS: u32 = 3;

/// Turns of the other tasks after which a tick is over though somebody joined in each.
const MOST_TURNS: u32 = 64;

/// A batch that is to be loaded.
struct Departure<A: App, Q: FetchMany<A>> {
    gathering: Arc<Gathering<Q, Q::Error>>,
    batch: Arc<Batch<Q, Q::Error>>,
    /// The context of the load.
    node: Arc<Node<A>>,
}

/// Who waits for each key of a batch.
type Replies<V, E> = Vec<Vec<oneshot::Sender<Loaded<V, E>>>>;

/// Loads one key together with those that have to be loaded at the same time. `node` is the context of its flight.
pub(super) async fn load<A: App, Q: FetchMany<A>>(
    key: &Q,
    node: &Arc<Node<A>>,
    most: u32,
) -> Loaded<Q::Value, Q::Error> {
    let client = &node.client;
    let (is_private, should_cache) = (node.access().is_private, node.should_cache());
    let desk = client.desks().of::<Q, Q::Error>();
    let gathering = match is_private {
        true => node.tree.gatherings.of(should_cache),
        false => Arc::clone(&desk.gathering),
    };
    // A context outside of all loads is in nobody's way.
    let flight = node.flight.unwrap_or_else(|| client.next_flight());
    let most = usize::try_from(most.max(1)).unwrap_or(usize::MAX);
    loop {
        let runtime = client.runtime().get();
        let token = if is_private { node.tree.token.child_token() } else { CancellationToken::new() };
        let begin = || {
            let slot = client.slot_of(&desk, &runtime);
            Batch::new(client.next_flight(), token, runtime, slot)
        };
        let (mut place, is_new) = gathering.join(key, most, (client.waits(), flight), begin);
        let batch = Arc::clone(&place.batch);
        if is_new == IsNew(true) {
            if let Some(slot) = &batch.slot {
                slot.begin();
            }
            let node = context(node, is_private, &batch, Q::NAME);
            let departure = Departure { gathering: Arc::clone(&gathering), batch: Arc::clone(&batch), node };
            batch.runtime.spawn(departure.run_caught());
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
fn context<A: App, Q: Query, E>(
    node: &Arc<Node<A>>,
    is_private: bool,
    batch: &Batch<Q, E>,
    name: &'static str,
) -> Arc<Node<A>> {
    let (token, slot) = (batch.token.clone(), batch.slot.clone());
    match is_private {
        true => Node::of_flight(node, token, batch.id, slot),
        false => Node::of_load(node.client.clone(), name, token, batch.id, slot),
    }
}

impl<A: App, Q: FetchMany<A>> Departure<A, Q> {
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
        let inputs = if self.node.is_root() { self.node.tree.take_inputs() } else { Inputs::default() };
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
    async fn answers(&self, keys: &[Q]) -> Vec<Loaded<Q::Value, Q::Error>> {
        let cx = Context(Arc::clone(&self.node));
        let load = scoped(Arc::clone(&self.node), async { Q::fetch_many(keys, &cx).await });
        let all = |loaded| vec![loaded; keys.len()];
        match caught(load).await {
            Ok(answers) if answers.len() == keys.len() => {
                let chance = fastrand::f64();
                let inputs = self.inputs();
                let built = |answer| match Loaded::of(answer, chance) {
                    Loaded::Answered(value, _) => Loaded::Answered(value, inputs.clone()),
                    failed => failed,
                };
                answers.into_iter().map(built).collect()
            }
            Ok(answers) => all(Loaded::Miscounted { keys: keys.len(), answers: answers.len() }),
            Err(message) => all(Loaded::Panicked(message)),
        }
    }
}

impl<A: App, Q: FetchMany<A>> Drop for Departure<A, Q> {
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
fn sorted<Q: Query<Value: Sized>, E>(members: Vec<Member<Q, E>>) -> (Vec<Q>, Replies<Q::Value, E>) {
    let mut places: HashMap<Q, usize, RandomState> = HashMap::default();
    let (mut keys, mut replies) = (Vec::with_capacity(members.len()), Replies::new());
    for Member { key, reply } in members {
        match places.get(&key) {
            Some(&place) => replies[place].push(reply),
            None => {
                places.insert(key.clone(), keys.len());
                keys.push(key);
                replies.push(vec![reply]);
            }
        }
    }
    (keys, replies)
}

fn tell<V, E>(replies: Replies<V, E>, answers: Vec<Loaded<V, E>>) {
    for (replies, loaded) in replies.into_iter().zip(answers) {
        for reply in replies {
            // Who has left meanwhile does not want to know.
            drop(reply.send(loaded.clone()));
        }
    }
}
