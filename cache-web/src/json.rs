//! JSON for browsers: every value is exactly the one that JavaScript reads, and no text can end a script element.

mod error;
mod escape;
mod key;
mod value;
mod writer;

use serde::Serialize;

pub(crate) use error::JsonError;
pub(crate) use escape::Quoting;
pub(crate) use writer::JsonWriter;

/// Writes a value as JSON that is also safe inside HTML.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, JsonError> {
    let mut json = JsonWriter::after(Vec::with_capacity(64), Quoting::Plain);
    value.serialize(&mut json)?;
    Ok(json.into_bytes())
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

#[cfg(test)]
mod tests;
