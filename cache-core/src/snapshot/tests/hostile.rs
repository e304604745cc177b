//! Files with right checksums and wrong intentions.

use super::*;
use crate::snapshot::codec::{Codec, Json, Postcard};
use crate::snapshot::error::Damage;
use crate::snapshot::format::{FrameKind, HEADER_LEN, Header, WallTime, frame_head};

/// Builds a file of these frames, with correct numbers and checksums.
fn forge(tables: u32, frames: &[(FrameKind, &[u8])]) -> Vec<u8> {
    let header = Header { saved_at: WallTime::new(saved_at()), revision: 0, tables };
    let mut file = header.to_bytes().to_vec();
    for (index, (kind, body)) in (0..).zip(frames) {
        file.extend(frame_head(*kind, index, body.len() as u64, crc32fast::hash(body)));
        file.extend(*body);
    }
    file
}

/// Corrects the checksums of header and frames, as far as the frames can be followed.
pub(super) fn mend(file: &mut [u8]) {
    if file.len() < HEADER_LEN {
        return;
    }
    let checksum = crc32fast::hash(&file[..HEADER_LEN - 4]);
    file[HEADER_LEN - 4..HEADER_LEN].copy_from_slice(&checksum.to_le_bytes());
    let mut rest = &mut file[HEADER_LEN..];
    while rest.len() >= 24 {
        let (head, bodies) = rest.split_at_mut(24);
        let length = u64::from_le_bytes(head[8..16].try_into().expect("eight bytes"));
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(bodies.len());
        let (body, next) = bodies.split_at_mut(length);
        head[16..20].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
        let checksum = crc32fast::hash(&head[..20]);
        head[20..24].copy_from_slice(&checksum.to_le_bytes());
        rest = next;
    }
}

/// Does everything that a restore does with a file, without a cache.
fn read_all(file: &[u8]) {
    let Ok(snapshot) = Snapshot::parse(file) else { return };
    for section in snapshot.sections() {
        let elapsed = downtime(snapshot.elapsed(saved_at()));
        let decode = |codec: &dyn TableCodec| section.decode(codec, elapsed, 1, &mut |_| {});
        let _ = decode(&GetBook::persistence().expect("books are persisted").codec);
        let _ = decode(&Persistence::<GetBook>::opaque::<Postcard>(0).codec);
        let _ = decode(&Persistence::<GetBook>::opaque::<Json>(0).codec);
    }
}

#[test]
fn a_frame_of_two_to_the_63_bytes_is_cut() {
    let mut file = save(&mut []);
    file[HEADER_LEN + 8..HEADER_LEN + 16].copy_from_slice(&(1u64 << 63).to_le_bytes());
    let checksum = crc32fast::hash(&file[HEADER_LEN..HEADER_LEN + 20]);
    file[HEADER_LEN + 20..HEADER_LEN + 24].copy_from_slice(&checksum.to_le_bytes());
    let error = Snapshot::parse(&file).expect_err("there are not so many bytes");
    assert!(matches!(error, SnapshotError::Damaged { damage: Damage::Truncated { .. }, .. }), "{error}");
}

#[test]
fn frames_in_the_wrong_place_are_refused() {
    let file = forge(0, &[(FrameKind::Block, &[1, 0, 0, 0])]);
    let error = Snapshot::parse(&file).expect_err("a block without a table").to_string();
    assert!(error.contains("a block before any table"), "{error}");
    let file = forge(0, &[(FrameKind::End, &[0; 16]), (FrameKind::End, &[0; 16])]);
    assert!(Snapshot::parse(&file).is_err());
    assert!(Snapshot::parse(&forge(0, &[])).is_err());
}

#[test]
fn counts_that_do_not_add_up_are_refused() {
    let file = save_one(&GetBook::persistence().expect("books are persisted"), books(5));
    let end = file.len() - 16;
    for (position, counted) in [(28, "tables"), (end, "entries"), (end + 8, "bytes of the snapshot")] {
        let mut changed = file.clone();
        changed[position] ^= 2;
        mend(&mut changed);
        let error = Snapshot::parse(&changed).expect_err("a wrong count");
        let SnapshotError::Damaged { damage: Damage::Count { what, .. }, .. } = error else {
            panic!("another error: {error}");
        };
        assert_eq!(what, counted);
    }
}

