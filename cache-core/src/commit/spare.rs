//! Emptied write sets of this thread, kept for its next transactions: so most commits allocate nothing of their own.

use std::any::TypeId;
use std::cell::RefCell;

use super::write_set::WriteSet;
use crate::sync::thread_local;

/// Most that a thread keeps, of all queries together.
const MOST: usize = 8;

type Spare = RefCell<Vec<Box<WriteSet>>>;

thread_local! {
    static SPARE: Spare = const { RefCell::new(Vec::new()) };
}

/// One of a query that was put away.
pub(super) fn take(query: TypeId) -> Option<Box<WriteSet>> {
    let find = |spare: &Spare| {
        let mut spare = spare.borrow_mut();
        let at = spare.iter().position(|one| one.query() == query)?;
        Some(spare.swap_remove(at))
    };
    // A thread that is ending has none.
    SPARE.try_with(find).ok().flatten()
}

/// Puts one away that holds nothing of a user's. Dropped if there are enough.
pub(super) fn put(one: Box<WriteSet>) {
    let keep = |spare: &Spare| {
        let mut spare = spare.borrow_mut();
        if spare.len() < MOST {
            spare.push(one);
        }
    };
    let _ = SPARE.try_with(keep);
}
