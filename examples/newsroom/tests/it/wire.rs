//! Clients that misbehave: slow ones, silent ones, and those that send too much. Written as bytes on a socket.

use std::time::Duration;

use newsroom::settings::Settings;
use tempfile::tempdir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, pause, resume, timeout};

use crate::test_newsroom::TestNewsroom;

/// Longer than any limit of the service. Virtual time where the clock is paused.
const LONG: Duration = Duration::from_secs(120);

/// A connection that has sent this.
async fn send(newsroom: &TestNewsroom, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(newsroom.service.address()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// A connection whose request has sent its head, and all of its body except the end.
async fn send_half(newsroom: &TestNewsroom, path: &str, kind: &str) -> TcpStream {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n"
    );
    let mut stream = send(newsroom, head.as_bytes()).await;
    let mut goes_on = [0; 25];
    timeout(LONG, stream.read_exact(&mut goes_on)).await.unwrap().unwrap();
    assert_eq!(&goes_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"{").await.unwrap();
    stream
}

/// Everything that arrives until the connection is closed properly.
async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    timeout(LONG, stream.read_to_end(&mut answer)).await.expect("the connection ends").unwrap();
    String::from_utf8(answer).unwrap()
}

fn post(headers: &str) -> String {
    format!(
        "POST /api/articles/60/comments HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{headers}\r\n"
    )
}

#[tokio::test]
async fn a_client_that_never_ends_its_headers_is_cut_off() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    for head in ["", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        let stream = send(&newsroom, head.as_bytes()).await;
        pause();
        let began = Instant::now();
        assert_eq!(rest(stream).await, "");
        assert!(began.elapsed() >= Duration::from_secs(5), "a slow client gets some time");
        resume();
    }
}

#[tokio::test]
async fn a_body_that_never_ends_is_a_408() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    for path in ["/api/articles/60/comments", "/articles/60/comments"] {
        let kind =
            if path.starts_with("/api") { "application/json" } else { "application/x-www-form-urlencoded" };
        let stream = send_half(&newsroom, path, kind).await;
        pause();
        let answer = rest(stream).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        resume();
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_a_413_that_arrives() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    // More than the buffers of both sockets hold, so that the service answers while the client still sends.
    let megabytes = 16;
    let piece = vec![b' '; 1 << 20];
    for is_chunked in [false, true] {
        let framing = match is_chunked {
            true => "transfer-encoding: chunked\r\n".to_owned(),
            false => format!("content-length: {}\r\n", megabytes << 20),
        };
        let stream = send(&newsroom, post(&framing).as_bytes()).await;
        let (mut reader, mut writer) = stream.into_split();
        let sends = async {
            for _ in 0..megabytes {
                if is_chunked {
                    writer.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
                }
                writer.write_all(&piece).await?;
                if is_chunked {
                    writer.write_all(b"\r\n").await?;
                }
            }
            std::io::Result::Ok(())
        };
        let mut answer = Vec::new();
        let (sent, read) = tokio::join!(sends, reader.read_to_end(&mut answer));
        sent.unwrap();
        read.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("2,000 characters"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_not_waited_for() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let mut stream =
        send(&newsroom, post("expect: 100-continue\r\ncontent-length: 9000000000\r\n").as_bytes()).await;
    let mut start = [0; 13];
    timeout(LONG, stream.read_exact(&mut start)).await.unwrap().unwrap();
    assert_eq!(&start, b"HTTP/1.1 413 ");
}

#[tokio::test]
async fn the_longest_comment_fits_however_it_is_escaped() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let body = format!(r#"{{"name":"Ada","text":"{}"}}"#, r"\ud83c\udf3b".repeat(2_000));
    let head = post(&format!("connection: close\r\ncontent-length: {}\r\n", body.len()));
    let answer = rest(send(&newsroom, (head + &body).as_bytes()).await).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused_and_the_refusal_arrives() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    for head in [
        format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(200_000)),
        format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(200_000)),
    ] {
        let answer = rest(send(&newsroom, head.as_bytes()).await).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["414", "431"].contains(&status), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    // More answers than the buffers of both sockets hold.
    let mut stream = TcpStream::connect(newsroom.service.address()).await.unwrap();
    let requests = "GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(200);
    pause();
    let cut_off = async { while stream.write_all(requests.as_bytes()).await.is_ok() {} };
    timeout(LONG, cut_off).await.expect("the connection ends");
}

#[tokio::test]
async fn further_connections_wait_until_one_ends() {
    let folder = tempdir().unwrap();
    let newsroom =
        TestNewsroom::open_with(folder.path(), &Settings { connections: 1, ..Settings::default() }).await;
    let first = newsroom.visitor().await;
    let second = newsroom.get("/healthz");
    tokio::pin!(second);
    // Runs until every task waits.
    pause();
    assert!(timeout(Duration::from_secs(1), &mut second).await.is_err());
    resume();
    drop(first);
    assert_eq!(second.await.status, 200);
}

#[tokio::test]
async fn a_service_that_stops_gives_up_on_requests_that_do_not_end() {
    let folder = tempdir().unwrap();
    let newsroom = TestNewsroom::open(folder.path()).await;
    let half = send_half(&newsroom, "/api/articles/60/comments", "application/json").await;
    let mut deaf = newsroom.visitor().await.listen("/events/60").await.unwrap();
    deaf.next().await.unwrap();
    let whole = newsroom.visitor().await;
    let TestNewsroom { service, .. } = newsroom;
    pause();
    let began = Instant::now();
    assert_eq!(service.stop().await, 1, "only the connection with half a request");
    assert!(began.elapsed() <= Duration::from_millis(1_500), "{:?}", began.elapsed());
    drop((half, deaf, whole));
}
