use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Bucket, Index, equal_bytes, equal_bytes_anywhere};
use crate::clock::Moment;
use crate::retention::list::Link;
use crate::retention::records::{Record, Records};

fn record(hash: u32) -> Record {
    Record { link: Link::LOOSE, hash, weight: 1, revision: 0, as_of: Moment::ORIGIN }
}

fn is(number: u32) -> impl Fn(u32) -> Option<u32> {
    move |found| (found == number).then_some(found)
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u32),
    /// The entry at this distance from the first.
    Remove(usize),
    Reserve(usize),
}

fn steps(hashes: impl Strategy<Value = u32>) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => hashes.prop_map(Step::Insert),
        4 => any::<usize>().prop_map(Step::Remove),
        1 => (0..100_usize).prop_map(Step::Reserve),
    ];
    prop::collection::vec(step, 0..600)
}

/// Runs the steps, and compares with a map of hashes by number after each.
fn compare(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (mut index, mut records, mut model) = (Index::default(), Records::default(), BTreeMap::new());
    for step in steps {
        match step {
            Step::Insert(hash) => {
                let number = records.occupy(record(hash));
                index.insert(number, &records);
                model.insert(number, hash);
            }
            Step::Remove(place) if !model.is_empty() => {
                let (&number, &hash) = model.iter().nth(place % model.len()).unwrap();
                index.remove(number, &records);
                records.vacate(number);
                model.remove(&number);
                prop_assert_eq!(index.find(hash, is(number)), None);
            }
            Step::Remove(_) => {}
            Step::Reserve(entries) => index.reserve(entries, &records),
        }
        for (&number, &hash) in &model {
            prop_assert_eq!(index.find(hash, is(number)), Some(number));
        }
        prop_assert_eq!(index.buckets.iter().flat_map(Bucket::taken).count(), model.len());
    }
    // Nothing is left behind.
    for &number in model.keys() {
        index.remove(number, &records);
    }
    prop_assert!(index.buckets.iter().all(|bucket| bucket.head == [0; 16]));
    Ok(())
}

proptest! {
    #[test]
    fn both_ways_to_compare_bytes_are_the_same(bytes in prop::array::uniform16(0..4_u8), byte in 0..5_u8) {
        prop_assert_eq!(equal_bytes(bytes, byte), equal_bytes_anywhere(bytes, byte));
    }

    #[test]
    fn finds_what_a_map_holds(steps in steps(any::<u32>())) {
        compare(steps)?;
    }

    #[test]
    fn finds_what_a_map_holds_when_most_hashes_meet(steps in steps(prop_oneof![0..3_u32, any::<u32>()])) {
        compare(steps)?;
    }
}

#[test]
fn equal_hashes_are_found_and_removed_however_many_there_are() {
    let (mut index, mut records) = (Index::default(), Records::default());
    for _ in 0..2_000 {
        let number = records.occupy(record(7));
        index.insert(number, &records);
    }
    for number in 0..2_000 {
        assert_eq!(index.find(7, is(number)), Some(number));
        index.remove(number, &records);
        records.vacate(number);
        assert_eq!(index.find(7, is(number)), None);
    }
}

#[test]
fn a_lookup_looks_at_few_other_entries() {
    let (mut index, mut records) = (Index::default(), Records::default());
    let hash_of = |turn: u32| turn.wrapping_mul(0x85EB_CA6B).rotate_left(7);
    for turn in 0..100_000 {
        let number = records.occupy(record(hash_of(turn)));
        index.insert(number, &records);
    }
    let mut looks = 0;
    for number in 0..100_000 {
        index.find(hash_of(number), |found| {
            looks += 1;
            is(number)(found)
        });
    }
    assert!(looks < 101_000, "{looks} looks at 100000 entries");
}
