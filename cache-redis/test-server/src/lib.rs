//! A Redis server for tests: on a free loopback port, in a temporary folder, ended with the test.
//!
//! Runs `redis-server`, or the program that the variable `CACHE_REDIS_SERVER` names, such as `valkey-server`.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use tempfile::TempDir;

/// Names the program to run instead of `redis-server`.
const PROGRAM_VARIABLE: &str = "CACHE_REDIS_SERVER";

/// How often another port is tried. A port that was free may be taken before the server listens on it.
const PORTS_TRIED: usize = 10;

/// How many lines of its log a server that does not start is reported with.
const REPORTED_LINES: usize = 30;

/// Runs the server until it ends, or until standard input does, as it does when the test process ends in whatever
/// way. Prints the server's process id first.
const WATCHED: &str = r#"
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
        let program = std::env::var(PROGRAM_VARIABLE).unwrap_or_else(|_| "redis-server".to_owned());
        Self::start_program(&program, settings)
    }

    fn start_program(program: &str, settings: &[&str]) -> Self {
        let mut server = Self {
            program: program.to_owned(),
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            folder: tempfile::tempdir().expect("a temporary folder"),
            port: 0,
            running: None,
        };
        for tried in 1.. {
            server.port = free_port();
            match server.run() {
                Ok(()) => break,
                Err(log) if tried < PORTS_TRIED && log.contains("Address already in use") => {}
                Err(log) => panic!("`{}` has not started:\n{log}", server.program),
            }
        }
        server
    }

    /// Returns the server's url.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Returns the port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
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
        assert!(self.running.is_none(), "the server is running");
        if let Err(log) = self.run() {
            panic!("`{}` has not started again:\n{log}", self.program);
        }
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

    /// Starts the process and waits until it accepts connections.
    fn run(&mut self) -> Result<(), String> {
        let mut command = Command::new("sh");
        command.args(["-c", WATCHED, "sh", &self.program]);
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.arg("--dir").arg(self.folder.path()).args(&self.settings);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());

        require(&self.program);
        let mut shell = command.spawn().expect("`sh` starts");
        let watch = shell.stdin.take();
        let (sender, started) = mpsc::channel();
        let output = shell.stdout.take().expect("the output is piped");
        thread::spawn(move || follow(BufReader::new(output), &sender));

        let mut running = Running { shell, watch, process: 0 };
        match wait_for_ready(&started, &mut running) {
            Ok(()) => self.running = Some(running),
            Err(log) => return Err(log),
        }
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
fn require(program: &str) {
    match Command::new(program).arg("--version").output() {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => panic!(
            "`{program}` is missing. Install the package `redis-server` (Debian: `apt-get install redis-server`), \
             or set {PROGRAM_VARIABLE} to the path of a Redis or Valkey server"
        ),
        Err(error) => panic!("`{program}` cannot be run: {error}"),
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket has an address").port()
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
