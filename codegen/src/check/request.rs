//! What a build script requests, as text: types to include, queries to leave out.

use std::cell::RefCell;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::Line;
use crate::identifier::{is_path, plain, raw};
use crate::model::{Model, Obstacle};
use crate::report::{Diagnostic, Report};
use crate::source::Location;

/// How deep generic arguments may nest.
const MAX_DEPTH: usize = 64;

/// Types that need no path. A type of this name in the crate root takes precedence.
const PRELUDE: [&str; 24] = [
    "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64", "String", "Vec", "Option", "Box", "Result", "std", "core",
];

/// A request to list a type.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Include {
    /// The type: `Page<User>`.
    pub text: String,
    /// Name of its table, if not the query's own.
    pub name: Option<String>,
    /// Where the build script says so.
    pub location: Option<Location>,
}

/// A request to leave a query out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Skip {
    /// The query or module: `crate::posts::GetPost`, or the end of its path.
    pub text: String,
    /// Where the build script says so.
    pub location: Option<Location>,
}

impl Include {
    /// A request to list `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), name: None, location: None }
    }
}

impl Skip {
    /// A request to leave `text` out.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), location: None }
    }
}

/// The line for a request, and the queries of the model that it covers.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) line: Line,
    pub(super) queries: Vec<usize>,
}

pub(super) fn resolve(include: &Include, model: &Model) -> Result<Resolved, Box<Diagnostic>> {
    let complain = |message: String| Box::new(placed(Diagnostic::error(message), include.location.as_ref()));
    let text = include.text.trim();
    let malformed = || {
        let message = format!("`{text}` is not the path of a type");
        Box::new(
            complain(message)
                .help("write it as in the crate root: `Page<User>` or `crate::posts::Page<crate::User>`"),
        )
    };
    let tokens: TokenStream = text.parse().map_err(|_| malformed())?;
    let mut writer = TypeWriter { model, text: String::new(), angles: 0, error: None };
    writer.tokens(tokens, 0);
    if let Some(candidates) = writer.error {
        let help = candidates.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(" or ");
        let message = format!("`{text}` names more than one type");
        return Err(Box::new(complain(message).help(format!("write {help}"))));
    }
    let type_path = writer.text;
    let head = type_path.split('<').next().unwrap_or_default().trim_end_matches("::").to_owned();
    if writer.angles != 0 || !is_path(&head) || !(type_path.len() == head.len() || type_path.ends_with('>')) {
        return Err(malformed());
    }
    // As in the derive.
    if let Some(name) = include.name.as_ref().filter(|name| is_no_name(name)) {
        let message = format!("{name:?} cannot be the name of the table of `{text}`");
        let help = "a name must not be empty or contain control characters, as in \"user_page\"";
        return Err(Box::new(complain(message).help(help)));
    }
    let queries: Vec<_> = model
        .queries
        .iter()
        .enumerate()
        .filter(|(_, query)| query.path == head)
        .map(|(index, _)| index)
        .collect();
    let first = queries.first().map(|index| &model.queries[*index]);
    if let Some(query) = first {
        let at = query.location.clone();
        if let Some(Obstacle::InBlock(_)) = query.obstacle {
            let message = format!("`{text}` is declared in a block, and has no path");
            return Err(Box::new(complain(message).at(at, "here").help("move it into a module")));
        }
        if let Some(generics) = query.generics.as_deref().filter(|_| type_path == head) {
            let message = format!("`{text}` needs generic arguments");
            return Err(Box::new(complain(message).at(at, format!("has parameters `{generics}`"))));
        }
    }
    let line = Line {
        type_path,
        name: include.name.clone(),
        docs: first.map(|query| query.docs.clone()).unwrap_or_default(),
        cfgs: first.map(|query| query.cfgs.clone()).unwrap_or_default(),
        location: first.map(|query| query.location.clone()).or_else(|| include.location.clone()),
    };
    Ok(Resolved { line, queries })
}

fn is_no_name(name: &str) -> bool {
    name.trim().is_empty() || name.contains(char::is_control)
}

/// Writes a type, with all its paths starting at the crate root.
struct TypeWriter<'a> {
    model: &'a Model,
    text: String,
    angles: isize,
    /// The candidates of the first path that is ambiguous.
    error: Option<Vec<String>>,
}

