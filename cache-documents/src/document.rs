//! Documents: answers that show records.

use std::any::Any;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::frame::{Frame, FrameEdit};
use crate::id::{Id, IdChanged};
use crate::jsonapi::head::Head;
use crate::jsonapi::response::{Expected, Primary, Response};
use crate::jsonapi::{Links, Meta};
use crate::map::HashSet;
use crate::record::RecordRef;
use crate::relation::{Many, One};
use crate::resource::{Resource, ResourceKey};

/// The answer to a request: `Document<Article>` shows one article, or none, and `Document<[Article]>` a list of them,
/// with all the records that came with it.
///
/// It is one moment: it never mixes the records of two. When a record changes, the cache has a new document with the new
/// record, and whoever holds the old one keeps the old moment. A record lives as long as a document that shows it.
pub struct Document<T: ?Sized> {
    pub(crate) primary: Primary,
    pub(crate) frame: Frame,
    /// `None` if it says nothing, as many do.
    pub(crate) head: Option<Arc<Head>>,
    /// Present once the document is stored: its entries in the index of records, which it leaves when the last document
    /// with the same records goes.
    pub(crate) owned: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) skipped: usize,
    /// The local names that the response says to be names of records with ids, until the document is stored.
    pub(crate) renamed: Vec<(RecordRef, RecordRef)>,
    /// The head of the response, for the next request. Not compared: each 304 renews it.
    #[cfg(feature = "http")]
    pub(crate) response: Option<Arc<crate::http::ResponseHead>>,
    content: PhantomData<fn() -> Box<T>>,
}

/// The content of a document: a record type, or a slice of one.
pub trait Content: sealed::Sealed + 'static {
    /// The type of the primary records.
    type Resource: Resource;
    /// Whether the document shows a list.
    const IS_COLLECTION: bool;
}

/// A document of any content.
pub trait AnyDocument: sealed::SealedDocument + Send + Sync + 'static {
    /// The content.
    type Content: Content + ?Sized;

    /// Returns whether the document shares its records with those of a client.
    #[doc(hidden)]
    fn shares_records(&self) -> bool;
}

impl<T: Content + ?Sized> AnyDocument for Document<T> {
    type Content = T;

    fn shares_records(&self) -> bool {
        self.owned.is_some()
    }
}

mod sealed {
    pub trait SealedDocument {}
    impl<T: ?Sized> SealedDocument for super::Document<T> {}

    pub trait Sealed {}
    impl<R: super::Resource> Sealed for R {}
    impl<R: super::Resource> Sealed for [R] {}
}

impl<R: Resource> Content for R {
    type Resource = R;
    const IS_COLLECTION: bool = false;
}

impl<R: Resource> Content for [R] {
    type Resource = R;
    const IS_COLLECTION: bool = true;
}

impl<T: Content + ?Sized> Document<T> {
    pub(crate) const EXPECTED: Expected =
        Expected { kind: T::Resource::TYPE, is_collection: T::IS_COLLECTION };

    pub(crate) fn of_response(response: Response) -> Self {
        let Response { primary, records, head, skipped, renamed } = response;
        let head = (head != Head::default()).then(|| Arc::new(head));
        Self { head, skipped, renamed, ..Self::of_parts(primary, records) }
    }

    fn of_parts(primary: Primary, frame: Frame) -> Self {
        Self {
            primary,
            frame,
            head: None,
            owned: None,
            skipped: 0,
            renamed: Vec::new(),
            #[cfg(feature = "http")]
            response: None,
            content: PhantomData,
        }
    }

    /// Returns the same document with other records, not yet entered in the index.
    pub(crate) fn with_frame(&self, frame: Frame) -> Self {
        Self {
            primary: self.primary.clone(),
            head: self.head.clone(),
            skipped: self.skipped,
            #[cfg(feature = "http")]
            response: self.response.clone(),
            ..Self::of_parts(Primary::Absent, frame)
        }
    }

    /// Returns the document with changed records in place of those that it shows, and with those that are added; `None` if
    /// it shows none of them, or has them already. Deleted records leave its lists. If it shows records by other names
    /// than before, it is not entered in the index.
    pub(crate) fn with_changes(&self, edit: &FrameEdit<'_>) -> Option<Self> {
        let FrameEdit { changed, deletes, names, renames, added } = *edit;
        let mut named = self.frame.renamed(renames);
        if let Some(more) = named.as_ref().unwrap_or(&self.frame).with_added(added) {
            named = Some(more.renamed(renames).unwrap_or(more));
        }
        let owned = self.owned.clone().filter(|_| named.is_none());
        let frame = named.as_ref().unwrap_or(&self.frame).with(changed, names).or(named)?;
        let mut primary = self.primary.renamed(&|name| renames.get(name).map(|name| name.id.clone()));
        if deletes {
            primary = primary.without(&|name| matches!(changed.get(name), Some(None)));
        }
        Some(Self {
            primary,
            frame,
            head: self.head.clone(),
            owned,
            skipped: self.skipped,
            renamed: self.renamed.clone(),
            #[cfg(feature = "http")]
            response: self.response.clone(),
            content: PhantomData,
        })
    }

