//! What the generator sees in a crate, and why: as text and as JSON.

use std::fmt::Write;
use std::path::Path;

use crate::check::{Listing, check};
use crate::emit::{self, Json};
use crate::model::Model;
use crate::package::Package;
use crate::report::{Diagnostic, Report, shown};
use crate::scan::{Missing, ModuleKind, Scan, scan};

/// One crate as the generator sees it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The package.
    pub package: Package,
    /// What was walked.
    pub scan: Scan,
    /// What was found.
    pub model: Model,
    /// What would be listed, without the requests of a build script.
    pub listing: Listing,
}

impl Explanation {
    /// Walks the crate of the package in `folder`, from `root` if given.
    ///
    /// # Errors
    /// If the manifest or the crate root cannot be read. Faults further down are in [`Explanation::faults`].
    pub fn of(folder: &Path, root: Option<&Path>) -> Result<Self, Report> {
        let package = Package::read(folder)?;
        // A build script would have to choose a program; here any of them will do.
        let first = || package.root.clone().or_else(|| package.programs.first().cloned());
        let Some(root) = root.map(|root| folder.join(root)).or_else(first) else {
            let message = format!("package `{}` has neither a library nor a program", package.name);
            return Err(Diagnostic::error(message).help("name a crate root with `--root FILE`").into());
        };
        let scan = scan(&root)
            .map_err(|error| Diagnostic::error(format!("cannot read `{}`: {error}", root.display())))?;
        let model = Model::build(&scan, &package.crates);
        let listing = check(&model, &[], &[]);
        Ok(Self { package, scan, model, listing })
    }

    /// Faults that stopped a part of the walk.
    #[must_use]
    pub fn faults(&self) -> Report {
        let mut report = Report::new();
        report.extend(self.scan.faults.iter().map(|fault| fault.diagnostic.clone()));
        report
    }

