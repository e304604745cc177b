//! A pool of a few connections. SQLite blocks, so its work runs on tokio's blocking threads. Knows no SQL.

use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections, and as many permits.
pub(super) struct Pool {
    permits: Arc<Semaphore>,
    idle: Arc<Idle>,
}

type Idle = Mutex<Vec<Connection>>;

/// A connection that is returned to the pool when this is dropped, after a panic too.
struct Borrowed {
    /// Taken only by `drop`.
    connection: Option<Connection>,
    idle: Arc<Idle>,
    /// Returned after the connection, so that its next owner finds one.
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(connections: Vec<Connection>) -> Self {
        let permits = Arc::new(Semaphore::new(connections.len()));
        Self { permits, idle: Arc::new(Mutex::new(connections)) }
    }

    /// Runs `work` with a connection as soon as one is free. If the future is dropped before that, it never runs.
    pub(super) async fn run<T: Send + 'static, E: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
            unreachable!("the permits are never closed");
        };
        let connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut borrowed = Borrowed { connection, idle: Arc::clone(&self.idle), _permit: permit };
        super::blocking(move || match &mut borrowed.connection {
            Some(connection) => work(connection),
            None => unreachable!("there are as many connections as permits"),
        })
        .await
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
    }
}

impl Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("free", &self.permits.available_permits()).finish_non_exhaustive()
    }
}
