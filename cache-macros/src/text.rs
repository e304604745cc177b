//! Types as readable text: without the spaces that tokens print with.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// The tokens as they would be written: `crate::Page<Vec<u8>, 3>`.
pub(crate) fn full(tokens: TokenStream) -> String {
    let mut text = Text::default();
    text.push_all(tokens);
    text.written
}

/// The same, with only the last segment of each path: `Page<Vec<u8>, 3>`.
pub(crate) fn short(tokens: TokenStream) -> String {
    full(without_prefixes(tokens))
}

#[derive(Default)]
struct Text {
    written: String,
    /// Whether the next word needs a space before it.
    after_word: bool,
}

impl Text {
    fn push_all(&mut self, tokens: TokenStream) {
        for token in tokens {
            self.push(token);
        }
    }

    fn push(&mut self, token: TokenTree) {
        match token {
            TokenTree::Punct(punct) => match (punct.as_char(), punct.spacing()) {
                (',' | ';', _) => self.push_text(&format!("{} ", punct.as_char())),
                ('+' | '=', Spacing::Alone) => self.push_text(&format!(" {} ", punct.as_char())),
                (letter, _) => self.push_text(letter.encode_utf8(&mut [0; 4])),
            },
            TokenTree::Group(group) => {
                let (open, close) = brackets(group.delimiter());
                self.push_text(open);
                self.push_all(group.stream());
                self.push_text(close);
            }
            word => self.push_word(&word.to_string()),
        }
    }

    fn push_word(&mut self, word: &str) {
        if self.after_word {
            self.written.push(' ');
        }
        self.written.push_str(word);
        self.after_word = true;
    }

    fn push_text(&mut self, text: &str) {
        self.written.push_str(text);
        self.after_word = false;
    }
}

fn brackets(delimiter: Delimiter) -> (&'static str, &'static str) {
    match delimiter {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

/// Removes every `word::`, and a leading `::`.
fn without_prefixes(tokens: TokenStream) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint => {
                tokens.next();
                if matches!(kept.last(), Some(TokenTree::Ident(_))) {
                    kept.pop();
                }
            }
            TokenTree::Group(group) => {
                let inner = without_prefixes(group.stream());
                kept.push(proc_macro2::Group::new(group.delimiter(), inner).into());
            }
            other => kept.push(other),
        }
    }
    kept.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::{full, short};

    #[test]
    fn types_read_as_they_are_written() {
        for (written, shortened) in [
            ("crate::queries::GetPost", "GetPost"),
            ("::other::Page<crate::User>", "Page<User>"),
            ("Page<Vec<[u8; 4]>, (A, b::B)>", "Page<Vec<[u8; 4]>, (A, B)>"),
            ("Page<dyn a::Shape + Send>", "Page<dyn Shape + Send>"),
            ("Page<fn(&'static str) -> a::B, 3>", "Page<fn(&'static str)->B, 3>"),
        ] {
            let tokens: proc_macro2::TokenStream = written.parse().unwrap();
            assert_eq!(full(tokens.clone()).replace("->", " -> "), written);
            assert_eq!(short(tokens), shortened);
        }
    }
}
