use proptest::prelude::*;

use super::*;

fn marks() -> impl Strategy<Value = Vec<Mark>> {
    let key = ("[a-z:]{0,4}", prop::collection::vec(any::<u8>(), 0..6));
    let mark = prop_oneof![
        key.prop_map(|(table, bytes)| Mark::Key(Key::new(&table, &bytes))),
        "[a-z]{0,4}".prop_map(|table| Mark::Table(table.into())),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(|tag| Mark::Tag(tag.into())),
        Just(Mark::All),
    ];
    prop::collection::vec(mark, 0..5)
}

proptest! {
    #[test]
    fn marks_are_read_as_they_were_written(marks in marks()) {
        prop_assert_eq!(Mark::decode(&Mark::encode(&marks)), Some(marks));
    }

    #[test]
    fn bytes_that_are_no_marks_are_refused_or_written_the_same(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Some(marks) = Mark::decode(&bytes) {
            prop_assert_eq!(Mark::encode(&marks), bytes);
        }
    }
}

#[test]
fn a_cut_mark_is_refused() {
    let bytes = Mark::encode(&[Mark::Key(Key::new("posts", b"7"))]);
    for length in 1..bytes.len() {
        assert_eq!(Mark::decode(&bytes[..length]), None);
    }
}

#[test]
fn a_mark_with_a_part_too_many_or_of_another_kind_is_refused() {
    let mark = |kind: u8, first: &[u8], second: &[u8]| {
        let parts = [first, second].map(|part| [&(part.len() as u32).to_be_bytes()[..], part].concat());
        Mark::decode(&[&[kind][..], &parts.concat()].concat())
    };
    assert!(mark(b'g', b"posts", b"").is_some() && mark(b't', b"", b"x").is_some());
    assert!(mark(b'a', b"", b"").is_some());
    for (kind, first, second) in
        [(b'g', "posts", "x"), (b't', "x", "x"), (b'a', "x", ""), (b'a', "", "x"), (b'x', "", "")]
    {
        assert_eq!(mark(kind, first.as_bytes(), second.as_bytes()), None);
    }
    assert_eq!(mark(b'k', b"\xff", b""), None, "names are UTF-8");
}

#[test]
fn a_key_that_is_too_long_travels_as_its_table() {
    let fits = Mark::Key(Key::new("posts", &[0; MAX_KEY]));
    assert_eq!(fits.clone().for_the_feed(), fits);
    let too_long = Mark::Key(Key::new("posts", &[0; MAX_KEY + 1]));
    assert_eq!(too_long.for_the_feed(), Mark::Table("posts".into()));
}

/// All builds must find the same numbers. The hashes are those of the reference implementation of FNV-1a.
#[test]
fn buckets_never_change() {
    assert_eq!(u64::from(tag_bucket(b"")), 0xcbf2_9ce4_8422_2325 % BUCKETS);
    assert_eq!(u64::from(tag_bucket(b"a")), 0xaf63_dc4c_8601_ec8c % BUCKETS);
    assert_eq!(u64::from(tag_bucket(b"foobar")), 0x8594_4171_f739_67e8 % BUCKETS);
}

#[test]
fn only_numbers_of_single_keys_are_not_wide() {
    for field in [Field::Tags(7), Field::Table("posts".into()), Field::All] {
        assert_eq!(Field::parse_wide(&field.name()), Some(field.clone()));
        assert!(field.is_wide());
    }
    assert!(!Field::Keys(7).is_wide());
    assert_eq!(Field::parse_wide(&Field::Keys(7).name()), None);
    assert_eq!(Field::parse_wide(b"epoch"), None);
}
