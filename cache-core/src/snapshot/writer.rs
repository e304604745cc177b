//! From tables to one snapshot: header, tables, end. Knows nothing of frames.

use std::io::Write;
use std::time::SystemTime;

use super::error::SnapshotError;
use super::format::{Header, WallTime};
use super::frames::{Output, Progress, SaveRules};
use super::report::SaveReport;
use super::table_image::TableImage;

/// Writes `tables` as one snapshot.
///
/// # Errors
/// `Stream` when `out` fails; `Encode` and `Unreadable`, if `rules` do not say to leave out such entries.
pub(crate) fn write_snapshot(
    out: &mut dyn Write,
    saved_at: SystemTime,
    revision: u64,
    tables: &mut [TableImage<'_>],
    rules: SaveRules,
    progress: Progress<'_>,
) -> Result<SaveReport, SnapshotError> {
    tables.iter_mut().for_each(|table| table.arrange());
    let entries = tables.iter().map(|table| table.entries()).sum();
    // A registry is a struct with a field per table.
    let count = u32::try_from(tables.len()).unwrap_or(u32::MAX);
    let header = Header { saved_at: WallTime::new(saved_at), revision, tables: count };
    let mut output = Output::begin(out, &header, entries, rules, progress)?;
    tables.iter_mut().try_for_each(|table| table.write(&mut output))?;
    let bytes = output.end()?;
    let tables = tables.iter().map(|table| table.report()).collect();
    Ok(SaveReport { tables, not_persisted: Vec::new(), bytes })
}
