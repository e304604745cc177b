//! Emptied write sets of this thread, kept for its next transactions: so most commits allocate nothing of their own.

use std::any::Any;
use std::cell::RefCell;

use crate::sync::thread_local;

/// Most that a thread keeps, of all queries together.
const MOST: usize = 8;

thread_local! {
    static SPARE: RefCell<Vec<Box<dyn Any>>> = const { RefCell::new(Vec::new()) };
}

/// One that was put away.
pub(super) fn take<T: 'static>() -> Option<Box<T>> {
    let find = |spare: &RefCell<Vec<Box<dyn Any>>>| {
        let mut spare = spare.borrow_mut();
        let at = spare.iter().position(|one| one.is::<T>())?;
        spare.swap_remove(at).downcast().ok()
    };
    // A thread that is ending has none.
    SPARE.try_with(find).ok().flatten()
}

/// Puts one away that holds nothing of a user's. Dropped if there are enough.
pub(super) fn put<T: 'static>(one: Box<T>) {
    let keep = |spare: &RefCell<Vec<Box<dyn Any>>>| {
        let mut spare = spare.borrow_mut();
        if spare.len() < MOST {
            spare.push(one);
        }
    };
    let _ = SPARE.try_with(keep);
}
