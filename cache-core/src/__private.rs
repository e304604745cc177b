//! For generated code only. Not part of the public interface; may change in any release.

pub mod constant;

#[cfg(feature = "derive")]
pub use cache_macros::{include_registry_impl, registry_impl};
pub use serde::Serialize;
pub use serde::de::DeserializeOwned;

pub use crate::__instance_name as instance_name;
pub use crate::erased::AnyTable;
pub use crate::query::{TagsOf, add_tags};
pub use crate::registry::{Assembly, ListedIn, TableDescription, names};
pub use crate::snapshot::{Persistence, SavedValue, SharedCodec, codec};
pub use crate::table::Table;

/// What `#[derive(Shape)]` builds on.
pub mod shape {
    pub use crate::snapshot::shape::{
        Fingerprint, Layout, Read, Reader, Request, ShapeReport, ShapeVisitor, Unreadable,
    };
}

/// Format of the generated code that this crate reads; also written in `registry!`.
#[cfg(feature = "derive")]
const FORMAT: u32 = 1;

/// Returns the name of a derived query, if the derive that wrote it belongs to this crate.
///
/// # Panics
/// If it does not; the compiler shows the panic as an error.
#[cfg(feature = "derive")]
#[must_use]
#[track_caller]
pub const fn named(format: u32, name: &'static str) -> &'static str {
    assert!(
        format == FORMAT,
        "`derive(Query)` and `cache-core` come from different releases: take the derive from `cache_core` itself, and \
         name the same crate in `#[query(crate = \"...\")]`"
    );
    name
}

/// The value of a query. Generated code uses this instead of `Self::Value`, so that the compiler does not
/// report an error of the query a second time.
pub type Value<Q> = <Q as Valued>::Value;

/// Gives every query a value type, without other requirements.
pub trait Valued {
    /// The value.
    type Value: ?Sized;
}

impl<Q: crate::Query> Valued for Q {
    type Value = Q::Value;
}

/// Returns the name of a query. Generated code uses this instead of `GetPost::NAME`, so that the compiler
/// does not report an error of the query a second time.
#[must_use]
#[inline(always)]
pub const fn name<Q: crate::Query>() -> &'static str {
    Q::NAME
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_is_kept_when_the_formats_fit() {
        assert_eq!(super::named(super::FORMAT, "get_post"), "get_post");
    }

    #[test]
    #[should_panic(expected = "different releases")]
    fn a_derive_of_another_format_is_refused() {
        let _ = super::named(super::FORMAT + 1, "get_post");
    }
}
