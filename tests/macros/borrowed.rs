//! Borrowed keys: they hash and compare like the owned key, and convert to it.

use std::borrow::Cow;
use std::ffi::OsString;
use std::hash::{BuildHasher, Hash, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

use cache_core::{Lookup, Query};
use proptest::collection::vec;
use proptest::prelude::*;

/// Has every kind of field.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = str, borrowed)]
pub struct Search {
    /// Words to look for.
    pub words: String,
    boxed: Box<str>,
    pub(crate) shared: Arc<str>,
    static_text: Cow<'static, str>,
    filter: Option<String>,
    tags: Vec<String>,
    bytes: Box<[u8]>,
    numbers: Arc<[u32]>,
    path: PathBuf,
    os: OsString,
    page: u32,
    descending: bool,
    pair: (u8, String),
    limit: Option<u64>,
}

/// Without names.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u32, borrowed)]
pub struct BySlug(pub String, u8);

/// With parameters.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Vec<T>, borrowed)]
pub struct Tagged<T: Copy = u8, const N: usize = 2>
where
    T: 'static,
{
    tag: String,
    items: Vec<T>,
    of: T,
    rest: [T; N],
}

prop_compose! {
    fn search()(
        texts in vec("[ab]{0,2}", 6), filter in proptest::option::of("[ab]?"), tags in vec("[ab]?", 0..2),
        bytes in vec(0_u8..2, 0..2), numbers in vec(0_u32..2, 0..2), page in 0_u32..2, descending: bool,
        pair in (0_u8..2, "[ab]?"), limit in proptest::option::of(0_u64..2),
    ) -> Search {
        let text = |at: usize| texts[at].clone();
        Search {
            words: text(0), boxed: text(1).into(), shared: text(2).into(), static_text: text(3).into(), filter, tags,
            bytes: bytes.into(), numbers: numbers.into(), path: text(4).into(), os: text(5).into(), page, descending,
            pair, limit,
        }
    }
}

fn hash(value: &impl Hash) -> u64 {
    thread_local!(static STATE: RandomState = RandomState::new());
    STATE.with(|state| state.hash_one(value))
}

/// Checks that the two forms of two keys agree.
fn agree<Q, L>(key: &Q, other: &Q, borrowed: &L) -> Result<(), TestCaseError>
where
    Q: Query,
    L: Lookup<Query = Q>,
{
    prop_assert_eq!(hash(key), hash(borrowed));
    prop_assert_eq!(&borrowed.to_key(), key);
    prop_assert!(borrowed.is_key(key));
    prop_assert_eq!(borrowed.is_key(other), key == other);
    Ok(())
}

proptest! {
    #[test]
    fn a_borrowed_key_is_its_owned_key(key in search(), other in search()) {
        agree(&key, &other, &SearchRef::from(&key))?;
        agree(&key, &key.clone(), &SearchRef::from(&key))?;
    }

    #[test]
    fn tuples_borrow_too(a in "[ab]?", b in "[ab]?", n in 0_u8..2) {
        agree(&BySlug(a.clone(), 0), &BySlug(b, n), &BySlugRef(&a, 0))?;
    }

    #[test]
    fn keys_with_parameters_borrow_too(a in "[ab]?", b in "[ab]?", items in vec(0_u16..2, 0..2), of in 0_u16..2) {
        let key = Tagged { tag: a, items, of, rest: [of] };
        let other = Tagged { tag: b, ..key.clone() };
        agree(&key, &other, &TaggedRef { tag: &key.tag, items: &key.items, of: &key.of, rest: &key.rest })?;
    }
}
