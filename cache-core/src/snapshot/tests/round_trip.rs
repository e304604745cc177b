//! Saved entries come back.

use super::*;
use crate::snapshot::codec::{Json, Postcard};
use crate::snapshot::format::block::FULL_ENTRIES;

fn opaque_books<C: crate::snapshot::codec::Codec>() -> Persistence<GetBook> {
    Persistence::opaque::<C>(0)
}

#[test]
fn a_table_comes_back_as_it_was() {
    let codec = GetBook::persistence().expect("books are persisted");
    let file = save_one(&codec, books(5));
    let decoded = load(&codec, &file).expect("the table decodes");
    same(&decoded.entries, &books(5));
}

#[test]
fn every_codec_brings_a_table_back() {
    for codec in [opaque_books::<Bincode>(), opaque_books::<Postcard>(), opaque_books::<Json>()] {
        let decoded = load(&codec, &save_one(&codec, books(20))).expect("the table decodes");
        same(&decoded.entries, &books(20));
    }
}

#[test]
fn a_table_of_many_blocks_comes_back_in_order() {
    let codec = opaque_books::<Bincode>();
    for count in [0, 1, FULL_ENTRIES as u64, FULL_ENTRIES as u64 + 1, 3 * FULL_ENTRIES as u64 + 17] {
        let decoded = load(&codec, &save_one(&codec, books(count))).expect("the table decodes");
        same(&decoded.entries, &books(count));
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let codec = opaque_books::<Bincode>();
    let save = |threads| {
        let image = image("get_book", &codec.codec, books(10_000));
        let mut bytes = Vec::new();
        write_snapshot(&mut bytes, saved_at(), 42, &mut [image], SaveRules::new(threads), &mut |_, _| {})
            .expect("the table can be saved");
        bytes
    };
    let alone = save(1);
    assert!(save(4) == alone);
    let snapshot = Snapshot::parse(&alone).expect("the snapshot is undamaged");
    for threads in [0, 1, 4] {
        let loaded = decoded(&snapshot.sections()[0], &codec.codec, downtime(Duration::ZERO), threads);
        same(&loaded.expect("the table decodes").entries, &books(10_000));
    }
}

#[test]
fn idle_times_that_are_the_ages_take_no_bytes() {
    let codec = opaque_books::<Bincode>();
    let of = |idle| {
        let mut entries = books(100);
        entries
            .iter_mut()
            .for_each(|entry| entry.meta = EntryMeta { age: Nanos::new(9), idle, ..plain_meta() });
        entries
    };
    let (short, long) = (save_one(&codec, of(Nanos::new(9))), save_one(&codec, of(Nanos::new(8))));
    assert_eq!(long.len() - short.len(), 800);
    same(&load(&codec, &short).expect("the table decodes").entries, &of(Nanos::new(9)));
    same(&load(&codec, &long).expect("the table decodes").entries, &of(Nanos::new(8)));
}

/// Metadata with these times, which were given with the write.
fn own_times(own: OwnTimes) -> EntryMeta {
    EntryMeta { own, ..plain_meta() }
}

#[test]
fn bookkeeping_of_every_kind_comes_back() {
    let odd = |index: u64, meta| {
        let mut entry = books(index + 1).remove(index as usize);
        entry.meta = meta;
        entry
    };
    let metas = [
        own_times(OwnTimes { ttl: Some(Nanos::new(0)), fresh: Some(Nanos::FOREVER), ..OwnTimes::NONE }),
        EntryMeta {
            invalidated: true,
            ..own_times(OwnTimes { ttl: Some(Nanos::FOREVER), ..OwnTimes::NONE })
        },
        own_times(OwnTimes { swr: Some(Nanos::new(5)), ..OwnTimes::NONE }),
        own_times(OwnTimes {
            stale_if_error: Some(Nanos::new(0)),
            swr: Some(Nanos::new(7)),
            ..OwnTimes::NONE
        }),
        EntryMeta { rank: 255, uses: 3, ..plain_meta() },
        EntryMeta { is_survivor: true, age: Nanos::FOREVER, idle: Nanos::new(0), ..plain_meta() },
        EntryMeta {
            age: Nanos::new(1),
            ..own_times(OwnTimes { fresh: Some(Duration::new(1, 1).into()), ..OwnTimes::NONE })
        },
    ];
    let entries = || (0..).zip(metas).map(|(index, meta)| odd(index, meta)).collect::<Vec<_>>();
    let codec = opaque_books::<Bincode>();
    let decoded = load(&codec, &save_one(&codec, entries())).expect("the table decodes");
    same(&decoded.entries, &entries());
}

#[test]
fn saving_what_was_restored_gives_the_same_bytes() {
    let codec = opaque_books::<Bincode>();
    let file = save_one(&codec, books(3000));
    let decoded = load(&codec, &file).expect("the table decodes");
    assert!(save_one(&codec, decoded.entries) == file);
}

#[test]
fn an_empty_cache_makes_a_snapshot_of_no_tables() {
    let (file, report) = try_save(&mut []).expect("nothing can be saved");
    let snapshot = Snapshot::parse(&file).expect("the snapshot is undamaged");
    assert!(snapshot.sections().is_empty());
    assert_eq!((snapshot.revision(), report.bytes, report.entries()), (42, file.len() as u64, 0));
}

#[test]
fn tables_of_one_snapshot_do_not_mix() {
    let (books_codec, count_codec) =
        (opaque_books::<Bincode>(), Persistence::<CountBooks>::opaque::<Json>(3));
    let count = vec![SavedEntry { key: CountBooks, value: Arc::new(9), meta: plain_meta() }];
    let file = save(&mut [
        image("get_book", &books_codec.codec, books(4)),
        image("count_books", &count_codec.codec, count),
    ]);
    same(&load(&books_codec, &file).expect("books decode").entries, &books(4));
    assert_eq!(*load(&count_codec, &file).expect("the count decodes").entries[0].value, 9);
}

#[test]
fn unsized_values_come_back() {
    #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    struct GetText;
    impl Query for GetText {
        type Value = str;
        const NAME: &'static str = "get_text";
    }
    #[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    struct GetNumbers;
    impl Query for GetNumbers {
        type Value = [u32];
        const NAME: &'static str = "get_numbers";
    }
    let text = Persistence::<GetText>::opaque::<Bincode>(0);
    let numbers = Persistence::<GetNumbers>::opaque::<Postcard>(0);
    let file = save(&mut [
        image(
            "get_text",
            &text.codec,
            vec![SavedEntry { key: GetText, value: Arc::from("all of it"), meta: plain_meta() }],
        ),
        image(
            "get_numbers",
            &numbers.codec,
            vec![SavedEntry { key: GetNumbers, value: Arc::from([1, 2, 3]), meta: plain_meta() }],
        ),
    ]);
    assert_eq!(&*load(&text, &file).expect("the text decodes").entries[0].value, "all of it");
    assert_eq!(&*load(&numbers, &file).expect("the numbers decode").entries[0].value, [1, 2, 3]);
}

#[test]
fn entries_are_older_by_the_time_that_passed() {
    let codec = opaque_books::<Bincode>();
    let file = save_one(&codec, books(1));
    let snapshot = Snapshot::parse(&file).expect("the snapshot is undamaged");
    let elapsed = snapshot.elapsed(saved_at() + Duration::from_secs(10));
    let section = snapshot.section("get_book").expect("the table is there");
    let loaded = decoded::<GetBook>(section, &codec.codec, downtime(elapsed), 1).expect("the table decodes");
    assert_eq!(loaded.entries[0].meta.age, Duration::from_nanos(10_000_000_001).into());
    assert_eq!(loaded.entries[0].meta.idle, Duration::from_millis(11_500).into());
}

#[test]
fn a_clock_that_went_backwards_counts_as_no_time() {
    let file = save(&mut []);
    let snapshot = Snapshot::parse(&file).expect("the snapshot is undamaged");
    assert_eq!(snapshot.elapsed(saved_at() - Duration::from_secs(60)), Duration::ZERO);
    assert_eq!(snapshot.elapsed(UNIX_EPOCH - Duration::from_nanos(1)), Duration::ZERO);
    assert_eq!(snapshot.elapsed(saved_at() + Duration::from_nanos(1)), Duration::from_nanos(1));
}

#[test]
fn progress_counts_up_to_all_entries() {
    let codec = opaque_books::<Bincode>();
    let image = image("get_book", &codec.codec, books(2500));
    let mut seen = Vec::new();
    write_snapshot(&mut Vec::new(), saved_at(), 0, &mut [image], SaveRules::new(3), &mut |done, of| {
        seen.push((done, of))
    })
    .expect("the table can be saved");
    assert!(seen.len() >= 3 && seen.is_sorted());
    assert_eq!(seen.last(), Some(&(2500, 2500)));
}
