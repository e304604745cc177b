//! Keys that differ in the program and no longer in its snapshot.

use cache_core::{Cache, Query, Shape, registry};
use serde::{Deserialize, Serialize};

/// Two of these with one name are different keys until they have been saved.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u32, lru = 8, persist)]
pub struct Labelled {
    pub name: String,
    #[serde(skip)]
    pub label: u8,
}

registry! {
    pub struct Labels {
        crate::snapshot::same_keys::Labelled,
    }
}

#[test]
fn of_keys_that_became_one_the_last_used_is_restored() {
    let cache = Cache::<Labels>::new();
    let key = |label| Labelled { name: "one".into(), label };
    for label in 0..3 {
        cache.insert(key(label), u32::from(label));
    }
    let _ = cache.get(&key(1));
    let mut bytes = Vec::new();
    cache.save_to(&mut bytes).unwrap();

    let later = Cache::<Labels>::new();
    let report = later.restore_from(&bytes[..]).unwrap();
    assert_eq!(report.restored(), 1);
    assert_eq!(later.keys::<Labelled>(), [key(0)]);
    assert_eq!(later.get(&key(0)).as_deref(), Some(&1));
    assert!(later.remove(&key(0)));
    assert!(later.is_empty());
}
