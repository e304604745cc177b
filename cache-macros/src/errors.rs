//! All mistakes found in one run, in the order they were found.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

/// One `compile_error!` for each message, at its token. Written without `::core`: the tokens stand in the user's code,
/// where the 2015 edition reads `::core` as a name of the user's crate.
pub(crate) fn compile_error(error: &syn::Error) -> TokenStream {
    let is_prefix = |token: &TokenTree| match token {
        TokenTree::Punct(punct) => punct.as_char() == ':',
        TokenTree::Ident(word) => word == "core",
        _ => false,
    };
    error.to_compile_error().into_iter().filter(|token| !is_prefix(token)).collect()
}

/// Mistakes, each at its own token.
#[derive(Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
}

impl Errors {
    /// Adds a mistake that covers all of `tokens`.
    pub(crate) fn push(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.found.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds a mistake at `span`.
    pub(crate) fn push_at(&mut self, span: Span, message: impl Display) {
        self.found.push(syn::Error::new(span, message));
    }

    /// Returns the value of `result`, or records its mistake.
    pub(crate) fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.found.push(error)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// One `compile_error!` per mistake.
    pub(crate) fn to_compile_errors(&self) -> TokenStream {
        self.found.iter().map(compile_error).collect()
    }

    /// The last mistake as a type, and `compile_error!`s for the others. Without a mistake it is an empty array.
    ///
    /// If the length of an array type is a macro that fails, the compiler reports no further errors about that type. A
    /// macro that fails in place of the whole type would be taken for `()`.
    pub(crate) fn to_type(&self) -> (TokenStream, TokenStream) {
        match self.found.split_last() {
            Some((last, others)) => {
                let last = compile_error(last);
                (quote!([(); #last]), others.iter().map(compile_error).collect())
            }
            None => (quote!([(); 0]), TokenStream::new()),
        }
    }

    /// Only the messages.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.found.iter().flat_map(|error| error.clone().into_iter()).map(|error| error.to_string()).collect()
    }
}
