//! The task of one batch: waits for the end of the tick, loads, and sends each key its outcome. Does not decide which
//! keys join.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use cache_core::client_support::AnyKey;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use super::queue::{Batch, BatchMember, BatchQueue, IsNew};
use crate::any_query::LoadTarget;
use crate::app::App;
use crate::context::{Context, Node, scoped};
use crate::erased::KeyMap;
use crate::flight::outcome::LoadOutcome;
use crate::notes::LoadNotes;
use crate::panic::catch_panic;
use crate::token::Token;

/// A tick ends after this many consecutive turns of the other tasks in which no key joined. A single turn may not
/// include all tasks, if there are many, or if a worker has just begun to steal them from another.
const QUIET_TURNS: u32 = 3;

/// A tick ends after this many turns, even if keys have joined in each.
const MAX_TURNS: u32 = 64;

/// A running load of several keys.
pub(super) type LoadManyFuture<'a> = Pin<Box<dyn Future<Output = Vec<LoadOutcome>> + Send + 'a>>;

/// Loads several keys of a query. Keys that fail share the random wait before the retry.
type FetchAll<A> = for<'a> fn(&'a [Arc<dyn AnyKey>], &'a Context<A>, f64) -> LoadManyFuture<'a>;

/// A batch to be loaded.
struct BatchTask<A: App> {
    batch_queue: Arc<BatchQueue>,
    batch: Arc<Batch>,
    /// The context of the load.
    node: Arc<Node<A>>,
    fetch_all: FetchAll<A>,
}

/// The callers of each key of a batch.
type BatchReplies = Vec<Vec<oneshot::Sender<LoadOutcome>>>;

/// Loads one key together with others that are needed at the same time. `node` is the context of its flight.
pub(super) async fn load<A: App>(
    target: LoadTarget<'_, A>,
    fetch_all: FetchAll<A>,
    node: &Arc<Node<A>>,
) -> LoadOutcome {
    let (client, LoadTarget { query, max_keys, .. }) = (&node.client, target);
    let (is_private, is_cache_enabled) = (node.access().is_private, node.is_cache_enabled());
    let query_state = client.state_of(query);
    let batch_queue = match is_private {
        true => node.tree().batch_queues.of(query.type_id(), is_cache_enabled),
        false => Arc::clone(&query_state.batch_queue),
    };
    // A context outside all loads cannot close a cycle.
    let flight = node.flight.unwrap_or_else(|| client.next_flight());
    let max_keys = usize::try_from(max_keys.max(1)).unwrap_or(usize::MAX);
    loop {
        let runtime = client.runtime().get();
        let token = if is_private { node.request().child() } else { Token::default() };
        let begin = || {
            let slot = client.slot_of(query, query_state, &runtime);
            Batch::new(client.next_flight(), token, runtime, slot)
        };
        let (mut waiter, is_new) = batch_queue.join(query, max_keys, (client.wait_graph(), flight), begin);
        let batch = Arc::clone(&waiter.batch);
        if is_new == IsNew(true) {
            if let Some(slot) = &batch.slot {
                slot.begin();
            }
            let node = context(node, is_private, &batch, query.facts().name);
            let (batch_queue, batch) = (Arc::clone(&batch_queue), Arc::clone(&batch));
            let task = BatchTask { batch_queue, batch, node, fetch_all };
            waiter.batch.runtime.spawn(task.run_caught());
        }
        let is_idle = async {
            match batch.runtime.may_be_idle() {
                // Boxed, so that other loads stay small.
                true => Box::pin(batch.runtime.until_idle(client.runtime())).await,
                false => pending().await,
            }
        };
        tokio::select! {
            biased;
            answer = &mut waiter.answer => match answer {
                Ok(loaded) => return loaded,
                Err(_) if batch.is_stranded() => {}
                // As for any load that cancels its context, its flight has no answer.
                Err(_) => {
                    node.token.cancel();
                    pending().await
                }
            },
            () = is_idle => {
                batch_queue.close(&batch);
                if let Some(slot) = &batch.slot {
                    slot.revoke();
                }
            }
        }
    }
}

