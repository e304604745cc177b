//! The observed keys of one query: the number of their observers, and requests to their tasks. Starts no task.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cache_core::client_support::AnyKey;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::channel::StateChannel;
use super::requests::TaskRequests;
use super::snapshot::KeySnapshot;
use crate::erased::KeyMap;
use crate::plan::Plan;
use crate::runtime::{ClientRuntime, EndableTask, TaskRuntime};

/// The observed keys of one query.
#[derive(Default)]
pub(crate) struct ObservedKeys(Mutex<KeyMap<ObservedEntry>>);

struct ObservedEntry {
    observed_key: Arc<ObservedKey>,
    /// The number of observers.
    observers: usize,
}

/// An observed key with the number of its observers.
pub(crate) type CountedKey = (Arc<dyn AnyKey>, usize);

/// One observed key.
pub(crate) struct ObservedKey {
    pub(crate) key: Arc<dyn AnyKey>,
    pub(crate) channel: StateChannel<Arc<KeySnapshot>>,
    pub(crate) requests: TaskRequests<Plan>,
    /// The last task.
    task: Mutex<Option<RunningTask>>,
    /// Its number; 0 before the first. Changes under the lock.
    task_number: AtomicU64,
    /// Whether the last observer has left the key.
    is_left: AtomicBool,
}

/// The task of a key.
struct RunningTask {
    number: u64,
    handle: EndableTask,
    runtime: TaskRuntime,
}

/// A load of an observed key that can be awaited.
pub(crate) struct Reload {
    done: oneshot::Receiver<()>,
    /// The runtime of the task, as far as it is known.
    runtime: Option<TaskRuntime>,
}

impl Reload {
    /// Waits for the end of the load. Does not wait for a task whose runtime is idle.
    pub(crate) async fn done(self, client: &Arc<ClientRuntime>) {
        let is_idle = async {
            match &self.runtime {
                Some(runtime) => runtime.until_idle(client).await,
                None => pending().await,
            }
        };
        tokio::select! {
            // Nothing is ever sent: the sender is dropped, even when the last observer leaves.
            _ = self.done => {}
            () = is_idle => {}
        }
    }
}

impl ObservedKey {
    fn new(key: Arc<dyn AnyKey>) -> Self {
        let (channel, requests) = (StateChannel::new(Arc::new(KeySnapshot::empty())), TaskRequests::new());
        Self {
            key,
            channel,
            requests,
            task: Mutex::default(),
            task_number: AtomicU64::new(0),
            is_left: AtomicBool::new(false),
        }
    }

    /// Loads the key again, if it is marked or missing.
    fn reload(&self) -> Reload {
        let done = self.requests.reload();
        let runtime = self.task.lock().as_ref().map(|task| task.runtime.clone());
        Reload { done, runtime }
    }

    /// Sets the task of the key, and ends the previous one.
    pub(crate) fn set_task(&self, number: u64, handle: EndableTask, runtime: TaskRuntime) {
        let mut task = self.task.lock();
        let ended = match &*task {
            Some(newer) if newer.number > number => Some(handle),
            _ => {
                self.task_number.store(number, Ordering::Relaxed);
                task.replace(RunningTask { number, handle, runtime }).map(|older| older.handle)
            }
        };
        drop(task);
        if let Some(handle) = ended {
            handle.end();
        }
    }

    /// Number of the last task, 0 before the first.
    pub(crate) fn task_number(&self) -> u64 {
        self.task_number.load(Ordering::Relaxed)
    }

    /// Number and runtime of the last task, if that runtime may be idle.
    pub(crate) fn task_that_may_be_idle(&self) -> Option<(u64, TaskRuntime)> {
        let task = self.task.lock();
        let task = task.as_ref().filter(|task| task.runtime.may_be_idle())?;
        Some((task.number, task.runtime.clone()))
    }

    pub(crate) fn is_left(&self) -> bool {
        self.is_left.load(Ordering::Acquire)
    }
}

impl ObservedKeys {
    /// Adds an observer. Returns the key, which may need a task.
    pub(super) fn enter(&self, key: &Arc<dyn AnyKey>) -> Arc<ObservedKey> {
        let mut observed_keys = self.0.lock();
        if let Some(entry) = observed_keys.get_mut(&**key) {
            entry.observers += 1;
            return Arc::clone(&entry.observed_key);
        }
        let observed_key = Arc::new(ObservedKey::new(Arc::clone(key)));
        observed_keys
            .insert(Arc::clone(key), ObservedEntry { observed_key: Arc::clone(&observed_key), observers: 1 });
        observed_key
    }

    /// Loads a key again, if it is observed.
    pub(crate) fn reload(&self, key: &dyn AnyKey) -> Option<Reload> {
        let observed_key = self.0.lock().get(key).map(|entry| Arc::clone(&entry.observed_key))?;
        Some(observed_key.reload())
    }

    /// Wakes the task of a key, so that it checks for changes. Loads nothing.
    pub(crate) fn notify(&self, key: &dyn AnyKey) {
        let observed_key = self.0.lock().get(key).map(|entry| Arc::clone(&entry.observed_key));
        if let Some(observed_key) = observed_key {
            observed_key.requests.notify();
        }
    }

    /// [`reload`](Self::reload) for all keys for which `matches` returns `true`.
    pub(crate) fn reload_where(&self, matches: &dyn Fn(&dyn AnyKey) -> bool) -> Vec<Reload> {
        let mut observed_keys: Vec<_> =
            self.0.lock().values().map(|entry| Arc::clone(&entry.observed_key)).collect();
        observed_keys.retain(|observed_key| matches(&*observed_key.key));
        observed_keys.iter().map(|observed_key| observed_key.reload()).collect()
    }

    /// The number of observed keys, and at most `count` of them with the numbers of their observers.
    pub(crate) fn some(&self, count: usize) -> (usize, Vec<CountedKey>) {
        let observed_keys = self.0.lock();
        let some = observed_keys.iter().take(count);
        (observed_keys.len(), some.map(|(key, entry)| (Arc::clone(key), entry.observers)).collect())
    }

    pub(super) fn leave(&self, observed_key: &Arc<ObservedKey>) {
        let mut observed_keys = self.0.lock();
        let Some(entry) = observed_keys
            .get_mut(&*observed_key.key)
            .filter(|entry| Arc::ptr_eq(&entry.observed_key, observed_key))
        else {
            return;
        };
        entry.observers -= 1;
        let left = if entry.observers == 0 { observed_keys.remove_entry(&*observed_key.key) } else { None };
        drop(observed_keys);
        if left.is_some() {
            observed_key.is_left.store(true, Ordering::Release);
            let task = observed_key.task.lock().take();
            if let Some(task) = task {
                task.handle.end();
            }
        }
    }
}
