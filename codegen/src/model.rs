//! From the declarations of a crate to its queries. Resolves names within the crate only, and never reads the options
//! of a query.

mod resolve;
mod visibility;

use std::collections::HashSet;

use crate::cfg::{self, Cfg};
use crate::identifier::raw;
use crate::package::CrateNames;
use crate::scan::{MacroItem, Module, ModuleId, ModuleKind, PathText, Scan, TypeItem, UseName};
use crate::source::Location;
use resolve::{Origin, Resolver};

/// Name of the derive.
pub(crate) const DERIVE: &str = "Query";

/// The queries of one crate, and types that only look like one.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Model {
    /// The types that derive the cache's `Query`, sorted by path.
    pub queries: Vec<Query>,
    /// The types that derive some other `Query`.
    pub lookalikes: Vec<Lookalike>,
    /// Every other type of the crate that the registry may name.
    pub types: Vec<NamedType>,
}

/// A type that derives `Query`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Query {
    /// Path from the crate root, as the registry would write it: `crate::posts::GetPost`.
    pub path: String,
    /// The generic parameters as written.
    pub generics: Option<String>,
    /// Its doc comment, one entry per line or block.
    pub docs: Vec<String>,
    /// Conditions of the item and of all modules around it.
    pub cfgs: Vec<Cfg>,
    /// Its name in the source.
    pub location: Location,
    /// Why it cannot be a line of the registry as it is.
    pub obstacle: Option<Obstacle>,
}

/// Why a query cannot be listed as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// It is generic, and each choice of its parameters is a query of its own.
    Generic,
    /// It is declared in the block of this name, and has no path from outside.
    InBlock(String),
    /// It is among the tokens of a macro call.
    InMacroCall,
    /// It is among the tokens of a macro definition.
    InMacroDefinition,
    /// Its module, or a module around it, is declared among the tokens of a macro.
    InMacroModule {
        /// The name of the macro.
        call: Location,
        /// The name of the module.
        module: Location,
    },
    /// Its file is included by this `include!`.
    Included(Location),
    /// This module or type cannot be named from the crate root.
    Hidden(Location),
}

/// A type that derives some `Query`, but not the cache's.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Lookalike {
    /// Path from the crate root.
    pub path: String,
    /// Its name in the source.
    pub location: Location,
    /// The derive as written.
    pub derive: String,
    /// Why it was ignored.
    pub reason: String,
}

/// A type of the crate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NamedType {
    /// Path from the crate root.
    pub path: String,
    /// Whether the crate root can name it by this path.
    pub is_visible: bool,
}

impl Query {
    /// By path and place; of the same query in several modules of a macro, the one of the first module comes first.
    fn order(&self) -> (&str, &std::path::Path, usize, usize) {
        let start = |location: &Location| location.range().start;
        let module = match &self.obstacle {
            Some(Obstacle::InMacroModule { module, .. }) => start(module),
            _ => 0,
        };
        (&self.path, self.location.path(), start(&self.location), module)
    }
}

impl Model {
    /// Finds the queries of `scan`, in a crate that has these names for the cache.
    #[must_use]
    pub fn build(scan: &Scan, crates: &CrateNames) -> Self {
        let mut builder = ModelBuilder {
            scan,
            crates,
            resolver: Resolver::new(scan, crates),
            aliases: aliases(scan),
            model: Self::default(),
        };
        let is_hidden = |id| scan.macro_around(id).is_some();
        let seen = scan.iter().filter(|(id, _)| !is_hidden(*id));
        let seen: HashSet<_> = seen.map(|(_, module)| module.source.path()).collect();
        for (id, module) in scan.iter() {
            if is_hidden(id) && seen.contains(module.source.path()) {
                // Also declared elsewhere, outside of a macro call.
                continue;
            }
            module.types.iter().for_each(|item| builder.type_item(id, item));
            module.macros.iter().for_each(|item| builder.macro_item(id, item));
        }
        let mut model = builder.model;
        model.queries.sort_by(|a, b| a.order().cmp(&b.order()));
        // A macro may declare the same module once for each of several conditions.
        model.queries.dedup_by(|next, query| next.path == query.path && next.location == query.location);
        model
    }
}

struct ModelBuilder<'a> {
    scan: &'a Scan,
    crates: &'a CrateNames,
    resolver: Resolver<'a>,
    /// Names that the derive may have somewhere in the crate; other names need no search.
    aliases: HashSet<String>,
    model: Model,
}

