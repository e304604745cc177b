//! Saves a whole cache as it is at one moment.

use std::fmt::{self, Debug};
use std::io::Write;
use std::path::Path;

use crate::cache::Cache;
use crate::erased::ErasedTable;
use crate::registry::Registry;
use crate::shared::Shared;
use crate::snapshot::error::SnapshotError;
use crate::snapshot::file;
use crate::snapshot::frames::SaveRules;
use crate::snapshot::report::SaveReport;
use crate::snapshot::table_image::{TableImage, write_snapshot};
use crate::sync::processors;

/// Receives the number of entries done, and the total number.
pub(super) type OnProgress<'a> = Box<dyn FnMut(u64, u64) + 'a>;

/// Options for saving a cache. Created by [`Cache::save_options`].
///
/// # Examples
/// ```
/// # use cache_core::{Cache, Query, Shape, registry};
/// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
/// # #[query(value = String, capacity = 100, persist)]
/// # struct GetName { id: u64 }
/// # registry! { struct CacheRegistry { GetName } }
/// let cache = Cache::<CacheRegistry>::new();
/// cache.insert(GetName { id: 7 }, "Seven".to_owned());
/// let mut bytes = Vec::new();
/// let report = cache.save_options().with_survivors().skip_unencodable(true).write_to(&mut bytes)?;
/// for table in &report.tables {
///     for entry in &table.skipped.named {
///         eprintln!("{}: left out {entry}", table.name);
///     }
/// }
/// assert_eq!(report.entries(), 1);
/// # Ok::<(), cache_core::SnapshotError>(())
/// ```
#[must_use]
pub struct SaveOptions<'a, R: Registry> {
    cache: &'a Cache<R>,
    save: Save<'a>,
}

impl<'a, R: Registry> SaveOptions<'a, R> {
    /// Saves survivors too: values that only the program still holds.
    ///
    /// Their keys and `Arc`s are copied while writers wait, since the values may be dropped at any time.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// // A table without bound and times: all of its entries are survivors.
    /// let cache = Cache::<CacheRegistry>::new();
    /// let held = cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// assert_eq!(cache.save_options().write_to(Vec::new())?.entries(), 0);
    /// assert_eq!(cache.save_options().with_survivors().write_to(Vec::new())?.entries(), 1);
    /// # drop(held);
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn with_survivors(mut self) -> Self {
        self.save.with_survivors = true;
        self
    }

    /// Sets what happens if an entry cannot be encoded: `true` leaves it out and reports it, `false` fails
    /// the save. Default: `false`.
    ///
    /// Such entries have a key or value that serde cannot write, like a time before 1970, or a path that is not UTF-8.
    ///
    /// # Examples
    /// ```
    /// # use std::time::{Duration, SystemTime};
    /// # use cache_core::{Cache, Query, Shape, SnapshotError, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = SystemTime, capacity = 100, persist)]
    /// # struct GetBirthday;
    /// # registry! { struct CacheRegistry { GetBirthday } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetBirthday, SystemTime::UNIX_EPOCH - Duration::from_secs(1));
    /// assert!(matches!(cache.save_options().write_to(Vec::new()), Err(SnapshotError::Encode { .. })));
    ///
    /// let report = cache.save_options().skip_unencodable(true).write_to(Vec::new())?;
    /// assert_eq!(report.tables[0].skipped.count, 1);
    /// # Ok::<(), SnapshotError>(())
    /// ```
    pub fn skip_unencodable(mut self, skip: bool) -> Self {
        self.save.rules.skips_unencodable = skip;
        self
    }

    /// Sets what happens if an entry does not read back as it was: `true` leaves it out and reports it,
    /// `false` fails the save. Default: `true`.
    ///
    /// Such entries have a `Deserialize` that does not accept what their `Serialize` wrote, or reads it as a
    /// different value. They could not be restored in any case.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, SnapshotError, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = Even, capacity = 100, persist)]
    /// # struct GetEven;
    /// # registry! { struct CacheRegistry { GetEven } }
    /// #[derive(Shape, Clone, serde::Serialize, serde::Deserialize)]
    /// #[serde(try_from = "u64")]
    /// struct Even(u64);
    /// # impl TryFrom<u64> for Even {
    /// #     type Error = String;
    /// #     fn try_from(n: u64) -> Result<Self, String> {
    /// #         if n % 2 == 0 { Ok(Self(n)) } else { Err(format!("{n} is odd")) }
    /// #     }
    /// # }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetEven, Even(7));
    /// let report = cache.save_options().write_to(Vec::new())?;
    /// assert_eq!(report.tables[0].skipped.count, 1);
    /// assert!(cache.save_options().skip_unreadable(false).write_to(Vec::new()).is_err());
    /// # Ok::<(), SnapshotError>(())
    /// ```
    pub fn skip_unreadable(mut self, skip: bool) -> Self {
        self.save.rules.skips_unreadable = skip;
        self
    }

