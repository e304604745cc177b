//! Events: changes by commits, and removals. They are queued in order, and one thread at a time passes them
//! to the listeners.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::Serialize;

use crate::clock::Revision;
use crate::query::Query;
use crate::reentrancy;
use crate::shard::key::AnyEntry;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, thread_local};
use crate::typed::entry_of;

/// Why a value is no longer resident, or no longer in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RemovalCause {
    /// Pushed out by the table's bound. May still be readable, if the program holds it.
    Evicted,
    /// Past its time to live or to idle. May still be readable, if the program holds it.
    Expired,
    /// Removed by the user.
    Removed,
    /// Overwritten by a commit.
    Replaced,
    /// Removed by `clear`.
    Cleared,
}

impl RemovalCause {
    pub(crate) const COUNT: usize = 5;
}

/// What a commit did to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ChangeKind {
    /// Wrote a value.
    Set,
    /// Wrote a value made from the previous one.
    Merged,
    /// Removed the entry.
    Removed,
    /// Renewed the times of the entry. Has no revision of its own. Reported to hooks, not to listeners.
    Touched,
    /// Invalidated the entry, which must be loaded again. Has no revision of its own.
    Invalidated,
}

/// One key that a commit changed. Passed to `after_commit` listeners, and to `before_commit` hooks.
#[derive(Debug)]
pub struct Change {
    pub(crate) table: &'static str,
    pub(crate) revision: Option<Revision>,
    pub(crate) kind: ChangeKind,
    pub(crate) entry: Box<dyn AnyEntry>,
}

/// One value that left the cache, with the cause. Passed to `on_removal` listeners.
#[derive(Debug)]
pub struct Removal {
    pub(crate) table: &'static str,
    pub(crate) cause: RemovalCause,
    pub(crate) entry: Box<dyn AnyEntry>,
}

impl Change {
    /// Returns the name of the table.
    #[must_use]
    pub fn table(&self) -> &'static str {
        self.table
    }

    /// Returns the revision of the commit; `None` for a proposed change, and for marks, which have none.
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        self.revision
    }

    /// Returns what was done.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// Returns the key for printing; `(secret)` if its query is derived with `secret`.
    #[must_use]
    pub fn key(&self) -> &dyn Debug {
        &*self.entry
    }

    /// Returns key and value, if the change is to the table of `Q`. Removals, touches and marks have no
    /// value.
    #[must_use]
    pub fn of<Q: Query>(&self) -> Option<(&Q, Option<&Arc<Q::Value>>)> {
        entry_of(&*self.entry)
    }
}

impl Removal {
    /// Returns the name of the table.
    #[must_use]
    pub fn table(&self) -> &'static str {
        self.table
    }

    /// Returns why the value left.
    #[must_use]
    pub fn cause(&self) -> RemovalCause {
        self.cause
    }

    /// Returns the key for printing; `(secret)` if its query is derived with `secret`.
    #[must_use]
    pub fn key(&self) -> &dyn Debug {
        &*self.entry
    }

    /// Returns key and value, if the removal is from the table of `Q`.
    #[must_use]
    pub fn of<Q: Query>(&self) -> Option<(&Q, &Arc<Q::Value>)> {
        entry_of::<Q>(&*self.entry).and_then(|(key, value)| Some((key, value?)))
    }
}

#[derive(Debug)]
pub(crate) enum Event {
    Change(Change),
    Removal(Removal),
}

pub(crate) enum Listener {
    Change(Box<dyn Fn(&Change) + Send + Sync>),
    Removal(Box<dyn Fn(&Removal) + Send + Sync>),
}

/// Called when something has happened to a key that is watched.
pub(crate) type WatchCallback = Arc<dyn Fn() + Send + Sync>;

/// The queue between writers and listeners.
pub(crate) struct Events {
    listeners: Vec<Listener>,
    queue: Mutex<EventQueue>,
    /// Callbacks to run when no lock is held. May be locked while a shard is locked; nothing else is locked
    /// under it.
    callbacks: Mutex<Vec<WatchCallback>>,
    /// Whether there are callbacks, so that commits without any need not lock. Changed under the lock of the
    /// callbacks.
    has_callbacks: AtomicBool,
    panics: AtomicU64,
}

#[derive(Default)]
struct EventQueue {
    waiting: VecDeque<Event>,
    /// Whether a thread is passing events to the listeners. It continues until the queue is empty.
    is_draining: bool,
}

