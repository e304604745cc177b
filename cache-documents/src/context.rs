//! Reading documents inside of loads.

use cache_client::{Client, Context};

use crate::document::{Content, Document};
use crate::jsonapi::ReadError;
use crate::jsonapi::read::read;
use crate::records::state::Documents;
use crate::resources::Resources;

/// Reads documents.
pub trait ReadDocument {
    /// Reads a document of JSON:API. It shows records of its own, until the client stores it as an answer. Takes time
    /// linear in the length of the body.
    ///
    /// # Errors
    /// The body is no such document, or something in it does not fit the types of the program. Nothing is applied.
    fn document<T: Content + ?Sized>(&self, body: &[u8]) -> Result<Document<T>, ReadError>;
}

impl<A: Resources> ReadDocument for Client<A> {
    fn document<T: Content + ?Sized>(&self, body: &[u8]) -> Result<Document<T>, ReadError> {
        let documents = self.extension::<Documents<A>>();
        let types = &documents.list.types;
        Ok(Document::of_response(read(body, types, Document::<T>::EXPECTED)?, types))
    }
}

impl<A: Resources> ReadDocument for Context<A> {
    fn document<T: Content + ?Sized>(&self, body: &[u8]) -> Result<Document<T>, ReadError> {
        self.client().document(body)
    }
}
