//! From the queries of a crate and the requests of its build script to the lines of the registry, and the messages
//! about the rest. Plain data in, plain data out.

mod request;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

pub use request::{Include, Skip};

use crate::cfg::Cfg;
use crate::model::{Model, Obstacle, Query};
use crate::report::{Diagnostic, Report};
use crate::source::Location;

/// One line of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// The query type, as the registry writes it.
    pub type_path: String,
    /// Name of the table, if not the query's own.
    pub name: Option<String>,
    /// Doc comment of the query, one entry per line or block.
    pub docs: Vec<String>,
    /// Conditions under which the query exists.
    pub cfgs: Vec<Cfg>,
    /// Where the query is declared, if that is known.
    pub location: Option<Location>,
}

/// The lines of the registry, and the messages about the rest.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Listing {
    /// Sorted by type path, without duplicates.
    pub lines: Vec<Line>,
    /// Requests that cannot be met, and queries that are not in the registry.
    pub report: Report,
}

/// Decides which queries are listed.
#[must_use]
pub fn check(model: &Model, includes: &[Include], skips: &[Skip]) -> Listing {
    let mut listing = Listing::default();
    let skips = request::SkipSet::new(skips, &mut listing.report);
    let mut lines = BTreeMap::new();
    let mut is_included = vec![false; model.queries.len()];
    for include in includes {
        match request::resolve(include, model) {
            Ok(found) => {
                found.queries.iter().for_each(|index| is_included[*index] = true);
                match lines.entry(found.line.type_path.clone()) {
                    Entry::Vacant(entry) => _ = entry.insert(found.line),
                    Entry::Occupied(first) if first.get().name == found.line.name => {}
                    Entry::Occupied(first) => {
                        listing.report.push(request::two_names(include, &found.line, first.get()));
                    }
                }
            }
            Err(diagnostic) => listing.report.push(*diagnostic),
        }
    }
    for (query, is_included) in model.queries.iter().zip(is_included) {
        if skips.covers(&query.path) || is_included {
            continue;
        }
        match &query.obstacle {
            None => add_line(&mut lines, query),
            Some(obstacle) => listing.report.push(warning(query, obstacle)),
        }
    }
    skips.report_unused(model, &mut listing.report);
    listing.lines = lines.into_values().collect();
    listing
}

/// Adds the line of `query`. If conditions choose between several queries of one path, they share the line.
fn add_line(lines: &mut BTreeMap<String, Line>, query: &Query) {
    if let Some(line) = lines.get_mut(&query.path) {
        let both = Cfg::any(vec![Cfg::all(line.cfgs.clone()), Cfg::all(query.cfgs.clone())]);
        line.cfgs.clear();
        crate::cfg::push(&mut line.cfgs, both);
        return;
    }
    let line = Line {
        type_path: query.path.clone(),
        name: None,
        docs: query.docs.clone(),
        cfgs: query.cfgs.clone(),
        location: Some(query.location.clone()),
    };
    lines.insert(query.path.clone(), line);
}

fn warning(query: &Query, obstacle: &Obstacle) -> Diagnostic {
    let path = &query.path;
    let name = path.rsplit("::").next().unwrap_or(path);
    let at = query.location.clone();
    let silence = format!("silence this with `Builder::skip(\"{path}\")` in build.rs");
    let diagnostic = match obstacle {
        Obstacle::Generic => {
            let generics = query.generics.as_deref().unwrap_or_default();
            Diagnostic::warning(format!("generic query `{path}` is not in the registry"))
                .at(at, format!("stands for one query per choice of `{generics}`"))
                .help(format!(
                    "list each one that you use: `Builder::include(\"{name}<...>\")` in build.rs, or a line `{path}<...>` in a \
                     `registry!` of your own"
                ))
        }
        Obstacle::InBlock(block) => {
            let block = if block == "_" { "a block".to_owned() } else { format!("the body of `{block}`") };
            Diagnostic::warning(format!("query `{name}` in {block} is not in the registry"))
                .at(at, "cannot be named from outside")
                .help("move it into a module")
        }
        Obstacle::InMacroCall => {
            Diagnostic::warning(format!("a query inside the macro call `{name}` is not in the registry"))
                .at(at, "the generator cannot see what the macro makes of these tokens")
                .help(LIST_WHAT_IT_MAKES)
        }
        Obstacle::InMacroDefinition => {
            Diagnostic::warning(format!("queries that the macro `{name}` makes are not in the registry"))
                .at(at, "the generator cannot see what calls of this macro make")
                .help(LIST_WHAT_IT_MAKES)
        }
        Obstacle::InMacroModule { call, module } => {
            let (call, name) = (call.text(), module.text());
            Diagnostic::warning(format!(
                "query `{path}` is not in the registry: module `{name}` is declared inside the macro `{call}!`"
            ))
            .at(module.clone(), "the generator cannot see what the macro makes of it")
            .at(at, "the query")
            .help(format!(
                "declare it outside, as `#[cfg(...)] mod {name};`, or list the query: \
                 `Builder::include(\"{path}\")` in build.rs"
            ))
        }
        Obstacle::Included(call) => Diagnostic::warning(format!(
            "query `{path}` is not in the registry: its file is included by `include!`"
        ))
        .at(call.clone(), "the generator does not scan included files")
        .at(at, "the query")
        .help(format!(
            "declare the file as a module, or list the query: `Builder::include(\"{path}\")` in build.rs"
        )),
        Obstacle::Hidden(place) => hidden(query, place),
    };
    diagnostic.help(silence)
}

const LIST_WHAT_IT_MAKES: &str = "list what it makes: `Builder::include(\"crate::path::of::Query\")` in build.rs, or a \
                                  line in a `registry!` of your own";

/// The warning of a query that is private, or in a private module.
fn hidden(query: &Query, place: &Location) -> Diagnostic {
    let path = &query.path;
    let name = path.rsplit("::").next().unwrap_or(path);
    let at = query.location.clone();
    if *place == at {
        return Diagnostic::warning(format!(
            "query `{path}` is not in the registry: it is private to its module"
        ))
        .at(at, "cannot be named from the crate root")
        .help("make it `pub(crate)`");
    }
    let module = place.text();
    Diagnostic::warning(format!("query `{path}` is not in the registry: module `{module}` is private"))
        .at(place.clone(), "cannot be named from the crate root")
        .at(at, "the query")
        .help(format!("make it `pub(crate) mod {module}`, or re-export `{name}` from the module around it"))
}

#[cfg(test)]
mod tests;
