//! Receipts: what a commit returns to its caller.

use std::sync::Arc;

use crate::shop::*;

#[test]
fn an_empty_commit_has_no_revision() {
    let cache = shop();
    cache.insert(GetBalance(1), 1);
    let revision = cache.revision();
    let receipt = cache.begin().commit().unwrap();
    assert_eq!((receipt.revision(), cache.revision()), (None, revision));
    assert!(receipt.get(&GetBalance(1)).is_none());
    let mut tx = cache.begin();
    tx.label("nothing").context(Arc::new(1u32));
    tx.get(&GetBalance(1));
    assert_eq!(tx.commit().unwrap().revision(), None);
    assert_eq!(cache.revision(), revision);
}

#[test]
fn a_receipt_keeps_what_it_wrote_alive_and_nothing_else() {
    let cache = shop();
    let read = cache.insert(GetNote(9), "read");
    let mut tx = cache.begin();
    tx.get(&GetNote(9));
    tx.set(GetNote(1), "one");
    tx.set(GetNote(2), "two");
    let receipt = tx.commit().unwrap();
    assert_eq!(receipt.revision(), cache.revision());
    assert!(Arc::ptr_eq(receipt.get(&GetNote(1)).unwrap(), &cache.get(&GetNote(1)).unwrap()));
    drop(read);
    assert!(cache.get(&GetNote(9)).is_none() && cache.get(&GetNote(2)).is_some());
    let kept = Arc::clone(receipt.get(&GetNote(2)).unwrap());
    drop(receipt);
    assert!(cache.get(&GetNote(1)).is_none() && cache.get(&GetNote(2)).is_some());
    drop(kept);
    assert_eq!((cache.count::<GetNote>(), cache.reap()), (0, 3));
}

#[test]
fn a_receipt_has_nothing_of_keys_that_were_read_removed_or_marked() {
    let cache = shop();
    (1..=4).for_each(|id| drop(cache.insert(GetBalance(id), 1)));
    let mut tx = cache.begin();
    tx.get(&GetBalance(1));
    tx.remove(&GetBalance(2));
    tx.touch(&GetBalance(3));
    tx.invalidate(&GetBalance(4));
    tx.set(GetBalance(5), 5);
    let receipt = tx.commit().unwrap();
    assert!((1..=4).all(|id| receipt.get(&GetBalance(id)).is_none()));
    assert_eq!(receipt.get(&GetBalance(5)).map(|value| **value), Some(5));
    assert!(receipt.get(&GetTotal(5)).is_none() && receipt.get(&GetNote(5)).is_none());
}

#[test]
fn a_receipt_does_not_keep_what_it_replaced() {
    let cache = shop();
    let old = Arc::downgrade(&cache.insert(GetBalance(1), 1));
    let removed = Arc::downgrade(&cache.insert(GetBalance(2), 1));
    let mut tx = cache.begin();
    tx.merge_with(GetBalance(1), |old: Option<&i64>| old.unwrap() + 1);
    tx.remove(&GetBalance(2));
    let receipt = tx.commit().unwrap();
    assert!(old.upgrade().is_none() && removed.upgrade().is_none());
    let written = Arc::downgrade(receipt.get(&GetBalance(1)).unwrap());
    cache.insert(GetBalance(1), 5);
    assert!(written.upgrade().is_some(), "the receipt still holds it");
    drop(receipt);
    assert!(written.upgrade().is_none());
}
