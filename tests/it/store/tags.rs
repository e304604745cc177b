//! Tags of single entries: a tag finds all entries that have it, wherever they came from, and no others.

use std::collections::HashSet;
use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;

use cache_core::{ChangeKind, Freshness, Holds, Shape, Tag, TagsOf, Writable};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;

/// The view of an article by one viewer.
macro_rules! views {
    ($($name:ident { $($option:tt)* })*) => {$(
        #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[query(value = u32, persist, tags_of = tags, $($option)*)]
        pub struct $name {
            pub article: u32,
            pub viewer: u32,
        }

        impl View for $name {
            fn new(article: u32, viewer: u32) -> Self {
                Self { article, viewer }
            }

            fn article(&self) -> u32 {
                self.article
            }

            fn viewer(&self) -> u32 {
                self.viewer
            }
        }
    )*};
}

trait View: Query<Value = u32> {
    fn new(article: u32, viewer: u32) -> Self;
    fn article(&self) -> u32;
    fn viewer(&self) -> u32;
}

fn tags(view: &impl View) -> [Tag; 2] {
    [Tag::new("article", view.article()), Tag::new("viewer", view.viewer())]
}

views! {
    GetView { capacity = 1_000 }
    GetFew { capacity = 5 }
    GetLast { lru = 5 }
    GetTimed { ttl = "5s" }
    GetWeak { fresh = "1h" }
    GetHeavy { max_weight = 20, weigh = weight }
}

fn weight(view: &GetHeavy, _: &u32) -> u32 {
    view.article * 5
}

/// All have the tag "views", those of even keys also as one of their own.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, capacity = 100, tags("all", "views"), tags_of = GetBoth::tags)]
pub struct GetBoth(pub u32);

impl GetBoth {
    fn tags(&self) -> Option<Tag> {
        self.0.is_multiple_of(2).then(|| Tag::from("even"))
    }
}

/// Implemented by hand. Has as many tags as its number says, some of them twice.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GetMany(pub u32);

impl Query for GetMany {
    type Value = u32;
    const NAME: &'static str = "many";
    const TAGS_OF: Option<TagsOf<Self>> =
        Some(|query, add| (0..query.0).for_each(|tag| add(Tag::new("below", tag / 2 * 2))));
}

impl Writable for GetMany {}

registry! {
    pub struct Views {
        crate::store::tags::GetView,
        crate::store::tags::GetFew,
        crate::store::tags::GetLast,
        crate::store::tags::GetTimed,
        crate::store::tags::GetWeak,
        crate::store::tags::GetHeavy,
        crate::store::tags::GetBoth,
        crate::store::tags::GetMany,
        crate::store::marks::GetPlain,
    }
}

fn cache() -> (Cache<Views>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (Cache::builder().clock(Arc::clone(&clock)).build().unwrap(), clock)
}

/// Returns a cache with three viewers of each of four articles.
fn viewed() -> Cache<Views> {
    let (cache, _) = cache();
    for key in 0..12 {
        cache.insert(GetView::new(key / 3, key % 3), key);
    }
    cache
}

fn article(id: u32) -> Tag {
    Tag::new("article", id)
}

fn marked<Q: Query>(cache: &Cache<Views>) -> HashSet<Q>
where
    Views: Holds<Q>,
{
    let entries = cache.entries::<Q>().into_iter();
    let marked = entries.filter(|entry| entry.freshness() == Freshness::Invalidated);
    marked.map(|entry| entry.key().clone()).collect()
}

fn views_of(article: u32) -> HashSet<GetView> {
    (0..3).map(|viewer| GetView::new(article, viewer)).collect()
}

#[track_caller]
fn report(cache: &Cache<Views>, name: &str) -> TableReport {
    cache.inspect().tables.into_iter().find(|table| table.name == name).expect("a table")
}

