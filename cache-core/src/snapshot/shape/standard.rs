//! Shapes of the types of std that serde can write and read. Each counts under its own name.
//!
//! `SocketAddr`, `SocketAddrV6` and `Weak` have none: serde writes no scope id and no flow label, and reads every `Weak`
//! as a dangling one. Two keys would come back as one, and no codec could notice.

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
use std::sync::{Arc, Mutex, RwLock, atomic};
use std::time::{Duration, SystemTime};

use super::visitor::JsonForm;
use super::{Shape, ShapeVisitor};

/// Types with parameters. After the colon come the parameters that serde writes, so neither hashers nor that
/// of `PhantomData`. After the arrow comes the JSON form; without an arrow it is that of the parameter.
macro_rules! generic {
    ($($name:literal [$($header:tt)*] $type:ty: $($parameter:ident)* $(=> $form:ident)?;)*) => {$(
        impl<$($header)*> Shape for $type {
            fn shape(visitor: &mut ShapeVisitor) {
                visitor.name($name);
                $(visitor.visit::<$parameter>();)*
                $(visitor.form(JsonForm::$form);)?
            }
        }
    )*};
}

macro_rules! atomic {
    ($($size:literal $name:literal $type:ident;)*) => {$(
        #[cfg(target_has_atomic = $size)]
        impl Shape for atomic::$type {
            fn shape(visitor: &mut ShapeVisitor) {
                visitor.name($name);
            }
        }
    )*};
}

macro_rules! tuple {
    ($($name:literal $($parameter:ident)+;)*) => {$(
        impl<$($parameter: Shape),+> Shape for ($($parameter,)+) {
            fn shape(visitor: &mut ShapeVisitor) {
                visitor.name($name);
                $(visitor.visit::<$parameter>();)+
                visitor.form(JsonForm::Compound);
            }
        }
    )*};
}

named! {
    "bool" bool;
    "char" char;
    "i8" i8;
    "i16" i16;
    "i32" i32;
    "i64" i64;
    "i128" i128;
    "isize" isize;
    "u8" u8;
    "u16" u16;
    "u32" u32;
    "u64" u64;
    "u128" u128;
    "usize" usize;
    "f32" f32;
    "f64" f64;
    "()" (): Null;
    "str" str;
    "String" String;
    "CStr" CStr: Compound;
    "CString" CString: Compound;
    "OsStr" OsStr: Compound;
    "OsString" OsString: Compound;
    "Path" Path;
    "PathBuf" PathBuf;
    "Duration" Duration: Compound;
    "SystemTime" SystemTime: Compound;
    "IpAddr" IpAddr;
    "Ipv4Addr" Ipv4Addr;
    "Ipv6Addr" Ipv6Addr;
    "SocketAddrV4" SocketAddrV4;
    "NonZeroI8" num::NonZeroI8;
    "NonZeroI16" num::NonZeroI16;
    "NonZeroI32" num::NonZeroI32;
    "NonZeroI64" num::NonZeroI64;
    "NonZeroI128" num::NonZeroI128;
    "NonZeroIsize" num::NonZeroIsize;
    "NonZeroU8" num::NonZeroU8;
    "NonZeroU16" num::NonZeroU16;
    "NonZeroU32" num::NonZeroU32;
    "NonZeroU64" num::NonZeroU64;
    "NonZeroU128" num::NonZeroU128;
    "NonZeroUsize" num::NonZeroUsize;
}

atomic! {
    "8" "AtomicBool" AtomicBool;
    "8" "AtomicI8" AtomicI8;
    "8" "AtomicU8" AtomicU8;
    "16" "AtomicI16" AtomicI16;
    "16" "AtomicU16" AtomicU16;
    "32" "AtomicI32" AtomicI32;
    "32" "AtomicU32" AtomicU32;
    "64" "AtomicI64" AtomicI64;
    "64" "AtomicU64" AtomicU64;
    "ptr" "AtomicIsize" AtomicIsize;
    "ptr" "AtomicUsize" AtomicUsize;
}

