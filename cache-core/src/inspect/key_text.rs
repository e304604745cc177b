//! Keys as text of a bounded length, for reports that must be cheap whatever a program has in its keys.

use std::cell::Cell;
use std::fmt::{self, Debug, Write};

use crate::event::completes;

/// How many bytes of a key are kept. Longer than most keys, and short enough for a thousand of them on a page.
const MAX_BYTES: usize = 512;

/// Returns the `Debug` text of a key, cut with `…` after 512 bytes. A `Debug` that fails or panics is contained. Runs
/// foreign code, so no lock may be held.
#[must_use]
pub fn key_text(key: &dyn Debug) -> String {
    let (mut text, is_written) = (Bounded(String::new()), Cell::new(false));
    let is_complete = completes(|| is_written.set(write!(text, "{key:?}").is_ok()));
    let Bounded(mut text) = text;
    if text.len() > MAX_BYTES {
        text.truncate(text.floor_char_boundary(MAX_BYTES));
        text.push('…');
    } else if !is_complete || !is_written.get() {
        text.push_str("(cannot be printed)");
    }
    text
}

/// Text that refuses to grow far beyond the limit.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() > MAX_BYTES {
            return Err(fmt::Error);
        }
        // One byte more than is kept shows that the text was cut.
        let fits = text.ceil_char_boundary(MAX_BYTES + 1 - self.0.len().min(MAX_BYTES));
        self.0.push_str(&text[..fits]);
        if fits < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_up_to_512_bytes_is_whole() {
        let text = "a".repeat(510);
        assert_eq!(key_text(&text), format!("{text:?}"));
    }

    #[test]
    fn a_longer_text_is_cut_between_characters() {
        assert_eq!(key_text(&"a".repeat(511)), format!("\"{}…", "a".repeat(511)));
        assert_eq!(key_text(&"é".repeat(1_000_000)), format!("\"{}…", "é".repeat(255)));
        assert_eq!(key_text(&vec!["long"; 100_000]).len(), 512 + '…'.len_utf8());
    }

    #[test]
    fn a_debug_that_ignores_errors_cannot_make_the_text_long() {
        struct Stubborn;
        impl Debug for Stubborn {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (0..10_000).for_each(|_| _ = f.write_str("text"));
                Ok(())
            }
        }
        assert_eq!(key_text(&Stubborn).len(), 512 + '…'.len_utf8());
    }

    #[test]
    fn a_debug_that_fails_or_panics_is_contained() {
        struct Failing;
        impl Debug for Failing {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("begun ")?;
                Err(fmt::Error)
            }
        }
        struct Panicking;
        impl Debug for Panicking {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("a key that panics")
            }
        }
        assert_eq!(key_text(&Failing), "begun (cannot be printed)");
        assert_eq!(key_text(&Panicking), "(cannot be printed)");
    }
}
