//! Source text and places in it. Reads no files.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One text that a report may point into.
pub struct SourceFile {
    path: PathBuf,
    text: String,
}

impl SourceFile {
    /// A text and the path under which it is shown.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { path: path.into(), text: text.into() })
    }

    /// The path as it was requested.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for SourceFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SourceFile").field(&self.path).finish()
    }
}

/// A range of bytes of one source text.
#[derive(Clone)]
pub struct Location {
    source: Arc<SourceFile>,
    range: Range<usize>,
}

impl Location {
    /// The bytes `range` of `source`; anything outside the text or inside a character is cut off.
    #[must_use]
    pub fn new(source: &Arc<SourceFile>, range: Range<usize>) -> Self {
        let start = floor_boundary(&source.text, range.start);
        let end = floor_boundary(&source.text, range.end).max(start);
        Self { source: Arc::clone(source), range: start..end }
    }

    /// The text that this is a part of.
    #[must_use]
    pub fn source(&self) -> &Arc<SourceFile> {
        &self.source
    }

    /// Path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// The range of bytes.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The text in the range.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.source.text[self.range.clone()]
    }

    /// Line of the first byte, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        1 + self.before().bytes().filter(|byte| *byte == b'\n').count()
    }

    /// Column of the first byte in characters, counted from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        1 + self.before().rsplit('\n').next().unwrap_or_default().chars().count()
    }

    fn before(&self) -> &str {
        &self.source.text[..self.range.start]
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.path().display(), self.line(), self.column())
    }
}

impl PartialEq for Location {
    fn eq(&self, other: &Self) -> bool {
        self.range == other.range && self.path() == other.path()
    }
}

impl Eq for Location {}

fn floor_boundary(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}