    /// Reads back the entries of all tables, even of those whose types are [known to survive](Cache::save)
    /// their codec.
    ///
    /// The save of such a table takes two to four times as long.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// assert!(!cache.save_options().write_to(Vec::new())?.tables[0].is_verified);
    /// assert!(cache.save_options().verify_all().write_to(Vec::new())?.tables[0].is_verified);
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn verify_all(mut self) -> Self {
        self.save.rules.verifies_all = true;
        self
    }

    /// Calls `on_progress` from time to time with the number of entries done so far and the total number.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let mut last = (0, 0);
    /// cache.save_options().on_progress(|done, total| last = (done, total)).write_to(Vec::new())?;
    /// assert_eq!(last, (1, 1));
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn on_progress(mut self, on_progress: impl FnMut(u64, u64) + 'a) -> Self {
        self.save.on_progress = Box::new(on_progress);
        self
    }

    /// Limits the threads that work on the save, including the caller's; with 0 or 1, only the caller's
    /// thread works.
    ///
    /// Default: as many as there are processors.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let report = cache.save_options().threads(1).write_to(Vec::new())?;
    /// assert_eq!(report.entries(), 1);
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn threads(mut self, threads: usize) -> Self {
        self.save.rules.threads = threads;
        self
    }

    /// Writes the snapshot to a file, as [`Cache::save`] does.
    ///
    /// # Errors
    /// Those of [`Cache::save`].
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.snapshot");
    /// let cache = Cache::<CacheRegistry>::new();
    /// let report = cache.save_options().with_survivors().write_file(&path)?;
    /// assert_eq!(report.bytes, path.metadata()?.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_file(self, path: impl AsRef<Path>) -> Result<SaveReport, SnapshotError> {
        file::replace(path.as_ref(), |out| self.write(out))
    }

    /// Writes the snapshot to a stream, as [`Cache::save_to`] does.
    ///
    /// # Errors
    /// Those of [`Cache::save_to`].
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let mut bytes = Vec::new();
    /// let report = cache.save_options().threads(1).write_to(&mut bytes)?;
    /// assert_eq!(report.bytes, bytes.len() as u64);
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn write_to(self, mut out: impl Write) -> Result<SaveReport, SnapshotError> {
        self.write(&mut out)
    }

    fn write(self, out: &mut dyn Write) -> Result<SaveReport, SnapshotError> {
        self.save.write(self.cache.shared(), &self.cache.tables(), out)
    }
}

/// The options of a save, apart from the cache.
struct Save<'a> {
    with_survivors: bool,
    rules: SaveRules,
    on_progress: OnProgress<'a>,
}

impl Save<'_> {
    fn write(
        mut self,
        shared: &Shared,
        tables: &[&dyn ErasedTable],
        out: &mut dyn Write,
    ) -> Result<SaveReport, SnapshotError> {
        // A clock may be foreign code, and no writer should wait for it.
        let (saved_at, now) = (shared.clock.wall(), shared.now());
        let mut images = Vec::new();
        let mut not_persisted = Vec::new();
        for table in tables {
            match table.image() {
                Some(image) => images.push(image),
                None => not_persisted.push(table.name().to_owned()),
            }
        }
        // One moment: from here on no write gets in. Readers are not blocked.
        let closed = shared.gate.close();
        images.iter_mut().for_each(|image: &mut TableImage<'_>| image.note(self.with_survivors, now));
        // After all shards are noted: a commit that had its locks when the gate was closed may have drawn its
        // revision since.
        let revision = shared.revision();
        drop(closed);
        let progress = &mut *self.on_progress;
        let mut report = write_snapshot(out, saved_at, revision, &mut images, self.rules, progress)?;
        report.not_persisted = not_persisted;
        Ok(report)
    }
}

