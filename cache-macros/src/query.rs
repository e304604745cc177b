//! `derive(Query)`: parse -> options -> validate -> expand, or fallback if any of them found a mistake.

mod borrowed;
mod bounds;
mod constant;
mod duration;
mod expand;
mod fallback;
mod options;
mod parse;
mod validate;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::errors::{Errors, compile_error};
use options::QueryOptions;

/// The impl of `Query`, or one `compile_error!` per mistake and an impl that causes no further errors.
pub(crate) fn derive(tokens: TokenStream) -> TokenStream {
    match syn::parse2::<DeriveInput>(tokens) {
        Ok(input) => derive_parsed(&input),
        Err(error) => compile_error(&error),
    }
}

fn derive_parsed(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let settings = parse::settings(&input.attrs, &mut errors);
    let options = QueryOptions::read(&settings, &mut errors);
    validate::check(input, &options, &mut errors);
    if errors.is_empty() { expand::query(input, &options) } else { fallback::query(input, &options, &errors) }
}

#[cfg(test)]
mod tests;
