//! Work on many items, shared out among threads, whose results are wanted in the order of the items. Knows nothing
//! of what is done.
//!
//! The caller works too, and takes the results; who helps only works. What was taken is used again for the results of
//! later items.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use crate::sync::{Condvar, Mutex, MutexGuard};

/// Makes a result of each of `items` on at most `threads` threads, and has `take` look at each, in their order, on
/// this one. At most `ahead` results wait to be taken. `make` finds a default result, or one that was taken before.
///
/// Without threads to be had, this one does it alone. Does not return before all others have ended.
///
/// # Errors
/// The first that `take` returns; what is left is not made.
///
/// # Panics
/// When `make` does, on any thread, or `take`.
pub(super) fn in_order<I, T, E>(
    items: I,
    threads: usize,
    ahead: usize,
    make: impl Fn(I::Item, &mut T) + Sync,
    mut take: impl FnMut(&mut T) -> Result<(), E>,
) -> Result<(), E>
where
    I: IntoIterator<IntoIter: Send, Item: Send>,
    T: Default + Send,
{
    let mut items = items.into_iter();
    if threads <= 1 {
        let mut result = T::default();
        return items.try_for_each(|item| {
            make(item, &mut result);
            take(&mut result)
        });
    }
    let crew = Crew { board: Mutex::new(Board::new(items, ahead)), changed: Condvar::new(), make };
    thread::scope(|scope| {
        let _end = End(&crew);
        for _ in 1..threads {
            // Whom the system refuses is done without.
            let _ = thread::Builder::new().spawn_scoped(scope, || crew.help());
        }
        crew.lead(&mut take)
    })
}

struct Crew<I: Iterator, T, F> {
    board: Mutex<Board<I, T>>,
    /// Told when a result is made or taken, and at the end.
    changed: Condvar,
    make: F,
}

/// What is to be done and what is done.
struct Board<I: Iterator, T> {
    items: I,
    /// One for each item that was handed out and not taken yet, in their order; `None` while it is being made.
    results: VecDeque<Option<Made<T>>>,
    /// Most that may be among `results`.
    ahead: usize,
    /// Items whose results were taken.
    taken: usize,
    spare: Vec<T>,
    is_over: bool,
}

/// A result, and the panic that it was left with. Both go to the leader: a helper drops nothing that is not its own,
/// since the leader may hold what the `Drop` of a value waits for.
type Made<T> = (T, thread::Result<()>);

/// An item handed out, its number, and what the result goes into.
struct Job<I, T>(usize, I, T);

impl<I: Iterator, T: Default> Board<I, T> {
    fn new(items: I, ahead: usize) -> Self {
        Self { items, results: VecDeque::new(), ahead, taken: 0, spare: Vec::new(), is_over: false }
    }

    fn hand_out(&mut self) -> Option<Job<I::Item, T>> {
        if self.results.len() >= self.ahead || self.is_over {
            return None;
        }
        let Some(item) = self.items.next() else {
            self.is_over = true;
            return None;
        };
        self.results.push_back(None);
        Some(Job(self.taken + self.results.len() - 1, item, self.spare.pop().unwrap_or_default()))
    }

    fn next_result(&mut self) -> Option<Made<T>> {
        let result = self.results.pop_front_if(|result| result.is_some())?;
        self.taken += 1;
        result
    }
}

impl<I: Iterator, T: Default, F: Fn(I::Item, &mut T)> Crew<I, T, F> {
    fn help(&self) {
        let mut board = self.board.lock();
        while !board.is_over {
            match board.hand_out() {
                Some(job) => board = self.work(board, job),
                None if board.is_over => {}
                None => self.changed.wait(&mut board),
            }
        }
    }

    fn lead<E>(&self, take: &mut impl FnMut(&mut T) -> Result<(), E>) -> Result<(), E> {
        let mut board = self.board.lock();
        loop {
            if let Some((mut result, made)) = board.next_result() {
                drop(board);
                made.unwrap_or_else(|panic| resume_unwind(panic));
                take(&mut result)?;
                board = self.board.lock();
                board.spare.push(result);
                self.changed.notify_all();
            } else if let Some(job) = board.hand_out() {
                board = self.work(board, job);
            } else if board.results.is_empty() {
                return Ok(());
            } else {
                self.changed.wait(&mut board);
            }
        }
    }

    /// Does a job without the lock. A panic goes to the one who leads.
    fn work<'a>(
        &'a self,
        board: MutexGuard<'a, Board<I, T>>,
        Job(number, item, mut result): Job<I::Item, T>,
    ) -> MutexGuard<'a, Board<I, T>> {
        drop(board);
        let made = catch_unwind(AssertUnwindSafe(|| (self.make)(item, &mut result)));
        let mut board = self.board.lock();
        let place = number - board.taken;
        board.results[place] = Some((result, made));
        self.changed.notify_all();
        board
    }
}

/// Sends the helpers home, however the leader ends.
struct End<'a, I: Iterator, T, F>(&'a Crew<I, T, F>);

impl<I: Iterator, T, F> Drop for End<'_, I, T, F> {
    fn drop(&mut self) {
        self.0.board.lock().is_over = true;
        self.0.changed.notify_all();
    }
}
