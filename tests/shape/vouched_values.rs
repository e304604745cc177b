//! Values that a shape vouches for come back equal, for every type with a shape. The others are listed.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CString, OsString};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::num::{self, Saturating, Wrapping};
use std::ops::{Bound, Range, RangeFrom, RangeInclusive, RangeTo};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{self, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime};

use cache_core::__private::codec::{Bincode, Codec, EncodeError, Json, Postcard};
use cache_core::__private::shape::ShapeReport;
use cache_core::Shape;
use chrono::{DateTime, FixedOffset, Month, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Number of values tried for each type.
const CASES: usize = 64;

/// Types with values that a save refuses, and the text of the error.
const REFUSED: [(&str, &str); 7] = [
    ("f32", "infinite or NaN"),
    ("f64", "infinite or NaN"),
    ("Option<f64>", "infinite or NaN"),
    ("PathBuf", "invalid UTF-8"),
    ("SystemTime", "later than UNIX_EPOCH"),
    // postcard drops the message.
    ("PathBuf", "Serde Serialization Error"),
    ("SystemTime", "Serde Serialization Error"),
];

/// A type under test.
trait Saved: Shape + Serialize + DeserializeOwned {}
impl<T: Shape + Serialize + DeserializeOwned> Saved for T {}

/// Tries one type with each codec that vouches for it.
struct Trial<T> {
    name: &'static str,
    values: Vec<T>,
}

impl<T: Saved> Trial<T> {
    fn new(name: &'static str, edges: Vec<T>, strategy: impl Strategy<Value = T>) -> Self
    where
        T: Debug,
    {
        let mut runner = TestRunner::deterministic();
        let mut values = edges;
        values.extend(
            (0..CASES)
                .map(|_| strategy.new_tree(&mut runner).expect("the strategy generates values").current()),
        );
        Self { name, values }
    }

    /// Asserts that values come back with an equal `look`, and that the codecs that vouch are `[bincode, postcard,
    /// json]`.
    fn check<L: PartialEq + Debug>(&self, vouching: [bool; 3], look: impl Fn(&T) -> L) {
        let found = [self.through::<Bincode, L>(&look), self.through::<Postcard, L>(&look)];
        let found = [found[0], found[1], self.through::<Json, L>(&look)];
        assert_eq!(found, vouching, "{}: the codecs that vouch for it", self.name);
    }

    fn through<C: Codec, L: PartialEq + Debug>(&self, look: &impl Fn(&T) -> L) -> bool {
        let vouches = ShapeReport::of::<T>().vouches_for::<C>();
        for value in self.values.iter().filter(|_| vouches) {
            let mut bytes = Vec::new();
            if let Err(error) = C::encode(value, &mut bytes, None) {
                let (EncodeError::Unencodable(reason) | EncodeError::Unreadable(reason)) = error;
                let is_known = REFUSED
                    .iter()
                    .any(|(name, text)| *name == self.name && reason.to_string().contains(text));
                assert!(is_known, "{} {:?} is refused by {}: {reason}", self.name, look(value), C::NAME);
                continue;
            }
            let copy = C::decode::<T>(&bytes).unwrap_or_else(|error| {
                panic!("{} {:?} does not come back from {}: {error}", self.name, look(value), C::NAME)
            });
            assert_eq!(look(&copy), look(value), "{} comes back changed from {}", self.name, C::NAME);
        }
        vouches
    }
}

const ALL: [bool; 3] = [true; 3];
const NONE: [bool; 3] = [false; 3];
/// Values that JSON cannot distinguish.
const BINARY: [bool; 3] = [true, true, false];

/// Tries types whose values `Debug` distinguishes: `type: strategy, [edges], vouching;`.
macro_rules! by_debug {
    ($($type:ty: $strategy:expr, [$($edge:expr),*], $vouching:expr;)*) => {$(
        Trial::<$type>::new(stringify!($type), vec![$($edge),*], $strategy).check($vouching, |value| format!("{value:?}"));
    )*};
}

/// Tries types of numbers at their edges and between them.
macro_rules! numbers {
    ($($type:ident)*) => {
        by_debug! {$(
            $type: any::<$type>(), [$type::MIN, $type::MIN + 1, 0, 1, $type::MAX - 1, $type::MAX], ALL;
        )*}
    };
}

macro_rules! non_zero {
    ($($type:ident)*) => {
        by_debug! {$(
            num::$type: any::<num::$type>(), [num::$type::MIN, num::$type::MAX], ALL;
        )*}
    };
}

macro_rules! atomics {
    ($($type:ident $inner:ident;)*) => {$(
        Trial::new(stringify!($type), vec![], any::<$inner>().prop_map(atomic::$type::new))
            .check(ALL, |value| value.load(Ordering::Relaxed));
    )*};
}

fn vec_of<T: Debug>(values: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    prop::collection::vec(values, 0..6)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), vec_of(any::<char>()).prop_map(String::from_iter)]
}

