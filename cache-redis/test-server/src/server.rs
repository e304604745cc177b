//! A server: on a free loopback port, in a temporary folder, ended with its owner.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Names the program to run instead of `redis-server`.
const PROGRAM_VARIABLE: &str = "CACHE_TEST_SERVER";

/// How often another port is tried. A port that was free may be taken before the server listens on it.
const PORTS_TRIED: usize = 10;

/// How long a command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(1);

/// How many lines of its log a server that does not start is reported with.
const REPORTED_LINES: usize = 30;

/// Runs the server until it ends, or until standard input does, as it does when the test process ends in whatever
/// way. Prints the server's process id first. Signals to all processes of a terminal do not end the watch.
const WATCHED: &str = r#"
trap '' HUP INT QUIT
program=$1; shift
exec 3<&0
"$program" "$@" </dev/null 3<&- &
server=$!
echo "process $server"
(read -r _; kill -9 $server) <&3 >/dev/null 2>&1 &
watch=$!
exec 3<&-
{ wait $server; kill $watch; } 2>/dev/null
"#;

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The program is not installed.
    #[error(
        "`{program}` is missing. Install the package `redis-server` (Debian: `apt-get install redis-server`), \
         or set {PROGRAM_VARIABLE} to the path of a Redis or Valkey server"
    )]
    Missing {
        /// What was to be run.
        program: String,
    },
    /// The program has ended before it accepted connections.
    #[error("`{program}` has not started:\n{log}")]
    Ended {
        /// What was run.
        program: String,
        /// The last lines of its output.
        log: String,
    },
    /// The system refuses what a server needs: a process, a folder, or a port.
    #[error("`{program}` cannot be run")]
    System {
        /// What was to be run.
        program: String,
        /// What the system has reported.
        source: io::Error,
    },
}

/// A running Redis server. Dropping it kills the server and removes its folder.
#[derive(Debug)]
pub struct TestServer {
    program: String,
    settings: Vec<String>,
    folder: TempDir,
    port: u16,
    running: Option<Running>,
}

/// The process of a server, under a shell that ends it when `watch` is closed.
#[derive(Debug)]
struct Running {
    shell: Child,
    watch: Option<ChildStdin>,
    process: u32,
}

/// What a server has said while it was starting.
enum Started {
    Process(u32),
    Ready,
    Ended(VecDeque<String>),
}

impl TestServer {
    /// Starts a server that saves nothing by itself.
    ///
    /// # Panics
    /// If the program is missing, or does not start. The message says what to install.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with settings, as on its command line: `["--maxmemory", "10mb"]`.
    ///
    /// # Panics
    /// Like [`start`](Self::start).
    #[must_use]
    pub fn start_with(settings: &[&str]) -> Self {
        Self::try_start_with(settings).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts a server with settings, like [`start_with`](Self::start_with).
    ///
    /// # Errors
    /// [`StartError`] says what to install, or why the program has ended.
    pub fn try_start_with(settings: &[&str]) -> Result<Self, StartError> {
        let program = std::env::var(PROGRAM_VARIABLE).unwrap_or_else(|_| "redis-server".to_owned());
        Self::start_program(&program, settings)
    }

    fn start_program(program: &str, settings: &[&str]) -> Result<Self, StartError> {
        require(program)?;
        let system = |source| StartError::System { program: program.to_owned(), source };
        let mut server = Self {
            program: program.to_owned(),
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            folder: tempfile::tempdir().map_err(system)?,
            port: 0,
            running: None,
        };
        for tried in 1.. {
            server.port = free_port().map_err(system)?;
            match server.run() {
                Err(StartError::Ended { log, .. })
                    if tried < PORTS_TRIED && log.contains("Address already in use") => {}
                result => return result.map(|()| server),
            }
        }
        unreachable!("the last port that is tried ends the loop")
    }

    /// Returns the server's url.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Returns the name of the program.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Returns the port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the folder that is removed with the server. What it saves is there.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns whether the server was started, and not killed since.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Ends the server at once, as `kill -9` does: nothing is saved.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Starts the server again, on the same port and with what it had saved last.
    ///
    /// # Panics
    /// If it runs, or does not start.
    pub fn restart(&mut self) {
        self.try_restart().unwrap_or_else(|error| panic!("{error}"));
    }

    /// Starts the server again, like [`restart`](Self::restart). Does nothing if it runs.
    ///
    /// # Errors
    /// [`StartError`] says why the program has ended.
    pub fn try_restart(&mut self) -> Result<(), StartError> {
        if self.running.is_none() { self.run() } else { Ok(()) }
    }

    /// Sends the server's process a signal, such as `"STOP"` or `"CONT"`.
    ///
    /// # Panics
    /// If it does not run.
    pub fn signal(&self, name: &str) {
        let running = self.running.as_ref().expect("the server is not running");
        let status = Command::new("kill").args(["-s", name, &running.process.to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "the server does not take the signal {name}");
    }

    /// Sends a command on a connection of its own, and returns the first line of the answer, such as `+PONG`.
    ///
    /// # Errors
    /// If the server does not answer within a second.
    pub fn command(&self, words: &[&str]) -> io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(COMMAND_LIMIT))?;
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command += &format!("${}\r\n{word}\r\n", word.len());
        }
        stream.write_all(command.as_bytes())?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    }

    /// Starts the process and waits until it accepts connections.
    fn run(&mut self) -> Result<(), StartError> {
        let mut command = Command::new("sh");
        command.args(["-c", WATCHED, "sh", &self.program]);
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.arg("--dir").arg(self.folder.path()).args(&self.settings);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());

        let system = |source| StartError::System { program: self.program.clone(), source };
        let mut shell = command.spawn().map_err(system)?;
        let watch = shell.stdin.take();
        let (sender, started) = mpsc::channel();
        let output = shell.stdout.take();
        thread::spawn(move || output.map(|output| follow(BufReader::new(output), &sender)));

        let mut running = Running { shell, watch, process: 0 };
        wait_for_ready(&started, &mut running)
            .map_err(|log| StartError::Ended { program: self.program.clone(), log })?;
        self.running = Some(running);
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The shell kills the server when its input ends.
        self.watch = None;
        if let Err(error) = self.shell.wait() {
            eprintln!("the server's shell has not ended: {error}");
        }
    }
}

/// Fails with the name of the package if a program is missing.
fn require(program: &str) -> Result<(), StartError> {
    let program = program.to_owned();
    match Command::new(&program).arg("--version").output() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(StartError::Missing { program }),
        Err(source) => Err(StartError::System { program, source }),
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Reads the output to its end, so that the server never waits for a reader.
fn follow(output: impl BufRead, started: &Sender<Started>) {
    let mut last = VecDeque::new();
    for line in output.lines().map_while(Result::ok) {
        // An error means that nobody waits for the start any more.
        if let Some(process) = line.strip_prefix("process ").and_then(|process| process.parse().ok()) {
            let _ = started.send(Started::Process(process));
        } else if line.contains("eady to accept connections") {
            let _ = started.send(Started::Ready);
        }
        if last.len() == REPORTED_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    let _ = started.send(Started::Ended(last));
}

fn wait_for_ready(started: &Receiver<Started>, running: &mut Running) -> Result<(), String> {
    loop {
        match started.recv() {
            Ok(Started::Process(process)) => running.process = process,
            Ok(Started::Ready) => return Ok(()),
            Ok(Started::Ended(log)) => return Err(Vec::from(log).join("\n")),
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
