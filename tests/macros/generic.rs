//! Queries with parameters: the impl holds wherever the bounds of `Query` do.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use cache_core::{Query, Tag};
use serde::{Deserialize, Serialize};

/// No bounds of its own.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Vec<T>, name = "pages", capacity = 10, tags_of = Page::tags)]
pub struct Page<T> {
    number: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Page<T> {
    fn tags(&self) -> impl Iterator<Item = Tag> {
        [Tag::new("page", self.number), Tag::from(std::any::type_name::<T>())].into_iter()
    }
}

/// Bounds, defaults, constants and conditions.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [T; N], eq)]
pub struct Window<T: Ord = u8, const N: usize = 3>(T)
where
    T: Debug;

/// Saved for any parameter that can be saved.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = T, persist, opaque)]
pub struct Stored<T>(T);

fn name<Q: Query>() -> &'static str {
    Q::NAME
}

/// What a library would write: only the bounds that `Query` requires.
fn name_of_pages<T: Clone + Eq + Hash + Debug + Send + Sync + 'static>() -> &'static str {
    name::<Page<T>>()
}

#[test]
fn a_query_with_parameters_has_its_plain_name() {
    assert_eq!(name_of_pages::<String>(), "pages");
    assert_eq!(name::<Window<u8, 4>>(), "window");
    assert!(Window::<u8, 2>::same_value(&[1, 2], &[1, 2]));
    assert!(Stored::<String>::persistence().is_some());
}

#[test]
fn a_query_with_parameters_tags_its_entries() {
    let page = Page::<u8> { number: 3, of: PhantomData };
    assert_eq!(page.tags_of(), [Tag::new("page", 3), Tag::from("u8")]);
    assert!(Window::<u8, 4>(1).tags_of().is_empty() && Window::<u8, 4>::TAGS_OF.is_none());
}
