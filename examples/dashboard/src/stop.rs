//! Signals that end the program, also while it is blocked because its terminal accepts no output.

use std::io;
use std::time::Duration;

use crossterm::terminal::disable_raw_mode;
use tokio::sync::watch::{Receiver, channel};

/// How long the program may take to end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// The exit status of a program that had to be ended.
const ENDED: i32 = 1;

/// Listens for SIGINT and, on Unix, SIGTERM and SIGHUP. The receiver becomes true at the first one. The process exits
/// at the second one, or a second after the first.
///
/// # Errors
/// If signal handlers cannot be installed.
pub fn signals() -> io::Result<Receiver<bool>> {
    let (sender, receiver) = channel(false);
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        signals.next().await;
        if sender.send(true).is_err() {
            return;
        }
        let _ = tokio::time::timeout(GRACE, signals.next()).await;
        // A terminal that accepts no output cannot be restored further.
        let _ = disable_raw_mode();
        std::process::exit(ENDED);
    });
    Ok(receiver)
}

struct Signals {
    #[cfg(unix)]
    all: [tokio::signal::unix::Signal; 3],
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Self { all: [interrupt?, terminate?, hangup?] })
    }

    #[cfg(windows)]
    fn new() -> io::Result<Self> {
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        #[cfg(unix)]
        {
            let [interrupt, terminate, hangup] = &mut self.all;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        }
        #[cfg(windows)]
        self.interrupt.recv().await;
    }
}
