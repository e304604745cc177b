//! What a read returns, by which kind of key, and that all readers get the same allocation.

use std::sync::Arc;
use std::thread;

use cache_core::{Cache, Freshness, Residency};

use super::*;

#[test]
fn a_new_cache_has_nothing() {
    let cache = Cache::<Shelf>::new();
    assert!(cache.get(&GetBook(1)).is_none());
    assert!(cache.peek(&GetBook(1)).is_none());
    assert!(!cache.contains(&GetBook(1)));
    assert!(cache.get_fresh(&GetQuote(1)).is_none());
    assert!(cache.get_entry(&GetText(1)).is_none());
    assert!(cache.history(&GetBook(1)).is_empty());
    assert_eq!(cache.get_all((&GetBook(1), &GetRecent(1))), (None, None));
    assert!(cache.entries::<GetBook>().is_empty());
    assert!(cache.keys::<GetRecent>().is_empty());
    assert!(cache.values::<GetBlob>().is_empty());
    assert_eq!((cache.len(), cache.count::<GetBook>(), cache.is_empty()), (0, 0, true));
    assert_eq!(cache.revision(), None);
    assert!(!cache.remove(&GetBook(1)));
    assert!(!cache.touch(&GetBook(1)));
    assert!(!cache.invalidate(&GetBook(1)));
    assert_eq!(cache.reap(), 0);
    cache.clear();
    assert!(cache.is_empty());
}

#[test]
fn a_hit_is_the_same_allocation_until_the_entry_is_replaced() {
    let cache = Cache::<Shelf>::new();
    let first = cache.insert(GetBook(1), book("first"));
    assert!(Arc::ptr_eq(&first, &cache.get(&GetBook(1)).unwrap()));
    assert!(Arc::ptr_eq(&first, &cache.get(&GetBook(1)).unwrap()));
    assert!(Arc::ptr_eq(&first, &cache.peek(&GetBook(1)).unwrap()));
    assert!(Arc::ptr_eq(&first, cache.get_entry(&GetBook(1)).unwrap().value()));
    assert!(Arc::ptr_eq(&first, &cache.get_fresh(&GetBook(1)).unwrap()));
    assert!(Arc::ptr_eq(&first, &cache.get_all((&GetBook(1),)).0.unwrap()));
    assert!(Arc::ptr_eq(&first, &cache.values::<GetBook>()[0]));

    let mut tx = cache.begin();
    let second = tx.set(GetBook(1), book("second"));
    assert!(Arc::ptr_eq(&first, &cache.get(&GetBook(1)).unwrap()), "not committed yet");
    tx.commit().unwrap();
    assert!(Arc::ptr_eq(&second, &cache.get(&GetBook(1)).unwrap()));
    assert_eq!(first.title, "first", "a holder of the old value keeps the old content");
}

#[test]
fn a_write_takes_an_arc_as_it_is() {
    let cache = Cache::<Shelf>::new();
    let value = Arc::new(book("shared"));
    assert!(Arc::ptr_eq(&value, &cache.insert(GetBook(1), Arc::clone(&value))));
    cache.insert(GetTwin(1), Arc::clone(&value));
    assert!(Arc::ptr_eq(&cache.get(&GetBook(1)).unwrap(), &cache.get(&GetTwin(1)).unwrap()));
}

#[test]
fn iteration_yields_each_entry_once_and_the_same_twice() {
    let cache = Cache::<Shelf>::new();
    cache.insert(GetBook(1), book("one"));
    cache.insert(GetBook(2), book("two"));
    cache.insert(GetTwin(3), book("of another table"));
    let read = || {
        let entries = cache.entries::<GetBook>();
        sorted(entries.iter().map(|entry| (entry.key().0, entry.value().title.clone())))
    };
    assert_eq!(read(), [(1, "one".to_owned()), (2, "two".to_owned())]);
    assert_eq!(read(), read());
    assert_eq!(sorted(cache.keys::<GetBook>().iter().map(|key| key.0)), [1, 2]);
    assert_eq!(sorted(cache.values::<GetBook>().iter().map(|value| value.title.clone())), ["one", "two"]);
    for entry in cache.entries::<GetBook>() {
        let state = entry.state();
        assert_eq!((state.residency, state.freshness), (Residency::Resident, Freshness::Fresh));
        assert_eq!((state.is_expired, state.remaining, state.weight), (false, None, 1));
        assert_eq!(entry.revision(), cache.get_entry(entry.key()).unwrap().revision());
    }
    assert_eq!((cache.count::<GetBook>(), cache.len()), (2, 3));
}

#[test]
fn iteration_shows_survivors_and_says_so() {
    let cache = Cache::<Shelf>::new();
    let held = cache.insert(GetOne(1), 10);
    cache.insert(GetOne(2), 20);
    let entries = cache.entries::<GetOne>();
    let residency =
        |key| entries.iter().find(|entry| *entry.key() == GetOne(key)).map(|entry| entry.residency());
    assert_eq!(residency(1), Some(Residency::Survivor));
    assert_eq!(residency(2), Some(Residency::Resident));
    assert_eq!(cache.len(), 2);
    drop((entries, held));
    assert_eq!(cache.keys::<GetOne>(), [GetOne(2)]);
    assert_eq!(cache.len(), 1);
}

