//! The terminal: taken for a while, and given back as it was, whatever happens. Knows nothing of what is drawn.

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

/// Cells that can be drawn. A large screen with a tiny font has a tenth.
const MOST_CELLS: u32 = 2_000_000;

/// Why the terminal cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TerminalError {
    /// There is none.
    #[error("standard output is no terminal, and this program draws on one: run it without `|` and `>`")]
    NotThere,
    /// It does not do what it is asked for.
    #[error("the terminal cannot be used")]
    Unusable(#[from] io::Error),
}

/// The terminal, as long as it is ours. Given back when it is dropped, also by a panic.
///
/// What a panic says would be drawn over, or be gone with the screen: it is kept until the terminal is given back, and
/// printed if it was ours. A panic of a load is not: the client catches it, and makes an error of it.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    panics: Arc<Mutex<Panics>>,
}

/// What happens to the words of a panic.
#[derive(Debug)]
enum Panics {
    /// They are kept: the last ones.
    Kept(Option<String>),
    /// They are printed as ever.
    Printed,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If there is none, or none that can be drawn on.
    pub fn take() -> Result<Self, TerminalError> {
        if !stdout().is_terminal() {
            return Err(TerminalError::NotThere);
        }
        check_size()?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        let screen = Self { terminal, panics: keep_panics() };
        // From here on the drop of the screen undoes what has been done.
        enable_raw_mode()?;
        execute!(stdout(), EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    /// Draws a picture, in the size that the terminal has now.
    ///
    /// # Errors
    /// If the terminal is gone, or says that it has more than 2,000,000 cells.
    pub fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        check_size()?;
        self.terminal.draw(picture)?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing can be done where it fails, and each of them is worth trying.
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

/// Refuses a size for which there may be no memory: each cell takes some.
fn check_size() -> io::Result<()> {
    let (columns, rows) = size()?;
    match u32::from(columns) * u32::from(rows) {
        0..=MOST_CELLS => Ok(()),
        _ => Err(io::Error::other(format!(
            "the terminal says that it is {columns} x {rows}; at most {MOST_CELLS} cells can be drawn: set its size with `stty`"
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
    // Words that another panic left behind are as good as any.
    panics.lock().unwrap_or_else(PoisonError::into_inner)
}
