//! The program as a process: what it prints, and how it ends.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use newsroom::visitor::Visitor;
use tempfile::tempdir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Timeout of every step: much longer than it takes, because the machine may be busy.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The running program.
pub struct Program {
    process: Child,
    /// `None` once nothing reads them.
    lines: Option<Lines<BufReader<ChildStdout>>>,
    address: String,
    /// The lines so far.
    pub said: String,
}

impl Program {
    /// Starts it with a small newspaper, and waits until it serves.
    pub async fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_newsroom"))
            .args(["--address", "127.0.0.1:0", "--articles", "60", "--data", folder.to_str().unwrap()])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = Some(BufReader::new(process.stdout.take().unwrap()).lines());
        let mut program = Self { process, lines, address: String::new(), said: String::new() };
        let line = program.says("serving at http://").await;
        program.address = line.split('/').nth(2).unwrap().to_owned();
        program
    }

    /// Waits for a line with this text.
    pub async fn says(&mut self, text: &str) -> String {
        let lines = self.lines.as_mut().unwrap();
        loop {
            let line =
                timeout(LONGEST_WAIT, lines.next_line()).await.unwrap_or_else(|_| panic!("no `{text}`"));
            let line = line.unwrap().unwrap_or_else(|| panic!("the program ended without printing `{text}`"));
            self.said += &format!("{line}\n");
            if line.contains(text) {
                return line;
            }
        }
    }

    pub async fn signal(&self, signal: &str) {
        let process = self.process.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().await.unwrap().success());
    }

    /// Waits until it has ended. Returns its status and its standard error.
    pub async fn ends(mut self) -> (ExitStatus, String) {
        let status =
            timeout(LONGEST_WAIT, self.process.wait()).await.expect("the program does not end").unwrap();
        let mut errors = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
        (status, errors)
    }

    pub async fn visitor(&self) -> Visitor {
        Visitor::to(self.address.parse().unwrap()).await.unwrap()
    }

    /// Connections of clients that keep a service busy: with half a body, with events, with answers that nothing reads.
    async fn tied_up(&self) -> Vec<TcpStream> {
        let half = "POST /api/articles/60/comments HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
        let events = "GET /events/60 HTTP/1.1\r\nhost: x\r\n\r\n";
        let deaf = "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(400);
        let mut streams = Vec::new();
        for bytes in [half, events, &deaf, "GET / HT"] {
            let mut stream = TcpStream::connect(&self.address).await.unwrap();
            stream.write_all(bytes.as_bytes()).await.unwrap();
            streams.push(stream);
        }
        // When a later request is answered, all of them have arrived.
        assert_eq!(self.visitor().await.get("/healthz").await.unwrap().status, 200);
        streams
    }
}

pub async fn newsroom(arguments: &[&str]) -> (Option<i32>, String) {
    run(env!("CARGO_BIN_EXE_newsroom"), arguments).await
}

async fn run(program: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(program).args(arguments).kill_on_drop(true).output();
    let output = timeout(LONGEST_WAIT, output).await.expect("the program does not end").unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn an_address_in_use_is_reported_before_anything_is_created() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (code, stderr) = newsroom(&["--address", &address, "--data", data.to_str().unwrap()]).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains(&address) && stderr.contains("any free one with --address"), "{stderr}");
    assert!(!data.exists());
}

#[tokio::test]
async fn a_folder_serves_one_newsroom_at_a_time() {
    let folder = tempdir().unwrap();
    let first = Program::start(folder.path(), &[]).await;
    let data = folder.path().to_str().unwrap();
    let (code, stderr) = newsroom(&["--address", "127.0.0.1:0", "--data", data]).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("another newsroom uses the folder") && stderr.contains(data), "{stderr}");
    assert_eq!(first.visitor().await.get("/healthz").await.unwrap().status, 200);
    // A killed process leaves the folder free.
    first.signal("-KILL").await;
    first.ends().await;
    let second = Program::start(folder.path(), &[]).await;
    second.signal("-TERM").await;
    assert!(second.ends().await.0.success());
}

