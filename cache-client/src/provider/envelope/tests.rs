#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

fn sample(entry: &[u8]) -> Envelope<'_> {
    Envelope {
        codec: "bincode",
        fingerprint: Fingerprint::from_le_bytes([7; 16]),
        loaded_at: WallTime(1_000),
        fresh: Duration::from_secs(30),
        ttl: Duration::MAX,
        stale: StaleWindows { swr: Some(Duration::from_secs(7)), if_error: None },
        entry,
    }
}

/// Corrects the checksum.
fn fix_checksum(bytes: &mut [u8]) {
    let Some((head, checked)) = bytes.split_at_mut_checked(CHECKED) else { return };
    head[CHECKED - 4..].copy_from_slice(&crc32fast::hash(checked).to_le_bytes());
}

#[test]
fn the_layout_matches_its_description() {
    let bytes = sample(b"entry").to_bytes();
    assert_eq!(bytes.len(), 68 + 7 + 5);
    assert_eq!(&bytes[..8], b"\x89QCE\x02\0\x07\0");
    assert_eq!(bytes[8..12], crc32fast::hash(&bytes[12..]).to_le_bytes());
    assert_eq!(bytes[12..28], [7; 16]);
    assert_eq!(bytes[28..36], 1_000_u64.to_le_bytes());
    assert_eq!(bytes[36..44], 30_000_000_000_u64.to_le_bytes());
    assert_eq!(bytes[44..52], [0xff; 8]);
    assert_eq!(bytes[52..60], 7_000_000_000_u64.to_le_bytes());
    assert_eq!(bytes[60..68], [0xff; 8]);
    assert_eq!(&bytes[68..], b"bincodeentry");
}

#[test]
fn each_changed_byte_is_detected() {
    let bytes = sample(b"entry").to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        assert!(Envelope::parse(&changed).is_err(), "byte {at}");
        assert!(Envelope::parse(&bytes[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn damage_is_named() {
    let damage = |at: usize, byte: u8| {
        let mut bytes = sample(b"entry").to_bytes();
        bytes[at] = byte;
        fix_checksum(&mut bytes);
        Envelope::parse(&bytes).unwrap_err()
    };
    assert_eq!(damage(0, 0), EnvelopeError::Magic);
    assert_eq!(damage(4, 1), EnvelopeError::Version(1));
    assert_eq!(damage(6, 0xff), EnvelopeError::Truncated);
    assert_eq!(damage(68, 0xff), EnvelopeError::Codec);
    assert_eq!(Envelope::parse(b"").unwrap_err(), EnvelopeError::Truncated);
}

proptest! {
    #[test]
    fn a_written_envelope_reads_back(
        codec in ".{0,20}",
        fingerprint in any::<[u8; 16]>(),
        (loaded_at, fresh, ttl) in any::<(u64, u64, u64)>(),
        windows in any::<(u64, u64)>(),
        entry in any::<Vec<u8>>(),
    ) {
        let fingerprint = Fingerprint::from_le_bytes(fingerprint);
        let (fresh, ttl) = (time(fresh), time(ttl));
        let window = |nanos| (nanos != FOREVER).then(|| Duration::from_nanos(nanos));
        let stale = StaleWindows { swr: window(windows.0), if_error: window(windows.1) };
        let loaded_at = WallTime(loaded_at);
        let envelope =
            Envelope { codec: &codec, fingerprint, loaded_at, fresh, ttl, stale, entry: &entry };
        let bytes = envelope.to_bytes();
        prop_assert_eq!(Envelope::parse(&bytes), Ok(envelope));
    }

    #[test]
    fn any_bytes_after_a_correct_checksum_are_an_envelope_or_damage(length: u16, rest: Vec<u8>) {
        let mut bytes = b"\x89QCE\x02\0".to_vec();
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&rest);
        fix_checksum(&mut bytes);
        if let Ok(envelope) = Envelope::parse(&bytes) {
            prop_assert_eq!(envelope.to_bytes(), bytes);
        }
    }

    #[test]
    fn any_bytes_are_an_envelope_or_damage(bytes: Vec<u8>) {
        let _ = Envelope::parse(&bytes);
    }
}
