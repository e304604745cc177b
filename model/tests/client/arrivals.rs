//! Observers that come while the task of their key is replaced, though it still runs.

use std::sync::Arc;
use std::task::Poll;

use shuttle::future::block_on;
use shuttle::thread;
use tokio::sync::oneshot;

use crate::check;
use crate::observer::demands::{Demands, Doorbell};
use crate::sync::Mutex;

/// Observers, each with options of its own.
const OBSERVERS: u32 = 2;

struct Key {
    demands: Demands<u32>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Tasks up to this number have been ended.
    ended: u64,
    /// The observers that were loaded for.
    loaded: Vec<u32>,
}

impl Key {
    /// One task, until it is ended or has loaded for all observers.
    fn keep(&self, task: u64, bell: &Doorbell) {
        loop {
            let (_, arrived) = self.demands.plans(task);
            self.demands.begin_reloads(task);
            // Whatever it has begun is dropped when it is ended.
            thread::yield_now();
            {
                let mut state = self.state.lock();
                if state.ended >= task {
                    return;
                }
                state.loaded.extend(arrived);
                if (0..OBSERVERS).all(|observer| state.loaded.contains(&observer)) {
                    drop(state);
                    return self.demands.done(task);
                }
            }
            self.demands.done(task);
            block_on(bell.rung());
        }
    }

    fn end(&self, task: u64, bell: &Doorbell) {
        self.state.lock().ended = task;
        // The task finds out that it has ended.
        bell.ring();
    }
}

#[test]
fn every_observer_is_loaded_for_however_often_the_task_is_replaced() {
    check(|| {
        let key = Arc::new(Key { demands: Demands::new(), state: Mutex::new(State::default()) });
        let start = |task| {
            let bell = key.demands.hand_to(task);
            let (running, rung) = (Arc::clone(&key), Arc::clone(&bell));
            (thread::spawn(move || running.keep(task, &rung)), bell)
        };
        let (first, first_bell) = start(1);
        let observers: Vec<_> = (0..OBSERVERS)
            .map(|observer| {
                let key = Arc::clone(&key);
                thread::spawn(move || {
                    key.demands.arrive(observer);
                    key.demands.reload()
                })
            })
            .collect();
        // Each is made before the one before it is ended.
        let (second, second_bell) = start(2);
        key.end(1, &first_bell);
        let (third, third_bell) = start(3);
        key.end(2, &second_bell);
        let reloads: Vec<_> = observers.into_iter().map(|observer| observer.join().unwrap()).collect();
        [first, second, third].into_iter().for_each(|task| task.join().unwrap());
        // Nothing that was asked for is forgotten: the next task has it.
        let last = key.demands.hand_to(4);
        drop((third_bell, last));
        let (present, arrived) = key.demands.plans(4);
        assert_eq!((present.len(), arrived), (2, Vec::new()));
        key.demands.begin_reloads(4);
        key.demands.done(4);
        reloads.into_iter().for_each(assert_ended);
    });
}

#[track_caller]
fn assert_ended(mut reload: oneshot::Receiver<()>) {
    let ended = std::future::Future::poll(
        std::pin::Pin::new(&mut reload),
        &mut std::task::Context::from_waker(std::task::Waker::noop()),
    );
    assert!(matches!(ended, Poll::Ready(Err(_))), "somebody waits for it still");
}