#[test]
fn a_tag_marks_the_entries_that_have_it_and_no_others() {
    let cache = viewed();
    cache.insert(GetFew::new(2, 9), 1);
    assert_eq!(cache.invalidate_tag(article(2)), 4);
    assert_eq!(marked::<GetView>(&cache), views_of(2));
    assert_eq!(marked::<GetFew>(&cache), [GetFew::new(2, 9)].into());
    assert_eq!(cache.invalidate_tag(Tag::new("viewer", 1)), 4);
    assert_eq!(cache.invalidate_tag(article(7)), 0);
    assert_eq!(cache.invalidate_tag("article"), 0, "a name without a key is a different tag");
    cache.insert(GetView::new(2, 0), 1);
    assert!(cache.get_fresh(&GetView::new(2, 0)).is_some(), "a write clears the mark");
    assert_eq!(GetView::new(2, 0).tags_of(), [article(2), Tag::new("viewer", 0)]);
}

#[test]
fn tags_of_queries_and_of_entries_are_one_kind_of_tag() {
    let (cache, _) = cache();
    (0..10).for_each(|key| _ = cache.insert(GetBoth(key), key));
    assert_eq!(cache.invalidate_tag("even"), 5);
    assert_eq!(marked::<GetBoth>(&cache).len(), 5);
    assert_eq!(cache.invalidate_tag(String::from("views")), 10);
    let all = Tag::from("all");
    assert_eq!(cache.invalidate_tag(&all), 10);
    cache.insert(GetBoth(2), 2);
    let mut tx = cache.begin();
    tx.invalidate_tag("even");
    tx.invalidate_tag("all");
    tx.commit().unwrap();
    assert!(cache.get_fresh(&GetBoth(2)).is_none());
}

#[test]
fn an_entry_may_have_no_tag_many_or_one_twice() {
    let (cache, _) = cache();
    let held: Vec<_> = (0..12).map(|key| cache.insert(GetMany(key), key)).collect();
    assert_eq!(cache.invalidate_tag(Tag::new("below", 0)), 11);
    assert_eq!(cache.invalidate_tag(Tag::new("below", 10)), 1);
    assert_eq!(report(&cache, "many").indexed_tags, (0..12).map(|key: usize| key.div_ceil(2)).sum::<usize>());
    drop(held);
    cache.reap();
    assert_eq!(report(&cache, "many").indexed_tags, 0);
}

#[test]
fn a_transaction_marks_with_a_tag_what_it_does_not_write() {
    let cache = viewed();
    cache.insert(GetFew::new(2, 9), 1);
    let before = cache.revision().unwrap().get();
    let mut tx = cache.begin();
    tx.invalidate_tag(article(2));
    tx.set(GetView::new(2, 1), 100);
    tx.remove(&GetView::new(2, 2));
    tx.set(GetView::new(2, 5), 100);
    assert_eq!(marked::<GetView>(&cache), HashSet::new(), "not before the commit");
    assert_eq!(tx.writes().len(), 3);
    tx.commit().unwrap();
    assert_eq!(cache.revision().unwrap().get(), before + 1);
    assert_eq!(marked::<GetView>(&cache), [GetView::new(2, 0)].into());
    assert_eq!(marked::<GetFew>(&cache), [GetFew::new(2, 9)].into(), "also in tables that it does not write");
    assert_eq!(cache.invalidate_tag(article(2)), 4, "what it wrote has its tag");

    let mut tx = cache.begin();
    tx.invalidate_tag(article(3));
    assert_eq!(tx.commit().unwrap().revision(), None, "marks have no revision");
    assert!(marked::<GetView>(&cache).is_superset(&views_of(3)));
}

#[test]
fn listeners_receive_each_entry_that_a_tag_marks() {
    for is_transaction in [false, true] {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&heard);
        let cache = Cache::<Views>::builder()
            .after_commit(move |change| {
                told.lock().extend(change.of::<GetView>().map(|(key, _)| (key.clone(), change.kind())))
            })
            .build()
            .unwrap();
        for key in 0..12 {
            cache.insert(GetView::new(key / 3, key % 3), key);
        }
        heard.lock().clear();
        let _watch = cache.watch(&GetView::new(2, 1));
        match is_transaction {
            true => {
                let mut tx = cache.begin();
                tx.invalidate_tag(article(2));
                tx.invalidate_tag(Tag::new("viewer", 1));
                tx.commit().unwrap();
            }
            false => _ = cache.invalidate_tag(article(2)),
        }
        let heard = heard.lock();
        assert!(heard.iter().all(|(_, kind)| *kind == ChangeKind::Invalidated));
        let keys: HashSet<GetView> = heard.iter().map(|(key, _)| key.clone()).collect();
        assert_eq!((keys.len(), heard.len()), if is_transaction { (6, 6) } else { (3, 3) });
        assert!(keys.is_superset(&views_of(2)));
    }
}

