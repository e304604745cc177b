//! The types that have a shape without a derive: std's, and those of the feature crates.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};
use std::num::{self, Saturating, Wrapping};
use std::ops::{Bound, Range, RangeFrom, RangeInclusive, RangeTo};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{
    AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
    AtomicU64, AtomicUsize,
};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime};

use crate::fingerprint;

/// Checks that all the types have shapes, and that no two are alike.
macro_rules! all_differ {
    ($($type:ty,)*) => {
        let all = [$((stringify!($type), fingerprint::<$type>())),*];
        for (at, (name, of)) in all.iter().enumerate() {
            let alike = all[..at].iter().find(|(_, other)| other == of);
            assert_eq!(alike.map(|(other, _)| other), None, "{name} looks like another type");
        }
    };
}

#[test]
fn every_type_of_std_that_serde_gives_back_has_a_shape_of_its_own() {
    all_differ! {
        bool, char, i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64, (),
        str, String, CStr, CString, OsStr, OsString, Path, PathBuf, Duration, SystemTime,
        IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4,
        num::NonZeroI8, num::NonZeroI16, num::NonZeroI32, num::NonZeroI64, num::NonZeroI128, num::NonZeroIsize,
        num::NonZeroU8, num::NonZeroU16, num::NonZeroU32, num::NonZeroU64, num::NonZeroU128, num::NonZeroUsize,
        AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize,
        AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
        &'static u8, Box<u8>, Rc<u8>, Arc<u8>, Cow<'static, u8>,
        Cell<u8>, RefCell<u8>, Mutex<u8>, RwLock<u8>, Option<u8>, Result<u8, u8>,
        Wrapping<u8>, Saturating<u8>, Reverse<u8>, PhantomData<u8>,
        Range<u8>, RangeFrom<u8>, RangeInclusive<u8>, RangeTo<u8>, Bound<u8>,
        [u8], [u8; 0], [u8; 64], Vec<u8>, VecDeque<u8>, LinkedList<u8>, BinaryHeap<u8>,
        BTreeSet<u8>, HashSet<u8>, BTreeMap<u8, u8>, HashMap<u8, u8>,
        (u8,), (u8, u8), (u8, u8, u8), (u8, u8, u8, u8), (u8, u8, u8, u8, u8), (u8, u8, u8, u8, u8, u8),
        (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8), (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8),
    }
}

#[test]
fn types_without_a_size_have_shapes_behind_any_pointer() {
    all_differ! {
        &'static str, Box<str>, Rc<str>, Arc<str>, Cow<'static, str>, Box<[u8]>, Arc<[u8]>, Cow<'static, [u8]>,
        Box<Path>, Arc<Path>, Box<OsStr>, Box<CStr>, Arc<Mutex<[u8]>>,
    }
}

#[test]
fn every_type_of_the_feature_crates_that_serde_saves_has_a_shape_of_its_own() {
    all_differ! {
        chrono::DateTime<chrono::Utc>, chrono::DateTime<chrono::FixedOffset>, chrono::NaiveDate,
        chrono::NaiveDateTime, chrono::NaiveTime, chrono::TimeDelta, chrono::Weekday, chrono::Month,
        time::Date, time::Month, time::OffsetDateTime, time::PlainDateTime, time::SignedDuration, time::Time,
        time::Timestamp, time::UtcDateTime, time::UtcOffset, time::Weekday,
        uuid::Uuid, uuid::NonNilUuid, uuid::fmt::Braced, uuid::fmt::Hyphenated, uuid::fmt::Simple, uuid::fmt::Urn,
        url::Url, url::Host, url::Host<Box<str>>,
        serde_json::Value, serde_json::Number, serde_json::Map<String, serde_json::Value>,
    }
}
