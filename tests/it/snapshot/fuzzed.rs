//! Runs the fuzzer's corpus and bounded, repeatable mutations of it through the fuzzer's entry point.

use std::path::{Path, PathBuf};

use cache_tests::hostile::{HEAD, HEADER, feed, frames, mend, seeds};
use cache_tests::sized;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/read_snapshot")
}

fn corpus_files() -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(corpus()).unwrap();
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn the_corpus_breaks_nothing() {
    let files = corpus_files();
    assert!(files.len() >= seeds().len(), "the corpus is complete");
    files.iter().for_each(|bytes| feed(bytes));
}

/// `CACHE_WRITE_CORPUS=1 cargo test -p cache-tests --test it corpus` rewrites the seeds after a change of the
/// format.
#[test]
fn the_corpus_has_each_seed_as_it_is_written_today() {
    for (name, bytes) in seeds() {
        let path = corpus().join(name);
        if std::env::var_os("CACHE_WRITE_CORPUS").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{}", path.display());
    }
}

#[derive(Clone, Debug)]
enum Change {
    Set(usize, u8),
    Number(usize, u64),
    Cut(usize),
    Copy(usize, usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let number = prop_oneof![Just(1 << 63), Just(u64::MAX), Just(1 << 32), Just(1 << 20), 0..300u64];
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<usize>(), number).prop_map(|(at, number)| Change::Number(at, number)),
        any::<usize>().prop_map(Change::Cut),
        (any::<usize>(), any::<usize>(), 1..64usize).prop_map(|(from, to, len)| Change::Copy(from, to, len)),
    ]
}

fn apply(change: &Change, bytes: &mut Vec<u8>) {
    let length = bytes.len();
    match *change {
        _ if length == 0 => {}
        Change::Set(at, byte) => bytes[at % length] = byte,
        Change::Number(at, number) => {
            let at = at % length;
            let end = (at + 8).min(length);
            bytes[at..end].copy_from_slice(&number.to_le_bytes()[..end - at]);
        }
        Change::Cut(at) => bytes.truncate(at % length),
        Change::Copy(from, to, count) => {
            let (from, to) = (from % length, to % length);
            bytes.copy_within(from..from + count.min(length - from.max(to)), to);
        }
    }
}

#[test]
fn changes_of_the_corpus_break_nothing() {
    let files = corpus_files();
    let config = Config { cases: sized(600, 3000), failure_persistence: None, ..Config::default() };
    let strategy = (0..files.len(), prop::collection::vec(change(), 1..5));
    let mut runner = TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let result = runner.run(&strategy, |(file, changes)| {
        let mut bytes = files[file].clone();
        changes.iter().for_each(|change| apply(change, &mut bytes));
        feed(&bytes);
        Ok(())
    });
    result.unwrap();
}

/// Returns the positions of the bytes that a test changes: all in the header and in the heads of frames, and
/// by default every seventh in the bodies.
fn positions(seed: &[u8]) -> Vec<usize> {
    let mut positions: Vec<_> = (0..HEADER).collect();
    for frame in frames(seed) {
        let body = frame.start + HEAD;
        positions.extend((frame.start..body).chain((body..frame.end).step_by(sized(7, 1))));
    }
    positions
}

/// With corrected checksums, so that the changed byte of an entry reaches its decoder.
#[test]
fn no_changed_byte_of_a_seed_causes_a_panic() {
    for (_, seed) in seeds() {
        for position in positions(&seed) {
            let mut bytes = seed.clone();
            bytes[position] ^= 0xff;
            feed(&bytes);
        }
    }
}

#[test]
fn mending_changes_nothing_that_is_right() {
    for (_, seed) in seeds() {
        let mut mended = seed.clone();
        mend(&mut mended);
        assert_eq!(mended, seed);
    }
}