impl ModelBuilder<'_> {
    fn type_item(&mut self, id: ModuleId, item: &TypeItem) {
        let path = self.path(id, &item.name);
        let hidden = self.hidden_at(id, item);
        let mut derive_cfgs = Vec::new();
        let mut other = None;
        for derive in &item.derives {
            if !self.aliases.contains(derive.path.last()) {
                continue;
            }
            match self.weigh(id, &derive.path, item.has_query) {
                None => derive_cfgs.push(Cfg::all(derive.cfgs.clone())),
                Some(reason) => other = other.or(Some((derive, reason))),
            }
        }
        if derive_cfgs.is_empty() {
            if let Some((derive, reason)) = other {
                let (location, derive) = (item.location.clone(), derive.path.to_string());
                self.model.lookalikes.push(Lookalike { path: path.clone(), location, derive, reason });
            }
            self.model.types.push(NamedType { path, is_visible: hidden.is_none() });
            return;
        }
        let mut cfgs = self.cfgs(id, &item.cfgs);
        cfg::push(&mut cfgs, Cfg::any(derive_cfgs));
        self.query(id, item, path, cfgs, hidden);
    }

    fn query(
        &mut self,
        id: ModuleId,
        item: &TypeItem,
        mut path: String,
        mut cfgs: Vec<Cfg>,
        hidden: Option<Location>,
    ) {
        let mut obstacle = None;
        if let Some(block) = self.block_around(id) {
            obstacle = Some(Obstacle::InBlock(block.name.clone()));
        } else if let Some(hidden) = self.macro_around(id) {
            obstacle = Some(hidden);
        } else if let Some(place) = hidden {
            match visibility::reexport(self.scan, &self.resolver, id, item) {
                Some(found) => {
                    path = path_text(&found.path);
                    found.cfgs.into_iter().for_each(|cfg| cfg::push(&mut cfgs, cfg));
                }
                None => obstacle = Some(Obstacle::Hidden(place)),
            }
        }
        if item.generics.is_some() && obstacle.is_none() {
            obstacle = Some(Obstacle::Generic);
        }
        self.model.queries.push(Query {
            path,
            generics: item.generics.clone(),
            docs: item.docs.clone(),
            cfgs,
            location: item.location.clone(),
            obstacle,
        });
    }

    fn macro_item(&mut self, id: ModuleId, item: &MacroItem) {
        let is_ours = item.derives.iter().any(|derive| {
            let is_named = self.aliases.contains(derive.last());
            is_named && self.weigh(id, derive, self.crates.is_dependency).is_none()
        });
        if !is_ours {
            return;
        }
        let obstacle = match item.is_definition {
            true => Obstacle::InMacroDefinition,
            false => Obstacle::InMacroCall,
        };
        self.model.queries.push(Query {
            path: self.path(id, &format!("{}!", item.name)),
            generics: None,
            docs: Vec::new(),
            cfgs: self.cfgs(id, &item.cfgs),
            location: item.location.clone(),
            obstacle: Some(obstacle),
        });
    }

    /// `None` if the derive is the cache's, else why it is not. If a name may come from a crate that the scan cannot
    /// see into, `is_likely` decides.
    fn weigh(&mut self, id: ModuleId, derive: &PathText, is_likely: bool) -> Option<String> {
        match self.resolver.origin(id, derive) {
            Origin::Cache => None,
            Origin::Foreign(path) => Some(format!("`{derive}` is `{path}`, which is not the cache's")),
            Origin::OutOfSight if is_likely => None,
            Origin::OutOfSight => {
                Some(format!("`{derive}` may come from another crate, and there is no `#[query(...)]`"))
            }
            Origin::Nowhere => Some(format!("nothing in scope provides `{derive}`")),
        }
    }

    fn path(&self, id: ModuleId, name: &str) -> String {
        let mut path = self.scan.path(id);
        path.push(name.to_owned());
        path_text(&path)
    }

    fn cfgs(&self, id: ModuleId, own: &[Cfg]) -> Vec<Cfg> {
        let mut cfgs = self.scan.cfgs(id);
        own.iter().for_each(|cfg| cfg::push(&mut cfgs, cfg.clone()));
        cfgs
    }

    fn block_around(&self, id: ModuleId) -> Option<&Module> {
        self.scan.ancestors(id).map(|(_, module)| module).find(|module| module.kind == ModuleKind::Block)
    }

    fn macro_around(&self, id: ModuleId) -> Option<Obstacle> {
        let mut around = self.scan.ancestors(id).map(|(_, module)| module);
        let (module, call) = around.find_map(|module| Some((module, module.macro_call.clone()?)))?;
        Some(match module.kind {
            ModuleKind::Included => Obstacle::Included(call),
            _ => Obstacle::InMacroModule { call, module: module.location.clone() },
        })
    }

    fn hidden_at(&self, id: ModuleId, item: &TypeItem) -> Option<Location> {
        visibility::hidden_module(self.scan, id).map(|module| module.location.clone()).or_else(|| {
            let is_seen = visibility::scope(self.scan, id, &item.visibility) == ModuleId::ROOT;
            (!is_seen).then(|| item.location.clone())
        })
    }
}

/// The path in a form that every edition accepts: the registry is read as in the latest.
fn path_text(names: &[String]) -> String {
    names.iter().map(|name| raw(name)).collect::<Vec<_>>().join("::")
}

/// Every name that a `use` gives to something called `Query`, or to such a name.
fn aliases(scan: &Scan) -> HashSet<String> {
    let renames: Vec<_> = scan
        .modules
        .iter()
        .flat_map(|module| &module.uses)
        .filter_map(|import| match &import.name {
            UseName::Named(name) if name != import.path.last() => Some((import.path.last(), name)),
            _ => None,
        })
        .collect();
    let mut aliases = HashSet::from([DERIVE.to_owned()]);
    loop {
        let known = aliases.len();
        for (old, new) in &renames {
            if aliases.contains(*old) {
                aliases.insert((*new).clone());
            }
        }
        if aliases.len() == known {
            return aliases;
        }
    }
}

#[cfg(test)]
mod tests;
