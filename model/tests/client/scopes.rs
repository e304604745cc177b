//! Mutations of one scope, some of which leave before their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shuttle::future::block_on;
use shuttle::thread;

use crate::check;
use crate::flight::wait_graph::FlightId;
use crate::scope::{Scope, ScopePlace, Scopes};

/// Waits for its turn, and runs while no other does.
fn run(mut turn: ScopePlace, is_running: &AtomicBool) {
    block_on(async {
        while turn.waits_for().is_some() {
            turn.move_up().await;
        }
    });
    assert!(!is_running.swap(true, Ordering::SeqCst), "two mutations of one scope run at once");
    thread::yield_now();
    is_running.store(false, Ordering::SeqCst);
    drop(turn);
}

#[test]
fn mutations_of_a_scope_run_one_at_a_time_while_others_leave() {
    check(|| {
        let (scopes, scope) = (Arc::new(Scopes::default()), Scope::new("scope"));
        let is_running = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for (number, leaves) in [(1, false), (2, true), (3, true), (4, false)] {
            let turn = scopes.enter(scope.clone(), FlightId(number));
            let is_running = Arc::clone(&is_running);
            threads.push(thread::spawn(move || if leaves { drop(turn) } else { run(turn, &is_running) }));
        }
        // Arrives while the others leave, and may find any of them to be the last.
        let (entered, entering) = (Arc::clone(&scopes), scope.clone());
        threads.push(thread::spawn(move || run(entered.enter(entering, FlightId(5)), &is_running)));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(scopes.enter(scope, FlightId(6)).waits_for(), None, "the scope is empty");
    });
}
