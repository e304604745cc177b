//! The origin: the process that has the versions of all keys, and takes its time. If it is killed and started again, it
//! still has all changes, as a database would.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

use crate::message::{OriginReport, Question, line};
use crate::{KEYS, clock};

/// How long a load or a change takes, in milliseconds: half of it before the version is read or raised, half of it
/// after.
const DELAY: Range<u64> = 4..40;

/// How long a load of a key takes that was never changed, in milliseconds: long enough for all machines to ask for it
/// meanwhile.
const FIRST_DELAY: u64 = 200;

/// The socket, in the folder of the origin. A port could be taken by another process while the origin does not run.
const SOCKET: &str = "socket";

/// The versions of all keys, in the folder of the origin.
const VERSIONS: &str = "versions";

/// The versions of all keys.
struct Versions {
    file: File,
    versions: [u64; KEYS],
}

impl Versions {
    /// Reads the versions that an origin has left in this folder.
    fn open(folder: &Path) -> io::Result<Self> {
        let path = folder.join(VERSIONS);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut versions = [0; KEYS];
        for (version, place) in versions.iter_mut().zip((0..file.metadata()?.len()).step_by(size_of::<u64>()))
        {
            let mut bytes = [0; size_of::<u64>()];
            file.read_exact_at(&mut bytes, place)?;
            *version = u64::from_le_bytes(bytes);
        }
        Ok(Self { file, versions })
    }

    fn get(&self, key: usize) -> io::Result<u64> {
        self.versions.get(key).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Counts a change of a key.
    fn raise(&mut self, key: usize) -> io::Result<()> {
        let version = self.get(key)? + 1;
        // Once written, it survives the end of this process.
        self.file.write_all_at(&version.to_le_bytes(), (key * size_of::<u64>()) as u64)?;
        self.versions[key] = version;
        Ok(())
    }
}

/// Serves until it is killed, or until standard input ends. What it has to keep is in a folder.
///
/// # Errors
/// If the folder cannot be used, or if nobody reads what it tells.
pub async fn serve(folder: &Path) -> io::Result<()> {
    std::thread::spawn(|| {
        // An error is the end as well.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    });
    let versions = Rc::new(RefCell::new(Versions::open(folder)?));
    let socket = folder.join(SOCKET);
    // That of an origin that was killed.
    match std::fs::remove_file(&socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    tell(&OriginReport::Ready)?;
    let tasks = LocalSet::new();
    tasks
        .run_until(async {
            loop {
                let (stream, _) = listener.accept().await?;
                let versions = Rc::clone(&versions);
                // A machine that has ended needs no answer.
                spawn_local(async move { drop(answer(stream, &versions).await) });
            }
        })
        .await
}

async fn answer(stream: UnixStream, versions: &RefCell<Versions>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut asked = String::new();
    stream.read_line(&mut asked).await?;
    let question: Question = serde_json::from_str(&asked)?;
    let is_first = !question.is_write && versions.borrow().get(question.key)? == 0;
    let delay = if is_first { FIRST_DELAY } else { fastrand::u64(DELAY) };
    let delay = Duration::from_millis(delay) / 2;
    let Question { node, build, key, asked, is_up, is_write } = question;
    if !is_write {
        tell(&OriginReport::Load { node, build, key, asked, is_up, at: clock::now() })?;
    }
    sleep(delay).await;
    if is_write {
        versions.borrow_mut().raise(key)?;
    }
    let version = versions.borrow().get(key)?;
    sleep(delay).await;
    stream.write_all(line(&version).as_bytes()).await
}

fn tell(report: &OriginReport) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(line(report).as_bytes())?;
    output.flush()
}

/// Asks the origin with this folder. Returns the version of the key, after the change if there is one.
///
/// # Errors
/// If the origin does not answer.
pub async fn ask(folder: &Path, question: Question) -> io::Result<u64> {
    let mut stream = BufReader::new(UnixStream::connect(folder.join(SOCKET)).await?);
    stream.write_all(line(&question).as_bytes()).await?;
    let mut answer = String::new();
    stream.read_line(&mut answer).await?;
    Ok(serde_json::from_str(&answer)?)
}
