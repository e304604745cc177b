//! Checks the texts that readers send. A name with invisible characters is rejected, since a silently changed name may
//! be that of another reader. In a comment they are dropped, since copied text often contains some.
//!
//! Invisible are control and format characters, those that change the direction of text, and those without a width.
//! Exceptions: the characters that an emoji consists of, and, in comments, joiners between letters, which Persian and
//! Indic scripts need.

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{
    BidiControl, DefaultIgnorableCodePoint, EmojiModifier, ExtendedPictographic, GeneralCategory,
    PrependedConcatenationMark,
};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Maximum number of marks on a letter. Vietnamese needs two, pointed Hebrew three or four.
const MOST_MARKS: usize = 4;

/// Blank characters that Unicode lists among the symbols.
const BLANK: [char; 2] = ['\u{2800}', '\u{1d159}'];

/// Variation selectors that show the character before them as an emoji or as text.
const PRESENTATIONS: [char; 2] = ['\u{fe0f}', '\u{fe0e}'];

/// Joins the characters around it, or keeps them from joining.
const JOINER: char = '\u{200d}';
const NON_JOINER: char = '\u{200c}';

/// Checks a name. White space between its words becomes one space.
///
/// # Errors
/// A message for the reader if the name is empty, too long, or has invisible characters.
pub(crate) fn name(text: &str, longest: usize) -> Result<String, String> {
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err("the name has undecodable characters; it must be sent as UTF-8".to_owned());
    }
    let words: Vec<_> = text.split_whitespace().collect();
    let chars = composed(&words.join(" "));
    for (place, (char, verdict)) in chars.iter().zip(verdicts(&chars, false)).enumerate() {
        match verdict {
            Verdict::Kept => {}
            Verdict::Invisible => {
                let (code, place) = (u32::from(*char), place + 1);
                return Err(format!(
                    "the name has an invisible character (U+{code:04X}, at place {place}); delete it, or type the name again"
                ));
            }
            Verdict::OneMarkTooMany => {
                return Err(format!("the name has a letter with more than {MOST_MARKS} marks; remove some"));
            }
        }
    }
    checked("name", chars.into_iter().collect(), longest)
}

/// Checks a text of several lines. Drops invisible characters, marks beyond four on one letter, and repeated empty
/// lines.
///
/// # Errors
/// A message for the reader if nothing visible is left, or if the text is too long.
pub(crate) fn text(text: &str, longest: usize) -> Result<String, String> {
    let chars = composed(&text.replace("\r\n", "\n"));
    let chars: Vec<_> = chars.into_iter().map(plain_space).collect();
    let kept: String = keep_visible(&chars, true);
    let mut lines: Vec<_> = kept.lines().map(str::trim_end).collect();
    lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
    checked("text", lines.join("\n").trim().to_owned(), longest)
}

/// Drops invisible characters.
pub(crate) fn visible(text: &str) -> String {
    keep_visible(&composed(text), true)
}

fn keep_visible(chars: &[char], has_letters_joined: bool) -> String {
    let verdicts = verdicts(chars, has_letters_joined);
    let kept: String = chars
        .iter()
        .zip(verdicts)
        .filter_map(|(char, verdict)| (verdict == Verdict::Kept).then_some(*char))
        .collect();
    // A dropped character may have separated a letter from its mark.
    composed(&kept).into_iter().collect()
}

/// Normalizes to NFC, so that equal texts have equal code points.
fn composed(text: &str) -> Vec<char> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text).chars().collect()
}

/// Turns all kinds of line ends into line feeds, and tabs into spaces.
fn plain_space(char: char) -> char {
    match char {
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => '\n',
        '\t' => ' ',
        char => char,
    }
}

fn checked(what: &str, text: String, longest: usize) -> Result<String, String> {
    match text.chars().count() {
        0 => Err(format!("the {what} is missing")),
        length if length > longest => {
            Err(format!("the {what} has {length} characters; at most {longest} are allowed"))
        }
        _ if !text.chars().any(is_visible) => {
            Err(format!("the {what} has no visible character; write a letter, a digit or a sign"))
        }
        _ => Ok(text),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Kept,
    Invisible,
    OneMarkTooMany,
}

/// Decides for each character of a text whether it is kept.
fn verdicts(chars: &[char], has_letters_joined: bool) -> Vec<Verdict> {
    // The last base character, whether a variation selector followed it, and the number of marks on it.
    let (mut before, mut is_presented, mut marks) = (None, false, 0);
    let verdict = |(place, &char): (usize, &char)| {
        let next = chars.get(place + 1).copied();
        if PRESENTATIONS.contains(&char) && before.is_some_and(is_pictograph) && !is_presented {
            is_presented = true;
            return Verdict::Kept;
        }
        if [JOINER, NON_JOINER].contains(&char) {
            let joins = |is_such: fn(char) -> bool| before.is_some_and(is_such) && next.is_some_and(is_such);
            let is_taken = !next.is_some_and(is_mark) || marks < MOST_MARKS;
            let joins_letters = has_letters_joined && is_taken && joins(is_joinable);
            let is_needed = char == JOINER && joins(is_pictograph) || joins_letters;
            return if is_needed { Verdict::Kept } else { Verdict::Invisible };
        }
        if is_invisible(char) {
            return Verdict::Invisible;
        }
        if is_mark(char) {
            marks += 1;
            return if marks > MOST_MARKS { Verdict::OneMarkTooMany } else { Verdict::Kept };
        }
        marks = 0;
        if !CodePointSetData::new::<EmojiModifier>().contains(char) {
            (before, is_presented) = (Some(char), false);
        }
        Verdict::Kept
    };
    chars.iter().enumerate().map(verdict).collect()
}

fn is_invisible(char: char) -> bool {
    if char == '\n' {
        return false;
    }
    match category(char) {
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => {
            true
        }
        // Some signs before numbers are format characters that are visible.
        GeneralCategory::Format => !CodePointSetData::new::<PrependedConcatenationMark>().contains(char),
        _ => {
            CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(char)
                || CodePointSetData::new::<BidiControl>().contains(char)
        }
    }
}

/// Whether the character is visible on its own. A mark needs a letter.
fn is_visible(char: char) -> bool {
    let is_space = char.is_whitespace() || BLANK.contains(&char);
    !is_space && !is_invisible(char) && !is_mark(char)
}

fn is_mark(char: char) -> bool {
    matches!(category(char), GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark)
}

fn is_pictograph(char: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(char)
}

/// Whether the character may belong to a script that needs joiners.
fn is_joinable(char: char) -> bool {
    !char.is_ascii() && !is_invisible(char) && (char.is_alphabetic() || is_mark(char))
}

fn category(char: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(char)
}

#[cfg(test)]
mod tests;
