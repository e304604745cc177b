//! While the gate of a save is closed, readers continue and writers wait. While it copies, encodes and
//! writes, writers continue.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use serde::{Deserializer, Serializer};

use cache_core::{Clock, Moment, TableOptions};
use cache_tests::LONGEST_WAIT;

use super::*;

/// A key whose `Clone`, which a save calls for a survivor while the gate is closed, can be made to stop.
#[derive(Query, Shape, Debug, Serialize, Deserialize)]
#[query(value = u64, capacity = 100, persist)]
pub struct GetSlowly(pub u32);

/// What `Clone` does on this thread: signals that it was called, and waits.
type Stop = Option<(Sender<()>, Receiver<()>)>;

thread_local! {
    static STOP: RefCell<Stop> = const { RefCell::new(None) };
}

impl Clone for GetSlowly {
    fn clone(&self) -> Self {
        if let Some((come, go_on)) = STOP.take() {
            come.send(()).unwrap();
            go_on.recv().unwrap();
        }
        Self(self.0)
    }
}

impl PartialEq for GetSlowly {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for GetSlowly {}

impl Hash for GetSlowly {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// A value that uses its cache while it is encoded.
#[derive(Clone, Debug, Shape)]
pub struct Busy(#[shape(opaque)] u64);

static BUSY: Mutex<Option<Cache<SlowTables>>> = Mutex::new(None);

impl Serialize for Busy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(cache) = BUSY.lock().unwrap().clone() {
            let number = self.0;
            let (done, is_done) = channel();
            // On another thread: the gate lets its own thread pass.
            thread::spawn(move || {
                assert!(cache.get(&GetBusy(1)).is_some());
                cache.insert(GetSlowly(77), number);
                let mut tx = cache.begin();
                tx.set(GetSlowly(78), number);
                tx.commit().unwrap();
                done.send(()).unwrap();
            });
            is_done.recv_timeout(LONGEST_WAIT).expect("no thread waits while a save encodes");
        }
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Busy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self)
    }
}

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Busy, capacity = 100, persist)]
pub struct GetBusy(pub u32);

registry! {
    pub struct SlowTables {
        GetSlowly,
        GetBusy,
    }
}

#[test]
fn readers_continue_and_writers_wait_while_the_gate_of_a_save_is_closed() {
    let cache = Cache::<SlowTables>::builder().table::<GetSlowly>(|_| TableOptions::new()).build().unwrap();
    let held = cache.insert(GetSlowly(1), 1u64);
    cache.insert(GetBusy(2), Busy(2));
    let (come, has_come) = channel();
    let (go_on, may_go_on) = channel();
    let (written, is_written) = channel();
    let mut bytes = Vec::new();
    thread::scope(|scope| {
        // Dropped with this closure, so that the save does not wait forever if an assertion fails.
        let go_on = go_on;
        let saving = scope.spawn(|| {
            STOP.set(Some((come, may_go_on)));
            cache.save_options().with_survivors().write_to(&mut bytes).unwrap();
        });
        has_come.recv().unwrap();
        // The save is recording its moment, and holds the shard of this key.
        assert_eq!(*cache.get(&GetSlowly(1)).unwrap(), 1);
        assert_eq!(cache.get_all((&GetSlowly(1), &GetBusy(2))).0.as_deref(), Some(&1));
        assert_eq!(cache.begin().get(&GetBusy(2)).unwrap().0, 2);
        assert_eq!(cache.peek(&GetSlowly(1)).as_deref(), Some(&1));
        let (begun, has_begun) = channel();
        let cache = &cache;
        scope.spawn(move || {
            let mut tx = cache.begin();
            tx.set(GetSlowly(1), 10u64);
            tx.set(GetBusy(2), Busy(10));
            begun.send(()).unwrap();
            written.send(tx.commit().unwrap()).unwrap();
        });
        has_begun.recv().unwrap();
        // On another thread, so that the test ends if it is blocked.
        let (read, is_read) = channel();
        scope.spawn(move || {
            for _ in 0..1000 {
                assert_eq!(*cache.get(&GetSlowly(1)).unwrap(), 1);
                assert_eq!(cache.get(&GetBusy(2)).unwrap().0, 2);
            }
            read.send(()).unwrap();
        });
        is_read.recv_timeout(LONGEST_WAIT).expect("a waiting writer does not block readers");
        assert!(is_written.try_recv().is_err(), "the writer waits");
        go_on.send(()).unwrap();
        let receipt = is_written.recv().unwrap();
        saving.join().unwrap();
        assert_eq!(*cache.get(&GetSlowly(1)).unwrap(), 10);
        drop((receipt, held));
    });
    let restored = Cache::<SlowTables>::new();
    restore(&restored, &bytes);
    assert_eq!((*restored.get(&GetSlowly(1)).unwrap(), restored.get(&GetBusy(2)).unwrap().0), (1, 2));
}

/// A clock that once makes another thread write to the cache, and waits for it.
#[derive(Debug, Default)]
struct WritingClock(Mutex<Option<Cache<SlowTables>>>);

impl Clock for WritingClock {
    fn now(&self) -> Moment {
        let cache = self.0.lock().unwrap().take();
        if let Some(cache) = cache {
            let (done, is_done) = channel();
            thread::spawn(move || {
                cache.insert(GetSlowly(77), 77u64);
                done.send(()).unwrap();
            });
            is_done.recv_timeout(LONGEST_WAIT).expect("no thread waits for a clock");
        }
        Moment::ORIGIN
    }
}

#[test]
fn a_save_reads_the_clock_while_writers_may_pass() {
    let clock = Arc::new(WritingClock::default());
    let cache = Cache::<SlowTables>::builder().clock(Arc::clone(&clock)).build().unwrap();
    cache.insert(GetSlowly(1), 1u64);
    *clock.0.lock().unwrap() = Some(cache.clone());
    saved(&cache);
    assert_eq!(cache.get(&GetSlowly(77)).as_deref(), Some(&77));
}

#[test]
fn a_value_may_use_its_cache_while_it_is_encoded() {
    let cache = Cache::<SlowTables>::new();
    cache.insert(GetBusy(1), Busy(5));
    *BUSY.lock().unwrap() = Some(cache.clone());
    let bytes = saved(&cache);
    *BUSY.lock().unwrap() = None;
    assert_eq!(*cache.get(&GetSlowly(78)).unwrap(), 5);
    let restored = Cache::<SlowTables>::new();
    assert_eq!(
        restore(&restored, &bytes).restored(),
        1,
        "what was written during the save is not part of it"
    );
}
