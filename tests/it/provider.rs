//! Runs the fuzzer's corpus and mutations of it through the fuzzer's entry point.

use std::path::{Path, PathBuf};

use cache_tests::hostile_provider::{HEAD, feed, loads, mend, seeds};
use cache_tests::sized;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/read_envelope")
}

/// `CACHE_WRITE_CORPUS=1 cargo test -p cache-tests --test it corpus` rewrites the seeds after a change of the
/// layout.
#[test]
fn the_corpus_has_each_envelope_as_it_is_written_today() {
    for (name, bytes) in seeds() {
        let path = corpus().join(name);
        if std::env::var_os("CACHE_WRITE_CORPUS").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{}", path.display());
    }
}

#[test]
fn an_envelope_is_read_by_the_query_that_wrote_it_and_by_no_other() {
    let seeds = seeds();
    for (name, seed) in &seeds {
        assert_eq!(loads(seed), seeds.len() - 1, "{name}");
    }
}

/// By default each byte of the head, and every seventh byte of the rest.
#[test]
fn no_changed_byte_of_an_envelope_causes_a_panic() {
    for (_, seed) in seeds() {
        for position in (0..HEAD).chain((HEAD..seed.len()).step_by(sized(7, 1))) {
            let mut bytes = seed.clone();
            bytes[position] ^= 0xff;
            feed(&bytes);
        }
        for end in (0..seed.len()).step_by(sized(32, 16)) {
            feed(&seed[..end]);
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
