//! The peer in Node.js: a child process that is started once, and answers one line for each line that it gets.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Failure};
use crate::options::Options;

/// The process. Dropping it ends the process.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// The peer, if there is one.
#[derive(Default)]
pub struct Node(RefCell<Option<Process>>);

#[derive(Deserialize)]
enum Answer {
    #[serde(rename = "ok")]
    Ok(Value),
    #[serde(rename = "error")]
    Error(String),
}

impl Node {
    /// Starts the peer if a workload that needs it is requested. Where it cannot be had, one line says so.
    pub fn if_wanted(options: &Options) -> Result<Self, Failure> {
        let names = [
            "documents/",
            "documents-parsed/",
            "documents-recorded/",
            "documents-change/",
            "documents-change-field/",
        ];
        let is_wanted =
            names.iter().any(|name| name.contains(&options.only) || options.only.starts_with(name));
        if options.is_quick() || !is_wanted {
            return Ok(Self::default());
        }
        match start() {
            Ok(mut process) => {
                let versions = process.ask(&json!({ "do": "versions" }))?;
                let version = |of: &str| versions[of].as_str().unwrap_or("?").to_owned();
                let [node, core, cache] = ["node", "core", "cache"].map(version);
                eprintln!(
                    "cache-bench: warp-drive is @warp-drive/json-api {cache} with @warp-drive/core {core}, in Node.js {node}"
                );
                Ok(Self(RefCell::new(Some(process))))
            }
            Err(error) => {
                eprintln!("cache-bench: comparisons with warp-drive are skipped: {error}");
                Ok(Self::default())
            }
        }
    }

    pub fn is_there(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Decompresses a file.
    pub fn unpack(&self, from: &Path, to: &Path) -> Result<(), Failure> {
        self.ask(&json!({ "do": "unpack", "from": from, "to": to })).map(drop)
    }

    /// Stores documents in a new store. Returns the nanoseconds that the last one takes, with or without parsing it.
    pub fn put(&self, before: &[&Body], body: &Body, parsed: bool) -> Result<f64, Failure> {
        let before: Vec<_> = before.iter().map(|body| &body.path).collect();
        self.number(&json!({ "do": "put", "before": before, "body": body.path, "parsed": parsed }))
    }

    /// Makes the process observe documents, of which this is read.
    pub fn observe(&self, documents: &[Body], reads: &str) -> Result<(), Failure> {
        let paths: Vec<_> = documents.iter().map(|body| &body.path).collect();
        self.ask(&json!({ "do": "observe", "documents": paths, "reads": reads })).map(drop)
    }

    /// Changes the shared child some times, and has the documents read after each change. Returns the mean nanoseconds.
    pub fn change(&self, reads: &str, times: usize) -> Result<f64, Failure> {
        self.number(&json!({ "do": "change", "reads": reads, "times": times }))
    }

    fn number(&self, request: &Value) -> Result<f64, Failure> {
        let answer = self.ask(request)?;
        answer.as_f64().ok_or_else(|| format!("the peer has answered {answer}, not a number").into())
    }

    fn ask(&self, request: &Value) -> Result<Value, Failure> {
        self.0.borrow_mut().as_mut().ok_or("there is no peer")?.ask(request)
    }
}

impl Process {
    fn ask(&mut self, request: &Value) -> Result<Value, Failure> {
        let input = self.input.as_mut().ok_or("the peer has been stopped")?;
        writeln!(input, "{request}")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.is_empty() {
            return Err("the peer has ended".into());
        }
        match serde_json::from_str(&line)? {
            Answer::Ok(answer) => Ok(answer),
            Answer::Error(error) => Err(format!("the peer has failed: {error}").into()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of its input ends the process.
        self.input = None;
        let _ = self.child.wait();
    }
}

fn start() -> Result<Process, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    install(&folder)?;
    let mut child = Command::new("node")
        .args(["--conditions=unpkg", "--expose-gc", "peer.mjs"])
        .current_dir(folder)
        .env("NODE_ENV", "production")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run `node`: {error}"))?;
    let input = child.stdin.take();
    let output = child.stdout.take().ok_or("the peer has no output")?;
    Ok(Process { child, input, output: BufReader::new(output) })
}

/// Installs the packages of the lock file, unless they are there.
fn install(folder: &Path) -> Result<(), Failure> {
    let changed = |file: PathBuf| fs::metadata(file).and_then(|data| data.modified()).ok();
    let installed = changed(folder.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= changed(folder.join("package-lock.json")) {
        return Ok(());
    }
    eprintln!("cache-bench: installing the packages of {}", folder.display());
    let output = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(folder)
        .output()
        .map_err(|error| format!("cannot run `npm`: {error}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("`npm ci` has failed: {}", error.lines().next().unwrap_or("no message")).into());
    }
    Ok(())
}