#[test]
fn a_revision_that_leaves_no_room_for_the_next_is_refused() {
    let mut file = save(&mut []);
    file[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    mend(&mut file);
    let error = Snapshot::parse(&file).expect_err("no commit could follow");
    assert!(matches!(error, SnapshotError::Damaged { damage: Damage::Value { .. }, .. }), "{error}");
}

#[test]
fn two_tables_of_one_name_are_refused() {
    let codec = GetBook::persistence().expect("books are persisted");
    let table = || image("get_book", &codec.codec, books(1));
    let error = Snapshot::parse(&save(&mut [table(), table()])).expect_err("one name twice");
    assert!(matches!(error, SnapshotError::Damaged { damage: Damage::Twice { .. }, .. }), "{error}");
}

#[test]
fn unknown_frames_are_passed_over_when_their_writer_says_so() {
    let mut file = forge(0, &[(FrameKind::Optional, b"a later release knows"), (FrameKind::End, &[0; 16])]);
    let length = file.len() as u64;
    let end = file.len() - 8;
    file[end..].copy_from_slice(&length.to_le_bytes());
    mend(&mut file);
    Snapshot::parse(&file).expect("an unknown frame may be passed over");
    file[HEADER_LEN] = b'O';
    mend(&mut file);
    assert!(Snapshot::parse(&file).is_err(), "this one may not");
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct GetTree;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tree(Vec<Tree>);

impl Query for GetTree {
    type Value = Tree;
    const NAME: &'static str = "get_tree";
}

/// Builds the file of a table whose only entry is a tree of this depth. Built by hand, since no stack is deep
/// enough to encode it.
fn deep_file(codec: &Persistence<GetTree>, depth: usize) -> Vec<u8> {
    let leaf = vec![SavedEntry { key: GetTree, value: Arc::new(Tree(Vec::new())), meta: plain_meta() }];
    let shallow = save_one(codec, leaf);
    let snapshot = Snapshot::parse(&shallow).expect("the snapshot is undamaged");
    assert_eq!(snapshot.sections().len(), 1);
    let table = &shallow[HEADER_LEN + 24..];
    let table = &table[..table.len() - 16 - 24 - 24 - (12 + 16) - 8];
    let payload = [1u64.to_le_bytes().repeat(depth), 0u64.to_le_bytes().to_vec()].concat();
    let mut block = [1u32.to_le_bytes(), 1u32.to_le_bytes(), (payload.len() as u32).to_le_bytes()].concat();
    block.extend([0; 8]);
    block.extend(payload);
    let mut end = [1u64.to_le_bytes(), 0u64.to_le_bytes()].concat();
    let length = HEADER_LEN + 3 * 24 + table.len() + block.len() + end.len();
    end[8..].copy_from_slice(&(length as u64).to_le_bytes());
    forge(1, &[(FrameKind::Table, table), (FrameKind::Block, &block), (FrameKind::End, &end)])
}

#[test]
fn a_value_nested_100_000_deep_is_an_error_or_a_skipped_entry_but_no_overflow() {
    let codec = Persistence::<GetTree>::opaque::<Bincode>(0);
    let shallow = deep_file(&codec, 3);
    let nested = Tree(vec![Tree(vec![Tree(vec![Tree(Vec::new())])])]);
    assert_eq!(*load(&codec, &shallow).expect("it decodes").entries[0].value, nested);

    let mut deep = deep_file(&codec, 100_000);
    let decoded = load(&codec, &deep).expect("the table is restored");
    assert!(decoded.entries.is_empty());
    assert!(decoded.skipped.to_string().contains("GetTree: it does not decode"), "{}", decoded.skipped);
    let middle = deep.len() / 2;
    deep[middle] ^= 1;
    assert!(Snapshot::parse(&deep).is_err(), "a wrong checksum");
}

#[test]
fn a_value_too_deep_to_be_restored_is_left_out_and_named() {
    let codec = Persistence::<GetTree>::opaque::<Bincode>(0);
    let tree = |depth| (0..depth).fold(Tree(Vec::new()), |tree, _| Tree(vec![tree]));
    let entry = |depth| SavedEntry { key: GetTree, value: Arc::new(tree(depth)), meta: plain_meta() };
    // Not the first entry: with an opaque or recursive shape, every entry is read back.
    let entries = || vec![entry(1), entry(2), entry(1000), entry(3)];
    let text = refused(&codec, entries()).to_string();
    assert!(text.contains("get_tree") && text.contains("does not survive bincode"), "{text}");
    let (file, report) =
        try_save(&mut [image("get_tree", &codec.codec, entries())]).expect("the others can be saved");
    let table = &report.tables[0];
    assert_eq!((table.entries, table.skipped.count, table.is_verified), (3, 1, true));
    assert!(report.to_string().contains("GetTree: it does not survive bincode"), "{report}");
    assert_eq!(load(&codec, &file).expect("it is restored").entries.len(), 3);
}

#[test]
fn a_value_that_bincode_cannot_read_back_fails_the_save_and_names_the_way_out() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Loose {
        Number(u32),
        Text(String),
    }
    #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    struct GetLoose(u8);
    impl Query for GetLoose {
        type Value = Loose;
        const NAME: &'static str = "get_loose";
    }
    let entries = || {
        let value = Arc::new(Loose::Text("t".to_owned()));
        vec![SavedEntry { key: GetLoose(5), value, meta: plain_meta() }]
    };
    let bincode = Persistence::<GetLoose>::opaque::<Bincode>(0);
    let text = refused(&bincode, entries()).to_string();
    for part in ["get_loose", "GetLoose(5)", "codec = \"json\""] {
        assert!(text.contains(part), "{text}");
    }
    let json = Persistence::<GetLoose>::opaque::<Json>(0);
    same(&load(&json, &save_one(&json, entries())).expect("it decodes").entries, &entries());
}

/// `skip_serializing_if` shifts the bytes that follow. By chance the shifted bytes are another valid value.
#[test]
fn a_value_that_reads_back_as_another_one_fails_the_save() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Shifty {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        first: Vec<u8>,
        second: Vec<u8>,
        third: [Option<()>; 8],
    }
    #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    struct GetShifty;
    impl Query for GetShifty {
        type Value = Shifty;
        const NAME: &'static str = "get_shifty";
    }
    let value = Shifty { first: Vec::new(), second: Vec::new(), third: [None; 8] };
    let mut bytes = Vec::new();
    Bincode::encode(&value, &mut bytes, None).expect("it can be encoded");
    let codec = Persistence::<GetShifty>::opaque::<Bincode>(0);
    let entries = vec![SavedEntry { key: GetShifty, value: Arc::new(value), meta: plain_meta() }];
    assert!(matches!(refused(&codec, entries), SnapshotError::Unreadable { .. }));
}

