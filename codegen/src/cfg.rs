//! `cfg` predicates: parsed, evaluated as far as possible without a compiler, and printed in one spelling.

use std::collections::BTreeMap;
use std::fmt;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// How deep a predicate may nest. Real ones nest a few levels; the limit keeps hostile input from overflowing the
/// stack.
const MAX_DEPTH: usize = 64;

/// One predicate of a `#[cfg(...)]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Cfg {
    /// `unix`, `test`, `feature = "x"`, and everything else that only the compiler can evaluate, as text.
    Option(String),
    /// `all(...)`.
    All(Vec<Cfg>),
    /// `any(...)`.
    Any(Vec<Cfg>),
    /// `not(...)`.
    Not(Box<Cfg>),
}

/// What is known of a predicate, for a build that is not for tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Holds in every such build.
    Always,
    /// Holds in no such build, like `test` or `any()`.
    Never,
    /// Depends on the build.
    Depends,
}

/// The `cfg`s of one build, as far as cargo tells them to its build script. By default none is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildCfgs {
    /// The variables `CARGO_CFG_*`, without this prefix.
    variables: BTreeMap<String, String>,
}

impl BuildCfgs {
    /// The `cfg`s of the build that the running build script belongs to.
    #[must_use]
    pub fn of_cargo() -> Self {
        let variables = std::env::vars_os();
        Self::from_variables(
            variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// The `cfg`s that these environment variables give. Ignores all except `CARGO_CFG_*`.
    #[must_use]
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let cfgs = variables.into_iter().filter_map(|(name, value)| {
            name.strip_prefix("CARGO_CFG_").map(|name| (name.to_owned(), value.clone()))
        });
        Self { variables: cfgs.collect() }
    }

    /// Whether all of `cfgs` hold in this build.
    #[must_use]
    pub fn verdict(&self, cfgs: &[Cfg]) -> Verdict {
        Verdict::fold(cfgs, self, Verdict::Always, Verdict::Never)
    }

    /// Whether one option is set. An option that is not among the variables may still be set by the build script itself
    /// or by compiler flags, unless only cargo decides it.
    fn option(&self, text: &str) -> Verdict {
        match text {
            "test" | "false" => return Verdict::Never,
            "true" => return Verdict::Always,
            // The build script sees the compiler's default; a profile may differ.
            _ if text.starts_with("panic =") => return Verdict::Depends,
            _ => {}
        }
        let (name, value) = match text.split_once(" = ") {
            Some((name, literal)) => (name, Some(crate::tokens::string_value(literal))),
            None => (text, None),
        };
        let name = name.strip_prefix("r#").unwrap_or(name);
        let variable = self.variables.get(&name.to_uppercase());
        match (variable, value) {
            (_, Some(None)) => Verdict::Depends,
            (Some(set), Some(Some(value))) if set.split(',').any(|one| one == value) => Verdict::Always,
            (Some(set), None) if set.is_empty() => Verdict::Always,
            (Some(_), None) => Verdict::Depends,
            _ if self.is_decided(name) => Verdict::Never,
            _ => Verdict::Depends,
        }
    }

    /// Whether an option without a variable is known to be unset, because only cargo or only the target decides it.
    fn is_decided(&self, name: &str) -> bool {
        let is_known = |variable: &str| self.variables.contains_key(variable);
        match name {
            "feature" => is_known("FEATURE"),
            // Compiler flags add to these.
            "target_feature" => false,
            _ => {
                is_known("TARGET_OS") && (name == "unix" || name == "windows" || name.starts_with("target_"))
            }
        }
    }
}

impl Cfg {
    /// Parses the tokens between the parentheses of `cfg(...)`. A predicate that nests too deeply never holds.
    #[must_use]
    pub fn parse(tokens: TokenStream) -> Self {
        Self::parse_at(tokens.into_iter().collect(), 0)
    }

    fn parse_at(mut tokens: Vec<TokenTree>, depth: usize) -> Self {
        if depth > MAX_DEPTH {
            return Self::Any(Vec::new());
        }
        if let [TokenTree::Ident(ident), TokenTree::Group(group)] = tokens.as_slice()
            && group.delimiter() == Delimiter::Parenthesis
        {
            let inner = group.stream();
            if ident == "all" {
                return Self::All(Self::parse_list(inner, depth));
            }
            if ident == "any" {
                return Self::Any(Self::parse_list(inner, depth));
            }
            if ident == "not" {
                let mut parts = Self::parse_list(inner, depth);
                let part = if parts.len() == 1 { parts.swap_remove(0) } else { Self::All(parts) };
                return Self::Not(Box::new(part));
            }
        }
        if matches!(tokens.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == ',') {
            tokens.pop();
        }
        let mut text = String::new();
        write_tokens(&mut text, &tokens, depth);
        Self::Option(text)
    }

