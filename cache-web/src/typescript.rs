//! Writes the list of queries as a module of TypeScript: the types of keys and values, and a function per query.

mod error;
pub(crate) mod query;
pub(crate) mod types;

use std::path::Path;
use std::{env, fs};

use cache_client::App;
use ts_rs::Config;

use crate::web::Web;
use query::QueryText;
use types::Types;

pub use error::TypeScriptError;

/// The part of the module that is the same in every program.
const RUNTIME: &str = include_str!("typescript/runtime.ts");

/// The variable that makes [`TypeScript::check`] write the file.
const WRITE: &str = "CACHE_WEB";

/// The list of queries as a module of TypeScript.
///
/// The module has the types of all keys and values, one function per query that returns options of TanStack Query, and
/// `openCache`, which takes over the state of a page. It imports only `@tanstack/query-core`, version 5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeScript {
    module: Result<String, TypeScriptError>,
}

impl<A: App> Web<A> {
    /// Writes the list as a module of TypeScript, to be checked in beside the code of the browser.
    ///
    /// The freshness times and times to live are those of the derives, not those of a client. Integers are `number`s:
    /// one that does not fit is never sent, see [`as_string`](crate::as_string).
    #[must_use]
    pub fn typescript(&self) -> TypeScript {
        TypeScript { module: self.module() }
    }

    fn module(&self) -> Result<String, TypeScriptError> {
        let config = Config::new().with_large_int("number");
        let mut types = Types::new(&config);
        let mut queries: Vec<QueryText> = self.iter().map(|listed| (listed.describe)(&mut types)).collect();
        queries.sort_by_key(|query| query.name);
        let mut module = String::from(
            "// Written by `cache-web` from the queries of the server. Do not edit it: run their test with \
             `CACHE_WEB=write`.\n/* eslint-disable */\n",
        );
        module.push_str(RUNTIME);
        let mut names = types.write(&mut module)?;
        for query in &queries {
            let function = query.function()?;
            if names.contains(&function) {
                return Err(TypeScriptError::SameName { name: function });
            }
            query.write(&mut module, &function);
            names.push(function);
        }
        Ok(module)
    }
}

impl TypeScript {
    /// Returns the text of the module.
    ///
    /// # Errors
    /// If two types have the same name, or a query has a name that TypeScript does not allow.
    pub fn module(&self) -> Result<&str, TypeScriptError> {
        self.module.as_deref().map_err(Clone::clone)
    }

    /// Checks in a test that a file is this module. With the variable `CACHE_WEB=write`, it writes the file instead.
    ///
    /// A relative path starts at the folder of the package, where `cargo test` runs tests.
    ///
    /// # Panics
    /// If the file cannot be read, is another text, or cannot be written; or if there is no module.
    ///
    /// # Examples
    /// ```no_run
    /// # use cache_client::App;
    /// # fn test<A: App>(web: &cache_web::Web<A>) {
    /// web.typescript().check("web/cache.ts");
    /// # }
    /// ```
    #[track_caller]
    pub fn check(&self, path: impl AsRef<Path>) {
        let (path, module) = (path.as_ref(), self.module());
        let module = module.unwrap_or_else(|error| panic!("{error}"));
        if env::var_os(WRITE).is_some_and(|value| value == "write") {
            if let Err(error) = fs::write(path, module) {
                panic!("cannot write `{}`: {error}", path.display());
            }
            return;
        }
        match fs::read_to_string(path) {
            // Line ends may have been changed by a checkout.
            Ok(present) if present.replace("\r\n", "\n") == module => {}
            Ok(_) => panic!(
                "`{}` is not what the queries of the server say: run this test again with {WRITE}=write",
                path.display()
            ),
            Err(error) => {
                panic!("cannot read `{}`: {error}; {WRITE}=write makes this test write it", path.display())
            }
        }
    }
}
