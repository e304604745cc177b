//! A transaction marks whole tables, or a part of them, together with its writes.

use cache_core::{ChangeKind, EntryTimes, Freshness, Lookup};

use super::*;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 1_000, tags("numbers"))]
pub(super) struct GetLeft(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 1_000, tags("numbers", "right"))]
pub(super) struct GetRight(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 1_000)]
pub(super) struct GetPlain(pub u32);

registry! {
    pub(super) struct Sides {
        crate::store::marks::GetLeft,
        crate::store::marks::GetRight,
        crate::store::marks::GetPlain,
    }
}

fn sides() -> Cache<Sides> {
    let cache = Cache::new();
    for key in 0..20 {
        cache.insert(GetLeft(key), key);
        cache.insert(GetRight(key), key);
        cache.insert(GetPlain(key), key);
    }
    cache
}

#[track_caller]
fn is_marked<L: Lookup>(cache: &Cache<Sides>, key: &L) -> bool
where
    Sides: cache_core::Holds<L::Query>,
{
    cache.peek_entry(key).expect("the entry is present").freshness() == Freshness::Invalidated
}

#[test]
fn a_tag_marks_all_of_its_tables_but_what_the_transaction_writes_in_one_revision() {
    let cache = sides();
    let before = cache.revision().unwrap().get();
    let mut tx = cache.begin();
    tx.set(GetRight(3), 33);
    tx.remove(&GetRight(4));
    tx.merge_with(GetLeft(5), |old| old.copied().unwrap_or_default() + 50);
    tx.invalidate_tag("right");
    tx.set(GetRight(6), 66);
    let receipt = tx.commit().unwrap();
    assert_eq!(receipt.revision(), cache.revision());
    assert_eq!(cache.revision().unwrap().get(), before + 1);
    for key in (0..20).filter(|key| *key != 4) {
        assert_eq!(is_marked(&cache, &GetRight(key)), ![3, 6].contains(&key), "{key}");
        assert!(!is_marked(&cache, &GetLeft(key)) && !is_marked(&cache, &GetPlain(key)), "{key}");
    }
    assert_eq!(cache.get(&GetRight(4)), None);
    assert_eq!(cache.get(&GetLeft(5)).as_deref(), Some(&55));
}

#[test]
fn all_queries_or_one_can_be_marked() {
    let cache = sides();
    let mut tx = cache.begin();
    tx.invalidate_query::<GetPlain>();
    tx.set(GetPlain(1), 11);
    tx.touch(&GetPlain(2));
    tx.commit().unwrap();
    assert!(
        !is_marked(&cache, &GetPlain(1))
            && !is_marked(&cache, &GetPlain(2))
            && is_marked(&cache, &GetPlain(3))
    );
    assert!(!is_marked(&cache, &GetLeft(3)));
    let mut tx = cache.begin();
    tx.invalidate_tag("left out");
    tx.commit().unwrap();
    assert!(!is_marked(&cache, &GetLeft(3)));
    let mut tx = cache.begin();
    tx.invalidate_tag("right");
    tx.invalidate_all();
    assert_eq!(tx.commit().unwrap().revision(), None, "marks have no revision");
    assert!(is_marked(&cache, &GetLeft(3)) && is_marked(&cache, &GetRight(3)));
}

#[test]
fn what_matches_is_marked_unless_the_transaction_writes_it() {
    let cache = sides();
    let mut tx = cache.begin();
    tx.set(GetLeft(2), 22);
    tx.invalidate_where::<GetLeft>(|key| key.0 % 2 == 0);
    assert!(!is_marked(&cache, &GetLeft(4)), "not before the commit");
    tx.set(GetLeft(6), 66);
    tx.commit().unwrap();
    for key in 0..20 {
        assert_eq!(is_marked(&cache, &GetLeft(key)), key % 2 == 0 && ![2, 6].contains(&key), "{key}");
    }
}

/// The next transaction of a thread reuses the memory of the one before.
#[test]
fn a_transaction_marks_nothing_of_what_one_before_it_has_marked() {
    type Mark = fn(&mut cache_core::Transaction<Sides>);
    let marks: [Mark; 4] = [
        |tx| tx.invalidate_all(),
        |tx| tx.invalidate_query::<GetLeft>(),
        |tx| tx.invalidate_tag("numbers"),
        |tx| tx.invalidate_where::<GetLeft>(|_| true),
    ];
    for mark in marks {
        let cache = sides();
        let mut tx = cache.begin();
        tx.set(GetLeft(1), 11);
        mark(&mut tx);
        tx.commit().unwrap();
        assert!(is_marked(&cache, &GetLeft(2)));
        assert!(cache.touch(&GetLeft(2)));
        let mut tx = cache.begin();
        tx.set(GetLeft(3), 13);
        tx.commit().unwrap();
        assert!(!is_marked(&cache, &GetLeft(2)));
    }
}