impl TypeWriter<'_> {
    fn tokens(&mut self, tokens: TokenStream, depth: usize) {
        let mut path = String::new();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(word) if is_lead_word(&word.to_string()) => {
                    self.text.push_str(&word.to_string());
                    self.text.push(' ');
                }
                TokenTree::Ident(word) if !self.text.ends_with('\'') => path.push_str(&word.to_string()),
                TokenTree::Punct(punct)
                    if punct.as_char() == ':'
                        && matches!(tokens.peek(), Some(TokenTree::Punct(next)) if next.as_char() == ':') =>
                {
                    tokens.next();
                    path.push_str("::");
                }
                other => {
                    self.path(&mut path);
                    self.other(other, depth);
                }
            }
        }
        self.path(&mut path);
    }

    fn path(&mut self, path: &mut String) {
        let written = std::mem::take(path);
        let written = written.strip_suffix("::").unwrap_or(&written);
        if !written.is_empty() {
            let full = self.qualify(written);
            self.text.push_str(&full);
        }
    }

    fn other(&mut self, token: TokenTree, depth: usize) {
        match token {
            TokenTree::Group(group) if depth < MAX_DEPTH => self.group(&group, depth),
            TokenTree::Group(_) => self.angles = isize::MIN / 2,
            TokenTree::Punct(punct) => {
                match punct.as_char() {
                    '<' => self.angles += 1,
                    '>' if !self.text.ends_with('-') => self.angles -= 1,
                    _ => {}
                }
                match punct.as_char() {
                    character @ (',' | ';') => self.text.extend([character, ' ']),
                    '+' => self.text.push_str(" + "),
                    '=' => self.text.push_str(" = "),
                    character => self.text.push(character),
                }
            }
            word => {
                self.text.push_str(&word.to_string());
                if self.text.contains('\'') && matches!(word, TokenTree::Ident(_)) {
                    self.text.push(' ');
                }
            }
        }
    }

    fn group(&mut self, group: &Group, depth: usize) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ('(', ')'),
            Delimiter::Bracket => ('[', ']'),
            Delimiter::Brace | Delimiter::None => ('{', '}'),
        };
        self.text.push(open);
        self.tokens(group.stream(), depth + 1);
        self.text.push(close);
    }

    /// The path from the crate root that `written` means: that exact path, or the only type whose path ends with it.
    fn qualify(&mut self, written: &str) -> String {
        let first = written.split("::").next().unwrap_or_default();
        if first.is_empty() || first == "crate" || first == "$crate" {
            return written.split("::").map(raw).collect::<Vec<_>>().join("::");
        }
        let written = written.strip_prefix("self::").unwrap_or(written);
        let at_root = plain(&format!("crate::{written}")).into_owned();
        let queries = self.model.queries.iter().filter(|query| query.obstacle != Some(Obstacle::InMacroCall));
        let paths: Vec<_> = queries
            .map(|query| &query.path)
            .chain(self.model.types.iter().map(|named| &named.path))
            .collect();
        if let Some(path) = paths.iter().find(|path| plain(path) == at_root) {
            return (*path).clone();
        }
        if PRELUDE.contains(&first) {
            return written.to_owned();
        }
        let ending = format!("::{}", plain(written));
        let mut found: Vec<_> =
            paths.into_iter().filter(|path| plain(path).ends_with(&ending)).cloned().collect();
        found.sort_unstable();
        found.dedup();
        match found.as_slice() {
            [] => written.to_owned(),
            [one] => one.clone(),
            _ => {
                self.error.get_or_insert(found);
                written.to_owned()
            }
        }
    }
}

/// The error for an include of a type to which another include gives the table `first`.
pub(super) fn two_names(include: &Include, line: &Line, first: &Line) -> Diagnostic {
    let named =
        |line: &Line| line.name.as_ref().map_or("its own name".to_owned(), |name| format!("{name:?}"));
    let message =
        format!("`{}` is included twice: as {} and as {}", line.type_path, named(first), named(line));
    placed(Diagnostic::error(message), include.location.as_ref())
        .help("a query has one table; keep one of them")
}

/// The skips of a build script, and which of them matched something.
pub(super) struct SkipSet<'a> {
    skips: Vec<(&'a Skip, String)>,
    used: RefCell<Vec<bool>>,
}

impl<'a> SkipSet<'a> {
    pub(super) fn new(skips: &'a [Skip], report: &mut Report) -> Self {
        let mut known = Vec::new();
        for skip in skips {
            let path = skip.text.trim().split('<').next().unwrap_or_default();
            if is_path(path.strip_suffix('!').unwrap_or(path)) {
                known.push((skip, path.to_owned()));
            } else {
                let message = format!("`{}` is not the path of a query", skip.text.trim());
                report.push(placed(Diagnostic::error(message), skip.location.as_ref()));
            }
        }
        let used = RefCell::new(vec![false; known.len()]);
        Self { skips: known, used }
    }

    /// Whether `path` is left out.
    pub(super) fn covers(&self, path: &str) -> bool {
        let mut is_covered = false;
        for ((_, pattern), used) in self.skips.iter().zip(self.used.borrow_mut().iter_mut()) {
            if matches(pattern, path) {
                *used = true;
                is_covered = true;
            }
        }
        is_covered
    }

    /// Warns of skips that match nothing.
    pub(super) fn report_unused(&self, model: &Model, report: &mut Report) {
        for ((skip, pattern), used) in self.skips.iter().zip(self.used.borrow().iter()) {
            if *used {
                continue;
            }
            let message = format!("`{pattern}` leaves nothing out: there is no such query");
            let mut diagnostic = placed(Diagnostic::warning(message), skip.location.as_ref());
            let last = pattern.rsplit("::").next().unwrap_or(pattern);
            for query in
                model.queries.iter().filter(|query| query.path.rsplit("::").next() == Some(last)).take(3)
            {
                diagnostic = diagnostic.help(format!("there is `{}`", query.path));
            }
            report.push(diagnostic);
        }
    }
}

/// Whether `pattern` matches `path`: the same path, the end of it or, if it starts with `crate`, a module around it.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (&*plain(pattern), &*plain(path));
    let rest = |whole: &str, part: &str| match whole.strip_prefix(part) {
        Some(rest) => rest.is_empty() || rest.starts_with("::"),
        None => false,
    };
    if pattern == "crate" || pattern.starts_with("crate::") {
        return rest(path, pattern);
    }
    path.strip_suffix(pattern).is_some_and(|head| head.ends_with("::"))
}

fn placed(diagnostic: Diagnostic, location: Option<&Location>) -> Diagnostic {
    match location {
        Some(location) => diagnostic.at(location.clone(), ""),
        None => diagnostic,
    }
}

fn is_lead_word(word: &str) -> bool {
    ["dyn", "impl", "mut", "const", "fn", "for", "as"].contains(&word)
}
