//! Stands in for the runtimes of the client: every caller is on a runtime other than the load's, and may take it over.
//! A timer is a thread, so that it may end at any time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use shuttle::thread;

#[derive(Clone, Debug)]
pub(crate) struct TaskRuntime;

/// No runtime is ever detected as idle.
#[derive(Debug)]
pub(crate) struct ClientRuntime;

impl ClientRuntime {
    pub(crate) fn note_use(&self, _: &TaskRuntime) {}

    pub(crate) fn is_idle(&self, _: &TaskRuntime) -> bool {
        false
    }

    pub(crate) async fn until_one_is_idle(&self, _: impl Fn() -> Vec<TaskRuntime>) {
        std::future::pending().await
    }
}

/// Does nothing more after it is dropped, unless it has begun.
#[derive(Debug)]
pub(crate) struct Timer(Arc<AtomicBool>);

impl TaskRuntime {
    pub(crate) fn is_elsewhere(&self) -> bool {
        true
    }

    pub(crate) fn after(&self, _: Duration, action: impl FnOnce() + Send + 'static) -> Timer {
        let is_dropped = Arc::new(AtomicBool::new(false));
        let timer = Timer(Arc::clone(&is_dropped));
        thread::spawn(move || {
            thread::yield_now();
            if !is_dropped.load(Ordering::SeqCst) {
                thread::yield_now();
                action();
            }
        });
        timer
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
