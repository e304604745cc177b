//! Saves that copy entries while others change them: each entry has the state at its revision.
//!
//! In a model, a save copies one entry at a time, and takes the queues of a table of four entries in pieces.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::Weak;

use cache_model::{Cache, Freshness, Query, Shape, registry};
use serde::{Deserialize, Serialize};

use crate::{check, together};

/// A table with the default policy, in one shard.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u64, capacity = 5, persist)]
pub struct Queued(u64);

/// A table with the default policy, in two shards.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u64, capacity = 512, persist)]
pub struct Spread(u64);

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u64, lru = 3, persist)]
pub struct Ordered(u64);

/// A key that cannot be cloned for some time.
#[derive(Query, Shape, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u64, lru = 3, persist)]
pub struct Fragile(u64);

thread_local! {
    /// All tasks of a model run on one thread.
    static IS_FRAGILE: Cell<bool> = const { Cell::new(false) };
}

impl Clone for Fragile {
    fn clone(&self) -> Self {
        if IS_FRAGILE.get() {
            resume_unwind(Box::new("the key cannot be cloned"));
        }
        Self(self.0)
    }
}

registry! {
    pub struct Shelves {
        crate::saving_under_writes::Queued,
        crate::saving_under_writes::Spread,
        crate::saving_under_writes::Ordered,
        crate::saving_under_writes::Fragile,
    }
}

type Store = Cache<Shelves>;

