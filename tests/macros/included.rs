//! A listing in its own file, as the build script writes it, in a program that names the store differently.

use cache_core as store;

mod queries {
    #[derive(super::store::Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = String, crate = super::store)]
    pub(crate) struct GetPost {
        pub(crate) id: u64,
    }
}

mod generated {
    use super::store;

    include!("included_registry.rs");
}

#[test]
fn an_included_listing_is_a_registry() {
    let [post] = &generated::CacheRegistry::describe()[..] else { panic!("expected one table") };
    assert_eq!((post.name, post.path), ("get_post", "crate::included::queries::GetPost"));
    assert_eq!(post.doc, "One post, by its number.\n\nWith \"quotes\".");
    let _ = queries::GetPost { id: 7 }.id;
}
