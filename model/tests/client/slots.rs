//! Loads that wait for a slot, lend it, leave the queue or are dropped, with fewer slots than loads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use shuttle::future::block_on;
use shuttle::thread;

use crate::check;
use crate::concurrency::{ConcurrencyLimit, LoadSlot};
use crate::runtime::{ClientRuntime, TaskRuntime};

/// A program whose loads run one at a time.
#[derive(Clone)]
struct Program {
    query: Arc<ConcurrencyLimit>,
    client: Arc<ConcurrencyLimit>,
    running: Arc<AtomicU32>,
}

impl Program {
    fn new() -> Self {
        Self { query: ConcurrencyLimit::new(1), client: ConcurrencyLimit::new(1), running: Arc::default() }
    }

    fn slot(&self, is_of_query: bool) -> Arc<LoadSlot> {
        let query = is_of_query.then(|| Arc::clone(&self.query));
        LoadSlot::new(query, Some(Arc::clone(&self.client)), (&TaskRuntime, &Arc::new(ClientRuntime)))
            .unwrap()
    }

    fn work(&self) {
        assert_eq!(self.running.fetch_add(1, Ordering::SeqCst), 0, "two loads run at once");
        thread::yield_now();
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    /// A load that waits for another load, which has the given number of further loads below it.
    fn load(&self, is_of_query: bool, others: u32) {
        let slot = self.slot(is_of_query);
        slot.begin();
        block_on(slot.held());
        self.work();
        if others > 0 {
            let program = self.clone();
            let other = thread::spawn(move || program.load(true, others - 1));
            let lent = slot.lend();
            other.join().unwrap();
            block_on(lent.take_back());
            self.work();
        }
        slot.end();
    }

    /// A load that is cancelled, in the queue or when it has got a slot.
    fn leave(&self) {
        let slot = self.slot(true);
        slot.begin();
        thread::yield_now();
        slot.end();
    }

    /// A load that its runtime stops running for a while.
    fn pause(&self) {
        let slot = self.slot(true);
        slot.begin();
        thread::yield_now();
        slot.revoke();
        block_on(slot.held());
        self.work();
        slot.end();
    }
}

fn run(parts: Vec<fn(&Program)>) {
    check(move || {
        let program = Program::new();
        let start = |part: &fn(&Program)| {
            let (program, part) = (program.clone(), *part);
            thread::spawn(move || part(&program))
        };
        let running: Vec<_> = parts.iter().map(start).collect();
        running.into_iter().for_each(|part| part.join().unwrap());
        // All slots are free again.
        program.load(true, 0);
    });
}

#[test]
fn loads_that_wait_for_others_run_one_at_a_time_and_all_come_to_an_end() {
    run(vec![|program| program.load(true, 1), |program| program.load(false, 1), |program| {
        program.load(true, 0)
    }]);
}

#[test]
fn the_slot_of_a_load_that_leaves_passes_to_the_next() {
    run(vec![Program::leave, |program| program.load(true, 1), Program::leave, |program| {
        program.load(false, 0)
    }]);
}

#[test]
fn the_slot_of_a_load_that_is_not_run_passes_to_the_next() {
    run(vec![Program::pause, |program| program.load(true, 0), |program| program.load(true, 0)]);
}