#[tokio::test]
async fn invalid_arguments_are_reported() {
    for arguments in [
        &["--address", "here"][..],
        &["--port", "80"],
        &["what"],
        &["--articles", "0"],
        &["--streams", "many"],
        &["--data", ""],
        &["--inspection", "everybody"],
        &["--scripts", "all"],
        &["--grace", "99999999999999999999"],
    ] {
        let (code, stderr) = newsroom(arguments).await;
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(stderr.contains("see `newsroom --help`"), "{stderr}");
    }
}

#[tokio::test]
async fn invalid_arguments_of_load_are_reported() {
    for arguments in
        [&["--seconds", "18446744073709551615"][..], &["--connections", "0"], &["--posts", "101"]]
    {
        let (code, stderr) = run(env!("CARGO_BIN_EXE_load"), arguments).await;
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(stderr.contains("it must be from ") && stderr.contains("see `load --help`"), "{stderr}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_created_is_reported_with_advice() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (code, stderr) =
        newsroom(&["--address", "127.0.0.1:0", "--data", file.path().to_str().unwrap()]).await;
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("cannot use the folder") && stderr.contains("choose another with --data"),
        "{stderr}"
    );
}

#[tokio::test]
async fn one_signal_ends_it_soon_whatever_clients_do() {
    for signal in ["-INT", "-TERM"] {
        let folder = tempdir().unwrap();
        let mut program = Program::start(folder.path(), &[]).await;
        let streams = program.tied_up().await;
        program.signal(signal).await;
        program.says("cut off").await;
        program.says("for a warm start").await;
        let (status, errors) = program.ends().await;
        assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
        drop(streams);
        // The saved data is complete.
        let mut program = Program::start(folder.path(), &[]).await;
        program.signal(signal).await;
        program.says("for a warm start").await;
        assert_eq!(program.ends().await.0.code(), Some(0));
    }
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    for (first, second) in [("-INT", "-INT"), ("-TERM", "-INT"), ("-TERM", "-TERM")] {
        let folder = tempdir().unwrap();
        // It would wait longer than this test.
        let mut program = Program::start(folder.path(), &["--grace", "3600"]).await;
        let streams = program.tied_up().await;
        program.signal(first).await;
        program.says("stopping ...").await;
        program.signal(second).await;
        let (status, errors) = program.ends().await;
        assert_eq!(status.code(), Some(130), "{first} {second}");
        assert!(errors.contains("the cache was not saved"), "{errors}");
        drop(streams);
    }
}

#[tokio::test]
async fn a_request_that_ends_in_time_is_answered_after_the_signal() {
    let folder = tempdir().unwrap();
    let mut program = Program::start(folder.path(), &["--grace", "3600"]).await;
    let mut stream = TcpStream::connect(&program.address).await.unwrap();
    let body = r#"{"name":"Ada","text":"Just in time."}"#;
    let (one, other) = body.split_at(9);
    let head = format!(
        "POST /api/articles/60/comments HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{one}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(program.visitor().await.get("/healthz").await.unwrap().status, 200);
    program.signal("-INT").await;
    program.says("stopping ...").await;
    stream.write_all(other.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(LONGEST_WAIT, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 ") && answer.contains("Just in time."), "{answer}");
    program.says("for a warm start").await;
    assert_eq!(program.ends().await.0.code(), Some(0));
}

#[tokio::test]
async fn an_output_that_is_closed_does_not_matter() {
    let folder = tempdir().unwrap();
    let mut program = Program::start(folder.path(), &[]).await;
    // As `newsroom | head -3` does.
    drop(program.lines.take());
    program.signal("-INT").await;
    assert_eq!(program.ends().await.0.code(), Some(0));
    assert!(folder.path().join("newsroom.snapshot").exists());
}
