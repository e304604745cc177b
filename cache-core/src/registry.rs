//! The base of generated code: one typed table per query, found by type.

pub mod names;

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use crate::dynamic::Dynamic;
use crate::erased::AnyTable;
use crate::error::BuildError;
use crate::options::TableOptions;
use crate::query::{Query, Writable};
use crate::shared::Shared;
use crate::snapshot::shape::Misfit;
use crate::snapshot::{DynamicTypes, PairCodec, TableCodec};
use crate::table::head::Head;
use crate::table::{self, Table};

/// A set of tables, one per query. Written by [`registry!`](crate::registry), never by hand.
pub trait Registry: Sized + Send + Sync + 'static {
    /// Creates the tables, in registry order.
    #[doc(hidden)]
    fn assemble(assembly: &mut Assembly<'_>) -> Self;

    /// Visits every table once, in registry order.
    #[doc(hidden)]
    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(AnyTable<'a>));

    /// Returns the description of each query, in registry order.
    #[doc(hidden)]
    #[must_use]
    fn describe() -> Vec<TableDescription>;
}

/// A registry that has a table for `Q`, which is enough to read it. Implemented through [`ListedIn`].
///
/// Only a table of records is not also one that the registry [`Holds`].
pub trait HasTable<Q: Query>: Registry {
    /// Returns the table of `Q`.
    #[doc(hidden)]
    fn table(&self) -> &Table<Q>;
}

/// A registry that has a table for `Q` to which the program writes: every table except those of records.
pub trait Holds<Q: Query>: HasTable<Q> {}

/// A query for which registry `R` has a table. Implemented by [`registry!`](crate::registry), once per line.
///
/// Generated code implements this and not [`HasTable`]: the compiler looks for an impl by its type first, so with a
/// thousand lines it looks at one impl of a query instead of a thousand of a registry (checking a registry of 1,000
/// queries: 1 s instead of 15 s).
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "query `{Self}` is not listed in `{R}`",
    label = "no table for `{Self}` in this registry",
    note = "the build script lists queries it finds by following `mod` from the crate root: check that the module of `{Self}` is declared and that it derives `Query`",
    note = "generic, macro-made and private queries are listed by hand: `Builder::include(\"...\")` in build.rs, or a line in `registry!`"
)]
pub trait ListedIn<R>: Sized {
    /// Returns the query's table.
    fn table(registry: &R) -> &Table<Self>
    where
        Self: Query;
}

impl<Q: Query + ListedIn<R>, R: Registry> HasTable<Q> for R {
    #[inline]
    fn table(&self) -> &Table<Q> {
        Q::table(self)
    }
}

impl<Q: Writable + ListedIn<R>, R: Registry> Holds<Q> for R {}

/// Creates the tables while a cache is being built.
#[doc(hidden)]
#[derive(Debug)]
pub struct Assembly<'a> {
    shared: Arc<Shared>,
    options: &'a HashMap<TypeId, TableOptions>,
    types: DynamicTypes,
    tables: usize,
    problem: Option<BuildError>,
}

impl<'a> Assembly<'a> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        options: &'a HashMap<TypeId, TableOptions>,
        types: DynamicTypes,
    ) -> Self {
        Self { shared, options, types, tables: 0, problem: None }
    }

    /// Creates the table of one line of the registry. Boxed, since a registry of thousands of tables is built
    /// on the stack.
    pub fn table<Q: Query>(&mut self, name: &'static str) -> Box<Table<Q>> {
        let (mut codec, mut ensure_shards) = (None, None);
        if let Some(persistence) = Q::persistence() {
            codec = Some(persistence.codec);
            ensure_shards = Some(persistence.ensure_shards);
        }
        if let Some(sharing) = Q::SHARING {
            self.check_codec(name, sharing().pairs());
        }
        Box::new(Table::new(
            self.checked_head(name, TypeId::of::<Q>(), Q::TAGS, Q::OPTIONS, codec),
            ensure_shards,
        ))
    }

    /// Notes the first type that a codec cannot carry.
    fn check_codec(&mut self, name: &'static str, codec: &PairCodec) {
        if let Some(misfit) = codec.misfit() {
            self.refuse(name, codec.name(), misfit, codec.advice());
        }
    }

    fn checked_head(
        &mut self,
        name: &'static str,
        query: TypeId,
        tags: &'static [&'static str],
        derived: TableOptions,
        codec: Option<PairCodec>,
    ) -> Head {
        if let Some(codec) = &codec {
            self.check_codec(name, codec);
        }
        let codec = codec.map(|codec| Box::new(codec) as Box<dyn TableCodec>);
        self.head(name, query, tags, derived, codec)
    }

    #[cold]
    fn refuse(&mut self, table: &'static str, codec: &'static str, misfit: Misfit, advice: &'static str) {
        let Misfit { type_name, problem } = misfit;
        self.problem.get_or_insert(BuildError::Codec { table, type_name, codec, problem, advice });
    }

    fn head(
        &mut self,
        name: &'static str,
        query: TypeId,
        tags: &'static [&'static str],
        derived: TableOptions,
        codec: Option<Box<dyn TableCodec>>,
    ) -> Head {
        let options = self.options.get(&query).copied().unwrap_or(derived);
        if let Err(problem) = table::check(&options) {
            self.problem.get_or_insert(BuildError::Options { table: name, problem: problem.to_owned() });
        }
        self.tables += 1;
        Head::new(name, self.tables - 1, tags, options, codec, Arc::clone(&self.shared))
    }

    /// Creates the table of dynamic entries.
    pub fn dynamic(&mut self) -> Box<Table<Dynamic>> {
        let types = std::mem::take(&mut self.types);
        let codec = Some(Box::new(types) as Box<dyn TableCodec>);
        let head = self.head(Dynamic::NAME, TypeId::of::<Dynamic>(), Dynamic::TAGS, Dynamic::OPTIONS, codec);
        Box::new(Table::new(head, Some(Table::ensure_shards)))
    }

    pub(crate) fn finish(self) -> Result<(), BuildError> {
        self.problem.map_or(Ok(()), Err)
    }
}

/// The description of one query: its name, type and options.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableDescription {
    /// Name of the table.
    pub name: &'static str,
    /// Path of the query type, as listed.
    pub path: &'static str,
    /// Doc comment of the query, as listed.
    pub doc: &'static str,
    /// Options that the query was derived with.
    pub options: TableOptions,
    /// Whether the table takes part in snapshots.
    pub is_persistent: bool,
}

impl TableDescription {
    /// Adds the description of `Q`. Takes the list by reference, so that a function that adds thousands has
    /// no copies on its stack.
    #[doc(hidden)]
    pub fn add<Q: Query>(all: &mut Vec<Self>, name: &'static str, path: &'static str, doc: &'static str) {
        let is_persistent = Q::persistence().is_some();
        all.push(Self { name, path, doc, options: Q::OPTIONS, is_persistent });
    }
}
