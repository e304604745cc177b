//! Reading documents inside of loads and mutations.

use cache_client::{Client, Context};

use crate::document::{Content, Document};
use crate::jsonapi::DocumentError;
use crate::jsonapi::read::read;
use crate::records::known::KnownOf;
use crate::records::state::Documents;
use crate::resources::Resources;

/// Reads documents.
pub trait ReadDocument {
    /// Reads a document of JSON:API. It shows records of its own, until the client stores it as an answer. A record that
    /// says the same as one of a stored answer is that one. Takes time linear in the length of the body.
    ///
    /// # Errors
    /// The server has reported errors; or the body is no document, or something in it does not fit the types of the
    /// program. Nothing is applied. The answer that the cache has stays, and observers show it beside the error of the
    /// load.
    fn document<T: Content + ?Sized>(&self, body: &[u8]) -> Result<Document<T>, DocumentError>;

    /// Reads the answer to a request that has sent a document. A server that takes the document as it is may answer
    /// without a body, by 204 or 201: then what was sent is the answer.
    ///
    /// An empty body with another status, such as 202, does not say what has become of the document, and is an error.
    ///
    /// # Errors
    /// As those of [`document`](Self::document), for the body or for what was sent.
    ///
    /// # Examples
    /// ```
    /// # use cache_client::{Changes, Context, Mutate};
    /// # use cache_documents::{Content, Document, DocumentError, Id, ReadDocument, Resource, Resources};
    /// use cache_documents::ChangeRecords;
    /// # struct Response { status: u16, body: Vec<u8> }
    /// # trait Api: Resources { async fn patch(&self, _: &str, _: &str) -> Response; }
    /// # async fn rename<A: Api, Person: Resource>(cx: &Context<A>, changes: &mut Changes<A>)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    ///
    /// // In `Mutate::run`:
    /// let sent = r#"{"data": {"type": "people", "id": "9", "attributes": {"name": "Zoe"}}}"#;
    /// let response = cx.app().patch("/people/9", sent).await;
    /// let document: Document<Person> = cx.document_or_sent(sent.as_bytes(), response.status, &response.body)?;
    ///
    /// // In `Mutate::apply`: every document that shows the person follows.
    /// changes.merge_records(document);
    /// # Ok(())
    /// # }
    /// ```
    fn document_or_sent<T: Content + ?Sized>(
        &self,
        sent: &[u8],
        status: u16,
        body: &[u8],
    ) -> Result<Document<T>, DocumentError> {
        let took_it = body.trim_ascii().is_empty() && matches!(status, 201 | 204);
        self.document(if took_it { sent } else { body })
    }
}

impl<A: Resources> ReadDocument for Client<A> {
    fn document<T: Content + ?Sized>(&self, body: &[u8]) -> Result<Document<T>, DocumentError> {
        let documents = self.extension::<Documents<A>>();
        let known = KnownOf::new(self, &documents);
        read(body, &documents.list.types, Document::<T>::EXPECTED, &known).map(Document::of_response)
    }
}

impl<A: Resources> ReadDocument for Context<A> {
    fn document<T: Content + ?Sized>(&self, body: &[u8]) -> Result<Document<T>, DocumentError> {
        self.client().document(body)
    }
}
