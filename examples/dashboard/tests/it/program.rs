//! The program under test.

use std::ffi::OsStr;

use portable_pty::CommandBuilder;

use crate::console::Console;

impl Console {
    /// The dashboard of this package.
    pub fn dashboard(arguments: &[&str]) -> Self {
        Self::run(env!("CARGO_BIN_EXE_dashboard").into(), arguments)
    }

    /// The dashboard of this package, with a variable in its environment.
    pub fn dashboard_with(variable: (&str, &OsStr), arguments: &[&str]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_dashboard"));
        command.args(arguments);
        command.env(variable.0, variable.1);
        Self::start(command, (80, 24))
    }
}
