//! Text in columns. No I/O.

use std::fmt::{self, Display};

/// Lines are at most this wide, unless a single word is wider.
const WIDTH: usize = 100;
const GAP: &str = "  ";

/// A titled table. The last column takes the remaining width, and wraps between words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    title: String,
    rows: Vec<Vec<String>>,
    /// Whether a column is flush right.
    numbers: Vec<bool>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: plain(&title.into()), ..Self::default() }
    }

    /// Names the columns. Those that begin with `#` are flush right.
    #[must_use]
    pub fn columns<const N: usize>(mut self, names: [&str; N]) -> Self {
        self.numbers = names.iter().map(|name| name.starts_with('#')).collect();
        self.rows.push(names.map(|name| name.trim_start_matches('#').to_owned()).to_vec());
        self
    }

    /// Adds a row. Cells are untrusted text: control characters and characters that a terminal does not show are
    /// written as escapes.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.iter().map(|cell| plain(cell)).collect());
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        widths
    }

    fn write_row(&self, f: &mut fmt::Formatter<'_>, row: &[String], widths: &[usize]) -> fmt::Result {
        let Some((last, cells)) = row.split_last() else { return Ok(()) };
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let width = widths[column];
            match self.is_number(column) {
                true => line += &format!("{cell:>width$}{GAP}"),
                false => line += &format!("{cell:width$}{GAP}"),
            }
        }
        let indent = line.chars().count();
        let width = widths[cells.len()];
        if self.is_number(cells.len()) {
            return writeln!(f, "{line}{last:>width$}");
        }
        let mut wrapped = wrap(last, WIDTH.saturating_sub(indent)).into_iter();
        writeln!(f, "{}", format!("{line}{}", wrapped.next().unwrap_or_default()).trim_end())?;
        wrapped.try_for_each(|more| writeln!(f, "{:indent$}{more}", ""))
    }

    fn is_number(&self, column: usize) -> bool {
        self.numbers.get(column).copied().unwrap_or(false)
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        writeln!(f, "{}", self.title)?;
        self.rows.iter().try_for_each(|row| self.write_row(f, row, &widths))
    }
}

/// A text on one line, with unprintable characters written as in Rust: `\u{1b}`.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for char in text.chars() {
        let escaped = char.escape_debug();
        match escaped.len() {
            _ if char.is_whitespace() => plain.push(' '),
            // The character itself, a quote, or a backslash.
            0..=2 if char != '\0' => plain.push(char),
            _ => plain.extend(escaped),
        }
    }
    plain
}

/// Wraps a text between words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        // The list is never empty.
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            *line = word.to_owned();
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            *line += " ";
            *line += word;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Table, wrap};

    #[test]
    fn columns_are_aligned_and_numbers_flush_right() {
        let mut table = Table::new("Title").columns(["name", "#count", "rest"]);
        table.row(["a".into(), "1".into(), "x y".into()]);
        table.row(["long".into(), "10".into(), String::new()]);
        assert_eq!(table.to_string(), "Title\nname  count  rest\na         1  x y\nlong     10\n");
    }

    #[test]
    fn text_cannot_send_commands_to_the_terminal() {
        let mut table = Table::new("Ti\u{1b}[2Jtle").columns(["name", "rest"]);
        table.row(["a\u{202e}b\nc".into(), "it's \u{9b}2J \\ \0 ü 日本".into()]);
        let text = table.to_string();
        assert!(
            text.lines().all(|line| !line.contains(char::is_control)) && !text.contains('\u{202e}'),
            "{text:?}"
        );
        assert!(text.starts_with("Ti\\u{1b}[2Jtle\n") && text.contains("a\\u{202e}b c"), "{text}");
        assert!(text.ends_with("it's \\u{9b}2J \\ \\0 ü 日本\n"), "{text}");
    }

    #[test]
    fn the_last_column_is_broken_between_words() {
        let mut table = Table::new("Title");
        table.row(["name".into(), "word ".repeat(40)]);
        let text = table.to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert!(text.lines().skip(2).all(|line| line.starts_with("      word")), "{text}");
        assert_eq!(text.matches("word").count(), 40);
    }

    #[test]
    fn a_word_that_is_too_long_gets_a_line_of_its_own() {
        assert_eq!(wrap("a tremendously b", 5), ["a", "tremendously", "b"]);
    }
}
