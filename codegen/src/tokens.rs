//! What is read from tokens anywhere: the values of string literals, and the parts of lists.

use proc_macro2::{TokenStream, TokenTree};

/// The value of a string literal; `None` for any other literal.
pub(crate) fn string_value(literal: &str) -> Option<String> {
    if let Some(raw) = literal.strip_prefix('r') {
        let hashes = raw.bytes().take_while(|byte| *byte == b'#').count();
        let inner = raw.get(hashes..)?.strip_prefix('"')?;
        return inner.strip_suffix(&format!("\"{}", "#".repeat(hashes))).map(str::to_owned);
    }
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut value = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            value.push(character);
            continue;
        }
        match characters.next()? {
            'n' => value.push('\n'),
            'r' => value.push('\r'),
            't' => value.push('\t'),
            '0' => value.push('\0'),
            'x' => {
                let digits: String = characters.by_ref().take(2).collect();
                value.push(char::from(u8::from_str_radix(&digits, 16).ok()?));
            }
            'u' => {
                let digits: String = characters.by_ref().skip(1).take_while(|next| *next != '}').collect();
                value.push(char::from_u32(u32::from_str_radix(&digits.replace('_', ""), 16).ok()?)?);
            }
            '\n' => {
                let rest = characters.as_str().trim_start_matches([' ', '\t', '\n', '\r']);
                characters = rest.chars();
            }
            other => value.push(other),
        }
    }
    Some(value)
}

/// The parts of a list, without its commas. A trailing comma adds no part.
pub(crate) fn split_at_commas(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut parts = vec![Vec::new()];
    for token in tokens {
        match (&token, parts.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => parts.push(Vec::new()),
            (_, Some(part)) => part.push(token),
            (_, None) => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}
