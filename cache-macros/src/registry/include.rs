//! `include_registry!`: the registry that the build script wrote, or how to get one.

use std::env;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::errors::Errors;

/// Name of the file that `cache-codegen` writes.
const FILE: &str = "cache_registry.rs";

/// What cargo tells a compiler about the package.
pub(crate) struct Package {
    name: String,
    folder: PathBuf,
    /// Where its build script writes; `None` without a build script.
    output: Option<PathBuf>,
}

impl Package {
    /// The package that is being compiled.
    pub(crate) fn of_cargo() -> Self {
        Self {
            name: env::var("CARGO_PKG_NAME").unwrap_or_default(),
            folder: env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default(),
            output: env::var_os("OUT_DIR").map(PathBuf::from),
        }
    }
}

/// The file's content, or an error and a stand-in for the registry, so that uses of the registry cause no further
/// errors.
pub(crate) fn expand(package: &Package) -> TokenStream {
    match missing(package) {
        None => quote!(::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/", #FILE));),
        Some(message) => {
            let mut errors = Errors::default();
            errors.push_at(Span::call_site(), message);
            let (ty, _) = errors.to_type();
            quote!(#[allow(dead_code, missing_docs, unreachable_pub)] pub type CacheRegistry = #ty;)
        }
    }
}

/// Why there is no registry, and how to get one; `None` if there is one.
fn missing(package: &Package) -> Option<String> {
    let name = &package.name;
    let has_script = package.folder.join("build.rs").is_file();
    match &package.output {
        Some(output) if output.join(FILE).is_file() => None,
        Some(output) => Some(no_output(name, output)),
        None if has_script => Some(format!(
            "package `{name}` does not run its `build.rs`, and so has no registry\n\n\
             Remove `build = false` from its Cargo.toml, or name this file there: `build = \"build.rs\"`."
        )),
        None => Some(no_script(name)),
    }
}

fn no_output(name: &str, output: &Path) -> String {
    format!(
        "the build script of package `{name}` has written no registry\n\n\
         Have it call `cache_codegen::generate()` in `build.rs`. If it writes elsewhere (`Builder::out_dir`), take `include!` with \
         that path: here, `{FILE}` is looked for in `{}`.",
        output.display()
    )
}

fn no_script(name: &str) -> String {
    let version = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
    format!(
        "package `{name}` has no build script, and so no registry\n\n\
         Write the file `build.rs` next to its Cargo.toml:\n\n\
         \x20   fn main() {{\n\
         \x20       cache_codegen::generate();\n\
         \x20   }}\n\n\
         and add to its Cargo.toml:\n\n\
         \x20   [build-dependencies]\n\
         \x20   cache-codegen = \"{version}\"\n\n\
         Without a build script, list the queries by hand in `cache_core::registry!`."
    )
}
