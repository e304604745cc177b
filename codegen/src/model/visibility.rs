//! What the crate root can name, and by which path.

use super::resolve::{Resolver, Target};
use crate::cfg::Cfg;
use crate::scan::{Module, ModuleId, Scan, TypeItem, UseName, Visibility};

/// A path by which the crate root can name an item that it cannot name where the item is declared.
pub(super) struct Reexport {
    pub(super) path: Vec<String>,
    /// Conditions of the `use` and the modules around it.
    pub(super) cfgs: Vec<Cfg>,
}

/// The module in and below which an item of `module` with this visibility can be named.
pub(super) fn scope(scan: &Scan, module: ModuleId, visibility: &Visibility) -> ModuleId {
    let mut enclosing = scan.ancestors(module).filter(|(_, module)| module.kind.is_named());
    match visibility {
        Visibility::Crate => ModuleId::ROOT,
        Visibility::Private => enclosing.next().map_or(module, |(id, _)| id),
        Visibility::In(path) if path.iter().all(|segment| segment == "super") => {
            enclosing.nth(path.len()).map_or(ModuleId::ROOT, |(id, _)| id)
        }
        Visibility::In(path) => {
            let segments = path.strip_prefix(&["crate".to_owned()]).unwrap_or(path).len();
            let around: Vec<_> = enclosing.collect();
            let index = around.len().checked_sub(segments + 1);
            index.and_then(|index| around.get(index)).map_or(module, |(id, _)| *id)
        }
    }
}

/// The outermost module around (or at) `module` that the crate root cannot name.
pub(super) fn hidden_module(scan: &Scan, module: ModuleId) -> Option<&Module> {
    let mut hidden = None;
    for (_, module) in scan.ancestors(module) {
        if let Some(parent) = module.parent
            && scope(scan, parent, &module.visibility) != ModuleId::ROOT
        {
            hidden = Some(module);
        }
    }
    hidden
}

/// The shortest path by which a `use` exposes `item` of `module` to the crate root.
pub(super) fn reexport(
    scan: &Scan,
    resolver: &Resolver<'_>,
    module: ModuleId,
    item: &TypeItem,
) -> Option<Reexport> {
    let wanted = Target::Type(module, item.name.trim_start_matches("r#").to_owned());
    let item_scope = scope(scan, module, &item.visibility);
    let mut best: Option<Reexport> = None;
    for (id, around) in scan.iter() {
        if around.uses.is_empty() || is_in_block(scan, id) || hidden_module(scan, id).is_some() {
            continue;
        }
        let can_see = scan.ancestors(id).any(|(around, _)| around == item_scope);
        for import in &around.uses {
            if !resolver.may_show(import, &item.name) || scope(scan, id, &import.visibility) != ModuleId::ROOT
            {
                continue;
            }
            let name = match &import.name {
                UseName::Named(name) if resolver.targets(id, &import.path).contains(&wanted) => name.clone(),
                UseName::Glob if can_see && shows(resolver, id, import, item, &wanted) => item.name.clone(),
                _ => continue,
            };
            let mut path = scan.path(id);
            path.push(name);
            let is_better =
                best.as_ref().is_none_or(|best| (path.len(), &path) < (best.path.len(), &best.path));
            if is_better {
                let mut cfgs = scan.cfgs(id);
                import.cfgs.iter().for_each(|cfg| crate::cfg::push(&mut cfgs, cfg.clone()));
                best = Some(Reexport { path, cfgs });
            }
        }
    }
    best
}

fn shows(
    resolver: &Resolver<'_>,
    module: ModuleId,
    import: &crate::scan::Use,
    item: &TypeItem,
    wanted: &Target,
) -> bool {
    resolver.targets(module, &import.path).iter().any(|target| match target {
        Target::Module(other) => resolver.members(*other, &item.name).contains(wanted),
        Target::Type(..) | Target::External(_) => false,
    })
}

fn is_in_block(scan: &Scan, module: ModuleId) -> bool {
    scan.ancestors(module).any(|(_, module)| !module.kind.is_named())
}
