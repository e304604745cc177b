use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_bucket_is_searched_like_a_list(places in prop::array::uniform8(0_u16..4), from_main in 0_u8.., sought in 1_u16..4) {
        // Few values and the largest, so that many are equal, and neighbours differ by all bits.
        let value = |place: u16| if place == 3 { !FROM_MAIN } else { place };
        let mut bucket = Bucket::default();
        for (at, &place) in places.iter().enumerate().rev() {
            let mark = if from_main & 1 << at == 0 { 0 } else { FROM_MAIN };
            bucket.0 = bucket.0 << BITS | u128::from(value(place) | mark);
        }
        let expected = places.iter().position(|&place| value(place) == value(sought));
        prop_assert_eq!(bucket.find(value(sought)), expected);
    }
}
