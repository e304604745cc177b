//! Mutations of one scope run one after another.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Waker;

use cache_client::{Changes, Client, Context, LayerEdit, Mutate, MutateError, Scope};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Change, number};
use crate::scripted::*;

/// The same mutation in a scope.
#[derive(Clone)]
struct InTurn(Change);

impl Mutate<ScriptedApp> for InTurn {
    type Output = usize;
    type Error = ScriptedError;

    async fn run(&self, cx: &Context<ScriptedApp>) -> Result<usize, ScriptedError> {
        self.0.run(cx).await
    }

    fn apply(&self, answer: &usize, changes: &mut Changes<ScriptedApp>) {
        self.0.apply(answer, changes);
    }

    fn optimistic(&self, layer: &mut LayerEdit<ScriptedApp>) {
        self.0.optimistic(layer);
    }

    fn scope(&self) -> Option<Scope> {
        Some(Scope::new("numbers"))
    }
}

#[tokio::test(start_paused = true)]
async fn mutations_of_one_scope_run_in_order_and_their_layers_show_at_once() {
    let client = paused_client();
    client.cache().insert(GetNumber(1), 0);
    let begun = Arc::new(Mutex::new(Vec::new()));
    let change = |answer: usize, fails: bool| {
        let begun = Arc::clone(&begun);
        let change = Change::new().showing(|layer| layer.update(&GetNumber(1), |number| Some(number? + 1)));
        InTurn(change.running(move |_| {
            begun.lock().push(answer);
            if fails { Err(ScriptedError::NoLuck) } else { Ok(answer) }
        }))
    };
    let (first, second, third) = (change(10, false), change(20, true), change(30, false));
    let start = Instant::now();
    let all = async { tokio::join!(client.mutate(&first), client.mutate(&second), client.mutate(&third)) };
    let shown = async {
        takes(SECOND / 2).await;
        (client.pending(), *client.query(&GetNumber(1)).await.unwrap())
    };
    let (all, shown) = tokio::join!(in_time(all), shown);
    assert_eq!(shown, (3, 3), "all layers show while the first mutation runs");
    assert!(all.0.is_ok() && all.1.is_err() && all.2.is_ok());
    assert_eq!((begun.lock().clone(), start.elapsed()), (vec![10, 20, 30], 3 * SECOND));
    assert_eq!((number(&client, 1), client.pending()), (Some(30), 0));
    // A mutation called after these have ended does not wait, and neither does one without a scope.
    let start = Instant::now();
    let (fourth, other) = (change(40, false), Change::new());
    let both = async { tokio::join!(client.mutate(&fourth), client.mutate(&other)) };
    let (fourth, other) = in_time(both).await;
    assert!(fourth.is_ok() && other.is_ok());
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_mutation_whose_caller_leaves_keeps_its_place_in_its_scope() {
    let client = paused_client();
    let (first, second) = (InTurn(Change::new()), InTurn(Change::new()));
    tokio::time::timeout(SECOND / 2, client.mutate(&first)).await.unwrap_err();
    let start = Instant::now();
    in_time(client.mutate(&second)).await.unwrap();
    assert_eq!((start.elapsed(), first.0.runs(), second.0.runs()), (SECOND + SECOND / 2, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_mutation_that_waits_for_another_of_its_scope_is_a_cycle() {
    let client = paused_client();
    let inner = InTurn(Change::new());
    let nested = inner.clone();
    client.app().when_loaded(9, move |cx: Context<ScriptedApp>| {
        Box::pin(async move {
            let error = cx.mutate(&nested).await.unwrap_err();
            assert!(matches!(error, MutateError::Cycle { .. }), "{error}");
        })
    });
    let outer = InTurn(Change { queries: Some(GetNumber(9)), ..Change::new() });
    assert_eq!(in_time(client.mutate(&outer)).await.unwrap(), 1);
    assert_eq!(inner.0.runs(), 0);
    // The scope continues.
    in_time(client.mutate(&inner)).await.unwrap();
}

/// Runs a mutation in a task, which has started when this returns.
async fn begin(
    client: &Client<ScriptedApp>,
    mutation: &InTurn,
) -> JoinHandle<Result<usize, MutateError<ScriptedError>>> {
    let (client, mutation) = (client.clone(), mutation.clone());
    let task = tokio::spawn(async move { client.mutate(&mutation).await });
    settle().await;
    task
}

#[tokio::test(start_paused = true)]
async fn a_mutation_rejected_by_its_scope_keeps_the_order_of_the_others() {
    let client = paused_client();
    let (refused, next) = (InTurn(Change::new()), InTurn(Change::new()));
    let nested = refused.clone();
    client.app().when_loaded(9, move |cx: Context<ScriptedApp>| {
        Box::pin(async move {
            assert!(matches!(cx.mutate(&nested).await, Err(MutateError::Cycle { .. })));
            takes(seconds(10)).await;
        })
    });
    let first = begin(&client, &InTurn(Change { queries: Some(GetNumber(9)), ..Change::new() })).await;
    pass(seconds(5)).await;
    let next_task = begin(&client, &next).await;
    pass(seconds(5)).await;
    assert!(!first.is_finished());
    assert_eq!(next.0.runs(), 0, "the first mutation of the scope still runs");
    in_time(first).await.unwrap().unwrap();
    in_time(next_task).await.unwrap().unwrap();
    assert_eq!((refused.0.runs(), next.0.runs()), (0, 1));
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// The runtime of the second of three mutations ends before its turn.
#[test]
fn a_mutation_whose_predecessor_is_dropped_waits_for_the_one_before() {
    let (home, dropped) = (current_thread(), current_thread());
    let (client, gate) = (paused_client(), Arc::new(Notify::new()));
    let (second, third, fourth) = (InTurn(Change::new()), InTurn(Change::new()), InTurn(Change::new()));
    let (opened, nested) = (Arc::clone(&gate), fourth.clone());
    client.app().when_loaded(9, move |cx: Context<ScriptedApp>| {
        Box::pin(async move {
            opened.notified().await;
            let error = in_time(cx.mutate(&nested)).await.unwrap_err();
            assert!(matches!(error, MutateError::Cycle { .. }), "{error}");
        })
    });
    let first = InTurn(Change { queries: Some(GetNumber(9)), ..Change::new() });
    let first = home.block_on(begin(&client, &first));
    home.block_on(pass(seconds(2)));
    drop(dropped.block_on(begin(&client, &second)));
    let third_task = home.block_on(begin(&client, &third));
    drop(dropped);
    home.block_on(async {
        pass(seconds(5)).await;
        assert_eq!(third.0.runs(), 0, "the first mutation of the scope still runs");
        // The third waits for the first, which waits for the fourth, which would wait for the third.
        gate.notify_one();
        in_time(first).await.unwrap().unwrap();
        in_time(third_task).await.unwrap().unwrap();
    });
    assert_eq!((second.0.runs(), third.0.runs(), fourth.0.runs()), (0, 1, 0));
}

#[test]
fn a_mutation_called_outside_a_runtime_leaves_its_scope_unchanged() {
    let (home, client) = (current_thread(), paused_client());
    let (first, outside, next) = (InTurn(Change::new()), InTurn(Change::new()), InTurn(Change::new()));
    let first_task = home.block_on(begin(&client, &first));
    let mut mutating = pin!(client.mutate(&outside));
    let polled = catch_unwind(AssertUnwindSafe(|| {
        mutating.as_mut().poll(&mut std::task::Context::from_waker(Waker::noop()))
    }));
    assert!(polled.is_err(), "it needs a runtime");
    home.block_on(async {
        let next_task = begin(&client, &next).await;
        assert_eq!((first.0.runs(), next.0.runs()), (1, 0), "the first mutation still runs");
        in_time(first_task).await.unwrap().unwrap();
        in_time(next_task).await.unwrap().unwrap();
    });
    assert_eq!((outside.0.runs(), next.0.runs()), (0, 1));
}
