//! `registry!`: parse -> field names -> expand, or a stand-in for the registry if a mistake was found.

mod expand;
mod fallback;
mod fields;
pub(crate) mod include;
mod parse;

use proc_macro2::TokenStream;

use crate::errors::Errors;
use parse::Listing;

/// The registry struct and its impls, or one `compile_error!` per mistake.
pub(crate) fn expand(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let listing = Listing::parse(tokens.clone(), &mut errors);
    match listing {
        Some(listing) if errors.is_empty() => expand::registry(&listing),
        _ => fallback::registry(tokens, &errors),
    }
}

#[cfg(test)]
mod tests;