#[test]
fn what_is_given_up_marks_nothing() {
    let cache = sides();
    let watch = cache.watch(&GetLeft(30));
    let mut tx = cache.begin();
    tx.invalidate_tag("numbers");
    tx.invalidate_where::<GetPlain>(|_| true);
    drop(tx);
    let mut tx = cache.begin();
    assert_eq!(tx.get(&GetLeft(1)).as_deref(), Some(&1));
    tx.invalidate_all();
    cache.insert(GetLeft(1), 11);
    assert!(tx.commit().is_err(), "what it read has changed");
    assert!(!watch.is_overtaken() && !is_marked(&cache, &GetLeft(1)) && !is_marked(&cache, &GetPlain(1)));
}

/// A load that began before the mark must not look fresh after it, whenever it stores.
#[test]
fn what_is_stored_between_the_mark_and_its_commit_is_marked() {
    for marks_one in [true, false] {
        let cache = sides();
        let watch = cache.watch(&GetLeft(30));
        let mut tx = cache.begin();
        match marks_one {
            true => _ = tx.invalidate(&GetLeft(30)),
            false => tx.invalidate_where::<GetLeft>(|key| key.0 == 30),
        }
        watch.store(30, EntryTimes::new());
        tx.commit().unwrap();
        assert!(is_marked(&cache, &GetLeft(30)), "one: {marks_one}");
    }
}

#[test]
fn listeners_receive_each_mark_once() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let event_log = Arc::clone(&heard);
    let cache = Cache::<Sides>::builder()
        .after_commit(move |change| {
            event_log.lock().push((change.kind(), format!("{change:?}").contains("GetRight(1)")))
        })
        .build()
        .unwrap();
    cache.insert(GetRight(1), 1);
    cache.insert(GetRight(2), 2);
    cache.insert(GetLeft(1), 1);
    heard.lock().clear();
    let mut tx = cache.begin();
    tx.invalidate(&GetRight(1));
    tx.set(GetRight(2), 2);
    tx.invalidate_tag("numbers");
    tx.commit().unwrap();
    let marks = heard.lock().iter().filter(|(kind, _)| *kind == ChangeKind::Invalidated).count();
    assert_eq!(marks, 2, "one of each table: {:?}", heard.lock());
}

#[test]
fn a_reader_of_a_change_finds_its_flag_set() {
    let cache = sides();
    let flag = Arc::new(AtomicBool::new(false));
    let mut refused = cache.begin();
    refused.committed_flag(Arc::clone(&flag));
    refused.get(&GetLeft(1));
    cache.insert(GetLeft(1), 5);
    refused.commit().unwrap_err();
    assert!(!flag.load(Ordering::SeqCst));
    let mut tx = cache.begin();
    tx.committed_flag(Arc::clone(&flag));
    tx.commit().unwrap();
    assert!(flag.load(Ordering::SeqCst), "a commit that changes nothing sets it too");
}

#[test]
fn what_comes_between_the_mark_by_predicate_and_its_commit_is_marked_too() {
    let cache = Cache::<Sides>::new();
    let mut tx = cache.begin();
    tx.invalidate_where::<GetLeft>(|key| key.0 % 2 == 0);
    let watch = cache.watch(&GetLeft(2));
    cache.insert(GetLeft(4), 4);
    cache.insert(GetLeft(5), 5);
    cache.get_or_insert_with(&GetLeft(6), || 6_u32);
    let mut tx = Some(tx);
    cache.get_or_insert_with(&GetLeft(8), || {
        tx.take().map(|tx| tx.commit().unwrap());
        8_u32
    });
    assert!(watch.is_overtaken());
    assert!(is_marked(&cache, &GetLeft(4)) && !is_marked(&cache, &GetLeft(5)));
    assert!(is_marked(&cache, &GetLeft(6)));
    assert!(cache.get(&GetLeft(8)).is_none(), "a load that ran during the commit");
}

#[test]
fn hooks_see_what_a_predicate_marks() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let event_log = Arc::clone(&asked);
    let cache = Cache::<Sides>::builder()
        .before_commit(move |proposal| {
            let marked = proposal.of::<GetLeft>().map(|(key, _)| key.0);
            event_log.lock().extend(marked);
            Ok(())
        })
        .build()
        .unwrap();
    cache.insert(GetLeft(1), 1);
    let mut tx = cache.begin();
    tx.invalidate_where::<GetLeft>(|_| true);
    cache.insert(GetLeft(2), 2);
    tx.commit().unwrap();
    asked.lock().sort_unstable();
    assert_eq!(*asked.lock(), [1, 2]);
}
