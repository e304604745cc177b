//! Arbitrary bytes, and mutations of right ones, as what lies in the server. `fuzz/` has the same entry point.
#![allow(missing_docs, reason = "tests")]

mod program;

use cache_client::shared::protocol::{Envelope, Epoch, Key, Mark};
use proptest::collection::vec;
use proptest::prelude::*;

fn envelope() -> impl Strategy<Value = Vec<u8>> {
    let parts =
        (any::<[u8; 16]>(), any::<u64>(), any::<u64>(), vec(any::<u16>(), 0..4), vec(any::<u8>(), 0..20));
    parts.prop_map(|(epoch, number, began, tags, body)| {
        Envelope { epoch: Epoch(epoch), number, began, tags, body }.encode()
    })
}

fn marks() -> impl Strategy<Value = Vec<u8>> {
    let mark = prop_oneof![
        ("[a-z]{0,5}", vec(any::<u8>(), 0..5)).prop_map(|(table, key)| Mark::Key(Key::new(&table, &key))),
        "[a-z]{0,5}".prop_map(|table| Mark::Table(table.into())),
        vec(any::<u8>(), 0..5).prop_map(|tag| Mark::Tag(tag.into())),
        Just(Mark::All),
    ];
    vec(mark, 0..5).prop_map(|marks| Mark::encode(&marks))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        program::feed(&bytes);
    }

    #[test]
    fn right_bytes_are_read_and_changed_ones_are_read_or_refused(
        right in prop_oneof![envelope(), marks()],
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        length in any::<prop::sample::Index>(),
    ) {
        prop_assert!(Envelope::decode(right.clone()).is_some() || Mark::decode(&right).is_some());
        let mut bytes = right;
        program::feed(&bytes);
        for (at, byte) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
        }
        program::feed(&bytes);
        bytes.truncate(length.index(bytes.len() + 1));
        program::feed(&bytes);
    }
}
