//! Spans of generated tokens, at which the compiler shows its messages.

use proc_macro2::{Group, Span, TokenStream, TokenTree};

/// The tokens, located at `at`; their names resolve as before.
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
