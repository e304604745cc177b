use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Returns the squares of the numbers below `count`, in the order in which they were taken.
fn squares(count: usize, threads: usize) -> Vec<usize> {
    let mut taken = Vec::new();
    let take = |square: &mut usize| {
        taken.push(*square);
        Ok::<_, ()>(())
    };
    in_order(count, threads, 8, |number, square| *square = number * number, take).unwrap();
    taken
}

#[test]
fn results_come_in_order_however_many_work() {
    for threads in 0..5 {
        for count in [0, 1, 2, 100, 2000] {
            assert!(squares(count, threads).into_iter().eq((0..count).map(|number| number * number)));
        }
    }
}

#[test]
fn all_threads_work() {
    let (met, mut workers) = (Barrier::new(3), HashSet::new());
    let make = |_, worker: &mut Option<thread::ThreadId>| {
        met.wait();
        *worker = Some(thread::current().id());
    };
    let take = |worker: &mut Option<thread::ThreadId>| workers.insert(*worker).then_some(()).ok_or(());
    in_order(3, 3, 8, make, take).unwrap();
    assert_eq!(workers.len(), 3);
}

#[test]
fn the_first_error_ends_the_work() {
    let made = AtomicUsize::new(0);
    let make = |number, result: &mut usize| {
        made.fetch_add(1, Ordering::Relaxed);
        *result = number;
    };
    let take = |number: &mut usize| if *number >= 10 { Err(*number) } else { Ok(()) };
    for threads in [1, 3] {
        assert_eq!(in_order(1_000_000, threads, 8, make, take), Err(10));
    }
    assert!(made.into_inner() < 1000);
}

#[test]
fn a_panic_of_any_thread_reaches_the_caller_and_ends_the_work() {
    for threads in [1, 4] {
        for culprit in [0, 7, 99] {
            let make = |number, _: &mut ()| assert!(number != culprit, "number {number}");
            let result = catch_unwind(|| in_order(100, threads, 8, make, |()| Ok::<_, ()>(())));
            let panic = result.expect_err("one of them panics");
            assert_eq!(panic.downcast_ref(), Some(&format!("number {culprit}")));
        }
    }
}

#[test]
fn a_panic_of_the_taker_ends_the_work() {
    let result =
        catch_unwind(|| in_order(usize::MAX, 3, 8, |_, _: &mut ()| {}, |()| -> Result<(), ()> { panic!() }));
    assert!(result.is_err());
}