#[test]
fn equal_keys_of_two_queries_are_two_entries() {
    let cache = Cache::<Shelf>::new();
    cache.insert(GetBook(7), book("book"));
    cache.insert(GetTwin(7), book("twin"));
    assert_eq!(cache.get(&GetBook(7)).unwrap().title, "book");
    assert_eq!(cache.get(&GetTwin(7)).unwrap().title, "twin");
    assert!(cache.remove(&GetBook(7)));
    assert!(cache.get(&GetBook(7)).is_none());
    assert!(cache.get(&GetTwin(7)).is_some());
}

#[test]
fn two_instances_of_a_generic_query_are_two_tables() {
    let cache = Cache::<Shelf>::new();
    cache.insert(Page::<1>(7), 1);
    cache.insert(Page::<2>(7), 2);
    assert_eq!((*cache.get(&Page::<1>(7)).unwrap(), *cache.get(&Page::<2>(7)).unwrap()), (1, 2));
    assert_eq!(table(&cache, "page<1>").residents, 1);
    assert_eq!(table(&cache, "second_page").residents, 1);
}

#[test]
fn keys_with_the_same_hash_are_distinguished() {
    let cache = Cache::<Shelf>::new();
    for n in 0..64 {
        cache.insert(Colliding(n), n * 10);
    }
    for n in 0..64 {
        assert_eq!(*cache.get(&Colliding(n)).unwrap(), n * 10);
    }
    assert!(cache.get(&Colliding(64)).is_none());
    assert!(cache.remove(&Colliding(3)));
    assert!(!cache.remove(&Colliding(3)));
    cache.insert(Colliding(4), 41);
    cache.insert_timed(Colliding(5), 51, cache_core::EntryTimes::new().ttl(SECOND));
    let pinned = cache.pin(&Colliding(6));
    assert!(cache.invalidate(&Colliding(7)));
    assert_eq!(cache.get(&Colliding(3)), None);
    assert_eq!(*cache.get(&Colliding(4)).unwrap(), 41);
    assert_eq!(*cache.get(&Colliding(5)).unwrap(), 51);
    assert_eq!(*pinned.get().unwrap(), 60);
    assert!(cache.get_fresh(&Colliding(7)).is_none());
    assert!(cache.get_fresh(&Colliding(8)).is_some());
    let mut tx = cache.begin();
    for n in 8..30 {
        tx.set(Colliding(n), n * 100);
    }
    assert!(tx.remove(&Colliding(30)));
    assert_eq!(*tx.get(&Colliding(20)).unwrap(), 2000);
    tx.commit().unwrap();
    assert_eq!(*cache.get(&Colliding(29)).unwrap(), 2900);
    assert_eq!(cache.get(&Colliding(30)), None);
    assert_eq!(*cache.get(&Colliding(31)).unwrap(), 310);
    assert_eq!(*cache.get_or_insert_with(&Colliding(30), || 7_u32), 7);
    for n in 1_000..2_000 {
        cache.insert(Colliding(n), n);
    }
    assert_eq!(table(&cache, "colliding").residents, 64);
    assert_eq!(*pinned.get().unwrap(), 60, "not mistaken for another key of its hash");
}

#[test]
fn a_borrowed_key_finds_what_the_owned_one_finds() {
    let cache = Cache::<Shelf>::new();
    let key = GetByName { name: "ada".to_owned() };
    let written = cache.insert(key.clone(), 36);
    let by_name = GetByNameRef { name: "ada" };
    assert!(Arc::ptr_eq(&written, &cache.get(&by_name).unwrap()));
    assert!(Arc::ptr_eq(&written, &cache.peek(&by_name).unwrap()));
    assert!(Arc::ptr_eq(&written, &cache.get_fresh(&by_name).unwrap()));
    assert_eq!(*cache.get_entry(&by_name).unwrap().key(), key);
    assert!(cache.history(&by_name).is_empty());
    assert!(cache.touch(&by_name));
    assert!(cache.invalidate(&by_name));
    assert!(cache.get_fresh(&key).is_none());
    assert_eq!(cache.get_all((&by_name, &key)), (Some(Arc::clone(&written)), Some(written)));
    assert!(cache.get(&GetByNameRef { name: "bob" }).is_none());
    let mut tx = cache.begin();
    assert_eq!(tx.get(&by_name).as_deref(), Some(&36));
    tx.set(key.clone(), 37);
    assert_eq!(tx.get(&by_name).as_deref(), Some(&37));
    assert_eq!(tx.committed(&by_name).as_deref(), Some(&36));
    let receipt = tx.commit().unwrap();
    assert_eq!(receipt.get(&by_name).map(|value| **value), Some(37));
    assert!(cache.remove(&by_name));
    assert!(cache.get(&key).is_none());
}

