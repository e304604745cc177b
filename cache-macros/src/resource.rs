//! `derive(Resource)`: parse -> options -> validate -> expand, or fallback if any of them found a mistake.

mod expand;
mod fallback;
mod options;
mod parse;
mod validate;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::errors::{Errors, compile_error};
use parse::Record;

/// The impls of `Resource` and `ResourceKey`, or one `compile_error!` per mistake and impls that cause no further errors.
pub(crate) fn derive(tokens: TokenStream) -> TokenStream {
    match syn::parse2::<DeriveInput>(tokens) {
        Ok(input) => derive_parsed(&input),
        Err(error) => compile_error(&error),
    }
}

fn derive_parsed(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let record = Record::read(input, &mut errors);
    validate::check(&record, &mut errors);
    if errors.is_empty() { expand::resource(&record) } else { fallback::resource(&record, &errors) }
}

#[cfg(test)]
mod tests;
