//! Reads documents without a server.

use cache_documents::{Content, Document, DocumentError, DocumentErrors, ReadDocument};
use serde_json::Value;

use crate::blog::{Article, blog};

/// Reads a document of any content.
pub fn read<T: Content + ?Sized>(body: &str) -> Result<Document<T>, DocumentError> {
    blog().client.document(body.as_bytes())
}

/// Reads a document with the type and the id of each resource before its fields, and after them.
#[track_caller]
pub fn article(body: &Value) -> Document<Article> {
    let [document, other] = [type_first(body), body.to_string()].map(|body| read::<Article>(&body).unwrap());
    assert_eq!(document.data(), other.data());
    document
}

#[track_caller]
pub fn articles(body: &Value) -> Document<[Article]> {
    let [document, other] =
        [type_first(body), body.to_string()].map(|body| read::<[Article]>(&body).unwrap());
    assert!(document.data().eq(other.data()));
    document
}

/// Writes JSON with the type and the id first in each object.
pub fn type_first(json: &Value) -> String {
    match json {
        Value::Array(list) => {
            let elements: Vec<_> = list.iter().map(type_first).collect();
            format!("[{}]", elements.join(","))
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| !matches!(name.as_str(), "type" | "id"));
            let members = members.into_iter();
            let members: Vec<_> = members
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), type_first(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        json => json.to_string(),
    }
}

/// Reads a document that reports errors.
#[track_caller]
pub fn reported(body: &Value) -> DocumentErrors {
    let error = read::<Article>(&body.to_string()).unwrap_err();
    assert!(error.read().is_none());
    error.reported().unwrap().clone()
}

/// Expects that a document is refused, with a pointer, and for a reason that has these words, however its members are
/// ordered.
#[track_caller]
pub fn refused<T: Content + ?Sized>(body: &str, pointer: &str, words: &str) {
    if let Ok(json) = serde_json::from_str::<Value>(body) {
        let problem = |body: &str| read::<T>(body).err().map(|error| error.to_string());
        assert_eq!(problem(&type_first(&json)), problem(&json.to_string()));
    }
    let error = read::<T>(body).err().unwrap_or_else(|| panic!("this is read: {body}"));
    let error = error.read().unwrap_or_else(|| panic!("these are reported errors: {body}"));
    assert_eq!(error.pointer(), pointer, "{error}\n{body}");
    assert!(error.problem().contains(words), "{error}\n{body}");
}
