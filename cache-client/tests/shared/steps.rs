//! What the steps of crates on top of the client change: which of it other machines are told, and when.

use std::sync::Arc;
use std::time::Duration;

use cache_client::{AnswerKey, AnswerStore, Client};
use cache_core::{EntryTimes, Revision};

use crate::machines::*;

/// The time in which a drop reaches another machine.
const ROUND_TRIP: Duration = Duration::from_millis(5);

/// What no query keeps. The step for it changes the key.
struct Part(u32);

/// How a step changes a shared key.
type StepChange = fn(&mut AnswerStore<'_, Machine>, u32);

/// All ways but [`fill`](AnswerStore::fill).
const CHANGES: [(&str, StepChange); 7] = [
    ("set", |store, key| store.set(GetShared(key), "changed".to_owned())),
    ("remove", |store, key| store.remove(&GetShared(key))),
    ("invalidate", |store, key| store.invalidate(&GetShared(key))),
    ("invalidate an answer", |store, key| store.invalidate_answer(&AnswerKey::new(GetShared(key)))),
    ("follow", |store, key| {
        let seen = revision(store, key);
        store.follow(GetShared(key), "changed".to_owned(), seen);
    }),
    ("follow an answer", |store, key| {
        let seen = revision(store, key);
        store.follow_answer(&AnswerKey::new(GetShared(key)), Arc::new("changed".to_owned()), seen);
    }),
    ("follow an answer of a load", |store, key| {
        let seen = revision(store, key);
        store.follow_answer(&AnswerKey::of_fetched(GetShared(key)), Arc::new("changed".to_owned()), seen);
    }),
];

fn revision(store: &AnswerStore<'_, Machine>, key: u32) -> Revision {
    store.client().cache().peek_entry(&GetShared(key)).unwrap().revision()
}

/// A machine with a step for [`Part`]s.
async fn with_step(machines: &Machines, change: StepChange) -> Client<Machine> {
    let builder = machines.builder().store_with(move |part: Arc<Part>, store| {
        change(store, part.0);
        part
    });
    follow(builder.build()).await
}

fn is_stale(client: &Client<Machine>, key: u32) -> bool {
    client.query_state(&GetShared(key)).unwrap().is_stale
}

/// Whether a machine shows what a step has made of the first key: something else than the origin had, or nothing.
fn shows_change(client: &Client<Machine>) -> bool {
    client.cached(&GetShared(1)).is_none_or(|value| *value == "changed") || is_stale(client, 1)
}

#[tokio::test(start_paused = true)]
async fn what_a_step_changes_is_told_before_it_is_shown() {
    for (name, change) in CHANGES {
        for is_change in [true, false] {
            let machines = Machines::default();
            let (first, second) = (with_step(&machines, change).await, machines.machine().await);
            for key in [1, 2] {
                get(&first, key).await;
                get(&second, key).await;
            }
            machines.origin.change(1);
            machines.sim.delay(Duration::from_millis(20));
            let changing = tokio::spawn({
                let first = first.clone();
                async move {
                    match is_change {
                        true => {
                            drop(first.change(|changes| changes.extend_by(Arc::new(Part(1)))).await.unwrap())
                        }
                        false => drop(first.commit_parts(Arc::new(Part(1)), None).await.unwrap()),
                    }
                }
            });
            // The drop has reached the server and the other machine, but not come back.
            pass(Duration::from_millis(39)).await;
            assert!(!shows_change(&first), "{name}");
            pass(Duration::from_millis(3)).await;
            assert!(changing.is_finished() && shows_change(&first), "{name}");
            assert!(is_stale(&second, 1) && !is_stale(&second, 2), "{name}");
            machines.sim.delay(Duration::ZERO);
            assert_eq!(get(&second, 1).await, "1 in version 2", "{name}");
            assert_eq!(get(&first, 1).await, "1 in version 2", "{name}: one load settles it");
            assert_loads(&machines, 3);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_given_up_while_the_server_is_told_changes_nothing() {
    let machines = Machines::default();
    let client = with_step(&machines, |store, key| store.set(GetShared(key), "changed".to_owned())).await;
    get(&client, 1).await;
    machines.sim.lose_answers(true);
    {
        let changing = client.commit_parts(Arc::new(Part(1)), None);
        tokio::select! {
            _ = changing => panic!("the drop is not acknowledged"),
            () = takes(Duration::from_millis(10)) => {}
        }
    }
    machines.sim.lose_answers(false);
    assert_eq!(client.cached(&GetShared(1)).unwrap().as_str(), "1 in version 1");
    assert!(is_stale(&client, 1), "the change may have happened at the origin");
}

#[tokio::test(start_paused = true)]
async fn what_a_step_fills_in_is_not_told_and_looked_at_once() {
    let machines = Machines::default();
    let fill: StepChange = |store, key| {
        store.fill(GetShared(key), "filled in".to_owned(), EntryTimes::new());
        store.fill(GetOwn(key), "filled in".to_owned(), EntryTimes::new());
    };
    let (first, second) = (with_step(&machines, fill).await, machines.machine().await);
    get(&second, 1).await;
    first.commit_parts(Arc::new(Part(1)), None).await.unwrap();
    pass(ROUND_TRIP).await;
    assert!(!is_stale(&second, 1));
    assert_eq!(first.cached(&GetShared(1)).unwrap().as_str(), "filled in");
    assert_eq!(get(&first, 1).await, "1 in version 1");
    assert_loads(&machines, 1);
    assert!(!first.query_state(&GetOwn(1)).unwrap().is_stale);
}

/// A machine whose answers have parts, which a step writes, and another that has the present part.
async fn part_savers(machines: &Machines) -> (Client<Machine>, Client<Machine>) {
    let builder = machines.builder().store_with(|value: Arc<String>, store| {
        store.set(GetSaved(1), format!("part of {value}"));
        value
    });
    let (first, second) = (follow(builder.build()).await, machines.machine().await);
    second.query(&GetSaved(1)).await.unwrap();
    (first, second)
}

#[tokio::test(start_paused = true)]
async fn what_a_step_of_a_mutation_writes_is_told() {
    let machines = Machines::default();
    let (first, second) = part_savers(&machines).await;
    first.mutate(&Edit(1)).await.unwrap();
    assert_eq!(first.cached(&GetSaved(1)).unwrap().as_str(), "part of 1 in version 2");
    assert!(first.query_state(&GetSaved(1)).unwrap().is_stale, "one load settles it");
    pass(ROUND_TRIP).await;
    assert!(second.query_state(&GetSaved(1)).unwrap().is_stale);
}

#[tokio::test(start_paused = true)]
async fn what_a_step_of_a_load_writes_is_not_told_and_looked_at_once() {
    let machines = Machines::default();
    let (first, second) = part_savers(&machines).await;
    for key in [1, UNSTORED] {
        get(&first, key).await;
        pass(ROUND_TRIP).await;
        assert!(first.query_state(&GetSaved(1)).unwrap().is_stale, "{key}");
        assert!(!second.query_state(&GetSaved(1)).unwrap().is_stale, "{key}");
    }
}
