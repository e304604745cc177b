//! The expansion of a listing: fields, tables, names, and what a `cfg` leaves out.

use cache_core::__private::Table;
use cache_core::{Holds, Query};

pub mod posts {
    //! Two modules with queries of one name.

    /// One post.
    #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = String, name = "post")]
    pub struct Get(pub u64);

    /// A deprecated query.
    #[deprecated]
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    pub struct Old;

    #[allow(deprecated)]
    impl cache_core::Query for Old {
        type Value = u8;
        const NAME: &'static str = "old";
    }
}

pub mod users {
    //! Two modules with queries of one name.

    /// One user.
    #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = String, name = "user")]
    pub struct Get(pub u64);

    /// Some of many.
    #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = Vec<T>)]
    pub struct Page<T>(pub T);

    /// Compiled under a condition only.
    #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = u8)]
    pub(crate) struct Private;

    /// A keyword in lowercase.
    #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = u8)]
    pub struct Type;

    /// A keyword that cannot even be written raw.
    #[derive(cache_core::Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = u8)]
    pub struct Crate;
}

mod traits {
    pub(super) trait Named {
        type Query;
    }

    impl Named for () {
        type Query = super::users::Page<u64>;
    }
}

cache_core::registry! {
    pub struct Everything {
        crate::listing::posts::Get,
        crate::listing::users::Get,
        crate::listing::posts::Old,
        crate::listing::users::Page<u8>,
        crate::listing::users::Page<Vec<std::string::String>>,
        crate::listing::users::Page<u32> as "numbers",
        <() as traits::Named>::Query as "through a trait",
        users::Private,
        users::Type,
        users::Crate,
        #[cfg(any())]
        crate::nowhere::ToBeFound,
        #[cfg(not(any()))]
        self::users::Page<i8> as "one of two",
        #[cfg(any())]
        self::users::Page<i8> as "the other",
        #[cfg_attr(all(), cfg(any()))]
        crate::nowhere::AtAll,
    }
}

cache_core::registry! { struct Empty {} }

cache_core::registry! {
    #[cfg(any())]
    pub struct Absent {
        crate::nowhere::ToBeFound,
    }
}

fn names(descriptions: &[cache_core::__private::TableDescription]) -> Vec<&str> {
    descriptions.iter().map(|description| description.name).collect()
}

#[test]
fn tables_are_named_by_query_arguments_or_hand() {
    assert_eq!(
        names(&Everything::describe()),
        [
            "post",
            "user",
            "old",
            "page<u8>",
            "page<Vec<String>>",
            "numbers",
            "through a trait",
            "private",
            "type",
            "crate",
            "one of two",
        ]
    );
    assert_eq!(names(&Empty::describe()), [""; 0]);
}

/// Compiles if every line has a field of the expected name.
#[allow(dead_code, deprecated)]
fn fields(all: &Everything) {
    let _: (&Table<posts::Get>, &Table<users::Get>) = (&all.posts_get, &all.users_get);
    let _: (&Table<posts::Old>, &Table<users::Page<u8>>) = (&all.old, &all.page_u8);
    let _: &Table<users::Page<Vec<String>>> = &all.page_vec_string;
    let _: &Table<users::Page<u64>> = &all.query;
    let _: &Table<users::Type> = &all.r#type;
    let _: &Table<users::Crate> = &all.crate_;
}

/// Compiles if the registry has a table for the query.
fn is_listed<R: Holds<Q>, Q: Query>() {}

#[test]
fn every_line_is_found_by_its_type() {
    is_listed::<Everything, posts::Get>();
    is_listed::<Everything, users::Get>();
    is_listed::<Everything, users::Page<u64>>();
    is_listed::<Everything, users::Page<i8>>();
    is_listed::<Everything, users::Private>();
    is_listed::<Empty, cache_core::Dynamic>();
}