    /// Returns the document with ids in place of the local ones of its primary records.
    pub(crate) fn with_ids(mut self, ids: &dyn Fn(&RecordRef) -> Option<Id>) -> Self {
        self.primary = self.primary.renamed(ids);
        self
    }

    /// Returns whether the document shows something as it was before this change.
    pub(crate) fn is_outdated(&self, edit: &FrameEdit<'_>) -> bool {
        self.frame.is_outdated(edit.changed, edit.names)
            || self.frame.renamed(edit.renames).is_some()
            || self.frame.with_added(edit.added).is_some()
    }

    /// Returns whether the primary record is among those that are deleted.
    pub(crate) fn loses_its_record(&self, edit: &FrameEdit<'_>) -> bool {
        let is_deleted = |name: &RecordRef| edit.deletes && matches!(edit.changed.get(name), Some(None));
        matches!(&self.primary, Primary::One(record) if is_deleted(record)) && !self.lacks_its_record()
    }

    /// Returns the document without deleted records in its list.
    pub(crate) fn without(mut self, deleted: &HashSet<RecordRef>) -> Self {
        if !deleted.is_empty() {
            self.primary = self.primary.without(&|name| deleted.contains(name));
        }
        self
    }

    /// Returns whether the primary record was deleted.
    pub(crate) fn lacks_its_record(&self) -> bool {
        matches!(&self.primary, Primary::One(record) if self.primary_record(&record.id).is_none())
    }

    /// Returns whether two documents say the same, with the same records in the same allocations.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.primary == other.primary
            && self.head == other.head
            && self.skipped == other.skipped
            && self.frame.is_same(&other.frame)
    }

    /// Takes the head of the response from an answer that says the same.
    #[cfg(feature = "http")]
    pub(crate) fn renew_response(&self, newer: &Self) {
        if let (Some(present), Some(newer)) = (&self.response, &newer.response) {
            present.renew(newer.latest());
        }
    }

    /// Returns the record that a relationship names, if the document shows it. Takes a binary search.
    #[must_use]
    pub fn one<K: ResourceKey<Value: Resource>>(&self, relation: &One<K>) -> Option<&Arc<K::Value>> {
        self.get(relation.key()?)
    }

    /// Returns the records that a relationship names, in order. Those that the document does not show are left out. A
    /// record that came after the one before it is found at once, any other by a binary search.
    pub fn many<'d, K: ResourceKey<Value: Resource>>(
        &'d self,
        relation: &'d Many<K>,
    ) -> impl Iterator<Item = &'d Arc<K::Value>> {
        let list = self.frame.list_of::<K::Value>().zip(relation.data().value());
        list.into_iter().flat_map(|(list, keys)| list.named(keys, ResourceKey::id))
    }

    /// Returns a record, if the document shows it. Takes a binary search. No look-up in the cache.
    #[must_use]
    pub fn get<K: ResourceKey<Value: Resource>>(&self, key: &K) -> Option<&Arc<K::Value>> {
        self.frame.get(key.id())
    }

    /// Returns the links of the document.
    #[must_use]
    pub fn links(&self) -> Option<&Links> {
        self.head.as_ref()?.links.as_ref()
    }

    /// Returns the URL of the next page; `None` if there is none, or the server does not say. It may be relative to the
    /// URL of the response: whoever sends the request resolves it.
    ///
    /// If a query has the URL as its key, each page is an entry of its own, and
    /// [`Client::infinite`](cache_client::Client::infinite) shows them as one list:
    /// `client.infinite(GetPage(url), |page| page.next().map(|url| GetPage(url.into())))`.
    /// [`Client::paged`](cache_client::Client::paged) has pages by number, and takes their total from `meta` or from
    /// the URL of the [last](Self::last).
    #[must_use]
    pub fn next(&self) -> Option<&str> {
        self.link("next")
    }

    /// Returns the URL of the previous page, as [`next`](Self::next) does.
    #[must_use]
    pub fn prev(&self) -> Option<&str> {
        self.link("prev")
    }

    /// Returns the URL of the first page, as [`next`](Self::next) does.
    #[must_use]
    pub fn first(&self) -> Option<&str> {
        self.link("first")
    }

    /// Returns the URL of the last page, as [`next`](Self::next) does.
    #[must_use]
    pub fn last(&self) -> Option<&str> {
        self.link("last")
    }

    fn link(&self, name: &str) -> Option<&str> {
        self.links()?.href(name)
    }

    /// Returns the meta of the document.
    #[must_use]
    pub fn meta(&self) -> Option<&Meta> {
        self.head.as_ref()?.meta.as_ref()
    }

    /// Returns whether the document has primary data, which may be null or an empty list.
    #[must_use]
    pub fn has_data(&self) -> bool {
        self.primary != Primary::Absent
    }

    /// Returns the number of records that the document shows.
    #[must_use]
    pub fn records(&self) -> usize {
        self.frame.len()
    }

    /// Returns the number of resources that were left out, since the program does not list their types.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    fn primary_record(&self, id: &Id) -> Option<&Arc<T::Resource>> {
        self.frame.get(id)
    }
}