#[test]
fn an_entry_that_does_not_decode_spoils_no_other() {
    let codec = GetBook::persistence().expect("books are persisted");
    let count = Persistence::<CountBooks>::opaque::<Bincode>(0);
    let entry = SavedEntry { key: CountBooks, value: Arc::new(9), meta: plain_meta() };
    let mut file = save(&mut [
        image("get_book", &codec.codec, books(3)),
        image("count_books", &count.codec, vec![entry]),
    ]);
    // The length of the second book's title.
    let title = file.windows(6).position(|bytes| bytes == b"book 1").expect("the title is there");
    file[title - 8] = 200;
    mend(&mut file);
    let decoded = load(&codec, &file).expect("the table is restored");
    assert_eq!(decoded.entries.iter().map(|entry| entry.key.id).collect::<Vec<_>>(), [0, 2]);
    let [skipped] = &decoded.skipped.named[..] else { panic!("one is skipped: {}", decoded.skipped) };
    assert_eq!(skipped.key.as_deref(), Some("GetBook { id: 1 }"));
    assert!(matches!(skipped.reason, SkipReason::Undecodable { entry: 1, .. }), "{skipped}");
    assert_eq!(*load(&count, &file).expect("the other decodes").entries[0].value, 9);
}

#[test]
fn a_table_that_was_written_in_another_way_is_skipped_with_the_reason() {
    let file = save_one(&Persistence::<GetBook>::opaque::<Bincode>(1), books(2));
    let reason = |codec: Persistence<GetBook>| load(&codec, &file).err().expect("it is skipped");
    assert_eq!(reason(Persistence::opaque::<Bincode>(2)), SkipReason::VersionChanged { saved: 1, now: 2 });
    assert_eq!(reason(Persistence::shaped::<Bincode>(1)), SkipReason::ShapeChanged);
    let changed = SkipReason::CodecChanged { saved: "bincode".to_owned(), now: "json".to_owned() };
    assert_eq!(reason(Persistence::opaque::<Json>(1)), changed);
}

mod mutations {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Mutation {
        Set(usize, u8),
        Length(usize, u64),
        Cut(usize),
        Copy(usize, usize, usize),
    }

    fn mutation() -> impl Strategy<Value = Mutation> {
        let length = prop_oneof![Just(1 << 63), Just(u64::MAX), Just(1 << 32), 0..300u64];
        prop_oneof![
            (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
            (any::<usize>(), length).prop_map(|(at, length)| Mutation::Length(at, length)),
            any::<usize>().prop_map(Mutation::Cut),
            (any::<usize>(), any::<usize>(), 1..64usize)
                .prop_map(|(from, to, n)| Mutation::Copy(from, to, n)),
        ]
    }

    fn apply(mutation: &Mutation, file: &mut Vec<u8>) {
        let length = file.len().max(1);
        match *mutation {
            _ if file.is_empty() => {}
            Mutation::Set(at, byte) => file[at % length] = byte,
            Mutation::Length(at, value) => {
                let at = at % length;
                let end = (at + 8).min(length);
                file[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
            }
            Mutation::Cut(at) => file.truncate(at % length),
            Mutation::Copy(from, to, count) => {
                let (from, to) = (from % length, to % length);
                let count = count.min(length - from.max(to));
                file.copy_within(from..from + count, to);
            }
        }
    }

    fn valid(codec: u8, count: u64) -> Vec<u8> {
        let codec = match codec % 4 {
            0 => GetBook::persistence().expect("books are persisted"),
            1 => Persistence::opaque::<Bincode>(0),
            2 => Persistence::opaque::<Postcard>(0),
            _ => Persistence::opaque::<Json>(0),
        };
        save_one(&codec, books(count))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// With corrected checksums, so that the damage gets past them.
        #[test]
        fn changed_files_are_errors_or_entries_but_never_panics(
            codec in any::<u8>(),
            count in 0..6u64,
            mutations in prop::collection::vec(mutation(), 1..6),
            is_mended in any::<bool>(),
        ) {
            let mut file = valid(codec, count);
            mutations.iter().for_each(|mutation| apply(mutation, &mut file));
            if is_mended {
                mend(&mut file);
            }
            read_all(&file);
        }

        #[test]
        fn arbitrary_bytes_are_errors(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Snapshot::parse(&bytes).is_err());
        }
    }
}
