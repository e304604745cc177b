//! The part of JSON that is written here.

use std::fmt;

/// A JSON value.
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(usize),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    fn write(&self, formatter: &mut fmt::Formatter<'_>, indent: usize) -> fmt::Result {
        match self {
            Self::Null => formatter.write_str("null"),
            Self::Bool(value) => write!(formatter, "{value}"),
            Self::Number(value) => write!(formatter, "{value}"),
            Self::Text(text) => write_text(formatter, text),
            Self::List(items) => {
                let items = items.iter().map(|item| (None, item));
                write_items(formatter, ['[', ']'], items, indent)
            }
            Self::Object(fields) => {
                let items = fields.iter().map(|(key, value)| (Some(*key), value));
                write_items(formatter, ['{', '}'], items, indent)
            }
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(formatter, 0)?;
        formatter.write_str("\n")
    }
}

fn write_items<'a>(
    formatter: &mut fmt::Formatter<'_>,
    [open, close]: [char; 2],
    items: impl ExactSizeIterator<Item = (Option<&'static str>, &'a Json)>,
    indent: usize,
) -> fmt::Result {
    if items.len() == 0 {
        return write!(formatter, "{open}{close}");
    }
    write!(formatter, "{open}")?;
    for (index, (key, item)) in items.enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(formatter, "{comma}\n{:1$}", "", indent + 2)?;
        if let Some(key) = key {
            write_text(formatter, key)?;
            formatter.write_str(": ")?;
        }
        item.write(formatter, indent + 2)?;
    }
    write!(formatter, "\n{:indent$}{close}", "")
}

fn write_text(formatter: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    formatter.write_str("\"")?;
    for character in text.chars() {
        match character {
            '"' => formatter.write_str("\\\"")?,
            '\\' => formatter.write_str("\\\\")?,
            '\n' => formatter.write_str("\\n")?,
            control if (control as u32) < 0x20 => write!(formatter, "\\u{:04x}", control as u32)?,
            other => write!(formatter, "{other}")?,
        }
    }
    formatter.write_str("\"")
}
