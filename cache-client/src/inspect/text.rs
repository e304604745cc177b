//! Prints reports for a terminal of 80 columns.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use cache_core::{Bound, CommitRecord, TableReport};

use super::{
    BreakerReport, ClientActivity, ClientReport, FlightReport, LayerReport, ObservedReport, ProviderReport,
    Rows, Section,
};
use crate::shared::SharedState;

/// The width of a line.
const COLUMNS: usize = 80;

/// The widths of the columns of the list of tables. The first is flush left, the others are flush right.
const TABLE: [usize; 8] = [24, 12, 6, 6, 6, 6, 6, 7];

impl Display for ClientReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { activity, cache } = self;
        let loads = plural(activity.running, "load");
        let presence = if activity.is_online { "online" } else { "offline" };
        writeln!(f, "revision {}, {loads} running, {presence}", cache.revision)?;
        if cache.listener_panics > 0 {
            writeln!(f, "listener panics: {}", cache.listener_panics)?;
        }
        let heads = ["table", "bound", "kept", "held", "hits", "misses", "ratio", "removed"];
        write_table_row(f, heads.map(str::to_owned))?;
        cache.tables.iter().try_for_each(|table| write_table_row(f, table_row(table)))?;
        write!(f, "{activity}")?;
        if !cache.commits.is_empty() {
            writeln!(f, "commits: {}", cache.commits.len())?;
        }
        cache.commits.iter().try_for_each(|commit| write_commit(f, commit))
    }
}

impl Display for ClientActivity {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_rows(f, "flights", &self.flights, write_flight)?;
        write_rows(f, "observed keys", &self.observers, write_observed)?;
        write_rows(f, "layers", &self.layers, write_layer)?;
        if !self.breakers.is_empty() {
            writeln!(f, "breakers: {}", self.breakers.len())?;
        }
        self.breakers.iter().try_for_each(|breaker| write_breaker(f, breaker))?;
        if let Some(ProviderReport { errors, writes }) = self.provider {
            let (errors, writes) = (plural(errors, "error"), plural(writes, "write"));
            writeln!(f, "provider: {errors}, {writes} under way")?;
        }
        if let Some(shared) = &self.shared {
            write_shared(f, shared)?;
        }
        self.sections.iter().try_for_each(|section| write_section(f, section))
    }
}

fn write_table_row(f: &mut Formatter<'_>, cells: [String; 8]) -> fmt::Result {
    let [name, rest @ ..] = cells;
    let [width, widths @ ..] = TABLE;
    write!(f, "{}", padded(&name, width))?;
    for (cell, width) in rest.iter().zip(widths) {
        write!(f, " {cell:>width$}")?;
    }
    writeln!(f)
}

fn table_row(table: &TableReport) -> [String; 8] {
    let ratio = table.hit_ratio().map_or_else(|| "-".to_owned(), |ratio| format!("{:.1}%", ratio * 100.0));
    [
        table.name.to_owned(),
        match table.bound {
            Some(Bound::Capacity(limit)) => format!("max {}", short(limit)),
            Some(Bound::Lru(limit)) => format!("lru {}", short(limit)),
            Some(Bound::Weight(limit)) => format!("weight {}", short(limit)),
            _ => "-".to_owned(),
        },
        short((table.residents + table.pinned) as u64),
        short(table.survivors as u64),
        short(table.hits),
        short(table.misses),
        ratio,
        short(table.removals.total()),
    ]
}

