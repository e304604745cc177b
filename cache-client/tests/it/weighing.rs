//! Actions that run while a key is weighed: when its value is loaded, and about to be stored.

use std::any::TypeId;

use parking_lot::Mutex;

type Action = Box<dyn Fn() + Send>;

/// The actions to run once, by query and key. Each test has its own keys.
static ACTIONS: Mutex<Vec<((TypeId, u32), Action)>> = Mutex::new(Vec::new());

/// The weigher of the queries: runs the action of a key, if there is one.
pub fn weigh<Q: 'static>(key: u32) -> u32 {
    let action = {
        let mut actions = ACTIONS.lock();
        let at = actions.iter().position(|(of, _)| *of == (TypeId::of::<Q>(), key));
        at.map(|at| actions.swap_remove(at).1)
    };
    if let Some(action) = action {
        action();
    }
    1
}

/// Runs an action once, when a key is weighed next.
pub fn once<Q: 'static>(key: u32, action: impl Fn() + Send + 'static) {
    ACTIONS.lock().push(((TypeId::of::<Q>(), key), Box::new(action)));
}
