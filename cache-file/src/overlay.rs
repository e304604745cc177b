//! A file that is only read: writes of the database stay in memory, and are discarded when it is closed. So the
//! database can be read, and repaired for reading, where the disk is full or the file is read-only.

use std::collections::BTreeMap;
use std::ops::Bound;

use parking_lot::RwLock;
use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

/// The size of the pages that are kept in memory.
const PAGE: u64 = 4096;

#[derive(Debug)]
pub(crate) struct Overlay {
    file: FileBackend,
    written: RwLock<Written>,
}

/// What was written over the file.
#[derive(Debug)]
struct Written {
    /// Whole pages by their number.
    pages: BTreeMap<u64, Box<[u8]>>,
    len: u64,
    /// The length up to which the file itself is still valid.
    file_len: u64,
}

impl Overlay {
    /// # Errors
    /// If the length of the file cannot be read.
    pub(crate) fn new(file: FileBackend) -> std::io::Result<Self> {
        let len = file.len()?;
        let written = RwLock::new(Written { pages: BTreeMap::new(), len, file_len: len });
        Ok(Self { file, written })
    }

    /// Reads from the file; zeros beyond its end.
    fn read_file(&self, offset: u64, out: &mut [u8], file_len: u64) -> std::io::Result<()> {
        let inside = file_len.saturating_sub(offset).min(out.len() as u64);
        let (inside, beyond) = out.split_at_mut(usize::try_from(inside).unwrap_or(usize::MAX));
        beyond.fill(0);
        if inside.is_empty() { Ok(()) } else { self.file.read(offset, inside) }
    }
}

/// The parts of a range in each page: its number, and where the part begins in the page and in the range.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        (done < len).then(|| {
            let at = offset + done as u64;
            let in_page = (at % PAGE) as usize;
            let end = len.min(done + PAGE as usize - in_page);
            let part = (at / PAGE, in_page, done..end);
            done = end;
            part
        })
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.written.read().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        let written = self.written.read();
        if offset.saturating_add(out.len() as u64) > written.len {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        for (page, in_page, part) in parts(offset, out.len()) {
            let out = &mut out[part];
            match written.pages.get(&page) {
                Some(bytes) => out.copy_from_slice(&bytes[in_page..in_page + out.len()]),
                None => self.read_file(page * PAGE + in_page as u64, out, written.file_len)?,
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        let mut written = self.written.write();
        if len < written.len {
            written.file_len = written.file_len.min(len);
            let mut beyond = written.pages.split_off(&(len / PAGE));
            if let Some(mut page) = beyond.remove(&(len / PAGE)) {
                page[(len % PAGE) as usize..].fill(0);
                written.pages.insert(len / PAGE, page);
            }
        }
        written.len = len;
        Ok(())
    }

    fn sync_data(&self) -> std::io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        let mut written = self.written.write();
        for (page, in_page, part) in parts(offset, data.len()) {
            if !written.pages.contains_key(&page) {
                let mut bytes = vec![0; PAGE as usize].into_boxed_slice();
                self.read_file(page * PAGE, &mut bytes, written.file_len)?;
                written.pages.insert(page, bytes);
            }
            if let Some(bytes) = written.pages.get_mut(&page) {
                bytes[in_page..in_page + part.len()].copy_from_slice(&data[part]);
            }
        }
        Ok(())
    }

    fn close(&self) -> std::io::Result<()> {
        self.file.close()
    }

    /// Shared, as this only reads: an exclusive lock may need a file that is open for writing. A writer excludes both.
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
