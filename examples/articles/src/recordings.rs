//! A program whose server is a folder of recorded documents.

use std::path::{Path, PathBuf};
use std::{fs, io};

use cache_client::{App, Context, Fetch};
use cache_documents::{Content, Document, DocumentError, ReadDocument, ResourceList, Resources};

use crate::CacheRegistry;
use crate::queries::{Article, Comment, GetArticle, GetFeed, GetPerson, Person};

/// A folder of recorded documents.
#[derive(Debug)]
pub struct Recordings(pub PathBuf);

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// There is no such file, or it is not readable.
    #[error("cannot read {path}")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// It is not a document that the program understands.
    #[error("{path} is not understood")]
    NotUnderstood {
        path: PathBuf,
        #[source]
        source: DocumentError,
    },
}

impl App for Recordings {
    type Registry = CacheRegistry;
}

impl Resources for Recordings {
    fn list(list: &mut ResourceList<Self>) {
        list.add::<Article>();
        list.add::<Person>();
        list.add::<Comment>();
    }
}

impl Recordings {
    /// Returns the path of a recording.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name).with_extension("json")
    }

    /// Returns the number of bytes of a recording.
    pub fn size(&self, name: &str) -> Result<u64, RecordingError> {
        let path = self.path(name);
        fs::metadata(&path).map(|metadata| metadata.len()).map_err(|source| unreadable(&path, source))
    }
}

fn unreadable(path: &Path, source: io::Error) -> RecordingError {
    RecordingError::Unreadable { path: path.to_owned(), source }
}

fn read<T: Content + ?Sized>(cx: &Context<Recordings>, name: &str) -> Result<Document<T>, RecordingError> {
    let path = cx.app().path(name);
    let body = fs::read(&path).map_err(|source| unreadable(&path, source))?;
    cx.document(&body).map_err(|source| RecordingError::NotUnderstood { path, source })
}

impl Fetch<Recordings> for GetArticle {
    type Error = RecordingError;

    async fn fetch(&self, cx: &Context<Recordings>) -> Result<Document<Article>, RecordingError> {
        read(cx, &format!("article-{}", self.id))
    }

    fn is_retryable(_: &RecordingError) -> bool {
        false
    }
}

impl Fetch<Recordings> for GetFeed {
    type Error = RecordingError;

    async fn fetch(&self, cx: &Context<Recordings>) -> Result<Document<[Article]>, RecordingError> {
        read(cx, "feed")
    }

    fn is_retryable(_: &RecordingError) -> bool {
        false
    }
}

impl Fetch<Recordings> for GetPerson {
    type Error = RecordingError;

    async fn fetch(&self, cx: &Context<Recordings>) -> Result<Document<Person>, RecordingError> {
        read(cx, &format!("person-{}", self.id))
    }

    fn is_retryable(_: &RecordingError) -> bool {
        false
    }
}
