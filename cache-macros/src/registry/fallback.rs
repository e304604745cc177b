//! What a listing with mistakes expands to, along with its errors: a type that the compiler checks no further, so that
//! one mistake gives one error.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::quote;

use crate::errors::Errors;

/// The errors, and the registry's name as a type that is itself an error.
pub(crate) fn registry(tokens: TokenStream, errors: &Errors) -> TokenStream {
    match name(tokens) {
        Some(name) => {
            let (ty, others) = errors.to_type();
            quote! {
                #others
                #[allow(dead_code, missing_docs, unreachable_pub)]
                pub type #name = #ty;
            }
        }
        None => errors.to_compile_errors(),
    }
}

/// The identifier after `struct`, however broken the rest is.
fn name(tokens: TokenStream) -> Option<Ident> {
    let mut tokens =
        tokens.into_iter().skip_while(|token| !matches!(token, TokenTree::Ident(word) if word == "struct"));
    match tokens.nth(1) {
        Some(TokenTree::Ident(name)) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_found_in_broken_text() {
        assert_eq!(name(quote!(format = 9; ? pub struct All => [])).unwrap(), "All");
        assert!(name(quote!(pub All {})).is_none());
        assert!(name(quote!(pub struct)).is_none());
    }
}
