//! Conditions of the impls that the derive writes.

use proc_macro2::TokenStream;
use syn::{WherePredicate, parse_quote};

/// The condition that a type is a query. An impl that has it takes for granted what a query needs; without it the compiler
/// would repeat there what the type lacks. It checks conditions without a lifetime at once.
pub(crate) fn assumed(query: TokenStream, core: &TokenStream) -> WherePredicate {
    parse_quote!(for<'assumed> #query: #core::Query)
}
