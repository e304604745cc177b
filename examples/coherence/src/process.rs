//! A process of the lab: lines go in and come out. It ends with its owner.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use crate::message::line;

/// A running process. Dropping it kills the process.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
}

impl Process {
    /// Starts a program. `told` is called with each line that it prints, on a thread.
    ///
    /// # Errors
    /// If the program cannot be run.
    pub(crate) fn start(
        program: &Path,
        arguments: &[String],
        told: impl Fn(&str) + Send + 'static,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        thread::spawn(move || {
            let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
            lines.map_while(Result::ok).for_each(|line| told(&line));
        });
        Ok(Self { child, input })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// If the process has ended.
    pub(crate) fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(line(message).as_bytes())?;
        input.flush()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// If the process has ended.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.ok_or(io::ErrorKind::NotFound)?, signal)?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Also ends a stopped process. If it has ended already, this only collects it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
