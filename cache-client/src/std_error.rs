//! Errors of the client that implement [`Error`] even if the error of the user's code does not.

use std::error::Error;
use std::fmt::{self, Debug, Display};
use std::sync::Arc;

use crate::error::QueryError;
use crate::ingest::SourceError;
use crate::mutate::MutateError;

/// An error of the client that implements [`Error`] even if its `E` does not, as with `anyhow::Error`.
///
/// Created by [`QueryError::into_error`], [`MutateError::into_error`] and [`SourceError::into_error`]. Displays like
/// the original error. Its sources are the error that `E` refers to and the sources of that.
///
/// `anyhow::Error` can be downcast to it: `error.downcast_ref::<WithSource<QueryError<anyhow::Error>>>()`.
#[derive(Clone, Debug)]
pub struct WithSource<T>(
    /// The original error.
    pub T,
);

impl<T: Display> Display for WithSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What `anyhow::Error` and similar types refer to.
type Referred = dyn Error + Send + Sync;

impl<E: AsRef<Referred> + Debug> Error for WithSource<QueryError<E>> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            QueryError::Failed { source, .. } => Some((**source).as_ref()),
            // Displays like the error of the options itself.
            QueryError::Options(error) => error.source(),
            _ => None,
        }
    }
}

impl<E: AsRef<Referred> + Debug> Error for WithSource<MutateError<E>> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            MutateError::Failed { source, .. } => Some(source.as_ref()),
            MutateError::Refused { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl<E: AsRef<Referred> + Debug> Error for WithSource<SourceError<E>> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            SourceError::Failed { source, .. } => Some((**source).as_ref()),
            SourceError::Panicked { .. } => None,
        }
    }
}

/// An error that consists of its text. [`QueryError::into_display_error`] and its variants create it from an `E` that
/// implements [`Display`] but not [`Error`]. It has no source.
#[derive(Clone)]
pub struct DisplayError<E>(
    /// What it displays.
    pub E,
);

impl<E: Display> Display for DisplayError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: Display> Debug for DisplayError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DisplayError").field(&format_args!("{}", self.0)).finish()
    }
}

impl<E: Display> Error for DisplayError<E> {}

impl<E> QueryError<E> {
    /// Converts the error into one that implements [`Error`], for an `E` that refers to an error without being one:
    /// `anyhow::Error`, `eyre::Report`, `Box<dyn Error + Send + Sync>`.
    ///
    /// ```
    /// # use cache_client::{App, Client, Context, Fetch};
    /// # use cache_core::{Cache, Query, registry};
    /// use anyhow::Context as _;
    ///
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 1_000, fresh = "30s")]
    /// # pub struct GetTitle { pub id: u64 }
    /// # registry! { pub struct CacheRegistry { GetTitle } }
    /// # struct Blog;
    /// # impl App for Blog { type Registry = CacheRegistry; }
    /// impl Fetch<Blog> for GetTitle {
    ///     type Error = anyhow::Error;
    ///
    ///     async fn fetch(&self, _: &Context<Blog>) -> anyhow::Result<String> {
    ///         std::fs::read_to_string("no such folder/title").context("the title is not readable")
    ///     }
    /// }
    ///
    /// async fn length(client: &Client<Blog>, id: u64) -> anyhow::Result<usize> {
    ///     let title = client.query(&GetTitle { id }).await.map_err(|error| error.into_error())?;
    ///     Ok(title.len())
    /// }
    /// # fn main() -> anyhow::Result<()> {
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// # let client = Client::builder(Cache::<CacheRegistry>::new(), Blog).build();
    ///
    /// let error = length(&client, 7).await.unwrap_err();
    /// let chain: Vec<String> = error.chain().map(|error| error.to_string()).collect();
    /// assert_eq!(chain[..2], ["the load of `get_title` failed", "the title is not readable"]);
    /// assert!(error.chain().any(|error| error.is::<std::io::Error>()));
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    #[must_use]
    pub fn into_error(self) -> WithSource<Self>
    where
        E: AsRef<dyn Error + Send + Sync>,
    {
        WithSource(self)
    }

    /// Converts the error into one that implements [`Error`], for an `E` that implements only [`Display`], such as
    /// `String`. The source of the result is the text of `E`.
    #[must_use]
    pub fn into_display_error(self) -> QueryError<DisplayError<Arc<E>>> {
        self.with_source(|source| Arc::new(DisplayError(source)))
    }
}

impl<E> MutateError<E> {
    /// Like [`QueryError::into_error`].
    #[must_use]
    pub fn into_error(self) -> WithSource<Self>
    where
        E: AsRef<dyn Error + Send + Sync>,
    {
        WithSource(self)
    }

    /// Like [`QueryError::into_display_error`].
    #[must_use]
    pub fn into_display_error(self) -> MutateError<DisplayError<E>> {
        match self {
            Self::Failed { mutation, source } => {
                MutateError::Failed { mutation, source: DisplayError(source) }
            }
            Self::Panicked { mutation, message } => MutateError::Panicked { mutation, message },
            Self::Cycle { mutation } => MutateError::Cycle { mutation },
            Self::Interrupted { mutation } => MutateError::Interrupted { mutation },
            Self::Refused { mutation, source } => MutateError::Refused { mutation, source },
        }
    }
}

impl<E> SourceError<E> {
    /// Like [`QueryError::into_error`].
    #[must_use]
    pub fn into_error(self) -> WithSource<Self>
    where
        E: AsRef<dyn Error + Send + Sync>,
    {
        WithSource(self)
    }

    /// Like [`QueryError::into_display_error`].
    #[must_use]
    pub fn into_display_error(self) -> SourceError<DisplayError<Arc<E>>> {
        match self {
            Self::Failed { name, source } => {
                SourceError::Failed { name, source: Arc::new(DisplayError(source)) }
            }
            Self::Panicked { name, message } => SourceError::Panicked { name, message },
        }
    }
}
