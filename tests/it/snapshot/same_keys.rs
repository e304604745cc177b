//! Keys that differ in the program but not in a snapshot.

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
fn of_keys_that_would_become_one_only_the_one_that_stays_itself_is_saved() {
    let cache = Cache::<Labels>::new();
    let key = |label| Labelled { name: "one".into(), label };
    for label in 0..3 {
        cache.insert(key(label), u32::from(label));
    }
    let mut bytes = Vec::new();
    let report = cache.save_to(&mut bytes).unwrap();
    let table = &report.tables[0];
    assert_eq!((table.entries, table.skipped.count), (1, 2), "{report}");
    assert!(
        report.to_string().contains("label: 1 }: it does not survive bincode: its key reads back as"),
        "{report}"
    );

    let later = Cache::<Labels>::new();
    let report = later.restore_from(&bytes[..]).unwrap();
    assert_eq!(report.restored(), 1);
    assert_eq!(later.keys::<Labelled>(), [key(0)]);
    assert_eq!(later.get(&key(0)).as_deref(), Some(&0));
    assert!(later.remove(&key(0)));
    assert!(later.is_empty());
}

#[test]
fn of_entries_of_one_key_the_last_used_is_restored() {
    let cache = Cache::<Labels>::new();
    let key = |name: &str| Labelled { name: name.into(), label: 0 };
    for (name, value) in [("first", 0), ("other", 1), ("third", 2)] {
        cache.insert(key(name), value);
    }
    let _ = cache.get(&key("other"));
    let mut bytes = Vec::new();
    cache.save_to(&mut bytes).unwrap();
    for other in [b"other", b"third"] {
        let at = bytes.windows(5).position(|bytes| bytes == other).unwrap();
        bytes[at..at + 5].copy_from_slice(b"first");
    }
    cache_tests::hostile::mend(&mut bytes);

    let later = Cache::<Labels>::new();
    let report = later.restore_from(&bytes[..]).unwrap();
    assert_eq!((report.tables[0].restored, report.tables[0].duplicates), (1, 2));
    assert!(report.to_string().contains("2 with the key of another"), "{report}");
    assert_eq!(later.get(&key("first")).as_deref(), Some(&1));
    assert!(later.remove(&key("first")));
    assert!(later.is_empty());
}