/// Keys with the names of their tables, and values.
type Content = BTreeMap<(&'static str, u64), u64>;

/// The steps of a writer, each with one revision.
#[derive(Clone, Copy)]
enum Step {
    Queue(u64, u64),
    Spread(u64, u64),
    Order(u64, u64),
    Unqueue(u64),
    Both(u64, u64),
    Clear,
}

impl Step {
    fn run(self, store: &Store) {
        match self {
            Self::Queue(key, value) => drop(store.insert(Queued(key), value)),
            Self::Spread(key, value) => drop(store.insert(Spread(key), value)),
            Self::Order(key, value) => drop(store.insert(Ordered(key), value)),
            Self::Unqueue(key) => assert!(store.remove(&Queued(key))),
            Self::Both(key, value) => {
                let mut tx = store.begin();
                tx.set(Queued(key), value);
                tx.set(Spread(key), value);
                tx.commit().unwrap();
            }
            Self::Clear => store.clear(),
        }
    }
}

fn filled() -> Store {
    let store = Store::new();
    for key in 0..4 {
        Step::Queue(key, key).run(&store);
        Step::Spread(key, key).run(&store);
    }
    for key in 0..3 {
        Step::Order(key, key).run(&store);
    }
    // Leaves a line vacant.
    assert!(store.remove(&Ordered(1)));
    store
}

fn content(store: &Store) -> Content {
    let mut content = Content::new();
    for entry in store.entries::<Queued>() {
        content.insert(("queued", entry.key().0), **entry.value());
    }
    for entry in store.entries::<Spread>() {
        content.insert(("spread", entry.key().0), **entry.value());
    }
    for entry in store.entries::<Ordered>() {
        content.insert(("ordered", entry.key().0), **entry.value());
    }
    content
}

/// The content at each revision, from that of a filled store on.
fn history(steps: &[Step]) -> BTreeMap<u64, Content> {
    let store = filled();
    let revision = |store: &Store| store.revision().map_or(0, |revision| revision.get());
    let mut history = BTreeMap::from([(revision(&store), content(&store))]);
    for step in steps {
        step.run(&store);
        history.insert(revision(&store), content(&store));
    }
    history
}

/// The revision of a save, and its content.
fn saved(store: &Store) -> (u64, Content) {
    let mut bytes = Vec::new();
    store.save_to(&mut bytes).unwrap();
    (u64::from_le_bytes(bytes[32..40].try_into().unwrap()), restored(&bytes))
}

fn restored(bytes: &[u8]) -> Content {
    let later = Store::new();
    later.restore_from(bytes).unwrap();
    content(&later)
}

fn part(store: &Store, run: impl FnOnce(Store) + Send + 'static) -> Box<dyn FnOnce() + Send> {
    let store = store.clone();
    Box::new(move || run(store))
}

/// One writer and one save at once.
fn check_steps(steps: &'static [Step]) {
    let history = Arc::new(std::sync::Mutex::new(None));
    check(move || {
        let history =
            Arc::clone(history.lock().unwrap().get_or_insert_with(|| Arc::new(self::history(steps))));
        let store = filled();
        together(vec![
            part(&store, |store| steps.iter().for_each(|step| step.run(&store))),
            part(&store, move |store| {
                let (revision, content) = saved(&store);
                assert_eq!(content, history[&revision], "at revision {revision}");
            }),
        ]);
    });
}

#[test]
fn entries_that_are_replaced_or_removed_are_saved_as_they_were() {
    check_steps(&[
        Step::Queue(3, 13),
        Step::Unqueue(2),
        Step::Queue(2, 12),
        Step::Spread(1, 11),
        Step::Order(0, 10),
    ]);
}

#[test]
fn entries_that_are_evicted_are_saved_and_those_in_their_lines_are_not() {
    check_steps(&[Step::Queue(4, 4), Step::Queue(5, 5), Step::Order(5, 5), Step::Queue(5, 15)]);
}

#[test]
fn a_commit_is_saved_whole_or_not_at_all_while_entries_are_copied() {
    check_steps(&[Step::Both(1, 11), Step::Both(3, 13), Step::Both(1, 21)]);
}

#[test]
fn what_is_cleared_is_saved_and_what_comes_after_is_not() {
    check_steps(&[Step::Queue(1, 11), Step::Clear, Step::Queue(1, 21), Step::Spread(1, 21)]);
}

#[test]
fn saves_at_once_have_each_the_state_at_its_revision() {
    const STEPS: [Step; 3] = [Step::Queue(1, 11), Step::Unqueue(0), Step::Spread(2, 12)];
    let history = Arc::new(std::sync::Mutex::new(None));
    check(move || {
        let history =
            Arc::clone(history.lock().unwrap().get_or_insert_with(|| Arc::new(self::history(&STEPS))));
        let store = filled();
        let mut parts = vec![part(&store, |store| STEPS.iter().for_each(|step| step.run(&store)))];
        for _ in 0..2 {
            let history = Arc::clone(&history);
            parts.push(part(&store, move |store| {
                let (revision, content) = saved(&store);
                assert_eq!(content, history[&revision], "at revision {revision}");
            }));
        }
        together(parts);
    });
}

#[test]
fn entries_whose_pins_come_and_go_are_each_saved_once() {
    check(|| {
        let store = filled();
        let before = content(&store);
        let pins = (store.pin(&Queued(1)), store.pin(&Ordered(0)));
        together(vec![
            part(&store, move |_| drop(pins)),
            part(&store, |store| drop((store.pin(&Queued(2)), store.pin(&Ordered(2))))),
            part(&store, move |store| {
                let mut bytes = Vec::new();
                let report = store.save_to(&mut bytes).unwrap();
                assert_eq!(report.entries(), before.len() as u64);
                assert_eq!(restored(&bytes), before);
            }),
        ]);
    });
}

#[test]
fn a_mark_is_saved_if_it_came_before_the_write_that_is_saved() {
    check(|| {
        let store = filled();
        together(vec![
            part(&store, |store| {
                assert!(store.invalidate(&Queued(1)));
                Step::Spread(1, 11).run(&store);
                assert!(store.invalidate(&Queued(2)));
            }),
            part(&store, |store| {
                let mut bytes = Vec::new();
                store.save_to(&mut bytes).unwrap();
                let later = Store::new();
                later.restore_from(&bytes[..]).unwrap();
                let is_marked =
                    |key| later.get_entry(&Queued(key)).unwrap().freshness() == Freshness::Invalidated;
                let is_written = *later.get(&Spread(1)).unwrap() == 11;
                assert!(is_marked(1) || !is_written, "a mark has been lost");
                assert!(is_written || !is_marked(2), "a later mark was saved");
            }),
        ]);
    });
}

/// Accepts this many bytes, and no more.
struct Short(usize);

impl Write for Short {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_save_that_fails_releases_everything_that_was_put_aside() {
    check(|| {
        let store = filled();
        let values = (0..4).map(|key| Arc::downgrade(&store.get(&Queued(key)).unwrap()));
        let values: Vec<Weak<u64>> = values.collect();
        together(vec![
            part(&store, |store| {
                for key in 0..4 {
                    Step::Queue(key, 10 + key).run(&store);
                }
            }),
            part(&store, |store| drop(store.save_to(Short(200)).unwrap_err())),
        ]);
        assert!(values.iter().all(|value| value.strong_count() == 0));
        let (_, content) = saved(&store);
        assert_eq!(content, self::content(&store));
    });
}

#[test]
fn a_save_has_an_entry_whose_key_could_not_be_put_aside_or_it_panics() {
    check(|| {
        let store = Store::new();
        store.insert(Fragile(1), 1);
        together(vec![
            part(&store, |store| {
                IS_FRAGILE.set(true);
                store.insert(Fragile(1), 2);
                IS_FRAGILE.set(false);
            }),
            part(&store, |store| {
                let mut bytes = Vec::new();
                match catch_unwind(AssertUnwindSafe(|| store.save_to(&mut bytes))) {
                    Ok(report) => assert_eq!(report.unwrap().entries(), 1),
                    Err(panic) => assert_eq!(panic.downcast_ref(), Some(&"the key cannot be cloned")),
                }
            }),
        ]);
    });
}
