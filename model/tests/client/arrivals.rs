//! Observers that arrive while the task of their key is replaced, though it still runs.

use std::sync::Arc;
use std::task::Poll;

use shuttle::future::block_on;
use shuttle::thread;
use tokio::sync::oneshot;

use crate::check;
use crate::observer::requests::{TaskRequests, TaskSignal};
use crate::sync::Mutex;

/// Observers, each with options of its own.
const OBSERVERS: u32 = 2;

struct Key {
    requests: TaskRequests<u32>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Tasks up to this number have ended.
    ended: u64,
    /// The observers for which a load has run.
    loaded: Vec<u32>,
}

impl Key {
    /// One task, which runs until it is ended or has loaded for all observers.
    fn keep(&self, task: u64, signal: &TaskSignal) {
        loop {
            let arrived = self.requests.plans(task).map(|(_, arrived)| arrived).unwrap_or_default();
            self.requests.begin_reloads(task);
            // Everything that it has begun is dropped when it ends.
            thread::yield_now();
            {
                let mut state = self.state.lock();
                if state.ended >= task {
                    return;
                }
                state.loaded.extend(arrived);
                if (0..OBSERVERS).all(|observer| state.loaded.contains(&observer)) {
                    drop(state);
                    return self.requests.done(task);
                }
            }
            self.requests.done(task);
            block_on(signal.notified());
        }
    }

    fn end(&self, task: u64, signal: &TaskSignal) {
        self.state.lock().ended = task;
        // The task finds out that it has ended.
        signal.notify();
    }
}

#[test]
fn every_observer_is_loaded_for_however_often_the_task_is_replaced() {
    check(|| {
        let key = Arc::new(Key { requests: TaskRequests::new(), state: Mutex::new(State::default()) });
        let start = |task| {
            let signal = key.requests.assign_to(task);
            let (running, notified) = (Arc::clone(&key), Arc::clone(&signal));
            (thread::spawn(move || running.keep(task, &notified)), signal)
        };
        let (first, first_signal) = start(1);
        let observers: Vec<_> = (0..OBSERVERS)
            .map(|observer| {
                let key = Arc::clone(&key);
                thread::spawn(move || {
                    key.requests.add_observer(observer);
                    key.requests.reload()
                })
            })
            .collect();
        // Each is made before the previous one is ended.
        let (second, second_signal) = start(2);
        key.end(1, &first_signal);
        let (third, third_signal) = start(3);
        key.end(2, &second_signal);
        let reloads: Vec<_> = observers.into_iter().map(|observer| observer.join().unwrap()).collect();
        [first, second, third].into_iter().for_each(|task| task.join().unwrap());
        // No request is lost: the next task has it.
        let last = key.requests.assign_to(4);
        drop((third_signal, last));
        let (present, arrived) = key.requests.plans(4).unwrap();
        assert_eq!((present.len(), arrived), (2, Vec::new()));
        key.requests.begin_reloads(4);
        key.requests.done(4);
        reloads.into_iter().for_each(assert_ended);
    });
}

#[track_caller]
fn assert_ended(mut reload: oneshot::Receiver<()>) {
    let ended = std::future::Future::poll(
        std::pin::Pin::new(&mut reload),
        &mut std::task::Context::from_waker(std::task::Waker::noop()),
    );
    assert!(matches!(ended, Poll::Ready(Err(_))), "an observer still waits for it");
}