fn write_rows<T>(
    f: &mut Formatter<'_>,
    name: &str,
    Rows { total, rows }: &Rows<T>,
    write: impl Fn(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    if *total == 0 {
        return Ok(());
    }
    writeln!(f, "{name}: {total}")?;
    rows.iter().try_for_each(|row| write(f, row))?;
    write_more(f, 2, *total, rows.len())
}

fn write_more(f: &mut Formatter<'_>, indent: usize, total: usize, listed: usize) -> fmt::Result {
    match total.saturating_sub(listed) {
        0 => Ok(()),
        more => writeln!(f, "{:indent$}and {more} more", ""),
    }
}

fn write_flight(f: &mut Formatter<'_>, flight: &FlightReport) -> fmt::Result {
    let FlightReport { table, key, waiters, age, phase } = flight;
    let phase = format!("{phase:?}").to_lowercase();
    write_line(f, 2, &format!("{table} {key}"), &format!("{waiters} waiting, {}, {phase}", time(*age)))
}

fn write_observed(f: &mut Formatter<'_>, observed: &ObservedReport) -> fmt::Result {
    let ObservedReport { table, key, observers } = observed;
    write_line(f, 2, &format!("{table} {key}"), &plural(*observers, "observer"))
}

fn write_layer(f: &mut Formatter<'_>, LayerReport { number, keys }: &LayerReport) -> fmt::Result {
    write_line(f, 2, &format!("layer {number}"), &plural(keys.total, "key"))?;
    keys.rows
        .iter()
        .try_for_each(|layered| write_line(f, 4, &format!("{} {}", layered.table, layered.key), ""))?;
    write_more(f, 4, keys.total, keys.rows.len())
}

fn write_breaker(f: &mut Formatter<'_>, breaker: &BreakerReport) -> fmt::Result {
    let BreakerReport { name, state, retry_in, failures, failures_allowed, recent } = breaker;
    let mut text = (*state).to_owned();
    match retry_in {
        Some(wait) if wait.is_zero() => text.push_str(", trial due"),
        Some(wait) => text.push_str(&format!(", trial in {}", time(*wait))),
        None if *state == "closed" => text.push_str(&format!(", {failures} of {failures_allowed} failures")),
        None => {}
    }
    if let Some((calls, failed)) = recent {
        text.push_str(&format!(", {failed} of the last {calls}"));
    }
    write_line(f, 2, name, &text)
}

fn write_shared(f: &mut Formatter<'_>, shared: &SharedState) -> fmt::Result {
    let SharedState { is_usable, lag, outbox, under_way, counts, .. } = shared;
    let lag = match lag {
        Some(lag) if *is_usable => format!("{} behind", time(*lag)),
        _ => "not in use".to_owned(),
    };
    let (errors, drops) =
        (plural(counts.errors + counts.timeouts, "error"), plural(outbox + under_way, "drop"));
    writeln!(f, "shared tier: {lag}, {errors}, {drops} under way")
}

fn write_section(f: &mut Formatter<'_>, Section { name, columns, rows }: &Section) -> fmt::Result {
    writeln!(f, "{name}: {}", rows.total)?;
    if rows.total > 0 {
        write_line(f, 2, &columns.join(" | "), "")?;
    }
    rows.rows.iter().try_for_each(|row| write_line(f, 2, &row.join(" | "), ""))?;
    write_more(f, 2, rows.total, rows.rows.len())
}

fn write_commit(f: &mut Formatter<'_>, commit: &CommitRecord) -> fmt::Result {
    let label = commit.label.as_deref().unwrap_or("-");
    write_line(f, 2, &format!("{} {label}", commit.revision), &cut(&commit.tables.join(", "), 48))
}

/// Writes a text that is cut to fit, and another one flush right.
fn write_line(f: &mut Formatter<'_>, indent: usize, left: &str, right: &str) -> fmt::Result {
    let right_width = width(right);
    if right_width == 0 {
        return writeln!(f, "{:indent$}{}", "", cut(left, COLUMNS - indent));
    }
    let room = COLUMNS.saturating_sub(indent + right_width + 1);
    writeln!(f, "{:indent$}{} {right}", "", padded(left, room))
}

/// Cuts a text to this many columns, or fills it up with spaces.
fn padded(text: &str, columns: usize) -> String {
    let mut text = cut(text, columns);
    let missing = columns.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// The text without control characters, which a terminal would obey, and cut to this many columns.
fn cut(text: &str, columns: usize) -> String {
    let shown = |character: char| -> String {
        if character.is_control() { character.escape_debug().collect() } else { character.into() }
    };
    let mut cut = String::new();
    let (mut used, mut kept) = (0, 0);
    for character in text.chars() {
        let shown = shown(character);
        used += width(&shown);
        if used > columns {
            cut.truncate(kept);
            cut.push('…');
            return cut;
        }
        cut.push_str(&shown);
        if used < columns {
            kept = cut.len();
        }
    }
    cut
}

/// At least the number of columns that a text takes: characters that may be wide count twice.
fn width(text: &str) -> usize {
    text.chars().map(|character| if character < '\u{1100}' || character == '…' { 1 } else { 2 }).sum()
}

/// A number of at most six characters.
#[expect(clippy::cast_precision_loss, reason = "a number for people")]
fn short(number: u64) -> String {
    let (mut rest, mut units) = (number as f64, ["", "k", "M", "G", "T", "P", "E"].iter());
    let mut unit = units.next();
    if number < 100_000 {
        return number.to_string();
    }
    while rest >= 999.95 {
        rest /= 1_000.0;
        unit = units.next();
    }
    format!("{rest:.1}{}", unit.copied().unwrap_or_default())
}

fn time(time: Duration) -> String {
    format!("{:.1}s", time.as_secs_f64())
}

fn plural(number: impl Display, what: &str) -> String {
    let number = number.to_string();
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {what}{plural}")
}
