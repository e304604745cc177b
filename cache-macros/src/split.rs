//! Lists cut apart before they are read, so that a mistake in one part hides none in the next.

use proc_macro2::{Punct, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// Cuts at each comma that is not between angle brackets; empty parts are dropped.
pub(crate) fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    let mut angles = Angles::default();
    for token in tokens {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' && angles.depth == 0 => {
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

/// How many `<` are open; the `>` of `->` closes none.
#[derive(Default)]
struct Angles {
    depth: usize,
    after_minus: bool,
}

impl Angles {
    fn pass(&mut self, punct: &Punct) {
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
}
