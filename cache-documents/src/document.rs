//! Documents: answers that show records.

use std::any::Any;
use std::fmt::{self, Debug};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::frame::Changed;
use crate::frame::Frame;
use crate::id::Id;
use crate::jsonapi::head::Head;
use crate::jsonapi::read::{Expected, Primary, Response};
use crate::jsonapi::{Links, Meta};
use crate::map::HashSet;
use crate::record::RecordRef;
use crate::record_types::RecordTypes;
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
    pub(crate) head: Arc<Head>,
    /// Present once the document is stored: its entries in the index of records, which it leaves when the last document
    /// with the same records goes.
    pub(crate) owned: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) skipped: usize,
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

mod sealed {
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

    pub(crate) fn of_response(response: Response, types: &RecordTypes) -> Self {
        let Response { primary, records, head, skipped } = response;
        Self {
            primary,
            frame: Frame::new(records, &|resource| types.to_list(resource)),
            head: Arc::new(head),
            owned: None,
            skipped,
            #[cfg(feature = "http")]
            response: None,
            content: PhantomData,
        }
    }

    /// Returns the same document with other records, not yet entered in the index.
    pub(crate) fn with_frame(&self, frame: Frame) -> Self {
        Self { frame, owned: None, ..self.clone() }
    }

    /// Returns the document with the `changed` records of these names in place of those that it shows; `None` if it shows
    /// none of them, or has them already. Deleted records leave its lists.
    pub(crate) fn with_changes(&self, changed: &Changed, names: &HashSet<RecordRef>) -> Option<Self> {
        let frame = self.frame.with(changed, names)?;
        let primary = self.primary.without(&|name| matches!(changed.get(name), Some(None)));
        Some(Self { primary, frame, ..self.clone() })
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

    /// Returns the records that a relationship names, in order. Those that the document does not show are left out.
    pub fn many<'d, K: ResourceKey<Value: Resource>>(
        &'d self,
        relation: &'d Many<K>,
    ) -> impl Iterator<Item = &'d Arc<K::Value>> {
        relation.keys().iter().filter_map(|key| self.get(key))
    }

    /// Returns a record, if the document shows it. Takes a binary search. No look-up in the cache.
    #[must_use]
    pub fn get<K: ResourceKey<Value: Resource>>(&self, key: &K) -> Option<&Arc<K::Value>> {
        self.frame.get(key.id())
    }

    /// Returns the links of the document.
    #[must_use]
    pub fn links(&self) -> Option<&Links> {
        self.head.links.as_ref()
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
        self.head.meta.as_ref()
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

impl<R: Resource> Document<R> {
    /// Returns the primary record; `None` if the document's data is null or absent.
    #[must_use]
    pub fn data(&self) -> Option<&Arc<R>> {
        match &self.primary {
            Primary::One(record) => self.primary_record(&record.id),
            Primary::Absent | Primary::Null | Primary::Many(_) => None,
        }
    }
}

impl<R: Resource> Document<[R]> {
    /// Returns the primary records, in the order of the response.
    pub fn data(&self) -> impl ExactSizeIterator<Item = &Arc<R>> {
        let records = match &self.primary {
            Primary::Many(records) => &**records,
            Primary::Absent | Primary::Null | Primary::One(_) => &[],
        };
        let shown: Vec<_> = records.iter().filter_map(|record| self.primary_record(&record.id)).collect();
        shown.into_iter()
    }
}

impl<T: ?Sized> Clone for Document<T> {
    fn clone(&self) -> Self {
        Self {
            primary: self.primary.clone(),
            frame: self.frame.clone(),
            head: Arc::clone(&self.head),
            owned: self.owned.clone(),
            skipped: self.skipped,
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
