use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn an_envelope_is_read_as_it_was_written(
        (number, began) in any::<(u64, u64)>(),
        tags in prop::collection::vec(0_u16..1024, 0..5),
        body in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let envelope = Envelope { epoch: Epoch([7; 16]), number, began, tags, body };
        prop_assert_eq!(Envelope::decode(envelope.encode()), Some(envelope));
    }

    #[test]
    fn foreign_bytes_are_refused_or_written_the_same(
        mut bytes in prop::collection::vec(any::<u8>(), 0..60),
        version in any::<bool>(),
    ) {
        if let (true, Some(first)) = (version, bytes.first_mut()) {
            *first = VERSION;
        }
        if let Some(envelope) = Envelope::decode(bytes.clone()) {
            prop_assert_eq!(envelope.encode(), bytes);
        }
    }
}

#[test]
fn a_cut_envelope_is_refused() {
    let envelope = Envelope { epoch: Epoch([7; 16]), number: 1, began: 2, tags: vec![3, 4], body: vec![] };
    let bytes = envelope.encode();
    assert_eq!(bytes.len(), HEAD + 4);
    for length in 0..bytes.len() {
        assert_eq!(Envelope::decode(bytes[..length].to_vec()), None);
    }
}

#[test]
fn another_version_or_too_many_tags_are_refused() {
    let envelope = Envelope { epoch: Epoch([7; 16]), number: 1, began: 2, tags: vec![], body: vec![0; 4000] };
    let changed = |at: usize, to: u8| {
        let mut bytes = envelope.encode();
        bytes[at] = to;
        Envelope::decode(bytes.clone())
    };
    assert_eq!(changed(0, 2), None);
    // 4 * 256 tags, and one more.
    assert!(changed(33, 4).is_some());
    let mut bytes = envelope.encode();
    bytes[33..35].copy_from_slice(&1025_u16.to_be_bytes());
    assert_eq!(Envelope::decode(bytes.clone()), None);
}
