//! Tables of records, as the crate that keeps documents writes them.

use std::sync::Arc;

use cache_core::{Cache, Query, registry};

/// A record.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, record)]
pub struct PersonId(pub u32);

registry! {
    pub struct Records { crate::record_tables::PersonId }
}

#[test]
fn a_record_is_written_and_removed_by_commits() {
    let cache = Cache::<Records>::new();
    let ann = Arc::new("Ann".to_owned());
    let mut tx = cache.begin();
    tx.set_record(PersonId(9), Arc::clone(&ann));
    assert!(!cache.contains(&PersonId(9)), "until the commit");
    drop(tx.commit().unwrap());
    assert!(Arc::ptr_eq(&cache.get(&PersonId(9)).unwrap(), &ann));
    let mut tx = cache.begin();
    tx.remove_record(&PersonId(9));
    drop(tx.commit().unwrap());
    assert!(cache.get(&PersonId(9)).is_none());
}

#[test]
fn a_record_lives_as_long_as_something_holds_it() {
    let cache = Cache::<Records>::new();
    let ann = Arc::new("Ann".to_owned());
    let mut tx = cache.begin();
    tx.set_record(PersonId(9), Arc::clone(&ann));
    drop(tx.commit().unwrap());
    assert!(cache.contains(&PersonId(9)));
    drop(ann);
    assert!(!cache.contains(&PersonId(9)));
}
