//! The attributes that concern the scan: conditions, derives, docs, file paths. Options of queries are not read.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::Derive;
use super::cursor::Cursor;
use crate::cfg::{self, Cfg};
use crate::tokens::{split_at_commas, string_value};

/// How deep `cfg_attr` may nest before the rest of it is ignored.
const MAX_DEPTH: usize = 32;

/// The attributes of one item.
#[derive(Default)]
pub(super) struct Attributes {
    pub(super) cfgs: Vec<Cfg>,
    pub(super) derives: Vec<Derive>,
    pub(super) docs: Vec<String>,
    /// Each `path = "..."` with the conditions under which it applies.
    pub(super) paths: Vec<(Vec<Cfg>, String)>,
    pub(super) has_query: bool,
    pub(super) has_macro_use: bool,
}

impl Attributes {
    /// Reads the outer attributes that stand here.
    pub(super) fn outer(cursor: &mut Cursor) -> Self {
        let mut attributes = Self::default();
        while let Some(tokens) = cursor.attempt(|cursor| {
            cursor.punct('#')?;
            cursor.group(Delimiter::Bracket)
        }) {
            attributes.meta(tokens.stream(), &[], 0);
        }
        attributes
    }

    /// Reads the inner attributes that stand here.
    pub(super) fn inner(cursor: &mut Cursor) -> Self {
        let mut attributes = Self::default();
        while let Some(tokens) = cursor.attempt(|cursor| {
            cursor.punct('#')?;
            cursor.punct('!')?;
            cursor.group(Delimiter::Bracket)
        }) {
            attributes.meta(tokens.stream(), &[], 0);
        }
        attributes
    }

    fn meta(&mut self, tokens: TokenStream, conditions: &[Cfg], depth: usize) {
        let mut cursor = Cursor::new(tokens);
        let Some(path) = cursor.path() else { return };
        let [name] = path.segments.as_slice() else { return };
        let group = cursor.group(Delimiter::Parenthesis).map(|group| group.stream());
        match (name.as_str(), group) {
            ("cfg", Some(predicate)) => {
                let predicate = Cfg::parse(predicate);
                let cfg = match conditions {
                    [] => predicate,
                    _ => Cfg::any(vec![Cfg::all(conditions.to_vec()).negated(), predicate]),
                };
                cfg::push(&mut self.cfgs, cfg);
            }
            ("cfg_attr", Some(inner)) if depth < MAX_DEPTH => self.conditional(inner, conditions, depth),
            ("derive", Some(paths)) => self.derive(paths, conditions),
            ("query", Some(_)) => self.has_query = true,
            ("macro_use", _) => self.has_macro_use = true,
            ("path", None) => {
                if let Some(file) = name_value(&mut cursor) {
                    self.paths.push((conditions.to_vec(), file));
                }
            }
            ("doc", None) if conditions.is_empty() => self.docs.extend(name_value(&mut cursor)),
            _ => {}
        }
    }

    fn conditional(&mut self, tokens: TokenStream, outer: &[Cfg], depth: usize) {
        let mut parts = split_at_commas(tokens).into_iter();
        let Some(predicate) = parts.next() else { return };
        let mut conditions = outer.to_vec();
        cfg::push(&mut conditions, Cfg::parse(predicate.into_iter().collect()));
        if cfg::is_never(&conditions) {
            return;
        }
        for part in parts {
            self.meta(part.into_iter().collect(), &conditions, depth + 1);
        }
    }

    fn derive(&mut self, paths: TokenStream, conditions: &[Cfg]) {
        for part in split_at_commas(paths) {
            if let Some(path) = Cursor::from_vec(part).path() {
                self.derives.push(Derive { path, cfgs: conditions.to_vec() });
            }
        }
    }
}

/// The string of `= "..."`.
fn name_value(cursor: &mut Cursor) -> Option<String> {
    cursor.punct('=')?;
    match cursor.advance()? {
        TokenTree::Literal(literal) => string_value(&literal.to_string()),
        _ => None,
    }
}
