//! What can be written as a name or a path in Rust.

use proc_macro2::{TokenStream, TokenTree};

/// The words that are kept for the language in some edition. They can be names only when they are written raw (`r#type`),
/// and some of them not even then.
const KEYWORDS: [&str; 53] = [
    "_", "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "Self",
    "static", "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// Whether the word is kept for the language.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

/// Whether `text` is one identifier, perhaps a keyword, perhaps raw.
pub(crate) fn is_word(text: &str) -> bool {
    let Ok(tokens) = text.parse::<TokenStream>() else { return false };
    let mut tokens = tokens.into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(word)), None) => word == text && word.to_string() == text,
        _ => false,
    }
}

/// Whether `text` is names with `::` between them, and perhaps before them. The first may be `crate`, `self` or `super`.
/// The name of a block is `_`.
pub(crate) fn is_path(text: &str) -> bool {
    let (is_global, names) = match text.strip_prefix("::") {
        Some(names) => (true, names),
        None => (false, text),
    };
    let mut may_lead = !is_global;
    names.split("::").all(|name| {
        let leads = may_lead && ["crate", "self", "super"].contains(&name);
        may_lead = leads && name != "crate";
        is_word(name) && (leads || name == "_" || !is_keyword(name))
    })
}