generic! {
    "&" [T: Shape + ?Sized] &'static T: T;
    "Box" [T: Shape + ?Sized] Box<T>: T;
    "Rc" [T: Shape + ?Sized] Rc<T>: T;
    "Arc" [T: Shape + ?Sized] Arc<T>: T;
    "Cow" [T: Shape + ToOwned + ?Sized] Cow<'static, T>: T;
    "Cell" [T: Shape] Cell<T>: T;
    "RefCell" [T: Shape + ?Sized] RefCell<T>: T;
    "Mutex" [T: Shape + ?Sized] Mutex<T>: T;
    "RwLock" [T: Shape + ?Sized] RwLock<T>: T;
    "Result" [T: Shape, E: Shape] Result<T, E>: T E => Compound;
    "Wrapping" [T: Shape] Wrapping<T>: T;
    "Saturating" [T: Shape] Saturating<T>: T;
    "Reverse" [T: Shape] Reverse<T>: T;
    "Range" [T: Shape] Range<T>: T => Compound;
    "RangeFrom" [T: Shape] RangeFrom<T>: T => Compound;
    "RangeTo" [T: Shape] RangeTo<T>: T => Compound;
    "Bound" [T: Shape] Bound<T>: T => Compound;
    "[]" [T: Shape] [T]: T => Compound;
    "Vec" [T: Shape] Vec<T>: T => Compound;
    "VecDeque" [T: Shape] VecDeque<T>: T => Compound;
    "LinkedList" [T: Shape] LinkedList<T>: T => Compound;
    "BinaryHeap" [T: Shape] BinaryHeap<T>: T => Compound;
    "BTreeSet" [T: Shape] BTreeSet<T>: T => Compound;
    "HashSet" [T: Shape, S: 'static] HashSet<T, S>: T => Compound;
    "PhantomData" [T: ?Sized + 'static] PhantomData<T>: => Null;
}

tuple! {
    "tuple 1" A;
    "tuple 2" A B;
    "tuple 3" A B C;
    "tuple 4" A B C D;
    "tuple 5" A B C D E;
    "tuple 6" A B C D E F;
    "tuple 7" A B C D E F G;
    "tuple 8" A B C D E F G H;
    "tuple 9" A B C D E F G H I;
    "tuple 10" A B C D E F G H I J;
    "tuple 11" A B C D E F G H I J K;
    "tuple 12" A B C D E F G H I J K L;
    "tuple 13" A B C D E F G H I J K L M;
    "tuple 14" A B C D E F G H I J K L M N;
    "tuple 15" A B C D E F G H I J K L M N O;
    "tuple 16" A B C D E F G H I J K L M N O P;
}

/// A range that was iterated to its end comes back as it was before its last step.
impl<T: Shape> Shape for RangeInclusive<T> {
    fn shape(visitor: &mut ShapeVisitor) {
        visitor.name("RangeInclusive");
        visitor.visit::<T>();
        visitor.form(JsonForm::Compound);
        visitor.doubt();
    }
}

impl<T: Shape, const LENGTH: usize> Shape for [T; LENGTH] {
    fn shape(visitor: &mut ShapeVisitor) {
        visitor.name("array");
        visitor.number(LENGTH as u64);
        visitor.visit::<T>();
        visitor.form(JsonForm::Compound);
    }
}

impl<T: Shape> Shape for Option<T> {
    fn shape(visitor: &mut ShapeVisitor) {
        visitor.name("Option");
        visitor.visit::<T>();
        visitor.optional::<T>();
    }
}

impl<K: Shape, V: Shape> Shape for BTreeMap<K, V> {
    fn shape(visitor: &mut ShapeVisitor) {
        map::<K, V, Self>("BTreeMap", visitor);
    }
}

impl<K: Shape, V: Shape, S: 'static> Shape for HashMap<K, V, S> {
    fn shape(visitor: &mut ShapeVisitor) {
        map::<K, V, Self>("HashMap", visitor);
    }
}

fn map<K: Shape, V: Shape, M: 'static>(name: &'static str, visitor: &mut ShapeVisitor) {
    visitor.name(name);
    visitor.visit::<K>();
    visitor.keys_of::<M>();
    visitor.visit::<V>();
    visitor.form(JsonForm::Compound);
}
