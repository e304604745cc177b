//! `registry!`: parse -> field names -> expand.

mod expand;
mod fields;
mod parse;

use proc_macro2::TokenStream;

use crate::errors::Errors;
use parse::Listing;

/// The registry struct and its impls, or one `compile_error!` per mistake.
pub(crate) fn expand(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let Some(listing) = Listing::parse(tokens, &mut errors) else { return errors.to_compile_errors() };
    let errors = errors.to_compile_errors();
    let registry = expand::registry(&listing);
    quote::quote!(#errors #registry)
}
