//! The messages of a run: errors and warnings, each with its place and ways to fix it, shown with the source around it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::source::{Location, SourceFile};

/// Width at which reports wrap; they are read in terminals and logs of unknown width.
const WIDTH: usize = 120;

/// The severity of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Severity {
    /// No registry can be written.
    Error,
    /// A registry is written, but something that looks like a query is not in it.
    Warning,
}

/// One error or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Its severity.
    pub severity: Severity,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// The places, each with a short label; the first is the main one.
    pub places: Vec<(Location, String)>,
    /// Ways to fix it, one sentence each.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, message: message.into(), places: Vec::new(), help: Vec::new() }
    }

    /// A warning.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// Adds a place.
    #[must_use]
    pub fn at(mut self, location: Location, label: impl Into<String>) -> Self {
        self.places.push((location, label.into()));
        self
    }

    /// Adds a way to fix it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// The main place.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        self.places.first().map(|(location, _)| location)
    }

    /// The whole message in one line, without the source. Paths are shown relative to `base`.
    #[must_use]
    pub fn one_line(&self, base: &Path) -> String {
        let mut line = String::new();
        if let Some(at) = self.location() {
            line = format!("{}:{}:{}: ", shown(at.path(), base), at.line(), at.column());
        }
        line.push_str(&self.message);
        for help in &self.help {
            line.push_str("; ");
            line.push_str(help);
        }
        line.replace(['\n', '\r'], " ")
    }

    fn order(&self) -> (Option<&Path>, usize) {
        (self.location().map(Location::path), self.location().map_or(0, |location| location.range().start))
    }

    /// The title, a frame for each file, and the ways to fix it.
    fn group<'a>(&'a self, base: &Path) -> Group<'a> {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(&self.message));
        let mut shown_files: Vec<&Arc<SourceFile>> = Vec::new();
        for (index, (location, _)) in self.places.iter().enumerate() {
            let source = location.source();
            if shown_files.iter().any(|shown| Arc::ptr_eq(shown, source)) {
                continue;
            }
            shown_files.push(source);
            let mut snippet = Snippet::source(source.text()).path(shown(source.path(), base));
            for (at, (place, label)) in self.places.iter().enumerate().skip(index) {
                if Arc::ptr_eq(place.source(), source) {
                    let kind = if at == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                    let label = (!label.is_empty()).then_some(label.as_str());
                    snippet = snippet.annotation(kind.span(place.range()).label(label));
                }
            }
            group = group.element(snippet);
        }
        group.elements(self.help.iter().map(|help| Level::HELP.message(help)))
    }
}

/// All messages of a run, sorted by file and line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// An empty report.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one error or warning at its place in the order.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let at = self.diagnostics.partition_point(|other| other.order() <= diagnostic.order());
        self.diagnostics.insert(at, diagnostic);
    }

    /// All errors and warnings, by file and line; those without a place come first.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Only the errors.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Only the warnings.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Warning)
    }

    /// Whether it contains an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }

    /// Whether it is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// The report with the source around each place. Paths are shown relative to `base`.
    #[must_use]
    pub fn render(&self, base: &Path) -> String {
        let renderer = Renderer::plain().term_width(WIDTH);
        let mut text = String::new();
        for diagnostic in &self.diagnostics {
            text.push_str(&renderer.render(&[diagnostic.group(base)]));
            text.push_str("\n\n");
        }
        text
    }
}

impl Extend<Diagnostic> for Report {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }
}

impl From<Diagnostic> for Report {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic] }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(Path::new("")))
    }
}

impl std::error::Error for Report {}

/// `path` as the user would write it from `base`, with `/` on every platform.
pub(crate) fn shown(path: &Path, base: &Path) -> String {
    let relative = path.strip_prefix(base).unwrap_or(path);
    relative.to_string_lossy().replace('\\', "/")
}

#[cfg(test)]
mod tests;
