//! The terminal: set up for drawing, and restored whatever happens. Does not know what is drawn.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, Stdout, Write, stdout};
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};

/// The maximum number of cells that can be drawn. A large screen with a tiny font has a tenth of them.
const MOST_CELLS: u32 = 2_000_000;

/// Why the terminal cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TerminalError {
    /// There is no terminal.
    #[error("standard output is not a terminal, and this program needs one: run it without `|` and `>`")]
    NotThere,
    /// The terminal fails.
    #[error("the terminal cannot be used")]
    Unusable(#[from] io::Error),
}

/// The terminal, while this program uses it. Dropping it restores the terminal, after a panic too.
///
/// The message of a panic would be drawn over, or disappear with the screen. So it is kept until the terminal is
/// restored, and then printed if the panic was that of this thread. A panic of a load is not printed: the client
/// catches it and returns it as an error.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    panics: Arc<Mutex<Panics>>,
}

/// What to do with the messages of panics.
#[derive(Debug)]
enum Panics {
    /// The last message is kept.
    Kept(Option<String>),
    /// Messages are printed as usual.
    Printed,
}

impl Screen {
    /// Sets the terminal up for drawing.
    ///
    /// # Errors
    /// If there is no terminal, or it cannot be drawn on.
    pub fn open() -> Result<Self, TerminalError> {
        if !stdout().is_terminal() {
            return Err(TerminalError::NotThere);
        }
        check_size()?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        let screen = Self { terminal, panics: keep_panics() };
        // From here on, dropping the screen undoes what has been done.
        enable_raw_mode()?;
        execute!(stdout(), EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    /// Draws a picture, in the current size of the terminal.
    ///
    /// # Errors
    /// If the terminal is gone, or reports more than 2,000,000 cells.
    pub fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        check_size()?;
        self.terminal.draw(picture)?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // If one of them fails, nothing can be done about it, and the others may still succeed.
        let _ = disable_raw_mode();
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        let before = std::mem::replace(&mut *lock(&self.panics), Panics::Printed);
        if let Panics::Kept(Some(words)) = before
            && thread::panicking()
        {
            let _ = writeln!(io::stderr(), "{words}");
        }
    }
}

/// Rejects a size whose cells may not fit into memory.
fn check_size() -> io::Result<()> {
    let (columns, rows) = size()?;
    match u32::from(columns) * u32::from(rows) {
        0..=MOST_CELLS => Ok(()),
        _ => Err(io::Error::other(format!(
            "the terminal reports a size of {columns} x {rows}; at most {MOST_CELLS} cells can be drawn: set its size with `stty`"
        ))),
    }
}

fn keep_panics() -> Arc<Mutex<Panics>> {
    let panics = Arc::new(Mutex::new(Panics::Kept(None)));
    let (kept, print) = (Arc::clone(&panics), panic::take_hook());
    panic::set_hook(Box::new(move |info| {
        if let Panics::Kept(words) = &mut *lock(&kept) {
            *words = Some(words_of(info));
        } else {
            print(info);
        }
    }));
    panics
}

fn words_of(info: &PanicHookInfo<'_>) -> String {
    let backtrace = Backtrace::capture();
    match backtrace.status() {
        BacktraceStatus::Captured => format!("{info}\n{backtrace}"),
        _ => info.to_string(),
    }
}

fn lock(panics: &Mutex<Panics>) -> std::sync::MutexGuard<'_, Panics> {
    // A message that another panic left behind can still be used.
    panics.lock().unwrap_or_else(PoisonError::into_inner)
}
