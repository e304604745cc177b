//! JSON for browsers: every value is exactly the one that JavaScript reads, and no text can end a script element.

mod escape;
mod exact;

use std::fmt;

use serde::Serialize;

use escape::HtmlSafe;
use exact::{ExactSerializer, Track};

/// Why a value cannot be sent to a browser as JSON.
#[derive(Debug)]
pub(crate) struct JsonError {
    /// Where in the value, such as `comments[3].id`; empty for the value as a whole.
    path: String,
    problem: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "the value {}", self.problem),
            path => write!(f, "`{path}` {}", self.problem),
        }
    }
}

/// Writes a value as JSON that is also safe inside HTML.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, JsonError> {
    let (mut json, track) = (Vec::new(), Track::default());
    let mut serializer = serde_json::Serializer::with_formatter(&mut json, HtmlSafe);
    match value.serialize(ExactSerializer::new(&mut serializer, &track)) {
        Ok(()) => Ok(json),
        Err(error) => {
            let problem =
                track.problem().map_or_else(|| format!("cannot be written: {error}"), str::to_owned);
            Err(JsonError { path: track.path(), problem })
        }
    }
}

/// Writes a number as a string, for fields that may not fit into a number of JavaScript:
/// `#[serde(with = "cache_web::as_string")]`, and `#[ts(type = "string")]` for its type in TypeScript.
///
/// # Examples
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Post {
///     #[serde(with = "cache_web::as_string")]
///     id: u64,
/// }
///
/// let json = serde_json::to_string(&Post { id: u64::MAX }).unwrap();
/// assert_eq!(json, r#"{"id":"18446744073709551615"}"#);
/// assert_eq!(serde_json::from_str::<Post>(&json).unwrap().id, u64::MAX);
/// ```
pub mod as_string {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Serializes a number as a string.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<T: Display, S: Serializer>(number: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    /// Deserializes a number from a string.
    ///
    /// # Errors
    /// If there is no string, or it is not such a number.
    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
