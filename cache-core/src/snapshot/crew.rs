//! Work on many items, shared out among threads, whose results are wanted in the order of the items. Knows nothing
//! of what is done.
//!
//! The caller works too, and takes the results; who helps only works. What was taken is used again for the results of
//! later items. Threads and their order know the items by their numbers alone, so that they are compiled once, whatever
//! the results are.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use crate::sync::{Condvar, Mutex, MutexGuard};

/// Makes a result of each item, which are known by their numbers below `count`, on at most `threads` threads, and has
/// `take` look at each, in their order, on this one. At most `ahead` results wait to be taken. `make` finds a default
/// result, or one that was taken before.
///
/// Without threads to be had, this one does it alone. Does not return before all others have ended.
///
/// # Errors
/// The first that `take` returns; what is left is not made.
///
/// # Panics
/// When `make` does, on any thread, or `take`.
pub(super) fn in_order<T: Default + Send, E>(
    count: usize,
    threads: usize,
    ahead: usize,
    make: impl Fn(usize, &mut T) + Sync,
    mut take: impl FnMut(&mut T) -> Result<(), E>,
) -> Result<(), E> {
    let ahead = if threads <= 1 { 1 } else { ahead.min(count).max(1) };
    // Each belongs to one thread at a time, which has the number of an item that goes there. They stay with the caller:
    // a helper drops nothing that is not its own, since the caller may hold what the `Drop` of a value waits for.
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

/// Makes and takes by number, until `take` says no.
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
    let board = Board { count, ahead, taken: 0, results: VecDeque::new(), is_over: false };
    let crew = Crew { board: Mutex::new(board), changed: Condvar::new(), make };
    thread::scope(|scope| {
        let _end = End(&crew);
        for _ in 1..threads {
            // Whom the system refuses is done without.
            let _ = thread::Builder::new().spawn_scoped(scope, || crew.help());
        }
        crew.lead(take);
    });
}

struct Crew<'a> {
    board: Mutex<Board>,
    /// Told when a result is made or taken, and at the end.
    changed: Condvar,
    make: &'a (dyn Fn(usize) + Sync),
}

/// What is to be done and what is done.
struct Board {
    count: usize,
    /// Most that may be among `results`.
    ahead: usize,
    /// Items whose results were taken.
    taken: usize,
    /// One for each item that was handed out and not taken yet, in their order; `None` while it is being made or taken,
    /// then the panic that it was left with. That goes to the leader.
    results: VecDeque<Option<thread::Result<()>>>,
    is_over: bool,
}

impl Board {
    /// The number of the next item.
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

impl Crew<'_> {
    fn help(&self) {
        let mut board = self.board.lock();
        while !board.is_over {
            match board.hand_out() {
                Some(number) => board = self.work(board, number),
                None if board.is_over => {}
                None => self.changed.wait(&mut board),
            }
        }
    }

    fn lead(&self, take: &mut dyn FnMut(usize) -> bool) {
        let mut board = self.board.lock();
        loop {
            if let Some(made) = board.results.front_mut().and_then(Option::take) {
                let number = board.taken;
                drop(board);
                made.unwrap_or_else(|panic| resume_unwind(panic));
                if !take(number) {
                    return;
                }
                board = self.board.lock();
                board.results.pop_front();
                board.taken += 1;
                self.changed.notify_all();
            } else if let Some(number) = board.hand_out() {
                board = self.work(board, number);
            } else if board.results.is_empty() {
                return;
            } else {
                self.changed.wait(&mut board);
            }
        }
    }

    /// Does a job without the lock. A panic goes to the one who leads.
    fn work<'a>(&'a self, board: MutexGuard<'a, Board>, number: usize) -> MutexGuard<'a, Board> {
        drop(board);
        let made = catch_unwind(AssertUnwindSafe(|| (self.make)(number)));
        let mut board = self.board.lock();
        let place = number - board.taken;
        board.results[place] = Some(made);
        self.changed.notify_all();
        board
    }
}

/// Sends the helpers home, however the leader ends.
struct End<'a>(&'a Crew<'a>);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.board.lock().is_over = true;
        self.0.changed.notify_all();
    }
}
