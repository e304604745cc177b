//! Tracks which caches are running their hooks on this thread. A commit to one of these is an error.

use std::cell::RefCell;

use crate::sync::thread_local;

thread_local! {
    /// Numbers of the caches, the innermost last.
    static RUNNING_HOOKS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Returns whether a hook of this cache is running on this thread.
pub(crate) fn is_inside(cache: u64) -> bool {
    RUNNING_HOOKS.try_with(|running| running.borrow().contains(&cache)).unwrap_or(false)
}

/// Runs a hook of this cache.
pub(crate) fn inside<T>(cache: u64, run: impl FnOnce() -> T) -> T {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            RUNNING_HOOKS.with(|running| running.borrow_mut().pop());
        }
    }
    RUNNING_HOOKS.with(|running| running.borrow_mut().push(cache));
    let _leave = Leave;
    run()
}

/// Runs code that is not part of a hook, although a hook may be on the stack.
pub(crate) fn outside<T>(run: impl FnOnce() -> T) -> T {
    struct Return(Vec<u64>);
    impl Drop for Return {
        fn drop(&mut self) {
            // Once the thread-local is gone, nothing on this thread can read it.
            let _ = RUNNING_HOOKS.try_with(|running| running.replace(std::mem::take(&mut self.0)));
        }
    }
    let running = RUNNING_HOOKS.try_with(|running| running.replace(Vec::new()));
    let _return = Return(running.unwrap_or_default());
    run()
}