impl<T: Content + ?Sized> Document<T> {
    /// Returns a document that also shows a record, by which its links can be followed. It takes the place of one with the
    /// same key.
    ///
    /// So a layer or a transaction shows what the program has made itself, under a [local id](Id::local). Takes time linear
    /// in the number of records of the type.
    #[must_use]
    pub fn showing<K: ResourceKey<Value: Resource>>(
        &self,
        key: &K,
        record: impl Into<Arc<K::Value>>,
    ) -> Self {
        self.with_frame(self.frame.showing(key.id(), record.into()))
    }
}

impl<R: Resource> Document<R> {
    /// Makes a document about a record that the program has made itself, under a [local id](Id::local).
    ///
    /// # Examples
    /// ```
    /// # use cache_core::Query;
    /// # use cache_documents::{Document, Field, Id, Resource};
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = Article, record)]
    /// # struct ArticleId(Id);
    /// # #[derive(Resource, Clone, Debug, PartialEq)]
    /// # #[resource(type = "articles", key = ArticleId)]
    /// # struct Article { title: Field<String> }
    /// let draft = Document::about(&ArticleId(Id::local("draft")), Article { title: Field::Value("One".into()) });
    /// assert_eq!(draft.data().unwrap().title.value().map(String::as_str), Some("One"));
    /// ```
    #[must_use]
    pub fn about(key: &R::Key, record: impl Into<Arc<R>>) -> Self {
        let frame = Frame::default().showing(key.id(), record.into());
        Self::of_parts(Primary::One(RecordRef::of(key)), frame)
    }

    /// Says that the document is what the server has answered when a record was saved, such as the answer to a POST.
    ///
    /// If the key is local, and the answer has an id, both become names of one record when the document is stored or
    /// [merged](crate::DocumentsOf::merge_records), in the same commit:
    /// - Documents that show the local record show the server's in its place. What the answer does not mention stays as
    ///   the program has made it. If there is a record with this id already, the fields that it has are stronger.
    /// - Links to the local key become links to the id.
    /// - The local key still finds the record, for reads of the cache, patches, deletions and links, for as long as a
    ///   document shows the record. [`DocumentsOf::key`](crate::DocumentsOf::key) returns the key with the id. Documents
    ///   show the record under that key only.
    /// - When the last document goes, the local key is no longer a name of the record. If the program or a running load
    ///   keeps the record itself, the cache may still find that moment of it under the local key, and changes no longer
    ///   reach it.
    ///
    /// A response that has a resource with `id` and `lid` says the same by itself, of any resource.
    ///
    /// A push that brings the record before the answer makes a second record of it, which the answer joins with the local
    /// one. Until then, lists may show both.
    ///
    /// # Errors
    /// The key has an id, and the answer another one, or another local one. If a local key has become an id before, and
    /// the answer gives another one, the commit is refused with [`IdChanged`] as its source.
    ///
    /// # Examples
    /// ```
    /// # use cache_client::{App, Client, Context, Fetch};
    /// # use cache_core::{Cache, Query, registry};
    /// # use cache_documents::{
    /// #     ClientDocuments, Document, DocumentError, DocumentsBuilder, Field, Id, ReadDocument, Resource,
    /// #     ResourceList, Resources,
    /// # };
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = Article, record)]
    /// # struct ArticleId(Id);
    /// # #[derive(Resource, Clone, Debug, PartialEq)]
    /// # #[resource(type = "articles", key = ArticleId)]
    /// # struct Article { title: Field<String> }
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = Document<Article>, capacity = 100, fresh = "60s")]
    /// # struct GetDraft;
    /// # registry! { struct BlogRegistry { ArticleId, GetDraft } }
    /// # struct Blog;
    /// # impl App for Blog { type Registry = BlogRegistry; }
    /// # impl Resources for Blog {
    /// #     fn list(list: &mut ResourceList<Self>) { list.add::<Article>(); }
    /// # }
    /// # impl Fetch<Blog> for GetDraft {
    /// #     type Error = DocumentError;
    /// #     async fn fetch(&self, cx: &Context<Blog>) -> Result<Document<Article>, DocumentError> {
    /// #         cx.document(b"{\"data\": null}")
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::builder(Cache::new(), Blog).documents().build();
    /// let draft = ArticleId(Id::local("draft"));
    /// let made = Document::about(&draft, Article { title: Field::Value("One".into()) });
    /// client.documents().write(&GetDraft, made).await?;
    ///
    /// // The answer to the POST.
    /// let answer = client.document::<Article>(br#"{"data": {"type": "articles", "id": "12"}}"#)?;
    /// client.documents().merge_records(answer.saved(&draft)?).await?;
    ///
    /// let shown = client.query(&GetDraft).await?;
    /// assert_eq!(shown.get(&ArticleId("12".into())).unwrap().title, Field::Value("One".into()));
    /// assert!(client.cache().get(&draft).is_some());
    /// assert_eq!(client.documents().key(&draft), ArticleId("12".into()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn saved(mut self, key: &R::Key) -> Result<Self, IdChanged> {
        let Primary::One(said) = &self.primary else { return Ok(self) };
        let name = RecordRef::of(key);
        let renamed = self.renamed.iter().find(|(local, _)| *local == name).map(|(_, name)| &name.id);
        let known = renamed.unwrap_or(&name.id);
        if *known == said.id {
            return Ok(self);
        }
        if known.lid().is_none() || said.id.lid().is_some() {
            let (resource, known, said) = (R::TYPE, known.clone(), said.id.clone());
            return Err(IdChanged { resource, name: name.id, known, said });
        }
        self.renamed.push((name, said.clone()));
        Ok(self)
    }

    /// Returns the primary record; `None` if the document's data is null or absent.
    #[must_use]
    pub fn data(&self) -> Option<&Arc<R>> {
        match &self.primary {
            Primary::One(record) => self.primary_record(&record.id),
            Primary::Absent | Primary::Null | Primary::Many(_) => None,
        }
    }

    /// Returns the key of the primary record; `None` if the document's data is null or absent.
    #[must_use]
    pub fn key(&self) -> Option<R::Key> {
        match &self.primary {
            Primary::One(record) if self.data().is_some() => Some(R::Key::from_id(record.id.clone())),
            Primary::One(_) | Primary::Absent | Primary::Null | Primary::Many(_) => None,
        }
    }
}