#[test]
fn numbers() {
    numbers! { i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize }
    non_zero! { NonZeroI8 NonZeroI16 NonZeroI32 NonZeroI64 NonZeroI128 NonZeroIsize }
    non_zero! { NonZeroU8 NonZeroU16 NonZeroU32 NonZeroU64 NonZeroU128 NonZeroUsize }
    atomics! {
        AtomicBool bool; AtomicI8 i8; AtomicI16 i16; AtomicI32 i32; AtomicI64 i64; AtomicIsize isize;
        AtomicU8 u8; AtomicU16 u16; AtomicU32 u32; AtomicU64 u64; AtomicUsize usize;
    }
    by_debug! {
        bool: any::<bool>(), [], ALL;
        // JSON rejects NaN and the infinities, each by its own name.
        f32: any::<u32>().prop_map(f32::from_bits), [f32::NAN, f32::INFINITY, -0.0, 1e-45, f32::MAX], ALL;
        f64: any::<u64>().prop_map(f64::from_bits), [f64::NAN, f64::NEG_INFINITY, -0.0, 5e-324, f64::MAX], ALL;
        Wrapping<i64>: any::<i64>().prop_map(Wrapping), [Wrapping(i64::MIN)], ALL;
        Saturating<u128>: any::<u128>().prop_map(Saturating), [Saturating(u128::MAX)], ALL;
        Reverse<u8>: any::<u8>().prop_map(Reverse), [], ALL;
    }
}

#[test]
fn texts_and_paths() {
    let c_string =
        || vec_of(1..=u8::MAX).prop_map(|bytes| CString::new(bytes).expect("it contains no zero byte"));
    by_debug! {
        char: any::<char>(), ['\0', '"', '\\', '\u{d7ff}', '\u{e000}', char::MAX], ALL;
        String: text(), [String::new(), "\0\"\\\n\u{2028}\u{fffe}".to_owned()], ALL;
        Box<str>: text().prop_map(Box::from), [], ALL;
        Arc<str>: text().prop_map(Arc::from), [], ALL;
        Cow<'static, str>: text().prop_map(Cow::Owned), [Cow::Borrowed("b")], ALL;
        CString: c_string(), [], ALL;
        OsString: text().prop_map(OsString::from), [], ALL;
        PathBuf: text().prop_map(PathBuf::from), [PathBuf::from("/"), PathBuf::from("a/./b//")], ALL;
        Box<Path>: text().prop_map(|text| PathBuf::from(text).into()), [], ALL;
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        let bytes = || prop::collection::vec(any::<u8>(), 0..6);
        by_debug! {
            OsString: bytes().prop_map(OsString::from_vec), [], ALL;
            // Values that are not UTF-8 are rejected.
            PathBuf: bytes().prop_map(|bytes| OsString::from_vec(bytes).into()), [], ALL;
        }
    }
}