/// Marks a load of an absent key in each way to name a tag, and returns whether it was stored as fresh.
fn fresh_after_loads(key: &GetView) -> [bool; 3] {
    let (cache, _) = cache();
    let by_cache = || _ = cache.invalidate_tag(article(2));
    let by_transaction = || {
        let mut tx = cache.begin();
        tx.invalidate_tag(article(2));
        tx.commit().unwrap();
    };
    let by_one_that_writes = || {
        let mut tx = cache.begin();
        tx.set(GetView::new(9, 9), 9);
        tx.invalidate_tag(article(2));
        tx.commit().unwrap();
    };
    let ways: [&(dyn Fn() + Sync); 3] = [&by_cache, &by_transaction, &by_one_that_writes];
    ways.map(|way| {
        cache.remove(key);
        let loaded = cache.get_or_insert_with(key, || {
            thread::scope(|scope| _ = scope.spawn(way));
            7_u32
        });
        assert_eq!(*loaded, 7, "the caller gets what it has loaded");
        cache.get_fresh(key).is_some()
    })
}

#[test]
fn loads_of_absent_keys_with_the_tag_are_not_stored_as_fresh_and_others_are() {
    assert_eq!(fresh_after_loads(&GetView::new(2, 1)), [false; 3]);
    assert_eq!(fresh_after_loads(&GetView::new(3, 1)), [true; 3]);
}

#[test]
fn watches_of_keys_with_the_tag_are_overtaken_and_rung() {
    let (cache, _) = cache();
    let called = Arc::new(AtomicUsize::new(0));
    let watch_with = |key| {
        let called = Arc::clone(&called);
        cache.watch_with(&key, move || _ = called.fetch_add(1, Ordering::SeqCst))
    };
    for way in 0..2 {
        let (meant, other) = (watch_with(GetView::new(2, 1)), watch_with(GetView::new(3, 1)));
        match way {
            0 => _ = cache.invalidate_tag(article(2)),
            _ => {
                let mut tx = cache.begin();
                tx.invalidate_tag(article(2));
                tx.commit().unwrap();
            }
        }
        assert_eq!((meant.is_overtaken(), meant.is_replaced(), other.is_overtaken()), (true, false, false));
        assert_eq!(called.swap(0, Ordering::SeqCst), 1);
    }
}

#[test]
fn what_is_restored_has_its_tags() {
    let cache = viewed();
    cache.insert(GetLast::new(2, 9), 1);
    let mut bytes = Vec::new();
    cache.save_to(&mut bytes).unwrap();
    let (restored, _) = self::cache();
    restored.restore_from(&bytes[..]).unwrap();
    assert_eq!(report(&restored, "get_view").indexed_tags, 24);
    assert_eq!(restored.invalidate_tag(article(2)), 4);
    assert_eq!(marked::<GetView>(&restored), views_of(2));
    // Over the present entries.
    cache.restore_from(&bytes[..]).unwrap();
    assert_eq!(report(&cache, "get_view").indexed_tags, 24);
    assert_eq!(cache.invalidate_tag(article(1)), 3);
}

#[test]
fn tags_follow_entries_that_are_given_new_numbers() {
    let (cache, _) = cache();
    let mut held: Vec<_> = (0..40_000).map(|key| cache.insert(GetWeak::new(key % 100, key), key)).collect();
    assert_eq!(report(&cache, "get_weak").indexed_tags, 80_000);
    // Shards give memory back when most of their slots are vacant.
    held.retain(|key| **key % 40 == 2);
    cache.reap();
    assert_eq!((report(&cache, "get_weak").live(), report(&cache, "get_weak").indexed_tags), (1_000, 2_000));
    assert_eq!(cache.invalidate_tag(article(42)), 200);
    assert_eq!(cache.invalidate_tag(article(41)), 0);
    assert!(marked::<GetWeak>(&cache).iter().all(|view| view.article == 42));
}

