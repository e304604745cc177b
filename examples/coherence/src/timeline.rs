//! Lines of at most 80 columns, each with its time.

use std::io::{self, Write};

/// The columns of a line.
const WIDTH: usize = 80;

/// Prints lines with the time since a beginning.
#[derive(Debug)]
pub(crate) struct Timeline<W> {
    out: W,
    began: u64,
}

impl<W: Write> Timeline<W> {
    pub(crate) fn new(out: W, began: u64) -> Self {
        Self { out, began }
    }

    /// Prints a text with a time, in seconds with so many digits.
    pub(crate) fn say(&mut self, at: u64, digits: usize, text: &str) -> io::Result<()> {
        let seconds = at.saturating_sub(self.began) as f64 / 1e9;
        let time = format!("{seconds:>8.digits$}  ");
        self.print(&time, text)
    }

    /// Prints a text after a mark that is on its first line only.
    pub(crate) fn print(&mut self, mark: &str, text: &str) -> io::Result<()> {
        let mut mark = mark.to_owned();
        let indent = " ".repeat(mark.chars().count());
        for line in wrapped(text, WIDTH - indent.len()) {
            writeln!(self.out, "{mark}{line}")?;
            mark.clone_from(&indent);
        }
        self.out.flush()
    }
}

/// Breaks a text at its spaces.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().filter(|line| line.chars().count() + 1 + word.chars().count() <= room);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => *line += &format!(" {word}"),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[test]
fn long_texts_are_broken_at_spaces_and_indented() {
    let mut out = Vec::new();
    let text = "word ".repeat(20);
    Timeline::new(&mut out, 1_000_000_000).say(3_500_000_000, 1, text.trim()).expect("it is written");
    let out = String::from_utf8(out).expect("text");
    let lines: Vec<_> = out.lines().collect();
    assert!(lines[0].starts_with("     2.5  word word") && lines[1].starts_with("          word"), "{out}");
    assert!(lines.iter().all(|line| line.len() <= WIDTH) && lines.len() == 2, "{out}");
}
