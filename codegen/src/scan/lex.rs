//! From the text of a file to tokens.

use std::borrow::Cow;
use std::ops::Range;

use proc_macro2::{LexError, TokenStream};

/// Tokens of a whole file, or the range of bytes that stopped the lexer.
pub(super) fn lex(text: &str) -> Result<TokenStream, Range<usize>> {
    let blanked = blank_head(text);
    blanked.parse().map_err(|error: LexError| error.span().byte_range())
}

/// The text with what only a whole file may begin with (byte order mark, `#!` line) blanked out, so that positions stay
/// the same.
fn blank_head(text: &str) -> Cow<'_, str> {
    const BYTE_ORDER_MARK: char = '\u{feff}';
    let body = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let mark = " ".repeat(text.len() - body.len());
    match body.strip_prefix("#!") {
        Some(rest) if !begins_attribute(rest) => format!("{mark}//{rest}").into(),
        _ if !mark.is_empty() => format!("{mark}{body}").into(),
        _ => text.into(),
    }
}

/// Whether `#!` before this text begins an inner attribute: after spaces and comments a `[` follows.
fn begins_attribute(mut rest: &str) -> bool {
    loop {
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else {
            return rest.starts_with('[');
        }
    }
}
