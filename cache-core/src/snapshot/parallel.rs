//! Distributes work on many items among threads, and takes the results in the order of the items. Knows
//! nothing of the work itself.
//!
//! The caller works too, and takes the results; helpers only work. A taken result is reused for a later item.
//! The scheduling knows the items only by number, so it is compiled once for all result types.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use crate::sync::{Condvar, Mutex, MutexGuard};

/// Number of finished blocks per thread that may wait to be taken. Enough that a short delay of one thread
/// stops no other, and few enough that blocks of large values take little memory.
pub(super) const AHEAD: usize = 8;

/// Makes a result for each item number below `count`, on at most `threads` threads, and calls `take` with
/// each result, in order, on this thread. At most `ahead` results wait to be taken. `make` gets a default
/// result, or one that was taken before.
///
/// If no thread can be started, this thread does all the work. Returns only after all other threads have
/// ended.
///
/// # Errors
/// The first error that `take` returns. The remaining results are not made.
///
/// # Panics
/// If `make` panics, on any thread, or `take`.
pub(super) fn in_order<T: Default + Send, E>(
    count: usize,
    threads: usize,
    ahead: usize,
    make: impl Fn(usize, &mut T) + Sync,
    mut take: impl FnMut(&mut T) -> Result<(), E>,
) -> Result<(), E> {
    let ahead = if threads <= 1 { 1 } else { ahead.min(count).max(1) };
    // Each slot belongs to one thread at a time: the one with the number of an item for this slot. The caller
    // owns the slots, and drops what is left in them.
    let mut results = Vec::with_capacity(ahead);
    for _ in 0..ahead {
        results.push(Mutex::new(T::default()));
    }
    let make = |number: usize| make(number, &mut results[number % ahead].lock());
    let mut end = Ok(());
    let mut take = |number: usize| {
        end = take(&mut results[number % ahead].lock());
        end.is_ok()
    };
    share(count, threads, ahead, &make, &mut take);
    end
}

/// Makes and takes results by number, until `take` returns `false`.
fn share(
    count: usize,
    threads: usize,
    ahead: usize,
    make: &(dyn Fn(usize) + Sync),
    take: &mut dyn FnMut(usize) -> bool,
) {
    if threads <= 1 {
        for number in 0..count {
            make(number);
            if !take(number) {
                return;
            }
        }
        return;
    }
    let queue = WorkQueue { count, ahead, taken: 0, results: VecDeque::new(), is_over: false };
    let workers = Workers { queue: Mutex::new(queue), changed: Condvar::new(), make };
    thread::scope(|scope| {
        let _end = StopWorkers(&workers);
        for _ in 1..threads {
            // If the system cannot start a thread, the work continues without it.
            let _ = thread::Builder::new().spawn_scoped(scope, || workers.help());
        }
        workers.take_results(take);
    });
}

struct Workers<'a> {
    queue: Mutex<WorkQueue>,
    /// Notified when a result is made or taken, and at the end.
    changed: Condvar,
    make: &'a (dyn Fn(usize) + Sync),
}

/// The state of the work.
struct WorkQueue {
    count: usize,
    /// Maximum length of `results`.
    ahead: usize,
    /// Items whose results were taken.
    taken: usize,
    /// One for each item that was handed out and not taken yet, in order. `None` while it is being made or
    /// taken, then its outcome. A panic goes to the leader.
    results: VecDeque<Option<thread::Result<()>>>,
    is_over: bool,
}

impl WorkQueue {
    /// Hands out the number of the next item.
    fn hand_out(&mut self) -> Option<usize> {
        if self.results.len() >= self.ahead || self.is_over {
            return None;
        }
        let number = self.taken + self.results.len();
        if number >= self.count {
            self.is_over = true;
            return None;
        }
        self.results.push_back(None);
        Some(number)
    }
}

impl Workers<'_> {
    fn help(&self) {
        let mut queue = self.queue.lock();
        while !queue.is_over {
            match queue.hand_out() {
                Some(number) => queue = self.work(queue, number),
                None if queue.is_over => {}
                None => self.changed.wait(&mut queue),
            }
        }
    }

    fn take_results(&self, take: &mut dyn FnMut(usize) -> bool) {
        let mut queue = self.queue.lock();
        loop {
            if let Some(made) = queue.results.front_mut().and_then(Option::take) {
                let number = queue.taken;
                drop(queue);
                made.unwrap_or_else(|panic| resume_unwind(panic));
                if !take(number) {
                    return;
                }
                queue = self.queue.lock();
                queue.results.pop_front();
                queue.taken += 1;
                self.changed.notify_all();
            } else if let Some(number) = queue.hand_out() {
                queue = self.work(queue, number);
            } else if queue.results.is_empty() {
                return;
            } else {
                self.changed.wait(&mut queue);
            }
        }
    }

    /// Does a job without the lock. A panic goes to the leader.
    fn work<'a>(&'a self, queue: MutexGuard<'a, WorkQueue>, number: usize) -> MutexGuard<'a, WorkQueue> {
        drop(queue);
        let made = catch_unwind(AssertUnwindSafe(|| (self.make)(number)));
        let mut queue = self.queue.lock();
        let place = number - queue.taken;
        queue.results[place] = Some(made);
        self.changed.notify_all();
        queue
    }
}

/// Ends the helpers, however the leader ends.
struct StopWorkers<'a>(&'a Workers<'a>);

impl Drop for StopWorkers<'_> {
    fn drop(&mut self) {
        self.0.queue.lock().is_over = true;
        self.0.changed.notify_all();
    }
}
