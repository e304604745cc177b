//! Recognises the beginnings of items, and what macro calls contain: pure functions over tokens.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

use super::Visibility;
use super::cursor::{Cursor, PathText};

/// Words after which `!` and brackets do not make a macro call.
const KEYWORDS: [&str; 10] = ["if", "while", "match", "return", "in", "else", "break", "let", "move", "as"];

pub(super) fn visibility(cursor: &mut Cursor) -> Visibility {
    if cursor.keyword("pub").is_none() {
        return Visibility::Private;
    }
    let restricted = cursor.attempt(|cursor| {
        let mut inner = Cursor::new(cursor.group(Delimiter::Parenthesis)?.stream());
        let has_in = inner.keyword("in").is_some();
        let path = inner.path()?;
        let is_word =
            matches!(path.segments.as_slice(), [word] if ["crate", "self", "super"].contains(&word.as_str()));
        (has_in || is_word).then_some(path.segments)
    });
    match restricted {
        None => Visibility::Crate,
        Some(path) if path == ["crate"] => Visibility::Crate,
        Some(path) if path == ["self"] => Visibility::Private,
        Some(path) => Visibility::In(path),
    }
}

pub(super) fn module_head(cursor: &mut Cursor) -> Option<(Ident, Option<Group>)> {
    let _ = cursor.keyword("unsafe");
    cursor.keyword("mod")?;
    let name = cursor.ident()?;
    if cursor.punct(';').is_some() {
        return Some((name, None));
    }
    Some((name, Some(cursor.group(Delimiter::Brace)?)))
}

pub(super) fn extern_crate(cursor: &mut Cursor) -> Option<(PathText, String)> {
    cursor.keyword("extern")?;
    cursor.keyword("crate")?;
    let krate = cursor.ident()?.to_string();
    let name = match cursor.keyword("as") {
        Some(_) => cursor.ident()?.to_string(),
        None => krate.clone(),
    };
    let path = match krate.as_str() {
        "self" => PathText { is_global: false, segments: vec!["crate".to_owned()] },
        _ => PathText { is_global: true, segments: vec![krate] },
    };
    Some((path, name))
}

/// The name of a type, and whether it is an alias.
pub(super) fn type_head(cursor: &mut Cursor) -> Option<(Ident, bool)> {
    let keyword = cursor.ident()?;
    let is_alias = keyword == "type";
    if keyword == "union" {
        // Not reserved: a type only if a name and a body follow.
        let follows = cursor.peek_punct(1, '<')
            || cursor.peek_group(1).is_some_and(|group| group.delimiter() == Delimiter::Brace)
            || cursor.peek_ident(1).is_some_and(|word| word == "where");
        follows.then_some(())?;
    } else if !is_alias && keyword != "struct" && keyword != "enum" {
        return None;
    }
    Some((cursor.ident()?, is_alias))
}

pub(super) fn skip_to_end_of_type(cursor: &mut Cursor) {
    while !cursor.is_at_end() {
        if cursor.angle_brackets().is_some() {
            continue;
        }
        match cursor.advance() {
            Some(TokenTree::Punct(punct)) if punct.as_char() == ';' => return,
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => return,
            _ => {}
        }
    }
}

/// `name! { ... }`, `macro_rules! name { ... }` or `macro name { ... }`: the name and the tokens.
pub(super) fn macro_call(cursor: &mut Cursor) -> Option<(Ident, Group, bool)> {
    let path_end = cursor.attempt(|cursor| {
        if cursor.keyword("macro").is_some() {
            let name = cursor.ident()?;
            let _ = cursor.group(Delimiter::Parenthesis);
            return Some((name, true));
        }
        let _ = cursor.double_colon();
        let mut name = cursor.ident()?;
        while cursor.double_colon().is_some() {
            name = cursor.ident()?;
        }
        cursor.punct('!')?;
        if name == "macro_rules" {
            return Some((cursor.ident()?, true));
        }
        (!KEYWORDS.iter().any(|keyword| name == keyword)).then_some((name, false))
    });
    let (name, is_definition) = path_end?;
    let Some(TokenTree::Group(body)) = cursor.advance() else { return None };
    Some((name, body, is_definition))
}

/// The paths inside every `derive(...)`, at any depth.
pub(super) fn derives_among(tokens: TokenStream) -> Vec<PathText> {
    let mut paths = Vec::new();
    let mut work = vec![tokens];
    while let Some(tokens) = work.pop() {
        let mut cursor = Cursor::new(tokens);
        while let Some(token) = cursor.advance() {
            match token {
                TokenTree::Ident(ident) if ident == "derive" => {
                    if let Some(group) = cursor.group(Delimiter::Parenthesis) {
                        let parts = crate::tokens::split_at_commas(group.stream());
                        paths.extend(parts.into_iter().filter_map(|part| Cursor::from_vec(part).path()));
                    }
                }
                TokenTree::Group(group) => work.push(group.stream()),
                _ => {}
            }
        }
    }
    paths
}

/// Whether a `mod name;` is among the tokens, at any depth.
pub(super) fn declares_file(tokens: TokenStream) -> bool {
    let mut work = vec![tokens];
    while let Some(tokens) = work.pop() {
        let mut cursor = Cursor::new(tokens);
        while !cursor.is_at_end() {
            if let Some((_, None)) = cursor.attempt(module_head) {
                return true;
            }
            if let Some(TokenTree::Group(group)) = cursor.advance() {
                work.push(group.stream());
            }
        }
    }
    false
}

/// Whether a `mod $name;` is among the tokens of a macro definition, at any depth: such a macro makes modules of the
/// names that it is given.
pub(super) fn declares_parameter(tokens: TokenStream) -> bool {
    let mut work = vec![tokens];
    while let Some(tokens) = work.pop() {
        let mut cursor = Cursor::new(tokens);
        while !cursor.is_at_end() {
            let declared = cursor.attempt(|cursor| {
                cursor.keyword("mod")?;
                cursor.punct('$')?;
                cursor.ident()?;
                cursor.punct(';')
            });
            if declared.is_some() {
                return true;
            }
            if let Some(TokenTree::Group(group)) = cursor.advance() {
                work.push(group.stream());
            }
        }
    }
    false
}
