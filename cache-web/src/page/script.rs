//! The form in which state is embedded in HTML.

/// How state is embedded in HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Scripts with a nonce, which push texts of JSON on one array.
    Scripts { nonce: String },
    /// Elements of JSON, which no browser runs.
    DataBlocks,
}

impl Default for Form {
    fn default() -> Self {
        Self::Scripts { nonce: String::new() }
    }
}

impl Form {
    pub(super) fn with_nonce(self, nonce: &str) -> Self {
        match self {
            Self::Scripts { .. } => Self::Scripts { nonce: nonce.to_owned() },
            Self::DataBlocks => self,
        }
    }

    /// Writes JSON that is safe inside HTML.
    ///
    /// A script gets it as a string that the browser parses as JSON: as an expression of JavaScript, a key `__proto__`
    /// would set the prototype of its object.
    pub(super) fn write(&self, html: &mut Vec<u8>, json: &[u8]) {
        match self {
            Self::Scripts { nonce } => {
                html.extend_from_slice(b"<script nonce=\"");
                html.extend_from_slice(nonce.as_bytes());
                html.extend_from_slice(b"\">(self.__cacheWeb=self.__cacheWeb||[]).push('");
                write_string(html, json);
                html.extend_from_slice(b"')</script>");
            }
            Self::DataBlocks => {
                html.extend_from_slice(b"<script type=\"application/json\" data-cache-web>");
                html.extend_from_slice(json);
                html.extend_from_slice(b"</script>");
            }
        }
    }
}

/// Writes the inside of a string of JavaScript in single quotes. JSON has no line ends and control characters.
fn write_string(html: &mut Vec<u8>, json: &[u8]) {
    html.reserve(json.len() + json.len() / 8);
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'\'')) {
        html.extend_from_slice(&rest[..at]);
        html.extend_from_slice(&[b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    html.extend_from_slice(rest);
}