impl<R: Registry> Cache<R> {
    /// Saves the cache to a file: all tables with `persist`, at one moment, never half a commit.
    ///
    /// The file is replaced atomically and durably: whatever happens, the old or the new snapshot is there,
    /// whole. Only its owner can read a new file (mode 0600); a file that replaces another has the mode of
    /// the old one. A link is followed. Anything other than a regular file is left as it is: for a pipe or a
    /// device, use [`save_to`](Self::save_to). While a save runs, the folder holds a file
    /// `.cache-core-snapshot-*.tmp`. The next save to the folder removes that of a killed process.
    ///
    /// # While it runs
    /// The save contains the entries as they are when it begins. Writers wait only while it notes which
    /// entries exist and in what order. That takes about 3 ms for 1,000,000 entries, and more if the values
    /// of survivors are saved. After that, writers continue. Keys and `Arc`s are copied 32 at a time, with
    /// their shard locked for reading, and encoded without locks.
    ///
    /// A write that changes or removes an entry which is not copied yet first puts its key and `Arc` aside
    /// for the save. So a replaced value may live until the save has written it, and an entry that expires or
    /// is evicted meanwhile stays readable until then, as if the program held its value. Later writes are not
    /// in the save; only use counts and idle times may be later than its beginning. Overlapping saves each
    /// have their own moment, and do not wait for one another.
    ///
    /// A save needs about 8 bytes of memory for each entry, 40 in a table with an exact order or without a
    /// bound, plus the entries that are put aside. A table frees the memory of removed entries only after the
    /// save.
    ///
    /// Tables of more than a few thousand entries are copied and encoded on all processors. So `Clone` and
    /// `Drop` of keys, `Serialize`, and `Drop` of values that were replaced meanwhile, may run on other
    /// threads, and must not wait for anything that the caller holds. These threads end before it returns.
    /// See [`SaveOptions::threads`].
    ///
    /// # What is saved
    /// Of each entry: key, value, times and marks, and its place in the order of use. Of the cache: the last
    /// revision.
    ///
    /// Not saved are tables without `persist`, survivors (except with [`SaveOptions::with_survivors`]),
    /// dynamic entries of types that are not [registered](crate::Builder::register), the history of entries
    /// and the revisions they were written at, labels, pins, watches, counters, and what open transactions
    /// have written.
    ///
    /// # What is read back
    /// If the types of a table may not survive its codec, the save reads back each entry before writing it:
    /// the key must be equal, and the value must serialise to the same data, in any order of the elements of
    /// maps, sets and sequences. These are tables with types that contain themselves, `#[shape(opaque)]` or
    /// `#[query(opaque)]`, conversions like `#[serde(try_from)]`, keys with a field that serde skips, and
    /// others that are known to lose some values. The table of dynamic entries is always read back.
    ///
    /// All other tables are vouched for by the [`Shape`](crate::Shape) of their types. Only their first entry
    /// is read back, or all if that fails: reading back makes a save of large values take about twice as
    /// long, and three times in JSON. [`TableSave::is_verified`](crate::TableSave::is_verified) says which
    /// tables were read back, and [`SaveOptions::verify_all`] reads back all.
    ///
    /// An entry that does not read back is left out and reported; one that cannot be encoded fails the save. Both can
    /// be changed: [`SaveOptions::skip_unreadable`], [`SaveOptions::skip_unencodable`].
    ///
    /// # Errors
    /// - [`SnapshotError::Encode`]: an entry cannot be encoded.
    /// - [`SnapshotError::Path`]: the path is empty, or names something other than a regular file.
    /// - [`SnapshotError::File`]: the file cannot be written.
    ///
    /// The old file is left as it was, unless only the sync of the folder failed.
    ///
    /// # Panics
    /// If `Serialize` of a value, `Clone` of a key, or `Drop` of either panics, even while a writer puts the
    /// key aside; the writer continues. The old file is left as it was, and the save keeps nothing.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.snapshot");
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let report = cache.save(&path)?;
    /// println!("{report}"); // saved 1 entry, 242 bytes
    /// assert_eq!(report.entries(), 1);
    /// assert!(path.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<SaveReport, SnapshotError> {
        self.save_options().write_file(path)
    }

    /// Saves the cache to a stream, as [`save`](Self::save) does to a file.
    ///
    /// # Errors
    /// - [`SnapshotError::Encode`]: an entry cannot be encoded.
    /// - [`SnapshotError::Stream`]: the stream failed.
    ///
    /// The stream may have received a part of the snapshot.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let mut bytes = Vec::new();
    /// cache.save_to(&mut bytes)?;
    ///
    /// let other = Cache::<CacheRegistry>::new();
    /// other.restore_from(bytes.as_slice())?;
    /// assert_eq!(*other.get(&GetName { id: 7 }).unwrap(), "Seven");
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn save_to(&self, out: impl Write) -> Result<SaveReport, SnapshotError> {
        self.save_options().write_to(out)
    }

    /// Starts the configuration of a save: survivors, entries that cannot be saved, threads, progress.
    ///
    /// # Examples
    /// ```
    /// # use cache_core::{Cache, Query, Shape, registry};
    /// # #[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    /// # #[query(value = String, capacity = 100, persist)]
    /// # struct GetName { id: u64 }
    /// # registry! { struct CacheRegistry { GetName } }
    /// let cache = Cache::<CacheRegistry>::new();
    /// cache.insert(GetName { id: 7 }, "Seven".to_owned());
    /// let report = cache.save_options().skip_unencodable(true).threads(1).write_to(Vec::new())?;
    /// assert_eq!(report.entries(), 1);
    /// # Ok::<(), cache_core::SnapshotError>(())
    /// ```
    pub fn save_options(&self) -> SaveOptions<'_, R> {
        let on_progress = Box::new(|_, _| {});
        let save = Save { with_survivors: false, rules: SaveRules::new(processors()), on_progress };
        SaveOptions { cache: self, save }
    }
}

impl<R: Registry> Debug for SaveOptions<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaveOptions")
            .field("with_survivors", &self.save.with_survivors)
            .field("rules", &self.save.rules)
            .finish_non_exhaustive()
    }
}
