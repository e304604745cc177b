//! The program under test.

use std::path::Path;

use portable_pty::CommandBuilder;

use crate::console::Console;

/// Columns and rows of the terminals.
pub const SIZES: [(u16, u16); 2] = [(80, 24), (120, 30)];

pub const DOWN: &str = "\x1b[B";
pub const END: &str = "\x1b[F";

impl Console {
    /// A reader that asks for news often, and keeps what it reads in a folder.
    pub fn reader(url: &str, data: &Path, size: (u16, u16)) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_reader"));
        command.args([url, "--every", "100ms", "--name", "Ada", "--data", data.to_str().unwrap()]);
        Self::start(command, size)
    }
}
