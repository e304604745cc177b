//! Splits lists before they are read, so that a mistake in one part hides none in the next.

use proc_macro2::{Ident, Punct, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// Splits at each comma that is not between angle brackets; drops empty parts.
pub(crate) fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    let mut angles = Angles::default();
    for token in tokens {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' && angles.are_closed() => {
                parts.push(TokenStream::new());
                continue;
            }
            TokenTree::Punct(punct) => angles.pass(punct),
            _ => {}
        }
        // The list is never empty: it starts with one part and only grows.
        if let Some(part) = parts.last_mut() {
            token.to_tokens(part);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// The first `name =` that is not between angle brackets: a comma is missing before it.
pub(crate) fn second_setting(argument: TokenStream) -> Option<Ident> {
    let mut angles = Angles::default();
    let mut word = None;
    for token in argument {
        match token {
            TokenTree::Ident(ident) => word = Some(ident),
            TokenTree::Punct(punct) => {
                if angles.depth == 0
                    && punct.as_char() == '='
                    && punct.spacing() == Spacing::Alone
                    && word.is_some()
                {
                    return word;
                }
                angles.pass(&punct);
                word = None;
            }
            _ => word = None,
        }
    }
    None
}

/// How many `<` are open; the `>` of `->` closes none.
#[derive(Default)]
pub(crate) struct Angles {
    depth: usize,
    after_minus: bool,
}

impl Angles {
    pub(crate) fn are_closed(&self) -> bool {
        self.depth == 0
    }

    pub(crate) fn pass(&mut self, punct: &Punct) {
        match punct.as_char() {
            '<' => self.depth += 1,
            '>' if !self.after_minus => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.after_minus = punct.as_char() == '-' && punct.spacing() == Spacing::Joint;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    fn cut(tokens: TokenStream) -> Vec<String> {
        split_at_commas(tokens).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn commas_inside_types_do_not_cut() {
        let parts = cut(quote!(value = Map<String, Vec<u8>>, lru = 3,));
        assert_eq!(parts, ["value = Map < String , Vec < u8 >>", "lru = 3"]);
        let parts = cut(quote!(value = Box<dyn Fn(u8, u8) -> Map<u8, u8>>, eq));
        assert_eq!(parts.len(), 2, "{parts:?}");
    }

    #[test]
    fn a_missing_comma_is_found_and_associated_types_are_not_mistaken_for_one() {
        assert_eq!(second_setting(quote!("5m" fresh = "1m")).unwrap(), "fresh");
        assert!(second_setting(quote!(Box<dyn Iterator<Item = u8>>)).is_none());
        assert!(second_setting(quote!("5m")).is_none());
    }
}