impl<R: Resource> Document<[R]> {
    /// Returns a document that also shows a record, at the end of its list, as [`showing`](Self::showing) does. A record
    /// that the list has stays where it is.
    #[must_use]
    pub fn pushing(&self, key: &R::Key, record: impl Into<Arc<R>>) -> Self {
        let mut next = self.showing(key, record);
        let name = RecordRef::of(key);
        let present = self.primary.list().map_or(&[][..], |records| records);
        if !present.contains(&name) {
            next.primary = Primary::Many(present.iter().cloned().chain([name]).collect());
        }
        next
    }

    /// Returns the primary records, in the order of the response.
    pub fn data(&self) -> impl ExactSizeIterator<Item = &Arc<R>> {
        let list = self.frame.list_of::<R>().zip(self.primary.list());
        let shown = list.into_iter().flat_map(|(list, records)| list.named(records, |record| &record.id));
        shown.collect::<Vec<_>>().into_iter()
    }

    /// Returns the keys of the primary records, in the same order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = R::Key> {
        let list = self.frame.list_of::<R>().zip(self.primary.list());
        let shown =
            list.into_iter().flat_map(|(list, records)| list.find(records.iter().map(|record| &record.id)));
        shown.map(|(id, _)| R::Key::from_id(id.clone())).collect::<Vec<_>>().into_iter()
    }
}

impl<T: ?Sized> Clone for Document<T> {
    fn clone(&self) -> Self {
        Self {
            primary: self.primary.clone(),
            frame: self.frame.clone(),
            head: self.head.clone(),
            owned: self.owned.clone(),
            skipped: self.skipped,
            renamed: self.renamed.clone(),
            #[cfg(feature = "http")]
            response: self.response.clone(),
            content: PhantomData,
        }
    }
}

impl<T: Content + ?Sized> Debug for Document<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("type", &T::Resource::TYPE)
            .field("primary", &self.primary)
            .field("records", &self.records())
            .finish_non_exhaustive()
    }
}
