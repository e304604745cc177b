//! The provider: reads on the calling thread, and queues writes for a thread of its own.

use std::fmt::{self, Debug};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cache_client::Provider;
use cache_core::BoxError;
use redb::StorageError;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::open::{FileError, OpenError};
use crate::shared::{Shared, Write, wall};
use crate::writer::{QUEUE, QUEUE_BYTES, Request, run};

/// Keeps the answers of a client in one file, which outlives the program.
///
/// See the [page of the crate](crate) for what is kept, and for what happens to a file that cannot be used.
///
/// Dropping the provider writes what is queued and closes the file, which blocks the thread for as long as that takes.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use cache_client::Provider;
/// use cache_file::FileProvider;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cache_core::BoxError> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("answers.redb");
/// let provider = FileProvider::open(&path)?.max_bytes(64 * 1024 * 1024);
/// provider.set("get_title;id=7", b"Seven".to_vec(), Duration::from_secs(60)).await?;
/// drop(provider);
///
/// let provider = FileProvider::open(&path)?;
/// assert_eq!(provider.get("get_title;id=7").await?.as_deref(), Some(&b"Seven"[..]));
/// # Ok(())
/// # }
/// ```
pub struct FileProvider {
    shared: Arc<Shared>,
    /// Taken when the provider is dropped.
    writes: Option<mpsc::Sender<Request>>,
    /// The bytes of values for which the queue has room.
    room: Arc<Semaphore>,
    writer: Option<JoinHandle<()>>,
}

impl FileProvider {
    /// Opens a file, or creates it, and checks all of it. Its folder has to exist. Blocks the thread, for about as long
    /// as it takes to read the file.
    ///
    /// A file that another process uses is no error: the provider is off until the file is free.
    ///
    /// # Errors
    /// If the file can be neither written nor read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared::open(path.as_ref())?);
        let (writes, queue) = mpsc::channel(QUEUE);
        let writer = {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name("cache-file".to_owned());
            let spawned = thread.spawn(move || run(&shared, queue));
            spawned.map_err(|error| OpenError::new(path.as_ref(), StorageError::Io(error).into()))?
        };
        let room = Arc::new(Semaphore::new(QUEUE_BYTES as usize));
        Ok(Self { shared, writes: Some(writes), room, writer: Some(writer) })
    }

    /// Bounds the bytes of all keys and values. When space runs out, the oldest entries are dropped first; those that
    /// were read meanwhile are kept for another round. An entry that alone exceeds the bound is not kept. Applies from
    /// the next write on. Default: 256 MiB.
    ///
    /// The file is larger than the bound, because its pages are not full: with entries of 1 KiB, by half. It never
    /// shrinks.
    #[must_use]
    pub fn max_bytes(self, bytes: u64) -> Self {
        self.shared.max_bytes.store(bytes, Ordering::Relaxed);
        self
    }

    /// Sets how long the provider waits before it opens a file again that another process uses or that cannot be
    /// written. The first call after that time opens it. Default: 5 s.
    #[must_use]
    pub fn retry_after(self, time: Duration) -> Self {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.shared.retry_after.store(millis, Ordering::Relaxed);
        self
    }

    /// Queues a change, and waits until it is in the file.
    async fn write(&self, write: Write) -> Result<(), BoxError> {
        let bytes = match &write {
            Write::Set { value, .. } => {
                u32::try_from(value.len()).map_or(QUEUE_BYTES, |len| len.min(QUEUE_BYTES))
            }
            Write::Remove { .. } => 0,
        };
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await.map_err(|_| FileError::Closed)?;
        let (done, ended) = oneshot::channel();
        let request = Request::Write { write, done, room };
        let writes = self.writes.as_ref().ok_or(FileError::Closed)?;
        writes.send(request).await.map_err(|_| FileError::Closed)?;
        Ok(ended.await.map_err(|_| FileError::Closed)??)
    }

    /// Requests that the writer opens the file again, if nothing can be read and the wait is over.
    fn reopen_if_due(&self) {
        if self.shared.is_off_and_due()
            && let Some(writes) = &self.writes
        {
            // If the queue is full, its requests do the same.
            let _ = writes.try_send(Request::Reopen);
        }
    }
}

/// While another process uses the file, the provider finds and stores nothing.
impl Provider for FileProvider {
    /// Reads on the calling thread, from the file or from memory.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, BoxError> {
        let found = self.shared.read(key);
        self.reopen_if_due();
        Ok(found?)
    }

    /// Completes when the value is on disk.
    async fn set(&self, key: &str, value: Vec<u8>, ttl: Duration) -> Result<(), BoxError> {
        let expires = wall().saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        self.write(Write::Set { key: key.to_owned(), value, expires }).await
    }

    /// Completes when the entry has been removed from the disk for good.
    async fn remove(&self, key: &str) -> Result<(), BoxError> {
        self.write(Write::Remove { key: key.to_owned() }).await
    }
}

impl Drop for FileProvider {
    fn drop(&mut self) {
        drop(self.writes.take());
        if let Some(writer) = self.writer.take() {
            // The thread catches the panics of the database, so it ends by itself.
            let _ = writer.join();
        }
    }
}

impl Debug for FileProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileProvider").field("path", &self.shared.path).finish_non_exhaustive()
    }
}