/// The context of a batch, made like that of a flight.
fn context<A: App>(node: &Arc<Node<A>>, is_private: bool, batch: &Batch, name: &'static str) -> Arc<Node<A>> {
    let (token, slot) = (batch.token.clone(), batch.slot.clone());
    match is_private {
        true => Node::of_flight(node, token, batch.id, slot),
        false => Node::of_load(node.client.clone(), name, token, batch.id, slot),
    }
}

impl<A: App> BatchTask<A> {
    async fn run_caught(self) {
        if catch_panic(self.run()).await.is_err() {
            // The runtime has not ended, so no caller needs to join another batch.
            self.batch.land();
        }
    }

    async fn run(&self) {
        self.end_of_tick().await;
        if let Some(slot) = &self.batch.slot {
            // Further keys may join until the load may run.
            tokio::select! {
                biased;
                () = self.batch.token.cancelled() => return,
                // Boxed, so that calls without a limit stay small.
                () = Box::pin(slot.held()) => {}
            }
        }
        self.batch_queue.close(&self.batch);
        let (keys, replies) = grouped(self.batch.take_members());
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
            send(replies, answers);
        }
    }

    /// The notes of the load, for the answers of all keys; `None` if there are none, or if nothing is stored.
    fn notes(&self) -> Option<Arc<LoadNotes>> {
        let notes = if self.node.is_root() { self.node.take_notes() } else { LoadNotes::default() };
        (!notes.is_empty()).then(|| notes.shared())
    }

    fn end_turn(&self) {
        if let Some(slot) = &self.batch.slot {
            slot.end();
        }
    }

    async fn end_of_tick(&self) {
        let (mut before, mut quiet) = (0, 0);
        for _ in 0..MAX_TURNS {
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
    async fn answers(&self, keys: &[Arc<dyn AnyKey>]) -> Vec<LoadOutcome> {
        let cx = Context(Arc::clone(&self.node));
        let load = async { (self.fetch_all)(keys, &cx, fastrand::f64()).await };
        let all = |loaded| vec![loaded; keys.len()];
        match catch_panic(scoped(Arc::clone(&self.node), load)).await {
            Ok(mut answers) if answers.len() == keys.len() => {
                let of_all = self.notes();
                for answer in &mut answers {
                    if let LoadOutcome::Answered(_, notes) = answer {
                        notes.clone_from(&of_all);
                    }
                }
                answers
            }
            Ok(answers) => all(LoadOutcome::Miscounted { keys: keys.len(), answers: answers.len() }),
            Err(message) => all(LoadOutcome::Panicked(message)),
        }
    }
}

impl<A: App> Drop for BatchTask<A> {
    /// Releases the callers of a batch whose task is dropped, even if it never ran: callers on its runtime are
    /// interrupted, others join another batch.
    fn drop(&mut self) {
        self.batch_queue.close(&self.batch);
        self.end_turn();
        // No other code aborts the task.
        if self.batch.abandon() {
            self.node.client.runtime().note_end(&self.batch.runtime);
        }
        drop(self.batch.take_members());
    }
}

/// The keys, each once, and the callers of each. A key has several members if its load was retired before it began, and
/// another followed.
fn grouped(members: Vec<BatchMember>) -> (Vec<Arc<dyn AnyKey>>, BatchReplies) {
    let mut indices: KeyMap<usize> = KeyMap::default();
    let (mut keys, mut replies) = (Vec::with_capacity(members.len()), BatchReplies::new());
    for BatchMember { key, reply } in members {
        match indices.get(&*key) {
            Some(&index) => replies[index].push(reply),
            None => {
                indices.insert(Arc::clone(&key), keys.len());
                keys.push(key);
                replies.push(vec![reply]);
            }
        }
    }
    (keys, replies)
}

fn send(replies: BatchReplies, answers: Vec<LoadOutcome>) {
    for (replies, loaded) in replies.into_iter().zip(answers) {
        for reply in replies {
            // A caller that has left does not receive it.
            drop(reply.send(loaded.clone()));
        }
    }
}
