//! What the module says about one query.

use std::fmt::Write;
use std::time::Duration;

use cache_core::Query;
use ts_rs::TS;

use super::error::TypeScriptError;
use super::types::Types;

/// What is written about one query.
pub(crate) struct QueryText {
    pub(super) name: &'static str,
    key: String,
    value: String,
    docs: Option<String>,
    stale_time: Option<Duration>,
    gc_time: Option<Duration>,
}

impl QueryText {
    /// Describes a query, and adds the types that it needs.
    pub(crate) fn of<Q>(types: &mut Types<'_>) -> Self
    where
        Q: Query<Value: TS> + TS,
    {
        types.add::<Q>();
        types.add::<Q::Value>();
        let [ttl, fresh] = Q::OPTIONS.times();
        let (ttl, fresh) = (Q::LOADING.ttl.or(ttl), Q::LOADING.fresh.or(fresh));
        Self {
            name: Q::NAME,
            key: <Q as TS>::name(types.config()),
            value: <Q::Value as TS>::name(types.config()),
            docs: <Q as TS>::docs(),
            stale_time: fresh.or(ttl),
            gc_time: ttl,
        }
    }

    /// The name of the function of the query.
    pub(super) fn function(&self) -> Result<String, TypeScriptError> {
        function_name(self.name)
    }

    pub(super) fn write(&self, module: &mut String, function: &str) {
        let Self { name, key, value, docs, stale_time, gc_time } = self;
        let milliseconds = |time: Duration| time.as_millis().to_string();
        let stale_time = stale_time.map_or_else(|| "Infinity".to_owned(), milliseconds);
        let gc_time = gc_time.map_or_else(String::new, |time| format!(", {}", milliseconds(time)));
        let docs = docs.as_deref().unwrap_or_default();
        let _ = write!(
            module,
            "\n{docs}export const {function} = (key: {key}) => \
             query<\"{name}\", {key}, {value}>(\"{name}\", key, {stale_time}{gc_time})\n"
        );
    }
}

/// The name of the function of a query, such as `getPost` for `get_post`.
fn function_name(query: &str) -> Result<String, TypeScriptError> {
    let mut name = String::with_capacity(query.len());
    for (at, word) in query.split('_').filter(|word| !word.is_empty()).enumerate() {
        let mut characters = word.chars();
        match characters.next() {
            Some(first) if at > 0 => name.extend(first.to_uppercase()),
            Some(first) => name.push(first),
            None => {}
        }
        name.push_str(characters.as_str());
    }
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|character| character.is_ascii_alphanumeric());
    match is_name && !RESERVED.contains(&name.as_str()) {
        true => Ok(name),
        false => Err(TypeScriptError::BadName { name: query.to_owned() }),
    }
}

/// Words that a function cannot be named with, and the names of the module itself.
const RESERVED: &[&str] = &[
    "answers",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "freshness",
    "function",
    "hashKey",
    "hydrate",
    "if",
    "import",
    "in",
    "instanceof",
    "load",
    "new",
    "null",
    "openCache",
    "package",
    "private",
    "protected",
    "public",
    "query",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
];
