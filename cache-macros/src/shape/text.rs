//! Texts that are hashed. Two different descriptions never give the same text, and every version of the compiler gives
//! the same text.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;

/// The description of one type: marks (fixed words) and names (text from the user, with its length before it).
#[derive(Debug, Default)]
pub(super) struct ShapeText(String);

impl ShapeText {
    /// Adds a fixed word.
    pub(super) fn mark(&mut self, word: &str) {
        self.0.push_str(word);
        self.0.push(' ');
    }

    /// Adds text that may contain anything.
    pub(super) fn name(&mut self, name: &str) {
        self.0.push_str(&name.len().to_string());
        self.0.push(':');
        self.0.push_str(name);
        self.0.push(' ');
    }

    /// Adds code.
    pub(super) fn code(&mut self, code: impl ToTokens) {
        self.name(&words(code.into_token_stream()));
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The tokens with one space between them. The text of `TokenStream` itself does not define where spaces are.
fn words(tokens: TokenStream) -> String {
    let mut words = Vec::new();
    collect(tokens, &mut words);
    words.join(" ")
}

fn collect(tokens: TokenStream, words: &mut Vec<String>) {
    for token in tokens {
        let TokenTree::Group(group) = token else {
            words.push(token.to_string());
            continue;
        };
        let (open, close) = match group.delimiter() {
            proc_macro2::Delimiter::Parenthesis => ("(", ")"),
            proc_macro2::Delimiter::Brace => ("{", "}"),
            proc_macro2::Delimiter::Bracket => ("[", "]"),
            // Groups that macros make around their parameters; the type is the same without them.
            proc_macro2::Delimiter::None => ("", ""),
        };
        words.extend(Some(open).filter(|open| !open.is_empty()).map(str::to_owned));
        collect(group.stream(), words);
        words.extend(Some(close).filter(|close| !close.is_empty()).map(str::to_owned));
    }
}
