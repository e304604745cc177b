//! The generated file: one call of `registry!`.

use std::fmt::Write;

use proc_macro2::Literal;

use super::FORMAT;
use crate::cfg::Cfg;
use crate::check::Line;

/// What the generated struct looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Style {
    /// Path of the crate that has `registry!`: `::cache_core`.
    pub crate_path: String,
    /// Name of the struct.
    pub name: String,
}

impl Style {
    /// The default style, with this path to the crate that has `registry!`.
    #[must_use]
    pub fn new(crate_path: impl Into<String>) -> Self {
        Self { crate_path: crate_path.into(), name: "CacheRegistry".to_owned() }
    }
}

/// The text of the generated file.
#[must_use]
pub fn registry(lines: &[Line], style: &Style) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_registry(&mut text, lines, style);
    text
}

fn write_registry(text: &mut String, lines: &[Line], style: &Style) -> std::fmt::Result {
    writeln!(text, "// Written by cache-codegen; changes are lost at the next build.")?;
    writeln!(text, "{}::registry! {{", style.crate_path)?;
    writeln!(text, "    format = {FORMAT};")?;
    writeln!(text, "    /// One table for each query of this crate.")?;
    // Links in a copied doc comment may not resolve outside the scope that they were written in.
    writeln!(text, "    #[allow(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links)]")?;
    writeln!(text, "    pub struct {} {{", style.name)?;
    for line in lines {
        write_docs(text, &line.docs)?;
        for cfg in &line.cfgs {
            writeln!(text, "        #[cfg({cfg})]")?;
        }
        write!(text, "        {}", line.type_path)?;
        if let Some(name) = &line.name {
            write!(text, " as {}", Literal::string(name))?;
        }
        writeln!(text, ",")?;
    }
    writeln!(text, "    }}")?;
    writeln!(text, "}}")
}

/// Text for the generated file that fails the build if all of `cfgs` hold. `module` had none of the files `paths` when
/// the registry was generated, and cargo does not notice when one appears. A change of `root` runs the generator again.
#[must_use]
pub fn unwatched(module: &str, paths: &[String], cfgs: &[Cfg], root: &str) -> String {
    let files = paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(" or ");
    let message = format!(
        "the registry lacks the queries of module `{module}`, which had no file when it was generated ({files})\n\n\
         Cargo cannot watch for a file there. Once it exists, save `{root}` again, so that the build script runs. If the build \
         script writes the file, have it do so before `cache_codegen::generate()`."
    );
    let cfgs: String = cfgs.iter().map(|cfg| format!("#[cfg({cfg})]\n")).collect();
    format!("{cfgs}compile_error!({});\n", Literal::string(&message))
}

fn write_docs(text: &mut String, docs: &[String]) -> std::fmt::Result {
    for line in docs.iter().flat_map(|doc| doc.split('\n')) {
        // Four slashes do not begin a doc comment, and a lone carriage return in one is an error.
        if line.starts_with('/') || line.contains('\r') {
            writeln!(text, "        #[doc = {}]", Literal::string(line))?;
        } else {
            writeln!(text, "        ///{line}")?;
        }
    }
    Ok(())
}
