//! The types that a module declares, each once.

use std::any::TypeId;
use std::collections::HashSet;

use ts_rs::{Config, TS, TypeVisitor};

use super::error::TypeScriptError;

/// The types of a module.
pub(crate) struct Types<'a> {
    config: &'a Config,
    seen: HashSet<TypeId>,
    declared: Vec<Declared>,
}

/// A declaration. That of a generic type is the same for all its arguments.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Declared {
    name: String,
    declaration: String,
    docs: Option<String>,
}

impl<'a> Types<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Self { config, seen: HashSet::new(), declared: Vec::new() }
    }

    pub(super) fn config(&self) -> &'a Config {
        self.config
    }

    /// Adds a type, and all types that it consists of.
    pub(super) fn add<T: TS + ?Sized + 'static>(&mut self) {
        self.visit::<T>();
    }

    /// Writes all declarations, in the order of their names, which it returns.
    pub(super) fn write(mut self, module: &mut String) -> Result<Vec<String>, TypeScriptError> {
        self.declared.sort();
        self.declared.dedup();
        let mut names: Vec<String> =
            ["Announced", "DataTag", "Message", "QueryClient"].map(str::to_owned).into();
        for Declared { name, declaration, docs } in self.declared {
            if names.contains(&name) {
                return Err(TypeScriptError::SameName { name });
            }
            module.push('\n');
            module.push_str(docs.as_deref().unwrap_or_default());
            module.push_str("export ");
            module.push_str(&declaration);
            module.push('\n');
            names.push(name);
        }
        Ok(names)
    }
}

impl TypeVisitor for Types<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if !self.seen.insert(TypeId::of::<T>()) {
            return;
        }
        // Only a type with a declaration of its own has a file that ts-rs would write it to.
        if T::output_path().is_some() {
            let (name, declaration) = (T::ident(self.config), T::decl(self.config));
            self.declared.push(Declared { name, declaration, docs: T::docs() });
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}
