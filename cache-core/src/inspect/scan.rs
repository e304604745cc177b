//! Reads the entries of a cache in bounded steps, for tools that show them page by page.

use std::fmt;
use std::num::ParseIntError;
use std::ops::{ControlFlow, Range};
use std::str::FromStr;

use super::EntryReport;
use super::key_text::key_text;
use crate::erased::{ErasedTable, UsedTable};
use crate::shard::key::AnyKey;
use crate::table::entry::EntryState;

/// How many lines are read under one lock.
const LINES_PER_LOCK: usize = 64;

/// A place among the entries of a cache. Printed and parsed as text, for URLs; the default is the beginning.
///
/// It has a meaning for the cache that it comes from only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScanCursor {
    table: usize,
    shard: usize,
    line: u32,
}

/// A text that is no [`ScanCursor`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a place among the entries is three numbers, as in `0.12.64`")]
#[non_exhaustive]
pub struct ScanCursorError {
    source: Option<ParseIntError>,
}

/// How far [`Cache::scan_entries`](crate::Cache::scan_entries) has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scan {
    /// The places that were looked at: lines, vacant ones included, and one for each table or shard without lines.
    pub visited: usize,
    /// Where to go on; `None` at the end.
    pub next: Option<ScanCursor>,
}

/// An entry as it was under the lock.
struct SeenEntry {
    line: u32,
    key: Box<dyn AnyKey>,
    state: EntryState,
    holders: usize,
}

/// The tables to read, the others being skipped.
pub(crate) struct ScanRequest<'a> {
    pub(crate) tables: &'a [&'a dyn ErasedTable],
    pub(crate) selected: Range<usize>,
    pub(crate) from: ScanCursor,
    pub(crate) visits: usize,
}

impl ScanRequest<'_> {
    /// Shows entries one after the other, until `show` breaks or enough lines were visited. No lock is held while
    /// `show` runs.
    pub(crate) fn run(&self, show: &mut dyn FnMut(&'static str, EntryReport) -> ControlFlow<()>) -> Scan {
        let mut at = match self.from {
            from if self.selected.contains(&from.table) => from,
            from if from.table < self.selected.start => ScanCursor::of_table(self.selected.start),
            _ => return Scan { visited: 0, next: None },
        };
        let mut visited = 0;
        while at.table < self.selected.end {
            if visited >= self.visits {
                return Scan { visited, next: Some(at) };
            }
            let table = self.tables[at.table];
            let Some(used) = table.used().filter(|_| at.shard < table.head().shard_count()) else {
                visited += 1;
                at = ScanCursor::of_table(at.table + 1);
                continue;
            };
            let (seen, lines) = used.read_lines(at, LINES_PER_LOCK.min(self.visits - visited));
            visited += lines.len().max(1);
            for SeenEntry { line, key, state, holders } in seen {
                let report = EntryReport { key: key_text(&key), holders, state };
                if show(table.head().name, report).is_break() {
                    return Scan { visited, next: Some(ScanCursor { line: line + 1, ..at }) };
                }
            }
            at = match lines.is_empty() {
                true => ScanCursor { shard: at.shard + 1, line: 0, ..at },
                false => ScanCursor { line: lines.end, ..at },
            };
        }
        Scan { visited, next: None }
    }
}

impl dyn UsedTable + '_ {
    /// Returns the entries in the next lines of a shard, and the numbers of these lines: none at its end.
    fn read_lines(&self, at: ScanCursor, count: usize) -> (Vec<SeenEntry>, Range<u32>) {
        let (head, mut seen) = (self.head(), Vec::new());
        let now = head.shared.now();
        let shard = self.shard(at.shard).read();
        let shard = shard.any();
        let end = shard.numbers().end;
        let start = at.line.min(end);
        let lines = start..u32::try_from(count).map_or(end, |count| start.saturating_add(count).min(end));
        for line in lines.clone() {
            let (Some(key), Some(view)) = (shard.lines.key(line), shard.view(line)) else { continue };
            let holders = shard.lines.holders(line);
            if view.is_resident() || holders > 0 {
                seen.push(SeenEntry {
                    line,
                    key: key.to_box(),
                    state: EntryState::of(&view, &head.rules, now),
                    holders,
                });
            }
        }
        (seen, lines)
    }
}

impl ScanCursor {
    fn of_table(table: usize) -> Self {
        Self { table, shard: 0, line: 0 }
    }
}

impl fmt::Display for ScanCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.table, self.shard, self.line)
    }
}

impl FromStr for ScanCursor {
    type Err = ScanCursorError;

    fn from_str(text: &str) -> Result<Self, ScanCursorError> {
        let mut numbers = text.split('.');
        let (Some(table), Some(shard), Some(line), None) =
            (numbers.next(), numbers.next(), numbers.next(), numbers.next())
        else {
            return Err(ScanCursorError { source: None });
        };
        let of = |source| ScanCursorError { source: Some(source) };
        Ok(Self {
            table: table.parse().map_err(of)?,
            shard: shard.parse().map_err(of)?,
            line: line.parse().map_err(of)?,
        })
    }
}