    fn parse_list(tokens: TokenStream, depth: usize) -> Vec<Self> {
        crate::tokens::split_at_commas(tokens)
            .into_iter()
            .map(|part| Self::parse_at(part, depth + 1))
            .collect()
    }

    /// Whether the predicate holds in builds that are not for tests.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict_in(&BuildCfgs::default())
    }

    /// Whether the predicate holds in this build.
    #[must_use]
    pub fn verdict_in(&self, build: &BuildCfgs) -> Verdict {
        match self {
            Self::Option(text) => build.option(text),
            Self::All(parts) => Verdict::fold(parts, build, Verdict::Always, Verdict::Never),
            Self::Any(parts) => Verdict::fold(parts, build, Verdict::Never, Verdict::Always),
            Self::Not(part) => match part.verdict_in(build) {
                Verdict::Always => Verdict::Never,
                Verdict::Never => Verdict::Always,
                Verdict::Depends => Verdict::Depends,
            },
        }
    }

    /// The predicate that all of `parts` hold, simplified.
    #[must_use]
    pub fn all(mut parts: Vec<Self>) -> Self {
        parts.retain(|part| part.verdict() != Verdict::Always);
        dedup_in_order(&mut parts);
        if parts.len() == 1 { parts.swap_remove(0) } else { Self::All(parts) }
    }

    /// The predicate that at least one of `parts` holds, simplified.
    #[must_use]
    pub fn any(mut parts: Vec<Self>) -> Self {
        if parts.iter().any(|part| part.verdict() == Verdict::Always) {
            return Self::All(Vec::new());
        }
        dedup_in_order(&mut parts);
        if parts.len() == 1 { parts.swap_remove(0) } else { Self::Any(parts) }
    }

    /// The negation of this predicate.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }
}

impl Verdict {
    /// A `decisive` part decides the result; a `neutral` part does not change it.
    fn fold(parts: &[Cfg], build: &BuildCfgs, neutral: Self, decisive: Self) -> Self {
        let mut result = neutral;
        for part in parts {
            let verdict = part.verdict_in(build);
            if verdict == decisive {
                return decisive;
            }
            if verdict == Self::Depends {
                result = Self::Depends;
            }
        }
        result
    }
}

impl fmt::Display for Cfg {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |formatter: &mut fmt::Formatter<'_>, name: &str, parts: &[Self]| {
            write!(formatter, "{name}(")?;
            for (index, part) in parts.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                write!(formatter, "{comma}{part}")?;
            }
            formatter.write_str(")")
        };
        match self {
            Self::Option(text) => formatter.write_str(text),
            Self::All(parts) => list(formatter, "all", parts),
            Self::Any(parts) => list(formatter, "any", parts),
            Self::Not(part) => write!(formatter, "not({part})"),
        }
    }
}

/// Adds `cfg` unless it adds nothing.
pub(crate) fn push(cfgs: &mut Vec<Cfg>, cfg: Cfg) {
    if cfg.verdict() != Verdict::Always && !cfgs.contains(&cfg) {
        cfgs.push(cfg);
    }
}

/// Whether one of `cfgs` rules the item out.
pub(crate) fn is_never(cfgs: &[Cfg]) -> bool {
    cfgs.iter().any(|cfg| cfg.verdict() == Verdict::Never)
}

fn dedup_in_order(parts: &mut Vec<Cfg>) {
    let mut seen = Vec::new();
    parts.retain(|part| {
        let is_new = !seen.contains(part);
        if is_new {
            seen.push(part.clone());
        }
        is_new
    });
}

/// Prints tokens in one spelling: spaces around `=` and after commas, and otherwise only between words.
fn write_tokens(text: &mut String, tokens: &[TokenTree], depth: usize) {
    for token in tokens {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '=' => text.push_str(" = "),
            TokenTree::Punct(punct) if punct.as_char() == ',' => text.push_str(", "),
            TokenTree::Punct(punct) => text.push(punct.as_char()),
            TokenTree::Group(group) if depth < MAX_DEPTH => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                let inner: Vec<_> = group.stream().into_iter().collect();
                write_tokens(text, &inner, depth + 1);
                text.push_str(close);
            }
            TokenTree::Group(_) => text.push_str("()"),
            word => {
                if text.ends_with(|last: char| last.is_alphanumeric() || last == '_') {
                    text.push(' ');
                }
                text.push_str(&word.to_string());
            }
        }
    }
}

#[cfg(test)]
mod tests;
