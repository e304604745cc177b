//! Reads documents without a server.

use cache_documents::{Content, Document, DocumentError, DocumentErrors, ReadDocument};
use serde_json::Value;

use crate::blog::{Article, blog};

/// Reads a document of any content.
pub fn read<T: Content + ?Sized>(body: &str) -> Result<Document<T>, DocumentError> {
    blog().client.document(body.as_bytes())
}

#[track_caller]
pub fn article(body: &Value) -> Document<Article> {
    read(&body.to_string()).unwrap()
}

#[track_caller]
pub fn articles(body: &Value) -> Document<[Article]> {
    read(&body.to_string()).unwrap()
}

/// Reads a document that reports errors.
#[track_caller]
pub fn reported(body: &Value) -> DocumentErrors {
    let error = read::<Article>(&body.to_string()).unwrap_err();
    assert!(error.read().is_none());
    error.reported().unwrap().clone()
}

/// Expects that a document is refused, with a pointer, and for a reason that has these words.
#[track_caller]
pub fn refused<T: Content + ?Sized>(body: &str, pointer: &str, words: &str) {
    let error = read::<T>(body).err().unwrap_or_else(|| panic!("this is read: {body}"));
    let error = error.read().unwrap_or_else(|| panic!("these are reported errors: {body}"));
    assert_eq!(error.pointer(), pointer, "{error}\n{body}");
    assert!(error.problem().contains(words), "{error}\n{body}");
}
