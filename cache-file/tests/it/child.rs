//! Child processes: this program again, with a single test.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use cache_client::Provider;
use tokio::task::JoinSet;

use crate::{HOUR, open, set};

/// A child process, and what it prints.
pub struct Child {
    process: std::process::Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Child {
    pub fn start(task: &str, path: &Path) -> Self {
        Self::spawn(Command::new(std::env::current_exe().unwrap()), task, path)
    }

    /// Starts a child that gets an error, rather than a signal, when a file grows beyond its limit.
    #[cfg(unix)]
    pub fn start_without_signal(task: &str, path: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
        Self::spawn(command, task, path)
    }

    fn spawn(mut command: Command, task: &str, path: &Path) -> Self {
        let mut process = command
            .args(["--exact", "child::run_in_a_child", "--ignored", "--nocapture", "--quiet"])
            .env("CACHE_FILE_TASK", task)
            .env("CACHE_FILE_PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, lines }
    }

    /// The next line that the task prints.
    pub fn line(&mut self) -> String {
        self.next_line().expect("the child prints a line")
    }

    /// `None` when the child has exited.
    pub fn next_line(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The harness prints too. A line without an end is one that the child could not finish.
            if let Some(text) = line.strip_prefix("> ").and_then(|text| text.strip_suffix('\n')) {
                return Some(text.to_owned());
            }
        }
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
    }

    /// Lets the child exit.
    pub fn end(mut self) {
        drop(self.process.stdin.take());
        while self.next_line().is_some() {}
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have exited.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "> {line}").unwrap();
    out.flush().unwrap();
}

#[test]
#[ignore = "other tests run it in a process of its own"]
fn run_in_a_child() {
    let path = PathBuf::from(std::env::var_os("CACHE_FILE_PATH").unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    match std::env::var("CACHE_FILE_TASK").unwrap().as_str() {
        "hold" => runtime.block_on(hold(&path)),
        "write" => runtime.block_on(write(&path)),
        #[cfg(unix)]
        "fill" => runtime.block_on(crate::unwritable::fill(&path)),
        #[cfg(unix)]
        "read" => runtime.block_on(crate::unwritable::read(&path)),
        task => panic!("there is no task {task}"),
    }
}

/// Uses the file until the parent lets it exit.
async fn hold(path: &Path) {
    let provider = open(path);
    set(&provider, "held", "by the child").await;
    print("open");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// Sets and removes until it is killed, and prints each completed call.
async fn write(path: &Path) {
    let provider = Arc::new(open(path).max_bytes(1 << 20));
    let start: u64 = fastrand::u64(..);
    let mut tasks = JoinSet::new();
    for task in 0..16 {
        let provider = Arc::clone(&provider);
        tasks.spawn(async move {
            for round in 0.. {
                let key = format!("{start}-{task}-{round}");
                provider.set(&key, vec![task; 1 << 10], HOUR).await.unwrap();
                print(&format!("set {key}"));
                if round % 2 == 0 {
                    provider.remove(&key).await.unwrap();
                    print(&format!("removed {key}"));
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}
