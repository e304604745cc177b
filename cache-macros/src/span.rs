//! Where generated tokens stand, for the compiler's messages.

use proc_macro2::{Group, Span, TokenStream, TokenTree};

/// The tokens, meaning what they meant, standing at `at`.
pub(crate) fn located(tokens: TokenStream, at: Span) -> TokenStream {
    let moved = tokens.into_iter().map(|token| {
        let span = token.span().located_at(at);
        let mut token = match token {
            TokenTree::Group(group) => Group::new(group.delimiter(), located(group.stream(), at)).into(),
            other => other,
        };
        token.set_span(span);
        token
    });
    moved.collect()
}

/// The tokens where they stand, meaning what they mean in this crate: in a program of the 2015 edition `::core` is a name
/// of the program's own.
pub(crate) fn resolved(tokens: TokenStream) -> TokenStream {
    let resolved = tokens.into_iter().map(|token| {
        let span = token.span().resolved_at(Span::call_site());
        let mut token = match token {
            TokenTree::Group(group) => Group::new(group.delimiter(), resolved(group.stream())).into(),
            other => other,
        };
        token.set_span(span);
        token
    });
    resolved.collect()
}
