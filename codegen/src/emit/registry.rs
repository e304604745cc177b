//! The generated file: one call of `registry!`.

use std::fmt::Write;

use proc_macro2::Literal;

use super::FORMAT;
use crate::check::Line;

/// How the generated struct is to look.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Style {
    /// Path of the crate that has `registry!`: `::cache_core`.
    pub crate_path: String,
    /// Name of the struct.
    pub name: String,
}

impl Style {
    /// The ordinary look, with this path to the crate that has `registry!`.
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
    // Doc comments are copied out of the scope in which their links were written.
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

fn write_docs(text: &mut String, docs: &[String]) -> std::fmt::Result {
    for line in docs.iter().flat_map(|doc| doc.split('\n')) {
        // Four slashes are no doc comment, and a lone carriage return is an error in one.
        if line.starts_with('/') || line.contains('\r') {
            writeln!(text, "        #[doc = {}]", Literal::string(line))?;
        } else {
            writeln!(text, "        ///{line}")?;
        }
    }
    Ok(())
}
