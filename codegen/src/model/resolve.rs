//! Where a name comes from: a small part of rustc's name resolution, over one crate. Other crates are black boxes.

use std::collections::{HashMap, HashSet};

use super::DERIVE;
use crate::package::CrateNames;
use crate::scan::{ModuleId, PathText, Scan, Use, UseName};

/// How many `use`s may lead from a name to its meaning.
const MAX_DEPTH: usize = 128;

/// Where a derive comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// From the cache.
    Cache,
    /// From elsewhere: the path from its crate.
    Foreign(String),
    /// Perhaps from a crate whose names a glob imports.
    OutOfSight,
    /// Nothing visible has this name.
    Nowhere,
}

/// Where a path is written. In a `use`, a path of one name may be a crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    InUse,
    InCode,
}

/// What a path may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Module(ModuleId),
    Type(ModuleId, String),
    /// A path that starts with the name of a crate.
    External(Vec<String>),
}

pub(super) struct Resolver<'a> {
    scan: &'a Scan,
    crates: &'a CrateNames,
    children: HashMap<(ModuleId, &'a str), Vec<ModuleId>>,
    types: HashSet<(ModuleId, &'a str)>,
    uses: HashMap<(ModuleId, &'a str), Vec<usize>>,
    globs: HashMap<ModuleId, Vec<usize>>,
    /// Names that some `use ... as` gives.
    renames: HashSet<&'a str>,
    origins: HashMap<(ModuleId, String), Origin>,
}

/// One search: what it has visited, so that it ends, and whether it met a glob that it cannot see through.
#[derive(Default)]
struct Search {
    seen: HashSet<(ModuleId, String)>,
    depth: usize,
    has_foreign_glob: bool,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(scan: &'a Scan, crates: &'a CrateNames) -> Self {
        let mut resolver = Self {
            scan,
            crates,
            children: HashMap::new(),
            types: HashSet::new(),
            uses: HashMap::new(),
            globs: HashMap::new(),
            renames: HashSet::new(),
            origins: HashMap::new(),
        };
        for (id, module) in scan.iter() {
            if let (Some(parent), true) = (module.parent, module.kind.is_named()) {
                resolver.children.entry((parent, plain(&module.name))).or_default().push(id);
            }
            resolver.types.extend(module.types.iter().map(|item| (id, plain(&item.name))));
            for (index, import) in module.uses.iter().enumerate() {
                match &import.name {
                    UseName::Named(name) => {
                        resolver.uses.entry((id, plain(name))).or_default().push(index);
                        if name != import.path.last() {
                            resolver.renames.insert(plain(name));
                        }
                    }
                    UseName::Glob => resolver.globs.entry(id).or_default().push(index),
                    UseName::MacroUse => {}
                }
            }
        }
        resolver
    }

    /// Where the derive written as `path` in `module` comes from.
    pub(super) fn origin(&mut self, module: ModuleId, path: &PathText) -> Origin {
        let key = (module, path.to_string());
        if let Some(known) = self.origins.get(&key) {
            return known.clone();
        }
        let origin = self.search_origin(module, path);
        self.origins.insert(key, origin.clone());
        origin
    }

    fn search_origin(&self, module: ModuleId, path: &PathText) -> Origin {
        let mut search = Search::default();
        let mut foreign = None;
        for target in self.resolve(module, path, Written::InCode, &mut search) {
            match target {
                Target::External(path) if self.is_cache(&path) => return Origin::Cache,
                Target::External(path) => foreign = foreign.or(Some(path.join("::"))),
                Target::Module(_) | Target::Type(..) => {}
            }
        }
        match foreign {
            Some(path) => Origin::Foreign(path),
            None if search.has_foreign_glob => Origin::OutOfSight,
            None => Origin::Nowhere,
        }
    }

    fn is_cache(&self, path: &[String]) -> bool {
        let first = path.first().map(|first| plain(first));
        first.is_some_and(|first| self.crates.own.contains(first))
            && path.last().is_some_and(|last| last == DERIVE)
    }

    /// What `path` may mean in a `use` of `module`: several things if conditions choose between them.
    pub(super) fn targets(&self, module: ModuleId, path: &PathText) -> Vec<Target> {
        self.resolve(module, path, Written::InUse, &mut Search::default())
    }

    /// What `name` may mean as an item of `module`, seen from outside.
    pub(super) fn members(&self, module: ModuleId, name: &str) -> Vec<Target> {
        self.lookup(module, name, &mut Search::default())
    }

    /// Whether `import` may import something called `name`: a quick check before the search.
    pub(super) fn may_show(&self, import: &Use, name: &str) -> bool {
        let last = plain(import.path.last());
        import.name == UseName::Glob || last == plain(name) || self.renames.contains(last)
    }

    fn resolve(
        &self,
        module: ModuleId,
        path: &PathText,
        written: Written,
        search: &mut Search,
    ) -> Vec<Target> {
        if path.is_global {
            return vec![Target::External(path.segments.clone())];
        }
        let mut segments = path.segments.iter();
        let Some(first) = segments.next() else { return vec![Target::Module(ModuleId::ROOT)] };
        let mut found = match first.as_str() {
            "crate" | "$crate" => vec![Target::Module(ModuleId::ROOT)],
            "self" => vec![Target::Module(self.scope_module(module))],
            "super" => self.parent(module).into_iter().map(Target::Module).collect(),
            name => {
                let is_alone = written == Written::InCode && path.segments.len() == 1;
                self.in_scope(module, name, is_alone, search)
            }
        };
        for segment in segments {
            let mut next = Vec::new();
            for target in found {
                match target {
                    Target::Module(module) if segment == "super" => {
                        next.extend(self.parent(module).map(Target::Module));
                    }
                    Target::Module(module) => next.extend(self.lookup(module, segment, search)),
                    Target::External(mut path) => {
                        path.push(segment.clone());
                        next.push(Target::External(path));
                    }
                    Target::Type(..) => {}
                }
            }
            found = next;
        }
        found
    }

    /// What a name that begins a path means: nearest scope first, then crates.
    fn in_scope(&self, module: ModuleId, name: &str, is_alone: bool, search: &mut Search) -> Vec<Target> {
        for (id, scope) in self.scan.ancestors(module) {
            let found = self.lookup(id, name, search);
            if !found.is_empty() {
                return found;
            }
            if scope.kind.is_named() {
                break;
            }
        }
        if !is_alone {
            // Paths of the 2015 edition start at the crate root; so do names of `extern crate`.
            let at_root = self.lookup(ModuleId::ROOT, name, search);
            return if at_root.is_empty() { vec![Target::External(vec![name.to_owned()])] } else { at_root };
        }
        let root = self.scan.modules.first().into_iter().flat_map(|root| &root.uses);
        let preludes = root.filter(|import| import.name == UseName::MacroUse);
        let own = preludes
            .filter(|import| import.path.segments.iter().any(|segment| self.crates.own.contains(segment)));
        own.map(|import| Target::External(vec![import.path.last().to_owned(), name.to_owned()])).collect()
    }

    /// What `name` means as an item of `module`. Its own items and imports take precedence over its globs.
    fn lookup(&self, module: ModuleId, name: &str, search: &mut Search) -> Vec<Target> {
        let name = plain(name);
        if search.depth > MAX_DEPTH || !search.seen.insert((module, name.to_owned())) {
            return Vec::new();
        }
        search.depth += 1;
        let mut found: Vec<_> =
            self.children.get(&(module, name)).into_iter().flatten().copied().map(Target::Module).collect();
        if self.types.contains(&(module, name)) {
            found.push(Target::Type(module, name.to_owned()));
        }
        let uses = &self.scan.module(module).uses;
        for index in self.uses.get(&(module, name)).into_iter().flatten() {
            let path = &uses[*index].path;
            let is_itself = path.segments.len() == 1 && path.last() == name && !path.is_global;
            match is_itself {
                // `use cache_core;`: the crate of that name.
                true => found.push(Target::External(vec![name.to_owned()])),
                false => found.extend(self.resolve(module, path, Written::InUse, search)),
            }
        }
        if !found.iter().any(|target| matches!(target, Target::External(_))) {
            // A local type of that name does not hide a derive that a glob imports.
            self.through_globs(module, name, &mut found, search);
        }
        search.depth -= 1;
        found
    }

    fn through_globs(&self, module: ModuleId, name: &str, found: &mut Vec<Target>, search: &mut Search) {
        let uses = &self.scan.module(module).uses;
        for index in self.globs.get(&module).into_iter().flatten() {
            for target in self.resolve(module, &uses[*index].path, Written::InUse, search) {
                match target {
                    Target::Module(other) => found.extend(self.lookup(other, name, search)),
                    Target::External(mut path) => {
                        let is_own = path.first().is_some_and(|first| self.crates.own.contains(plain(first)));
                        if is_own && name == DERIVE {
                            path.push(name.to_owned());
                            found.push(Target::External(path));
                        } else if !is_own && !is_std(&path) {
                            search.has_foreign_glob = true;
                        }
                    }
                    Target::Type(..) => {}
                }
            }
        }
    }

    fn scope_module(&self, module: ModuleId) -> ModuleId {
        let mut around = self.scan.ancestors(module);
        around.find(|(_, module)| module.kind.is_named()).map_or(module, |(id, _)| id)
    }

    fn parent(&self, module: ModuleId) -> Option<ModuleId> {
        let parent = self.scan.module(self.scope_module(module)).parent?;
        Some(self.scope_module(parent))
    }
}

/// The standard library does not have this derive.
fn is_std(path: &[String]) -> bool {
    path.first().is_some_and(|first| ["std", "core", "alloc"].contains(&first.as_str()))
}

/// A name without `r#`.
fn plain(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}
