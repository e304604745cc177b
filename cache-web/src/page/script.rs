//! The form in which state is embedded in HTML.

use crate::json::Quoting;
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

    pub(super) fn open(&self, html: &mut Vec<u8>) {
        match self {
            Self::Scripts { nonce } => {
                html.extend_from_slice(b"<script nonce=\"");
                html.extend_from_slice(nonce.as_str().as_bytes());
                html.extend_from_slice(b"\">(self.__cacheWeb=self.__cacheWeb||[]).push('");
            }
            Self::DataBlocks => {
                html.extend_from_slice(b"<script type=\"application/json\" data-cache-web>");
            }
        }
    }

    pub(super) fn close(&self, html: &mut Vec<u8>) {
        html.extend_from_slice(match self {
            Self::Scripts { .. } => b"')</script>",
            Self::DataBlocks => b"</script>",
        });
    }
}
