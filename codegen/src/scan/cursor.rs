//! A position in a list of tokens, and what can be parsed there: paths, strings, `use` trees.

use std::ops::Range;

use proc_macro2::{Delimiter, Group, Ident, Spacing, TokenStream, TokenTree};

/// How deep a `use` tree may nest before the rest of it is ignored.
const MAX_DEPTH: usize = 64;

/// A position in a list of tokens.
pub(super) struct Cursor {
    tokens: Vec<TokenTree>,
    next: usize,
}

impl Cursor {
    pub(super) fn new(tokens: TokenStream) -> Self {
        Self { tokens: tokens.into_iter().collect(), next: 0 }
    }

    pub(super) fn from_vec(tokens: Vec<TokenTree>) -> Self {
        Self { tokens, next: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.next >= self.tokens.len()
    }

    pub(super) fn token(&self, index: usize) -> Option<&TokenTree> {
        self.tokens.get(index)
    }

    pub(super) fn advance(&mut self) -> Option<TokenTree> {
        let token = self.tokens.get(self.next).cloned();
        self.next += 1;
        token
    }

    /// Runs `read`, and returns to the starting position if it found nothing.
    pub(super) fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.next;
        let found = read(self);
        if found.is_none() {
            self.next = start;
        }
        found
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<&TokenTree> {
        self.tokens.get(self.next + ahead)
    }

    pub(super) fn peek_ident(&self, ahead: usize) -> Option<&Ident> {
        match self.peek(ahead) {
            Some(TokenTree::Ident(ident)) => Some(ident),
            _ => None,
        }
    }

    pub(super) fn peek_group(&self, ahead: usize) -> Option<&Group> {
        match self.peek(ahead) {
            Some(TokenTree::Group(group)) => Some(group),
            _ => None,
        }
    }

    pub(super) fn peek_punct(&self, ahead: usize, character: char) -> bool {
        matches!(self.peek(ahead), Some(TokenTree::Punct(punct)) if punct.as_char() == character)
    }

    pub(super) fn keyword(&mut self, keyword: &str) -> Option<Ident> {
        let ident = self.peek_ident(0).filter(|ident| *ident == keyword).cloned()?;
        self.next += 1;
        Some(ident)
    }

    pub(super) fn ident(&mut self) -> Option<Ident> {
        let ident = self.peek_ident(0).cloned()?;
        self.next += 1;
        Some(ident)
    }

    pub(super) fn punct(&mut self, character: char) -> Option<()> {
        self.peek_punct(0, character).then(|| self.next += 1)
    }

    pub(super) fn group(&mut self, delimiter: Delimiter) -> Option<Group> {
        let group = self.peek_group(0).filter(|group| group.delimiter() == delimiter).cloned()?;
        self.next += 1;
        Some(group)
    }

    pub(super) fn double_colon(&mut self) -> Option<()> {
        let is_joint =
            matches!(self.peek(0), Some(TokenTree::Punct(punct)) if punct.spacing() == Spacing::Joint);
        (is_joint && self.peek_punct(0, ':') && self.peek_punct(1, ':')).then(|| self.next += 2)
    }

    /// A path without generic arguments. `$crate::a` counts as `$crate` and `a`.
    pub(super) fn path(&mut self) -> Option<PathText> {
        self.attempt(|cursor| {
            let is_global = cursor.double_colon().is_some();
            let mut segments = Vec::new();
            loop {
                let is_macro_crate = cursor.punct('$').is_some();
                let segment = cursor.ident()?.to_string();
                segments.push(if is_macro_crate { format!("${segment}") } else { segment });
                if cursor.double_colon().is_none() {
                    return Some(PathText { is_global, segments });
                }
            }
        })
    }

    /// Generic parameters, if any stand here: from `<` to the `>` that closes it.
    pub(super) fn angle_brackets(&mut self) -> Option<Range<usize>> {
        if !self.peek_punct(0, '<') {
            return None;
        }
        let start = self.next;
        let mut depth = 0usize;
        let mut is_after_dash = false;
        while let Some(token) = self.tokens.get(self.next) {
            self.next += 1;
            let mut is_dash = false;
            if let TokenTree::Punct(punct) = token {
                match punct.as_char() {
                    '<' => depth += 1,
                    '>' if !is_after_dash => depth -= 1,
                    '-' | '=' => is_dash = punct.spacing() == Spacing::Joint,
                    _ => {}
                }
            }
            is_after_dash = is_dash;
            if depth == 0 {
                break;
            }
        }
        Some(start..self.next)
    }

    /// Whether a range from `angle_brackets` contains anything.
    pub(super) fn has_parameters(range: &Range<usize>) -> bool {
        range.len() > 2
    }

    /// One whole `use` tree, flattened.
    pub(super) fn use_tree(&mut self) -> Vec<UseLeaf> {
        let mut leaves = Vec::new();
        let is_global = self.double_colon().is_some();
        self.use_branch(&PathText { is_global, segments: Vec::new() }, 0, &mut leaves);
        leaves
    }

    fn use_branch(&mut self, prefix: &PathText, depth: usize, leaves: &mut Vec<UseLeaf>) {
        let mut path = prefix.clone();
        loop {
            if self.punct('*').is_some() {
                leaves.push(UseLeaf { path, name: UseName::Glob });
                return;
            }
            if let Some(group) = self.group(Delimiter::Brace) {
                if depth < MAX_DEPTH {
                    for part in crate::tokens::split_at_commas(group.stream()) {
                        let mut branch = Self::from_vec(part);
                        if branch.double_colon().is_some() {
                            path.is_global = true;
                        }
                        branch.use_branch(&path, depth + 1, leaves);
                    }
                }
                return;
            }
            let Some(ident) = self.ident() else { return };
            if ident == "self" && !path.segments.is_empty() {
                // `use a::{self}` means `a`.
            } else {
                path.segments.push(ident.to_string());
            }
            if self.double_colon().is_none() {
                break;
            }
        }
        let name = match self.keyword("as") {
            Some(_) => self.ident().map(|ident| ident.to_string()),
            None => path.segments.last().cloned(),
        };
        if let Some(name) = name
            && name != "_"
        {
            leaves.push(UseLeaf { path, name: UseName::Named(name) });
        }
    }
}

/// A path as written, without generic arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathText {
    /// Whether it began with `::`.
    pub is_global: bool,
    /// The names between the `::`.
    pub segments: Vec<String>,
}

impl PathText {
    /// The last name.
    #[must_use]
    pub fn last(&self) -> &str {
        self.segments.last().map_or("", String::as_str)
    }
}

impl std::fmt::Display for PathText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_global {
            formatter.write_str("::")?;
        }
        formatter.write_str(&self.segments.join("::"))
    }
}

/// One name, or one glob, that a `use` imports.
pub(super) struct UseLeaf {
    pub(super) path: PathText,
    pub(super) name: UseName,
}

/// The name under which a `use` imports something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UseName {
    /// Under this one.
    Named(String),
    /// `*`: everything, each under its own.
    Glob,
    /// `#[macro_use] extern crate`: every macro, in the whole crate.
    MacroUse,
}
