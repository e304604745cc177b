//! A newsroom with few answers: an HTTP server on a thread, which can be stopped and started again.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// The answer for a path; `None` for "not found".
type Answer = fn(&str) -> Option<String>;

pub struct Newsroom {
    address: SocketAddr,
    answer: Answer,
    is_stopped: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Newsroom {
    pub fn start() -> Self {
        Self::saying(answer)
    }

    /// A newsroom with other answers.
    pub fn saying(answer: Answer) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), answer)
    }

    fn start_at(address: SocketAddr, answer: Answer) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let is_stopped = Arc::new(AtomicBool::new(false));
        let server = thread::spawn({
            let is_stopped = Arc::clone(&is_stopped);
            move || {
                for connection in listener.incoming() {
                    if is_stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    // A client that leaves early gets nothing.
                    let _ = connection.and_then(|connection| serve(connection, answer));
                }
            }
        });
        Self { address, answer, is_stopped, server: Some(server) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on nothing listens there.
    pub fn stop(&mut self) {
        let Some(server) = self.server.take() else { return };
        self.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the server up.
        drop(TcpStream::connect(self.address).unwrap());
        server.join().unwrap();
    }

    pub fn start_again(&mut self) {
        *self = Self::start_at(self.address, self.answer);
    }
}

impl Drop for Newsroom {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One request, one answer, and the end of the connection.
fn serve(mut connection: TcpStream, answer: Answer) -> std::io::Result<()> {
    let mut lines = BufReader::new(&connection).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match answer(path) {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", r#"{"error":"There is\u001b]0;owned\u0007 no such thing."}"#.to_owned()),
    };
    let length = body.len();
    write!(connection, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

fn answer(path: &str) -> Option<String> {
    Some(match path {
        "/api/stats" => r#"{"totals":{"articles":4,"comments":77}}"#.to_owned(),
        "/api/feed" => {
            r#"{"articles":[{"id":4,"title":"Four"},{"id":3,"title":"Three"}],"next":"3-3"}"#.to_owned()
        }
        "/api/feed?before=3-3" => r#"{"articles":[{"id":2,"title":"Two"}],"next":null}"#.to_owned(),
        _ => article(path.strip_prefix("/api/articles/")?)?,
    })
}

fn article(path: &str) -> Option<String> {
    let (id, is_comments) = match path.strip_suffix("/comments") {
        Some(id) => (id, true),
        None => (path, false),
    };
    // Listed, but deleted.
    let id = id.parse::<u64>().ok().filter(|&id| id != 3)?;
    Some(match is_comments {
        true => format!(r#"{{"total":1,"newest":[{{"name":"Bo","text":"Said of {id}."}}]}}"#),
        false => format!(r#"{{"article":{{"card":{{"title":"Title {id}"}}}},"author":{{"name":"Ada"}}}}"#),
    })
}
