//! Types with parameters, and code with the strictest lints.
#![deny(warnings, missing_docs, unused_lifetimes, unused_qualifications, deprecated)]
#![allow(dead_code, reason = "only the types are used")]

use std::borrow::Cow;
use std::collections::HashMap;
use std::marker::PhantomData;

use cache_core as my_cache;
use cache_core::__private::shape::ShapeReport;
use cache_core::Shape;

use crate::fingerprint;

/// Has no shape.
pub struct Foreign;

/// Has an associated type.
pub trait Kind {
    /// The item type.
    type Item;
}

impl Kind for Foreign {
    type Item = u8;
}

/// A page of anything.
#[derive(Shape)]
pub struct Page<T, const N: usize = 2> {
    /// Entries.
    pub items: Vec<T>,
    /// The first ones.
    pub first: [Option<T>; N],
}

/// A number that belongs to a type.
#[derive(Shape)]
pub struct Id<T: ?Sized>(pub u64, pub PhantomData<T>);

/// Reached by associated type only.
#[derive(Shape)]
pub struct Item<K: Kind> {
    /// By its short path.
    pub item: K::Item,
    /// By its long path.
    pub items: Option<<K as Kind>::Item>,
    /// By its long path alone.
    pub long: <K as Kind>::Item,
}

/// Not reached by anything that the shape describes.
#[derive(Shape)]
pub struct Hidden<T> {
    /// Opaque.
    #[shape(opaque)]
    pub inside: Vec<T>,
    /// Not saved.
    #[serde(skip)]
    pub handle: Option<T>,
}

/// Borrows where it can.
#[derive(Shape)]
pub struct Borrowing<'a, T: Clone>
where
    T: Default,
{
    /// Text.
    pub text: Cow<'a, str>,
    /// And more.
    pub slice: Cow<'a, [T]>,
}

/// Contains itself.
#[derive(Shape)]
pub enum Tree<T> {
    /// A leaf.
    Leaf(T),
    /// A node.
    Fork(Box<Tree<T>>, Box<Tree<T>>),
}

/// Has a deprecated variant.
#[derive(Shape)]
#[deprecated]
pub enum Old {
    /// Still there.
    #[deprecated]
    Variant(u8),
}

/// Finds the cache under another name.
#[derive(Shape)]
#[shape(crate = "my_cache")]
pub struct Renamed {
    /// Any field.
    pub a: u8,
}

/// Shadows what generated code might use.
pub mod shadowing {
    use cache_core::Shape;

    /// Has the name of a type of std.
    pub struct Option;
    /// Has the name of a type of std.
    pub struct String;

    /// Its fields have the names of variables in generated code.
    #[derive(Shape)]
    pub struct Layout {
        /// A field.
        pub visitor: u8,
    }
}

#[test]
fn a_parameter_counts_where_it_is_saved() {
    assert_ne!(fingerprint::<Page<u8>>(), fingerprint::<Page<u16>>());
    assert_ne!(fingerprint::<Page<u8, 2>>(), fingerprint::<Page<u8, 3>>());
    assert_ne!(fingerprint::<Borrowing<'static, u8>>(), fingerprint::<Borrowing<'static, u16>>());
    assert_ne!(fingerprint::<Tree<u8>>(), fingerprint::<Tree<u16>>());
}

#[test]
fn a_parameter_that_is_not_saved_needs_no_shape() {
    assert_eq!(fingerprint::<Id<Foreign>>(), fingerprint::<Id<dyn Send>>());
    assert_eq!(fingerprint::<Hidden<Foreign>>(), fingerprint::<Hidden<u8>>());
    assert!(!ShapeReport::of::<Item<Foreign>>().is_opaque);
}

#[test]
fn one_generic_type_at_two_parameters_is_not_recursive() {
    assert!(!ShapeReport::of::<Page<Page<u8>>>().is_recursive);
    assert!(!ShapeReport::of::<(Page<u8>, Page<u8>)>().is_recursive);
    assert!(ShapeReport::of::<HashMap<u8, Page<Tree<u8>>>>().is_recursive);
}

#[test]
fn an_opaque_field_marks_all_that_reach_it() {
    assert!(ShapeReport::of::<Page<Hidden<u8>>>().is_opaque);
    assert!(!ShapeReport::of::<Page<u8>>().is_opaque);
}

#[test]
fn strange_surroundings_do_not_matter() {
    let _ = fingerprint::<Renamed>();
    let _ = fingerprint::<shadowing::Layout>();
}
