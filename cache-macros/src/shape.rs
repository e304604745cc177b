//! `derive(Shape)`: parse -> check -> layout -> expand; a fallback where a mistake was found.

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::errors::{Errors, compile_error};

mod bounds;
mod check;
mod expand;
mod layout;
mod options;
mod parse;
pub(crate) mod rename;
mod serde;
#[cfg(test)]
mod tests;
mod text;

/// The whole macro, from the item's tokens to an implementation of `Shape`.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    match syn::parse2(input) {
        Ok(input) => derive_parsed(&input),
        Err(error) => compile_error(&error),
    }
}

fn derive_parsed(input: &DeriveInput) -> TokenStream {
    let mut errors = Errors::default();
    let container = parse::container(input, &mut errors);
    check::container(&container, &mut errors);
    if errors.is_empty() {
        return expand::container(&container);
    }
    let fallback = expand::fallback(&container);
    let errors = errors.to_compile_errors();
    quote!(#errors #fallback)
}
