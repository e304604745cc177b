//! Frames that are intact but not where they were written.

use std::ops::Range;

use cache_core::{Damage, SnapshotError};
use cache_tests::hostile::{frames, mend};

use super::*;

/// Returns a snapshot with several blocks in one table, and the ranges of its frames.
fn blocks() -> (Vec<u8>, Vec<Range<usize>>) {
    let (cache, _) = library();
    (0..3000).for_each(|id| drop(cache.insert(GetBook { id }, book(id))));
    let bytes = saved(&cache);
    let blocks =
        frames(&bytes).into_iter().filter(|frame| bytes[frame.clone()].starts_with(b"BLOC")).collect();
    (bytes, blocks)
}

/// Returns the damage of `pieces` of a snapshot, with corrected checksums and total length.
#[track_caller]
fn refused(pieces: &[&[u8]]) -> Damage {
    let mut bytes = pieces.concat();
    mend(&mut bytes);
    let (cache, _) = library();
    let error = cache.restore_from(&bytes[..]).unwrap_err();
    assert!(cache.is_empty());
    match error {
        SnapshotError::Damaged { damage, .. } => damage,
        other => panic!("another error: {other}"),
    }
}

#[test]
fn a_frame_that_is_lost_doubled_or_moved_is_noticed() {
    let (bytes, blocks) = blocks();
    let [first, second, ..] = &blocks[..] else { panic!("there are several blocks") };
    assert_eq!(first.end, second.start);
    let (before, after) = (&bytes[..first.start], &bytes[second.end..]);
    let (first, second) = (&bytes[first.clone()], &bytes[second.clone()]);
    let pieces: [&[&[u8]]; 3] =
        [&[before, second, first, after], &[before, first, first, second, after], &[before, first, after]];
    for pieces in pieces {
        assert_eq!(refused(pieces), Damage::Value { what: "the number of a frame" });
    }
}

#[test]
fn the_length_and_the_number_of_entries_at_the_end_are_checked() {
    let (bytes, _) = blocks();
    let end = bytes.len() - 16;
    for (at, counted) in [(end, "entries"), (end + 8, "bytes of the snapshot")] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        // Corrects only the checksums: `mend` would correct the length too.
        let frame = end - 24;
        let checksum = crc32fast::hash(&changed[end..]);
        changed[frame + 16..frame + 20].copy_from_slice(&checksum.to_le_bytes());
        let checksum = crc32fast::hash(&changed[frame..frame + 20]);
        changed[frame + 20..frame + 24].copy_from_slice(&checksum.to_le_bytes());
        let error = library().0.restore_from(&changed[..]).unwrap_err();
        assert!(
            matches!(error, SnapshotError::Damaged { damage: Damage::Count { what, .. }, .. } if what == counted),
            "{error}"
        );
    }
}