#[test]
fn all_handles_are_one_cache() {
    let cache = Cache::<Shelf>::new();
    let other = cache.clone();
    let written = cache.insert(GetBook(1), book("one"));
    let read = thread::spawn(move || {
        other.insert(GetBook(2), book("two"));
        other.get(&GetBook(1)).unwrap()
    });
    assert!(Arc::ptr_eq(&written, &read.join().unwrap()));
    assert_eq!(cache.get(&GetBook(2)).unwrap().title, "two");
}

#[test]
fn two_caches_of_one_registry_are_apart() {
    let (one, other) = (Cache::<Shelf>::new(), Cache::<Shelf>::new());
    one.insert(GetBook(1), book("one"));
    assert!(other.get(&GetBook(1)).is_none());
}

#[test]
fn values_are_plain_arcs_in_the_signatures_of_the_program() {
    fn text(cache: &Cache<Shelf>, key: &GetText) -> Option<Arc<str>> {
        cache.get(key)
    }
    fn books(cache: &Cache<Shelf>) -> Vec<(GetBook, Arc<Book>)> {
        cache.entries().into_iter().map(cache_core::Entry::into_parts).collect()
    }
    let cache = Cache::<Shelf>::new();
    let held: Arc<str> = cache.insert(GetText(1), "an unsized value");
    assert!(Arc::ptr_eq(&held, &text(&cache, &GetText(1)).unwrap()));
    let _: Arc<str> = cache.insert(GetText(2), "owned".to_owned());
    cache.insert(GetBook(1), book("one"));
    assert_eq!(books(&cache), [(GetBook(1), Arc::new(book("one")))]);
}

#[test]
fn hits_and_misses_are_counted_by_get_and_not_by_peek_or_contains() {
    let cache = Cache::<Shelf>::new();
    assert!(cache.get(&GetBook(1)).is_none());
    cache.insert(GetBook(1), book("one"));
    for _ in 0..3 {
        assert!(cache.get(&GetBook(1)).is_some());
        assert!(cache.peek(&GetBook(1)).is_some());
        assert!(cache.contains(&GetBook(1)));
    }
    assert!(cache.get(&GetBook(2)).is_none());
    assert!(cache.peek(&GetBook(2)).is_none());
    assert!(!cache.contains(&GetBook(2)));
    let report = table(&cache, "get_book");
    assert_eq!((report.hits, report.misses), (3, 2));
    assert_eq!(report.hit_ratio(), Some(0.6));
}

#[test]
fn a_report_on_entries_names_keys_and_no_values() {
    let cache = Cache::<Shelf>::new();
    cache.insert(GetBook(42), book("a secret"));
    for text in [
        cache.inspect_entries().to_string(),
        format!("{:?}", cache.entries::<GetBook>()),
        serde_json::to_string(&cache.inspect_entries()).unwrap(),
    ] {
        assert!(text.contains("GetBook(42)"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
    assert!(!format!("{cache:?}").contains("secret"));
}

#[test]
fn clear_empties_every_table_and_all_that_belongs_to_an_entry() {
    let (cache, _) = shelf();
    cache.insert(GetBook(1), book("old"));
    cache.insert(GetBook(1), book("new"));
    let held = cache.insert(GetOne(1), 10);
    cache.insert(GetOne(2), 20);
    let dead = cache.insert(GetText(1), "dead and not reaped");
    drop(dead);
    let text = cache.insert(GetText(2), "held");
    cache.insert(GetQuote(1), 1);
    cache.insert(GetRecent(1), 1);
    assert_eq!(cache.history(&GetBook(1)).len(), 1);
    let before = cache.revision();

    cache.clear();
    assert!(cache.revision() > before, "it is a commit");
    assert!(cache.get(&GetBook(1)).is_none());
    assert!(cache.history(&GetBook(1)).is_empty());
    assert!(cache.get(&GetOne(1)).is_none(), "though its value is still held");
    assert!(cache.get(&GetOne(2)).is_none());
    assert!(cache.get(&GetText(1)).is_none() && cache.get(&GetText(2)).is_none());
    assert!(cache.get(&GetQuote(1)).is_none() && cache.get(&GetRecent(1)).is_none());
    assert_eq!(cache.len(), 0);
    for table in cache.inspect().tables {
        assert_eq!((table.live(), table.dead, table.weight), (0, 0, 0), "{}", table.name);
    }
    assert_eq!(cache.reap(), 0);
    assert_eq!((*held, &*text), (10, "held"));

    cache.insert(GetBook(1), book("newest"));
    assert!(cache.history(&GetBook(1)).is_empty());
    for n in 1..=1_000 {
        cache.insert(GetBook(n), book("full"));
    }
    assert_eq!(table(&cache, "get_book").residents, 1_000, "the whole capacity is free again");
}
