//! Damage to the bytes is detected before any entry is decoded.

use super::*;
use crate::snapshot::error::Damage;

fn file() -> Vec<u8> {
    let codec = GetBook::persistence().expect("books are persisted");
    save_one(&codec, books(5))
}

#[test]
fn every_changed_byte_is_noticed() {
    let whole = file();
    for position in 0..whole.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[position] ^= change;
            assert!(Snapshot::parse(&changed).is_err(), "byte {position} changed by {change:#x}");
        }
    }
}

#[test]
fn every_cut_is_noticed() {
    let whole = file();
    for length in 0..whole.len() {
        assert!(Snapshot::parse(&whole[..length]).is_err(), "cut to {length} bytes");
    }
}

#[test]
fn bytes_after_the_end_are_noticed() {
    let mut longer = file();
    longer.push(0);
    let error = Snapshot::parse(&longer).expect_err("a byte too many");
    assert!(
        matches!(error, SnapshotError::Damaged { damage: Damage::Excess { excess: 1, .. }, .. }),
        "{error}"
    );
}

#[test]
fn no_bytes_and_other_bytes_are_no_snapshot() {
    for bytes in [&b""[..], b"\x00", b"0123456789", b"{\"a\": 1}"] {
        let error = Snapshot::parse(bytes).expect_err("no snapshot");
        assert!(matches!(error, SnapshotError::NotASnapshot), "{error}");
    }
}

#[test]
fn another_version_is_named() {
    let mut newer = file();
    newer[8] = 2;
    let error = Snapshot::parse(&newer).expect_err("a newer version");
    assert!(matches!(error, SnapshotError::Version { found: 2, supported: 1 }), "{error}");
}