#[test]
fn times() {
    by_debug! {
        Duration: (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
            [Duration::ZERO, Duration::MAX], ALL;
        // Values before 1970 are rejected.
        SystemTime: (any::<i32>(), 0..1_000_000_000_u32).prop_map(|(secs, nanos)| {
            let nanos = Duration::from_nanos(nanos.into());
            let secs = Duration::from_secs(secs.unsigned_abs().into());
            SystemTime::UNIX_EPOCH + nanos + secs
        }), [SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH - Duration::from_nanos(1)], ALL;
    }
}

#[test]
fn addresses() {
    let v4 = || any::<Ipv4Addr>();
    let v6 = || any::<u128>().prop_map(Ipv6Addr::from);
    by_debug! {
        Ipv4Addr: v4(), [Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST], ALL;
        Ipv6Addr: v6(), [Ipv6Addr::UNSPECIFIED, Ipv4Addr::LOCALHOST.to_ipv6_mapped()], ALL;
        IpAddr: prop_oneof![v4().prop_map(IpAddr::V4), v6().prop_map(IpAddr::V6)],
            [Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()], ALL;
        SocketAddrV4: (v4(), any::<u16>()).prop_map(|(ip, port)| SocketAddrV4::new(ip, port)), [], ALL;
    }
}

#[test]
fn ranges_choices_and_pointers() {
    let byte = any::<u8>;
    let mut spent = 1..=2_u8;
    spent.by_ref().for_each(drop);
    by_debug! {
        (): Just(()), [], ALL;
        PhantomData<u8>: Just(PhantomData), [], ALL;
        Option<u8>: any::<Option<u8>>(), [None], ALL;
        // A `Some` of what JSON writes as `null` is rejected.
        Option<f64>: any::<Option<f64>>(), [Some(f64::NAN)], ALL;
        Option<Option<u8>>: any::<Option<Option<u8>>>(), [Some(None), None], BINARY;
        Option<()>: any::<Option<()>>(), [Some(()), None], BINARY;
        Result<u8, String>: any::<Result<u8, String>>(), [], ALL;
        Range<i8>: any::<(i8, i8)>().prop_map(|(start, end)| start..end), [], ALL;
        RangeFrom<u8>: byte().prop_map(|start| start..), [], ALL;
        RangeTo<u8>: byte().prop_map(|end| ..end), [], ALL;
        RangeInclusive<u8>: byte().prop_map(|end| 0..=end), [spent.clone()], NONE;
        Bound<u8>: prop_oneof![byte().prop_map(Bound::Included), byte().prop_map(Bound::Excluded)], [Bound::Unbounded], ALL;
        Box<u8>: byte().prop_map(Box::new), [], ALL;
        Rc<u8>: byte().prop_map(Rc::new), [], ALL;
        Arc<u8>: byte().prop_map(Arc::new), [], ALL;
        Cell<u8>: byte().prop_map(Cell::new), [], ALL;
        RefCell<u8>: byte().prop_map(RefCell::new), [], ALL;
        Mutex<u8>: byte().prop_map(Mutex::new), [], ALL;
        RwLock<u8>: byte().prop_map(RwLock::new), [], ALL;
    }
}

/// Returns the elements, in order.
fn sorted<T: Ord + Clone>(elements: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut elements: Vec<T> = elements.into_iter().collect();
    elements.sort();
    elements
}

#[test]
fn collections() {
    let bytes = || vec_of(any::<u8>());
    let pairs = || vec_of((text(), any::<i64>()));
    by_debug! {
        (u8,): any::<(u8,)>(), [], ALL;
        (u8, String, Option<i128>): any::<(u8, String, Option<i128>)>(), [], ALL;
        [u8; 0]: Just([]), [], ALL;
        [u16; 4]: any::<[u16; 4]>(), [], ALL;
        Vec<u8>: bytes(), [Vec::new()], ALL;
        Vec<Vec<()>>: vec_of(vec_of(Just(()))), [], ALL;
        VecDeque<u8>: bytes().prop_map(VecDeque::from), [], ALL;
        LinkedList<u8>: bytes().prop_map(LinkedList::from_iter), [], ALL;
        Box<[u8]>: bytes().prop_map(Box::from), [], ALL;
        Arc<[u8]>: bytes().prop_map(Arc::from), [], ALL;
        BTreeSet<u8>: bytes().prop_map(BTreeSet::from_iter), [], ALL;
        BTreeMap<String, i64>: pairs().prop_map(BTreeMap::from_iter), [], ALL;
        BTreeMap<i128, u8>: any::<BTreeMap<i128, u8>>(), [BTreeMap::from([(i128::MIN, 1), (i128::MAX, 2)])], ALL;
        BTreeMap<u128, u8>: any::<BTreeMap<u128, u8>>(), [BTreeMap::from([(u128::MAX, 2)])], ALL;
        BTreeMap<char, u8>: any::<BTreeMap<char, u8>>(), [BTreeMap::from([('"', 1), ('\0', 2)])], ALL;
        BTreeMap<bool, u8>: any::<BTreeMap<bool, u8>>(), [], ALL;
        BTreeMap<IpAddr, u8>: Just(BTreeMap::new()), [BTreeMap::from([(Ipv6Addr::LOCALHOST.into(), 1)])], ALL;
        BTreeMap<(u8, u8), u8>: any::<BTreeMap<(u8, u8), u8>>(), [], BINARY;
        BTreeMap<Vec<u8>, u8>: any::<BTreeMap<Vec<u8>, u8>>(), [], BINARY;
    }
    Trial::new("BinaryHeap", vec![], bytes().prop_map(BinaryHeap::from))
        .check(ALL, |heap| heap.clone().into_vec());
    Trial::new("HashSet", vec![], bytes().prop_map(HashSet::<u8>::from_iter))
        .check(ALL, |set| sorted(set.clone()));
    Trial::new("HashMap", vec![], pairs().prop_map(HashMap::<_, _>::from_iter))
        .check(ALL, |map| sorted(map.clone()));
}

#[test]
fn types_of_other_crates() {
    let day = || {
        (-262_143..=262_142_i32, 1..=365_u32)
            .prop_filter_map("a day", |(year, day)| NaiveDate::from_yo_opt(year, day))
    };
    // A leap second has up to two seconds of nanoseconds.
    let time = || {
        (0..86_400_u32, 0..2_000_000_000_u32).prop_filter_map("a time", |(secs, nanos)| {
            NaiveTime::from_num_seconds_from_midnight_opt(secs, nanos)
        })
    };
    let moment = || (day(), time()).prop_map(|(day, time)| day.and_time(time));
    let uuid = || any::<u128>().prop_map(Uuid::from_u128);
    by_debug! {
        NaiveDate: day(), [NaiveDate::MIN, NaiveDate::MAX], ALL;
        NaiveTime: time(), [NaiveTime::MIN], ALL;
        NaiveDateTime: moment(), [NaiveDateTime::MIN, NaiveDateTime::MAX], ALL;
        DateTime<Utc>: moment().prop_map(|moment| moment.and_utc()), [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC], ALL;
        // The seconds of an offset are not written.
        DateTime<FixedOffset>: Just(DateTime::UNIX_EPOCH.fixed_offset()), [], NONE;
        TimeDelta: any::<i64>().prop_map(|millis| TimeDelta::try_milliseconds(millis).unwrap_or_default()),
            [TimeDelta::MIN, TimeDelta::MAX, TimeDelta::nanoseconds(-1)], ALL;
        Weekday: (0..7_u8).prop_map(|day| Weekday::try_from(day).expect("a weekday")), [], ALL;
        Month: (1..13_u8).prop_map(|month| Month::try_from(month).expect("a month")), [], ALL;
        Uuid: uuid(), [Uuid::nil(), Uuid::max()], ALL;
        uuid::fmt::Urn: uuid().prop_map(Uuid::urn), [], ALL;
        uuid::fmt::Simple: uuid().prop_map(Uuid::simple), [], ALL;
        uuid::fmt::Braced: uuid().prop_map(Uuid::braced), [], ALL;
        uuid::fmt::Hyphenated: uuid().prop_map(Uuid::hyphenated), [], ALL;
        url::Url: "[a-z]{1,8}".prop_map(|host| format!("https://{host}/?a#b").parse().expect("a URL")), [], NONE;
        url::Host: prop_oneof![
            "[a-z]{1,8}".prop_map(url::Host::Domain),
            any::<u32>().prop_map(|bits| url::Host::Ipv4(bits.into())),
            any::<u128>().prop_map(|bits| url::Host::Ipv6(bits.into())),
        ], [], ALL;
    }
}

/// JSON stores them as strings here; without `serde-human-readable` it writes what the other codecs write.
#[test]
fn types_of_the_time_crate() {
    use time::{
        Date, Month, OffsetDateTime, PlainDateTime, SignedDuration, Time, Timestamp, UtcDateTime, UtcOffset,
        Weekday,
    };

    let day = || {
        (Date::MIN.to_julian_day()..=Date::MAX.to_julian_day())
            .prop_map(|day| Date::from_julian_day(day).expect("a day"))
    };
    let time = || {
        (0..24_u8, 0..60_u8, 0..60_u8, 0..1_000_000_000_u32).prop_map(|(hour, minute, second, nano)| {
            Time::from_hms_nano(hour, minute, second, nano).expect("a time")
        })
    };
    let offset =
        || (-93_599..=93_599).prop_map(|secs| UtcOffset::from_whole_seconds(secs).expect("a valid offset"));
    let [behind, ahead, a_second_behind] =
        [-93_599, 93_599, -1].map(|secs| UtcOffset::from_whole_seconds(secs).expect("a valid offset"));
    let moment = || (day(), time()).prop_map(|(day, time)| PlainDateTime::new(day, time));
    let span = || {
        (any::<i64>(), -999_999_999..=999_999_999_i64)
            .prop_map(|(secs, nanos)| SignedDuration::seconds(secs / 2) + SignedDuration::nanoseconds(nanos))
    };
    let nanos = |moment: UtcDateTime| moment.unix_timestamp_nanos();
    let timestamp = || {
        (nanos(UtcDateTime::MIN)..=nanos(UtcDateTime::MAX))
            .prop_map(|nanos| Timestamp::from_nanoseconds(nanos).expect("a timestamp"))
    };
    by_debug! {
        Date: day(), [Date::MIN, Date::MAX], ALL;
        Time: time(), [Time::MIDNIGHT, Time::MAX], ALL;
        UtcOffset: offset(), [behind, ahead, a_second_behind], ALL;
        PlainDateTime: moment(), [PlainDateTime::MIN, PlainDateTime::MAX], ALL;
        UtcDateTime: moment().prop_map(|moment| moment.as_utc()), [UtcDateTime::MIN, UtcDateTime::MAX], ALL;
        OffsetDateTime: (moment(), offset()).prop_map(|(moment, offset)| moment.assume_offset(offset)),
            [PlainDateTime::MIN.assume_offset(ahead), PlainDateTime::MAX.assume_offset(behind),
             PlainDateTime::MIN.assume_offset(behind), PlainDateTime::MAX.assume_offset(ahead)], ALL;
        SignedDuration: span(), [SignedDuration::MIN, SignedDuration::MAX, SignedDuration::nanoseconds(-1)], ALL;
        Timestamp: timestamp(), [Timestamp::MIN, Timestamp::MAX], ALL;
        Weekday: (0..7_u8).prop_map(|day| Weekday::Monday.nth_next(day)), [], ALL;
        Month: (0..12_u8).prop_map(|month| Month::January.nth_next(month)), [], ALL;
        BTreeMap<Date, u8>: vec_of((day(), any::<u8>())).prop_map(BTreeMap::from_iter), [], ALL;
        BTreeMap<Month, u8>: Just(BTreeMap::from([(Month::May, 5)])), [], ALL;
        BTreeMap<Timestamp, u8>: vec_of((timestamp(), any::<u8>())).prop_map(BTreeMap::from_iter), [], ALL;
    }
}

/// Returns `value` as each codec reads it back: `[bincode, postcard, json]`.
fn copies<T: Serialize + DeserializeOwned>(value: &T) -> [T; 3] {
    fn copy<C: Codec, T: Serialize + DeserializeOwned>(value: &T) -> T {
        let mut bytes = Vec::new();
        C::encode(value, &mut bytes, None).expect("it can be encoded");
        C::decode(&bytes).expect("it can be decoded")
    }
    [copy::<Bincode, T>(value), copy::<Postcard, T>(value), copy::<Json, T>(value)]
}

#[test]
fn what_the_documentation_of_shape_says_is_lost() {
    let address = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, 7, 5);
    let found = copies(&address).map(|copy| (copy.flowinfo(), copy.scope_id()));
    assert_eq!(found, [(0, 0), (0, 0), (0, 5)]);

    let offset = FixedOffset::east_opt(3_600 + 10).expect("a valid offset");
    let moment = DateTime::UNIX_EPOCH.with_timezone(&offset);
    for copy in copies(&moment) {
        assert_eq!(copy.offset().local_minus_utc(), 3_600);
        assert_eq!(copy.timestamp(), 10, "the local time stays");
    }

    let mut spent = 1..=1_u8;
    assert_eq!(spent.next(), Some(1));
    for mut copy in copies(&spent) {
        assert_eq!(copy.next(), Some(1));
    }
}
