//! Makes texts from a newsroom safe to draw: on one line, of bounded length, without control and invisible characters.

use icu_properties::props::{BidiControl, DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use serde::{Deserialize, Deserializer};

/// Maximum number of characters of a text: more than a screen shows.
const LONGEST: usize = 4_000;

/// Maximum number of characters of a title, a name, or an error, so that the rest of the screen has room.
const LONGEST_TITLE: usize = 160;

/// Maximum number of items of a list: more than a screen shows.
pub(crate) const MOST: usize = 200;

/// Maximum number of combining marks on a letter; more would be drawn over the lines above and below.
const MOST_MARKS: usize = 4;

/// Puts a text on one line. White space becomes single spaces. Drops control and format characters, those that change
/// the direction of text and those without a width. Cuts after `longest` characters, and then ends with "…".
fn line(text: &str, longest: usize) -> String {
    // Reads no more of a long text than may be needed.
    let start = text.char_indices().nth(longest * 2).map_or(text, |(end, _)| &text[..end]);
    let words: Vec<String> = start.split_whitespace().map(word).filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if start.len() < text.len() => line + "…",
        None => line,
    }
}

fn word(word: &str) -> String {
    let mut marks = 0;
    let is_kept = |&char: &char| {
        marks = if is_mark(char) { marks + 1 } else { 0 };
        marks <= MOST_MARKS && !is_unseen(char)
    };
    word.chars().filter(is_kept).collect()
}

fn is_unseen(char: char) -> bool {
    matches!(category(char), GeneralCategory::Control | GeneralCategory::Format)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(char)
        || CodePointSetData::new::<BidiControl>().contains(char)
}

fn is_mark(char: char) -> bool {
    matches!(category(char), GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark)
}

fn category(char: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(char)
}

/// Puts a title, a name, or an error on one [`line`].
#[must_use]
pub fn title(text: &str) -> String {
    line(text, LONGEST_TITLE)
}

/// Reads a [`title`].
pub(crate) fn read_title<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(title(&String::deserialize(deserializer)?))
}

/// Puts a text on one [`line`].
#[must_use]
pub fn paragraph(text: &str) -> String {
    line(text, LONGEST)
}

/// Reads a text as one [`line`].
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(line(&String::deserialize(deserializer)?, LONGEST))
}

/// Reads the first texts of a list, each as one [`line`].
pub(crate) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(first::<String, D>(deserializer)?.iter().map(|text| line(text, LONGEST)).collect())
}

/// Reads the first items of a list.
pub(crate) fn first<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let mut items = Vec::deserialize(deserializer)?;
    items.truncate(MOST);
    Ok(items)
}

#[cfg(test)]
mod tests;