#[test]
fn tables_without_tags_of_entries_index_nothing() {
    let (cache, _) = cache();
    (0..100).for_each(|key| _ = cache.insert(super::marks::GetPlain(key), key));
    assert_eq!(report(&cache, "get_plain").indexed_tags, 0);
    assert_eq!(cache.invalidate_tag(Tag::new("article", 1)), 0);
}

/// Panics, or uses the cache, while it lists its tags.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u32, capacity = 100, persist, tags_of = GetOdd::tags)]
pub struct GetOdd(pub u32);

static ODD: OnceLock<Cache<Odd>> = OnceLock::new();
static CALLS: AtomicUsize = AtomicUsize::new(0);

impl GetOdd {
    fn tags(&self) -> Vec<Tag> {
        assert_ne!(self.0, 13, "listing the tags panics");
        if let Some(cache) = ODD.get() {
            CALLS.fetch_add(1, Ordering::SeqCst);
            let _ = cache.get(self);
            cache.touch(self);
            let mut tx = cache.begin();
            tx.set(super::marks::GetPlain(self.0), 1);
            tx.commit().unwrap();
        }
        vec![Tag::from("odd")]
    }
}

registry! {
    pub struct Odd { crate::store::tags::GetOdd, crate::store::marks::GetPlain }
}

#[test]
fn what_says_the_tags_runs_without_locks() {
    in_time(|| {
        let cache = ODD.get_or_init(Cache::new);
        let lists_tags = |work: &dyn Fn()| {
            CALLS.store(0, Ordering::SeqCst);
            work();
            assert!(CALLS.load(Ordering::SeqCst) > 0);
        };
        lists_tags(&|| _ = cache.insert(GetOdd(1), 1));
        lists_tags(&|| _ = cache.get_or_insert_with(&GetOdd(2), || 2_u32));
        lists_tags(&|| {
            let mut tx = cache.begin();
            tx.set(GetOdd(3), 3);
            tx.merge_with(GetOdd(4), |_| 4);
            tx.commit().unwrap();
        });
        let _watch = cache.watch(&GetOdd(5));
        lists_tags(&|| assert_eq!(cache.invalidate_tag("odd"), 4));
        lists_tags(&|| {
            let mut tx = cache.begin();
            tx.set(GetOdd(1), 3);
            tx.invalidate_tag("odd");
            tx.commit().unwrap();
        });
        lists_tags(&|| {
            let mut tx = cache.begin();
            tx.invalidate_tag("odd");
            tx.commit().unwrap();
        });
        let mut bytes = Vec::new();
        cache.save_to(&mut bytes).unwrap();
        lists_tags(&|| drop(cache.restore_from(&bytes[..]).unwrap()));
    });
}

#[test]
fn a_panic_while_the_tags_are_listed_changes_nothing() {
    let cache = Cache::<Odd>::new();
    let panics = |work: &dyn Fn()| {
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err());
    };
    panics(&|| _ = cache.insert(GetOdd(13), 1));
    panics(&|| {
        let mut tx = cache.begin();
        tx.set(GetOdd(1), 1);
        tx.set(GetOdd(13), 1);
        tx.commit().unwrap();
    });
    panics(&|| _ = cache.get_or_insert_with(&GetOdd(13), || 1_u32));
    assert_eq!(cache.len(), 0);
    let watch = cache.watch(&GetOdd(13));
    panics(&|| _ = cache.invalidate_tag("odd"));
    drop(watch);
    cache.insert(GetOdd(1), 1);
    assert_eq!(cache.invalidate_tag("odd"), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u32, u32),
    /// Writes a value and holds it until a later step drops it.
    Hold(u32, u32),
    Release,
    Remove(u32, u32),
    /// A transaction that writes one key and removes another.
    Commit((u32, u32), (u32, u32)),
    Touch(u32, u32),
    Pin(u32, u32),
    Unpin,
    Pass(u64),
    Reap,
    Clear,
    Reload,
    Invalidate(Tag),
    InvalidateByTransaction(Tag),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || (0..5_u32, 0..4_u32);
    let tag = || prop_oneof![(0..5_u32).prop_map(article), (0..4_u32).prop_map(|id| Tag::new("viewer", id))];
    let step = prop_oneof![
        8 => key().prop_map(|(article, viewer)| Step::Insert(article, viewer)),
        3 => key().prop_map(|(article, viewer)| Step::Hold(article, viewer)),
        2 => Just(Step::Release),
        3 => key().prop_map(|(article, viewer)| Step::Remove(article, viewer)),
        2 => (key(), key()).prop_map(|(one, other)| Step::Commit(one, other)),
        1 => key().prop_map(|(article, viewer)| Step::Touch(article, viewer)),
        1 => key().prop_map(|(article, viewer)| Step::Pin(article, viewer)),
        1 => Just(Step::Unpin),
        2 => (1..4_u64).prop_map(Step::Pass),
        1 => Just(Step::Reap),
        1 => Just(Step::Clear),
        1 => Just(Step::Reload),
        3 => tag().prop_map(Step::Invalidate),
        3 => tag().prop_map(Step::InvalidateByTransaction),
    ];
    prop::collection::vec(step, 0..50)
}

