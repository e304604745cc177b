//! What is an identifier or a path in Rust.

use std::borrow::Cow;

use proc_macro2::{TokenStream, TokenTree};

/// The keywords of every edition.
const KEYWORDS: [&str; 48] = [
    "_", "abstract", "as", "become", "box", "break", "const", "continue", "crate", "do", "else", "enum",
    "extern", "false", "final", "fn", "for", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "Self", "static", "struct", "super",
    "trait", "true", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];
/// The keywords of some editions only.
const LATER_KEYWORDS: [&str; 5] = ["async", "await", "dyn", "gen", "try"];

/// Whether the word is a keyword in some edition.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word) || LATER_KEYWORDS.contains(&word)
}

/// Whether `text` is one identifier, which may be a keyword, and may be raw.
pub(crate) fn is_word(text: &str) -> bool {
    let Ok(tokens) = text.parse::<TokenStream>() else { return false };
    let mut tokens = tokens.into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Ident(word)), None) => word == text,
        _ => false,
    }
}

/// Whether `text` is a list of names separated by `::`, with or without a leading `::`. The first may be `crate`,
/// `self` or `super`. The name of a block is `_`.
pub(crate) fn is_path(text: &str) -> bool {
    let (is_global, names) = match text.strip_prefix("::") {
        Some(names) => (true, names),
        None => (false, text),
    };
    let mut may_lead = !is_global;
    names.split("::").all(|name| {
        let leads = may_lead && ["crate", "self", "super"].contains(&name);
        may_lead = leads && name != "crate";
        is_word(name) && (leads || name == "_" || !KEYWORDS.contains(&name))
    })
}

/// The name in a form that every edition accepts: raw, if some edition has it as a keyword.
pub(crate) fn raw(name: &str) -> Cow<'_, str> {
    if LATER_KEYWORDS.contains(&name) { format!("r#{name}").into() } else { name.into() }
}

/// The name or path without `r#`.
pub(crate) fn plain(path: &str) -> Cow<'_, str> {
    if path.contains("r#") { path.replace("r#", "").into() } else { path.into() }
}
