//! The form in which state is embedded in HTML.

use crate::json::{JsonWriter, Quoting};
use crate::random::RandomWord;

/// How state is embedded in HTML.
///
/// A script gets it as a string that the browser parses as JSON: as an expression of JavaScript, a key `__proto__`
/// would set the prototype of its object.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Scripts with a nonce, which push texts of JSON on one array.
    Scripts { nonce: RandomWord },
    /// Elements of JSON, which no browser runs.
    DataBlocks,
}

impl Form {
    /// How JSON is written between [`open`](Self::open) and [`close`](Self::close).
    pub(super) fn quoting(&self) -> Quoting {
        match self {
            Self::Scripts { .. } => Quoting::InScript,
            Self::DataBlocks => Quoting::Plain,
        }
    }

    /// Begins an array of messages.
    pub(super) fn open(&self, html: &mut JsonWriter) {
        match self {
            Self::Scripts { nonce } => {
                html.raw("<script nonce=\"");
                html.raw(nonce.as_bytes());
                html.raw("\">(self.__cacheWeb=self.__cacheWeb||[]).push('[");
            }
            Self::DataBlocks => html.raw("<script type=\"application/json\" data-cache-web>["),
        }
    }

    pub(super) fn close(&self, html: &mut JsonWriter) {
        html.raw(match self {
            Self::Scripts { .. } => "]')</script>",
            Self::DataBlocks => "]</script>",
        });
    }
}
