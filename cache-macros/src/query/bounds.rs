//! Bounds of the impls that the derive writes.

use proc_macro2::TokenStream;
use syn::{WherePredicate, parse_quote};

/// The bound that a type is a query. An impl with this bound assumes everything that a query needs; without it the
/// compiler would report again at the impl what the type lacks. The lifetime defers the check: the compiler checks
/// bounds without one at once.
pub(crate) fn assumed(query: TokenStream, core: &TokenStream) -> WherePredicate {
    parse_quote!(for<'assumed> #query: #core::Query)
}
