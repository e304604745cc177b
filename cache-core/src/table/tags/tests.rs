use std::collections::HashMap;
use std::sync::Arc;

use crate::clock::ManualClock;
use crate::entry_times::EntryTimes;
use crate::erased::ErasedTable;
use crate::query::{Query, TagsOf};
use crate::shared::Shared;
use crate::table::Table;
use crate::table::head::Head;
use crate::table::watchers::{AnyWatcher, Watcher};
use crate::tag::Tag;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key(u32);

impl Query for Key {
    type Value = u32;
    const NAME: &'static str = "key";
    const TAGS_OF: Option<TagsOf<Self>> = Some(|key, add| add(tag(key.0)));
}

fn tag(id: u32) -> Tag {
    Tag::new("id", id)
}

/// Returns two keys whose tags have the same hash.
fn twins(table: &Table<Key>) -> [u32; 2] {
    let mut known = HashMap::new();
    for id in 0.. {
        if let Some(other) = known.insert(table.hash(&tag(id)), id) {
            return [other, id];
        }
    }
    unreachable!("there are more numbers than hashes")
}

#[test]
fn tags_with_one_hash_are_not_taken_for_one_another() {
    let shared = Arc::new(Shared::new(Box::new(ManualClock::new()), Vec::new(), Vec::new(), Some(7)));
    let table = Table::<Key>::new(Head::new("key", 0, Key::TAGS, Key::OPTIONS, None, shared), None);
    let [one, other] = twins(&table);
    assert_ne!(tag(one), tag(other));
    let held = [one, other].map(|id| table.insert(Key(id), Arc::new(id), &EntryTimes::new()));
    let used = table.used().unwrap();
    let watch: Arc<AnyWatcher> =
        Watcher::new(Key(other), table.hash(&Key(other)), used.notifier(None), table.shared().start_load());
    used.watch(&watch);

    assert_eq!(used.keys_by_tag(&tag(one)).len(), 2, "the index does not tell them apart");
    assert_eq!(used.invalidate_by_tag(&tag(one)), 1);
    let tagged = used.tagged(&[tag(other)]);
    assert!(tagged.len() == 1 && tagged[0].1.equals(&Key(other)));
    let marked: Vec<u32> = table
        .entries()
        .iter()
        .filter(|entry| entry.freshness() == crate::Freshness::Invalidated)
        .map(|entry| entry.key().0)
        .collect();
    assert_eq!((marked, watch.is_overtaken()), (vec![one], false));
    drop(held);
}