impl Events {
    pub(crate) fn new(listeners: Vec<Listener>) -> Self {
        Self {
            listeners,
            queue: Mutex::default(),
            callbacks: Mutex::default(),
            has_callbacks: AtomicBool::new(false),
            panics: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(crate) fn has_listeners(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Queues events with a number drawn from `counter` under the lock of the queue, so that the queue is in
    /// the order of the revisions.
    pub(crate) fn push_numbered(&self, counter: &AtomicU64, changes: Vec<Change>) -> u64 {
        let mut queue = self.queue.lock();
        let revision = counter.fetch_add(1, Ordering::AcqRel) + 1;
        queue.waiting.extend(changes.into_iter().map(|mut change| {
            if change.kind != ChangeKind::Invalidated {
                change.revision = Some(Revision(revision));
            }
            Event::Change(change)
        }));
        revision
    }

    pub(crate) fn push(&self, event: Event) {
        self.queue.lock().waiting.push_back(event);
    }

    pub(crate) fn push_removal(&self, table: &'static str, cause: RemovalCause, entry: Box<dyn AnyEntry>) {
        self.push(Event::Removal(Removal { table, cause, entry }));
    }

    /// Queues a callback, which the next caller of [`drain`](Self::drain) runs. That may be another thread,
    /// before the change is visible: a watcher must lock the shard to see anything, and so waits for the
    /// change.
    pub(crate) fn notify_later(&self, callback: WatchCallback) {
        let mut callbacks = self.callbacks.lock();
        callbacks.push(callback);
        self.has_callbacks.store(true, Ordering::Relaxed);
    }

    /// Runs queued callbacks, and passes queued events to the listeners, unless another thread, or a caller
    /// further down this stack, is doing so and will see them. Must be called without locks.
    #[inline]
    pub(crate) fn drain(&self) {
        // A thread that has queued a callback sees the flag, or the callback has been run.
        if self.has_callbacks.load(Ordering::Relaxed) {
            self.run_callbacks();
        }
        if self.has_listeners() {
            self.drain_queue();
        }
    }

    /// Runs the queued callbacks. A callback may change something and get here again. What it queues is left
    /// to the caller further down the stack, however long the chain is.
    #[cold]
    fn run_callbacks(&self) {
        let Some(_running) = RunningCallbacks::enter(self) else { return };
        loop {
            let mut callbacks = self.callbacks.lock();
            let due = std::mem::take(&mut *callbacks);
            self.has_callbacks.store(false, Ordering::Relaxed);
            drop(callbacks);
            if due.is_empty() {
                return;
            }
            for callback in due {
                // This may be the last handle of a callback, whose captured values are then dropped.
                if !completes(move || reentrancy::outside(|| callback())) {
                    self.count_panic();
                }
            }
        }
    }

    fn drain_queue(&self) {
        let mut queue = self.queue.lock();
        if std::mem::replace(&mut queue.is_draining, true) {
            return;
        }
        while let Some(event) = queue.waiting.pop_front() {
            drop(queue);
            self.deliver(&event);
            // The event may hold the last handle of a value: it is dropped before the queue is locked again, and a
            // panic of the value's `Drop` is one of the listeners' panics.
            if !completes(move || drop(event)) {
                self.count_panic();
            }
            queue = self.queue.lock();
        }
        queue.is_draining = false;
    }

    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many listener calls ended in a panic.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    fn deliver(&self, event: &Event) {
        for listener in &self.listeners {
            let call = || match (listener, event) {
                (Listener::Change(listener), Event::Change(change)) => listener(change),
                (Listener::Removal(listener), Event::Removal(removal)) => listener(removal),
                _ => {}
            };
            // A hook that used the cache may have called this, but the event is not part of the hook.
            if !completes(|| reentrancy::outside(call)) {
                self.count_panic();
            }
        }
    }
}

thread_local! {
    /// Addresses of the events whose callbacks this thread runs.
    static RUNNING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Marks that this thread runs the callbacks of a cache.
struct RunningCallbacks(usize);

impl RunningCallbacks {
    /// Returns `None` if this thread already runs them.
    fn enter(events: &Events) -> Option<Self> {
        let events = std::ptr::from_ref(events).addr();
        let enter = |running: &RefCell<Vec<usize>>| {
            let is_first = !running.borrow().contains(&events);
            if is_first {
                running.borrow_mut().push(events);
            }
            is_first
        };
        // A thread that is ending has no list of what it runs, so it runs them.
        RUNNING.try_with(enter).unwrap_or(true).then(|| Self(events))
    }
}

impl Drop for RunningCallbacks {
    fn drop(&mut self) {
        let _ = RUNNING.try_with(|running| running.borrow_mut().retain(|events| *events != self.0));
    }
}

/// Runs foreign code. Returns whether it ended without a panic. The panic payload may itself panic when
/// dropped.
pub(crate) fn completes(foreign: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(foreign)) else { return true };
    if let Err(another) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        std::mem::forget(another);
    }
    false
}

impl Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("listeners", &self.listeners.len()).finish_non_exhaustive()
    }
}
