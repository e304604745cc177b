//! The thread that writes: it commits all queued changes together.

use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::open::FileError;
use crate::shared::{Shared, Write};

/// How many changes may be queued. Callers wait while the queue is full.
pub(crate) const QUEUE: usize = 4_096;

/// How many bytes of values may be queued. A larger value is queued alone.
pub(crate) const QUEUE_BYTES: u32 = 16 * 1024 * 1024;

/// How long to wait for changes that callers queue at the same time, again and again while there are some. Little beside
/// the milliseconds of a commit.
const WAIT: Duration = Duration::from_micros(100);
const WAITS: usize = 5;

/// How many bytes of values one commit takes. The change that exceeds this is included.
const GROUP_BYTES: usize = 8 * 1024 * 1024;

pub(crate) enum Request {
    Write {
        write: Write,
        done: oneshot::Sender<Result<(), FileError>>,
        /// The room of the value in the queue, held until the value is written.
        room: OwnedSemaphorePermit,
    },
    /// Opens a file again that could not be used as usual.
    Reopen,
}

/// Writes until the provider is dropped, and closes the file.
pub(crate) fn run(shared: &Shared, mut queue: mpsc::Receiver<Request>) {
    while let Some(first) = queue.blocking_recv() {
        let mut group = Group::default();
        group.add(first);
        for _ in 0..WAITS {
            thread::sleep(WAIT);
            if !group.gather(&mut queue) {
                break;
            }
        }
        group.write(shared);
    }
    shared.end();
}

/// Changes that are written together.
#[derive(Default)]
struct Group {
    writes: Vec<Write>,
    done: Vec<oneshot::Sender<Result<(), FileError>>>,
    room: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Group {
    fn add(&mut self, request: Request) {
        if let Request::Write { write, done, room } = request {
            match &mut self.room {
                Some(of_group) => of_group.merge(room),
                none => *none = Some(room),
            }
            if let Write::Set { value, .. } = &write {
                self.bytes += value.len();
            }
            self.writes.push(write);
            self.done.push(done);
        }
    }

    /// Adds what is queued. Returns whether there was something and there is room for more.
    fn gather(&mut self, queue: &mut mpsc::Receiver<Request>) -> bool {
        let before = self.writes.len();
        while self.has_room()
            && let Ok(next) = queue.try_recv()
        {
            self.add(next);
        }
        self.writes.len() > before && self.has_room()
    }

    fn has_room(&self) -> bool {
        self.bytes < GROUP_BYTES && self.writes.len() < QUEUE
    }

    fn write(mut self, shared: &Shared) {
        if self.writes.is_empty() {
            return shared.reopen_if_due();
        }
        let result = shared.write(&self.writes);
        let room = self.room.take();
        for (write, done) in self.writes.into_iter().zip(self.done) {
            let result = match (&result, write) {
                // The file belongs to another process, so nothing of this one is lost.
                (Err(FileError::InUse), Write::Set { .. }) => Ok(()),
                (result, _) => result.clone(),
            };
            // The caller may have left.
            let _ = done.send(result);
        }
        drop(room);
    }
}
