//! A restore allocates no more than a small multiple of its input, whatever the input claims. A separate
//! program with a single test, since the allocator counts for the whole process.

use std::alloc::System;

use cache_tests::hostile::{Lengths, LengthsInBincode, many_types, mend, seeds};
use cache_tests::sized;
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait};

#[global_allocator]
static ALLOCATOR: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Memory that does not depend on the input: tables of the cache, hash tables of the report.
const FIXED: usize = 128 * 1024;
/// The input itself, read from a stream into a buffer that doubles, and what is decoded from it.
const MULTIPLE: usize = 8;

/// Returns the peak memory of a restore of `bytes`, beyond what was allocated before.
fn peak_of_restore(bytes: &[u8]) -> usize {
    let cache = many_types(cache_core::SystemClock::new());
    ALLOCATOR.reset_peak_memory();
    let result = cache.restore_from(bytes);
    let peak = ALLOCATOR.get_peak_memory();
    drop(result);
    peak
}

/// Returns a megabyte in two sequences.
fn large() -> Vec<u8> {
    let cache = many_types(cache_core::SystemClock::new());
    let value = Lengths { numbers: vec![7; 100_000], bytes: vec![8; 200_000], ..Lengths::default() };
    cache.insert(LengthsInBincode("k".to_owned()), value);
    let mut bytes = Vec::new();
    cache.save_to(&mut bytes).expect("the values can be saved");
    bytes
}

#[test]
fn a_restore_allocates_no_more_than_a_small_multiple_of_its_input() {
    let _ = peak_of_restore(&seeds()[0].1);
    let claims = [1u64 << 63, 1 << 32, 1 << 20].map(u64::to_le_bytes);
    for (name, seed) in seeds().into_iter().chain([("large", large())]) {
        // In the large one all lengths are at the start.
        let step = if name == "large" { 60 } else { 1 };
        for position in (0..seed.len().min(2000)).step_by(step) {
            // By default one claim for each position, in turn.
            for claim in claims.iter().cycle().skip(position).take(if name == "large" {
                1
            } else {
                sized(1, claims.len())
            }) {
                let mut bytes = seed.clone();
                let end = (position + claim.len()).min(bytes.len());
                bytes[position..end].copy_from_slice(&claim[..end - position]);
                mend(&mut bytes);
                let peak = peak_of_restore(&bytes);
                let allowed = FIXED + MULTIPLE * bytes.len();
                assert!(peak <= allowed, "{name}: {claim:?} at {position} of {} takes {peak}", bytes.len());
            }
        }
    }
}
