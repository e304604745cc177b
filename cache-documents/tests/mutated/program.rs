//! A program that reads arbitrary bytes as documents, in tests and under the fuzzer.

use std::sync::Arc;

use cache_client::{App, Client};
use cache_core::{Cache, ManualClock, Query, registry};
use cache_documents::{
    Content, Document, DocumentError, DocumentErrors, DocumentsBuilder, Field, Id, Many, One, ReadDocument,
    ReadError, Resource, ResourceKey, ResourceList, Resources,
};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article)]
pub struct ArticleId(pub Id);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person)]
pub struct PersonId(pub Id);

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Article {
    pub title: Field<Arc<str>>,
    pub words: Field<u32>,
    pub tags: Field<Vec<String>>,
    pub author: One<PersonId>,
    pub editors: Many<PersonId>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Person {
    pub name: Field<String>,
    pub age: Field<u8>,
    pub friend: One<PersonId>,
}

macro_rules! resource {
    ($record:ident, $key:ident, $kind:literal, $($number:literal $field:ident),*; $last:ident) => {
        impl Resource for $record {
            type Key = $key;
            const TYPE: &'static str = $kind;
            const FIELDS: &'static [&'static str] = &[$(stringify!($field),)* stringify!($last)];

            fn absent() -> Self {
                Self::default()
            }

            fn field(&self, number: usize) -> &dyn cache_documents::__private::AnyField {
                match number { $($number => &self.$field,)* _ => &self.$last }
            }

            fn field_mut(&mut self, number: usize) -> &mut dyn cache_documents::__private::AnyField {
                match number { $($number => &mut self.$field,)* _ => &mut self.$last }
            }
        }

        impl ResourceKey for $key {
            fn from_id(id: Id) -> Self {
                Self(id)
            }

            fn id(&self) -> &Id {
                &self.0
            }
        }
    };
}

resource!(Article, ArticleId, "articles", 0 title, 1 words, 2 tags, 3 author; editors);
resource!(Person, PersonId, "people", 0 name, 1 age; friend);

registry! {
    pub struct ReaderRegistry { crate::program::ArticleId, crate::program::PersonId }
}

#[derive(Debug)]
pub struct Reader;

impl App for Reader {
    type Registry = ReaderRegistry;
}

impl Resources for Reader {
    fn list(list: &mut ResourceList<Self>) {
        list.add::<Article>();
        list.add::<Person>();
    }
}

/// A client without a runtime: it only reads.
pub fn reader() -> Client<Reader> {
    let cache = Cache::builder().clock(ManualClock::new()).build().expect("the registry is valid");
    Client::builder(cache, Reader).documents().build()
}

/// Reads bytes as a document about one article and as one about many, and follows all that it shows. Reported errors are
/// read too.
///
/// # Errors
/// Those of both.
pub fn feed(client: &Client<Reader>, bytes: &[u8]) -> [Result<usize, ReadError>; 2] {
    let one = followed(client.document::<Article>(bytes), |document| {
        document.data().map_or(0, |article| shown(document, article))
    });
    let many = followed(client.document::<[Article]>(bytes), |document| {
        document.data().map(|article| shown(document, article)).sum()
    });
    [one, many]
}

/// Follows what was read, and counts it.
fn followed<T: Content + ?Sized>(
    read: Result<Document<T>, DocumentError>,
    shown: impl FnOnce(&Document<T>) -> usize,
) -> Result<usize, ReadError> {
    match read {
        Ok(document) => Ok(shown(&document) + parts(&document)),
        Err(DocumentError::Reported(errors)) => Ok(told(&errors)),
        Err(DocumentError::Read(error)) => Err(error),
        Err(error) => unreachable!("{error}"),
    }
}

/// Returns how many records an article leads to.
fn shown<T: Content + ?Sized>(document: &Document<T>, article: &Article) -> usize {
    let author = document.one(&article.author);
    let friend = author.and_then(|author| document.one(&author.friend));
    usize::from(author.is_some()) + usize::from(friend.is_some()) + document.many(&article.editors).count()
}

/// Returns how much else a document says.
fn parts<T: Content + ?Sized>(document: &Document<T>) -> usize {
    let pages = [document.first(), document.prev(), document.next(), document.last()];
    document.records() + document.skipped() + pages.into_iter().flatten().count()
}

/// Returns how much errors tell.
fn told(errors: &DocumentErrors) -> usize {
    let all = errors.errors().iter();
    all.filter(|error| error.status_code().is_some() || error.pointer().is_some()).count()
}