/// Returns the present keys, and whether each is marked.
fn present<Q: View>(cache: &Cache<Views>) -> Vec<(Q, bool)>
where
    Views: Holds<Q>,
{
    let state =
        |entry: cache_core::Entry<Q>| (entry.key().clone(), entry.freshness() == Freshness::Invalidated);
    cache.entries::<Q>().into_iter().map(state).collect()
}

/// Invalidates by a tag, and checks that this marks exactly the entries with the tag.
fn check_invalidation<Q: View>(cache: &Cache<Views>, tag: &Tag, by_transaction: bool)
where
    Views: Holds<Q>,
{
    let before = present::<Q>(cache);
    let has_tag = |key: &Q| tags(key).contains(tag);
    match by_transaction {
        true => {
            let mut tx = cache.begin();
            tx.invalidate_tag(tag);
            tx.commit().unwrap();
        }
        false => {
            let count = before.iter().filter(|(key, _)| has_tag(key)).count();
            assert_eq!(cache.invalidate_tag(tag), count, "{tag:?}");
        }
    }
    let after: HashSet<(Q, bool)> = present::<Q>(cache).into_iter().collect();
    let expected = before.into_iter().map(|(key, was_marked)| (key.clone(), was_marked || has_tag(&key)));
    assert_eq!(after, expected.collect(), "{tag:?}");
}

fn run<Q: View>(steps: Vec<Step>)
where
    Views: Holds<Q>,
{
    let (cache, clock) = cache();
    let (mut held, mut pins) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Insert(article, viewer) => drop(cache.insert(Q::new(article, viewer), 1)),
            Step::Hold(article, viewer) => held.push(cache.insert(Q::new(article, viewer), 1)),
            Step::Release => drop(held.pop()),
            Step::Remove(article, viewer) => _ = cache.remove(&Q::new(article, viewer)),
            Step::Commit((article, viewer), other) => {
                let mut tx = cache.begin();
                tx.set(Q::new(article, viewer), 2);
                tx.remove(&Q::new(other.0, other.1));
                tx.commit().unwrap();
            }
            Step::Touch(article, viewer) => _ = cache.touch(&Q::new(article, viewer)),
            Step::Pin(article, viewer) => pins.push(cache.pin(&Q::new(article, viewer))),
            Step::Unpin => drop(pins.pop()),
            Step::Pass(seconds) => clock.advance(Duration::from_secs(seconds)),
            Step::Reap => _ = cache.reap(),
            Step::Clear => cache.clear(),
            Step::Reload => {
                let mut bytes = Vec::new();
                cache.save_to(&mut bytes).unwrap();
                cache.clear();
                cache.restore_from(&bytes[..]).unwrap();
            }
            Step::Invalidate(tag) => check_invalidation::<Q>(&cache, &tag, false),
            Step::InvalidateByTransaction(tag) => check_invalidation::<Q>(&cache, &tag, true),
        }
        let table = report(&cache, cache.name_of::<Q>());
        assert_eq!(table.indexed_tags, 2 * (table.live() + table.dead), "the index has no leaks");
    }
}

proptest! {
    #[test]
    fn an_invalidation_marks_what_a_look_at_each_entry_says(steps in steps(), kind in 0..5) {
        match kind {
            0 => run::<GetFew>(steps),
            1 => run::<GetLast>(steps),
            2 => run::<GetTimed>(steps),
            3 => run::<GetWeak>(steps),
            _ => run::<GetHeavy>(steps),
        }
    }
}
