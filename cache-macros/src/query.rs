//! `derive(Query)`: settings -> options -> validate -> expand, or fallback if any of them found a mistake.

mod borrowed;
mod bounds;
mod constant;
mod duration;
mod expand;
mod fallback;
mod options;
mod validate;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::errors::{Errors, compile_error};
use crate::settings::{AttributeName, settings};
use options::QueryOptions;

pub(crate) use bounds::assumed;

/// `#[query(...)]`.
pub(crate) const ATTRIBUTE: AttributeName =
    AttributeName { name: "query", list: "#[query(value = Type, ...)]", option: "capacity = 10_000" };

/// The impl of `Query`, or one `compile_error!` per mistake and an impl that causes no further errors.
pub(crate) fn derive(tokens: TokenStream) -> TokenStream {
    match syn::parse2::<DeriveInput>(tokens) {
        Ok(input) => derive_parsed(&input),
        Err(error) => compile_error(&error),
    }
}

fn derive_parsed(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let settings = settings(&input.attrs, &ATTRIBUTE, &mut errors);
    let options = QueryOptions::read(&settings, &mut errors);
    validate::check(input, &options, &mut errors);
    if errors.is_empty() { expand::query(input, &options) } else { fallback::query(input, &options, &errors) }
}

#[cfg(test)]
mod tests;
