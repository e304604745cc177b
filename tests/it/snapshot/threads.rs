//! Saves and restores on several threads.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;

use cache_core::{SkipReason, SnapshotError};
use serde::{Deserializer, Serializer, de, ser};

use super::*;

/// Enough entries that helper threads are started.
const ENTRIES: u32 = 50_000;

/// A number that fails to encode or decode for some values.
#[derive(Clone, Debug, PartialEq, Shape)]
pub struct Unreliable(#[shape(opaque)] u32);

const PANICS: u32 = 1_000_000;
const FAILS: u32 = 2_000_000;
const FAILS_LATER: u32 = 3_000_000;

impl Serialize for Unreliable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            PANICS => panic!("an unreliable number"),
            FAILS => Err(ser::Error::custom("an unreliable number")),
            number => number.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Unreliable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            FAILS_LATER => Err(de::Error::custom("an unreliable number")),
            number => Ok(Self(number)),
        }
    }
}

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u32, capacity = 100_000, persist)]
pub struct GetNumber(pub u32);

#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Unreliable, capacity = 100_000, persist)]
pub struct GetUnreliable(pub u32);

registry! {
    pub struct Numbers {
        crate::snapshot::threads::GetNumber,
        crate::snapshot::threads::GetUnreliable,
    }
}

/// Returns a cache of many numbers, one of which, near the end, is `odd`.
fn unreliable(odd: u32) -> Cache<Numbers> {
    let cache = Cache::<Numbers>::new();
    for id in 0..ENTRIES {
        cache.insert(GetUnreliable(id), Unreliable(if id == ENTRIES - 7 { odd } else { id }));
    }
    cache
}

fn save_on(cache: &Cache<Numbers>, threads: usize) -> Result<Vec<u8>, SnapshotError> {
    let mut bytes = Vec::new();
    cache.save_options().threads(threads).write_to(&mut bytes).map(|_| bytes)
}

/// Keeps what is written, and signals the first write.
struct SignallingWriter<'a> {
    bytes: Vec<u8>,
    begun: &'a Barrier,
}

impl Write for SignallingWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.is_empty() {
            self.begun.wait();
        }
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_many_threads_save_while_all_of_it_is_replaced_is_what_there_was_before() {
    let cache = Cache::<Numbers>::new();
    (0..ENTRIES).for_each(|id| drop(cache.insert(GetNumber(id), id)));
    let begun = Barrier::new(2);
    let mut telling = SignallingWriter { bytes: Vec::new(), begun: &begun };
    thread::scope(|scope| {
        scope.spawn(|| {
            begun.wait();
            for id in (0..ENTRIES).rev() {
                match id % 3 {
                    0 => drop(cache.insert(GetNumber(id), id + 1)),
                    1 => drop(cache.remove(&GetNumber(id))),
                    _ => drop(cache.insert(GetNumber(ENTRIES + id), id)),
                }
            }
        });
        cache.save_options().threads(4).write_to(&mut telling).unwrap();
    });
    let restored = Cache::<Numbers>::new();
    let report = restored.restore_options().read_bytes(&telling.bytes).unwrap();
    assert_eq!(report.restored(), u64::from(ENTRIES));
    assert!((0..ENTRIES).all(|id| restored.get(&GetNumber(id)).as_deref() == Some(&id)));
}

#[test]
fn what_many_threads_save_and_restore_is_what_one_does() {
    let cache = Cache::<Numbers>::builder().clock(ManualClock::new()).build().unwrap();
    (0..ENTRIES).for_each(|id| drop(cache.insert(GetNumber(id), id)));
    let alone = save_on(&cache, 1).unwrap();
    let skip_header = |bytes: &[u8]| bytes[48..].to_vec();
    assert!(skip_header(&save_on(&cache, 4).unwrap()) == skip_header(&alone));
    for threads in [1, 4] {
        let restored = Cache::<Numbers>::new();
        let report = restored.restore_options().threads(threads).read_bytes(&alone).unwrap();
        assert_eq!(report.restored(), u64::from(ENTRIES));
        assert!((0..ENTRIES).all(|id| restored.get(&GetNumber(id)).as_deref() == Some(&id)));
    }
}

#[test]
fn an_entry_that_cannot_be_encoded_is_named_on_whichever_thread() {
    let cache = unreliable(FAILS);
    for threads in [1, 4] {
        let error = save_on(&cache, threads).unwrap_err().to_string();
        assert!(error.contains(&format!("GetUnreliable({})", ENTRIES - 7)), "{error}");
    }
}

#[test]
fn a_panic_of_a_value_ends_the_save_and_leaves_file_and_cache_as_they_were() {
    let cache = unreliable(PANICS);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numbers");
    std::fs::write(&path, "old").unwrap();
    for threads in [1, 4] {
        let save = || cache.save_options().threads(threads).write_file(&path);
        assert!(catch_unwind(AssertUnwindSafe(save)).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }
    cache.remove(&GetUnreliable(ENTRIES - 7));
    cache.save(&path).unwrap();
}

#[test]
fn an_entry_that_does_not_decode_is_named_on_whichever_thread() {
    // The save reads back each entry of an opaque shape.
    let bytes = save_on(&unreliable(FAILS - 1), 1).unwrap();
    let at = bytes.windows(4).position(|bytes| bytes == (FAILS - 1).to_le_bytes()).unwrap();
    let mut bytes = bytes;
    bytes[at..at + 4].copy_from_slice(&FAILS_LATER.to_le_bytes());
    cache_tests::hostile::mend(&mut bytes);
    let skipped = |threads| {
        let restored = Cache::<Numbers>::new();
        let report = restored.restore_options().threads(threads).read_from(&bytes[..]).unwrap();
        assert_eq!((report.restored(), restored.len()), (u64::from(ENTRIES) - 1, ENTRIES as usize - 1));
        report.tables.iter().flat_map(|table| table.skipped_entries.named.clone()).collect::<Vec<_>>()
    };
    let [entry] = &skipped(1)[..] else { panic!("one entry is skipped: {:?}", skipped(1)) };
    assert_eq!(entry.key, Some(format!("GetUnreliable({})", ENTRIES - 7)));
    assert!(matches!(entry.reason, SkipReason::Undecodable { .. }), "{entry}");
    assert_eq!(skipped(4), skipped(1));
}

/// A key whose `Clone` panics while a save copies it.
#[test]
fn a_panic_of_a_key_while_it_is_copied_opens_the_gate_again() {
    let cache = Cache::<Clones>::new();
    for id in 0..ENTRIES {
        cache.insert(GetClone(id), id);
    }
    for threads in [1, 4] {
        CLONES_PANIC.store(true, Relaxed);
        let save = || cache.save_options().threads(threads).write_to(std::io::sink());
        assert!(catch_unwind(AssertUnwindSafe(save)).is_err());
        CLONES_PANIC.store(false, Relaxed);
        cache.insert(GetClone(1), 2u32);
        assert_eq!(cache.get(&GetClone(1)).as_deref(), Some(&2));
    }
}

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

static CLONES_PANIC: AtomicBool = AtomicBool::new(false);

#[derive(Query, Shape, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = u32, capacity = 100_000, persist)]
pub struct GetClone(pub u32);

impl Clone for GetClone {
    fn clone(&self) -> Self {
        assert!(!CLONES_PANIC.load(Relaxed), "{} cannot be cloned", self.0);
        Self(self.0)
    }
}

registry! {
    pub struct Clones {
        crate::snapshot::threads::GetClone,
    }
}
