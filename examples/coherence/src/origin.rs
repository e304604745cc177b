//! The origin: the process that has the versions of all keys, and takes its time.

use std::cell::RefCell;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
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

/// Serves until it is killed, or until standard input ends.
///
/// # Errors
/// If no port is free, or if nobody reads what it tells.
pub async fn serve() -> io::Result<()> {
    std::thread::spawn(|| {
        // An error is the end as well.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    tell(&OriginReport::Ready { port: listener.local_addr()?.port() })?;
    let versions = Rc::new(RefCell::new([0; KEYS]));
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

async fn answer(stream: TcpStream, versions: &RefCell<[u64; KEYS]>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut asked = String::new();
    stream.read_line(&mut asked).await?;
    let question: Question = serde_json::from_str(&asked)?;
    let is_first = !question.is_write && versions.borrow().get(question.key) == Some(&0);
    let delay = if is_first { FIRST_DELAY } else { fastrand::u64(DELAY) };
    let delay = Duration::from_millis(delay) / 2;
    let Question { node, key, asked, is_write } = question;
    if !is_write {
        tell(&OriginReport::Load { node, key, asked, at: clock::now() })?;
    }
    sleep(delay).await;
    let version = {
        let mut versions = versions.borrow_mut();
        let version = versions.get_mut(key).ok_or(io::ErrorKind::NotFound)?;
        *version += u64::from(is_write);
        *version
    };
    sleep(delay).await;
    stream.write_all(line(&version).as_bytes()).await
}

fn tell(report: &OriginReport) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(line(report).as_bytes())?;
    output.flush()
}

/// Asks an origin. Returns the version of the key, after the change if there is one.
///
/// # Errors
/// If the origin does not answer.
pub async fn ask(port: u16, question: Question) -> io::Result<u64> {
    let mut stream = BufReader::new(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?);
    stream.write_all(line(&question).as_bytes()).await?;
    let mut answer = String::new();
    stream.read_line(&mut answer).await?;
    Ok(serde_json::from_str(&answer)?)
}