    /// The explanation as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_text(&mut text);
        text
    }

    fn write_text(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "package {}", self.package.name)?;
        writeln!(text, "\nmodules walked:")?;
        for (id, module) in self.scan.iter() {
            if module.kind != ModuleKind::Block {
                let path = self.scan.path(id).join("::");
                let call = self.scan.macro_around(id);
                let call = call.map(|call| format!(", by `{}!`", call.text())).unwrap_or_default();
                writeln!(text, "  {path} ({}{call})", self.shown(module.source.path()))?;
            }
        }
        let missing: Vec<_> = self.missing().collect();
        self.write_list(text, "modules without a file (left to rustc)", &missing, |missing| {
            let cfgs: String = missing.cfgs.iter().map(|cfg| format!(" #[cfg({cfg})]")).collect();
            format!("{}{cfgs}", self.shown(&missing.path))
        })?;
        let found = if self.listing.lines.is_empty() { "queries found: none" } else { "queries found:" };
        writeln!(text, "\n{found}")?;
        for line in &self.listing.lines {
            for cfg in &line.cfgs {
                writeln!(text, "  #[cfg({cfg})]")?;
            }
            writeln!(text, "  {}{}", line.type_path, self.place(line.location.as_ref()))?;
        }
        self.write_list(text, "not listed", self.listing.report.diagnostics(), |diagnostic| {
            diagnostic.one_line(&self.package.folder)
        })?;
        self.write_list(text, "ignored", &self.model.lookalikes, |lookalike| {
            format!("{}{}: {}", lookalike.path, self.place(Some(&lookalike.location)), lookalike.reason)
        })?;
        self.write_list(text, "macro calls with files that are not found", &self.scan.unread, |location| {
            format!("{}!{}", location.text(), self.place(Some(location)))
        })
    }

    fn write_list<T>(
        &self,
        text: &mut String,
        title: &str,
        items: &[T],
        line: impl Fn(&T) -> String,
    ) -> std::fmt::Result {
        if items.is_empty() {
            return Ok(());
        }
        writeln!(text, "\n{title}:")?;
        items.iter().try_for_each(|item| writeln!(text, "  {}", line(item)))
    }

    /// The explanation as JSON, for tools.
    #[must_use]
    pub fn json(&self) -> String {
        let modules =
            self.scan.iter().filter(|(_, module)| module.kind != ModuleKind::Block).map(|(id, module)| {
                Json::Object(vec![
                    ("path", Json::text(self.scan.path(id).join("::"))),
                    ("file", Json::text(self.shown(module.source.path()))),
                    ("is_inline", Json::Bool(module.kind == ModuleKind::Inline)),
                    ("macro", self.scan.macro_around(id).map_or(Json::Null, |call| Json::text(call.text()))),
                    ("cfgs", emit::cfgs(&self.scan.cfgs(id))),
                ])
            });
        let queries = self.listing.lines.iter().map(|line| {
            Json::Object(vec![
                ("type", Json::text(&line.type_path)),
                ("doc", Json::text(emit::doc_text(&line.docs))),
                ("file", line.location.as_ref().map_or(Json::Null, |at| Json::text(self.shown(at.path())))),
                ("line", line.location.as_ref().map_or(Json::Null, |at| Json::Number(at.line()))),
                ("cfgs", emit::cfgs(&line.cfgs)),
            ])
        });
        let ignored = self.model.lookalikes.iter().map(|lookalike| {
            Json::Object(vec![
                ("type", Json::text(&lookalike.path)),
                ("file", Json::text(self.shown(lookalike.location.path()))),
                ("line", Json::Number(lookalike.location.line())),
                ("derive", Json::text(&lookalike.derive)),
                ("reason", Json::text(&lookalike.reason)),
            ])
        });
        let unread = self.scan.unread.iter().map(|location| {
            Json::Object(vec![
                ("macro", Json::text(location.text())),
                ("file", Json::text(self.shown(location.path()))),
                ("line", Json::Number(location.line())),
            ])
        });
        let files: Vec<_> = self.scan.paths().into_iter().map(|path| Json::text(self.shown(path))).collect();
        let missing = self.missing().map(|missing| {
            Json::Object(vec![
                ("file", Json::text(self.shown(&missing.path))),
                ("cfgs", emit::cfgs(&missing.cfgs)),
            ])
        });
        Json::Object(vec![
            ("format", Json::Number(emit::FORMAT as usize)),
            ("package", Json::text(&self.package.name)),
            ("files", Json::List(files)),
            ("missing", Json::List(missing.collect())),
            ("unread", Json::List(unread.collect())),
            ("modules", Json::List(modules.collect())),
            ("queries", Json::List(queries.collect())),
            ("not_listed", self.reports(self.listing.report.diagnostics())),
            ("ignored", Json::List(ignored.collect())),
            ("faults", self.reports(self.faults().diagnostics())),
        ])
        .to_string()
    }

    fn reports(&self, diagnostics: &[Diagnostic]) -> Json {
        let items = diagnostics.iter().map(|diagnostic| {
            let location = diagnostic.location();
            Json::Object(vec![
                ("message", Json::text(&diagnostic.message)),
                ("file", location.map_or(Json::Null, |at| Json::text(self.shown(at.path())))),
                ("line", location.map_or(Json::Null, |at| Json::Number(at.line()))),
                ("help", Json::List(diagnostic.help.iter().map(Json::text).collect())),
            ])
        });
        Json::List(items.collect())
    }

    /// Missing files that rustc reports. Files of modules in macro calls are listed by their calls.
    fn missing(&self) -> impl Iterator<Item = &Missing> {
        self.scan.missing.iter().filter(|missing| !missing.is_in_macro)
    }

    fn shown(&self, path: &Path) -> String {
        shown(path, &self.package.folder)
    }

    fn place(&self, location: Option<&crate::source::Location>) -> String {
        location.map(|at| format!(" ({}:{})", self.shown(at.path()), at.line())).unwrap_or_default()
    }
}
