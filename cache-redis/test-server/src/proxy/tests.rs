use std::io::ErrorKind;
use std::sync::mpsc::{self, Receiver};

use super::*;

/// Long enough to see that nothing comes.
const MOMENT: Duration = Duration::from_millis(50);

/// Longer than any test.
const FOREVER: Duration = Duration::from_secs(3600);

/// A server that reports what it reads, and sends it back. An empty report is the end of a connection.
fn echo() -> (u16, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, reports) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut bytes = [0; 64];
                loop {
                    let read = stream.read(&mut bytes).unwrap_or(0);
                    // The test may have ended.
                    let _ = sender.send(bytes[..read].to_vec());
                    if read == 0 || stream.write_all(&bytes[..read]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, reports)
}

/// A client of the proxy.
struct Client(TcpStream);

impl Client {
    fn of(proxy: &Proxy) -> Self {
        Self(TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).expect("a connection"))
    }

    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).expect("it is sent");
    }

    #[track_caller]
    fn gets(&mut self, text: &str) {
        let mut bytes = vec![0; text.len()];
        self.0.set_read_timeout(None).expect("no limit");
        self.0.read_exact(&mut bytes).expect("an answer");
        assert_eq!(String::from_utf8_lossy(&bytes), text);
    }

    #[track_caller]
    fn gets_nothing(&mut self) {
        self.0.set_read_timeout(Some(MOMENT)).expect("a limit");
        let error = self.0.read(&mut [0]).expect_err("nothing comes, not even the end");
        assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    }

    #[track_caller]
    fn has_ended(&mut self) {
        self.0.set_read_timeout(None).expect("no limit");
        assert_eq!(self.0.read(&mut [0]).unwrap_or(0), 0);
    }
}

#[test]
fn bytes_and_the_end_pass_both_ways() {
    let (port, reports) = echo();
    let proxy = Proxy::to(port).expect("a proxy");
    let mut client = Client::of(&proxy);
    client.send("there");
    client.gets("there");
    client.0.shutdown(Shutdown::Write).expect("the end is sent");
    client.has_ended();
    assert_eq!(reports.iter().take(2).collect::<Vec<_>>(), [b"there".to_vec(), Vec::new()]);
}

#[test]
fn what_is_delayed_comes_later_or_when_everything_passes() {
    let (port, reports) = echo();
    let proxy = Proxy::to(port).expect("a proxy");
    let mut client = Client::of(&proxy);
    proxy.set(Direction::ToClient, Flow::Delay(MOMENT));
    let sent = Instant::now();
    client.send("late");
    client.gets("late");
    assert!(sent.elapsed() >= MOMENT);

    proxy.set(Direction::ToClient, Flow::Delay(FOREVER));
    client.send("later");
    client.gets_nothing();
    assert_eq!(reports.iter().take(2).collect::<Vec<_>>(), [b"late".to_vec(), b"later".to_vec()]);
    proxy.pass();
    client.gets("later");
}

#[test]
fn a_cut_ends_connections_and_new_ones_until_everything_passes() {
    let (port, _reports) = echo();
    let proxy = Proxy::to(port).expect("a proxy");
    let mut client = Client::of(&proxy);
    client.send("a");
    client.gets("a");
    proxy.cut();
    client.has_ended();
    Client::of(&proxy).has_ended();
    proxy.pass();
    let mut client = Client::of(&proxy);
    client.send("b");
    client.gets("b");
}

#[test]
fn one_direction_is_swallowed() {
    let (port, reports) = echo();
    let proxy = Proxy::to(port).expect("a proxy");
    let mut client = Client::of(&proxy);
    proxy.set(Direction::ToClient, Flow::Swallow);
    client.send("heard");
    assert_eq!(reports.recv().expect("a report"), b"heard");
    client.gets_nothing();

    // Something was lost, so that nothing that comes later can be understood.
    proxy.pass();
    client.has_ended();
    assert_eq!(reports.recv().expect("a report"), b"");

    proxy.set(Direction::ToServer, Flow::Swallow);
    let mut client = Client::of(&proxy);
    client.send("unheard");
    client.gets_nothing();
    proxy.pass();
    client.has_ended();
    assert_eq!(reports.recv().expect("a report"), b"");
}

#[test]
fn the_client_of_a_half_open_connection_is_not_told() {
    let (port, reports) = echo();
    let proxy = Proxy::to(port).expect("a proxy");
    let mut client = Client::of(&proxy);
    client.send("a");
    client.gets("a");
    assert_eq!(reports.recv().expect("a report"), b"a");
    proxy.half_open();
    assert_eq!(reports.recv().expect("a report"), b"");
    client.send("b");
    client.gets_nothing();
    proxy.pass();
    client.gets_nothing();

    let mut other = Client::of(&proxy);
    other.send("c");
    other.gets("c");
    proxy.cut();
    client.has_ended();
}

#[test]
fn a_connection_ends_if_there_is_no_server_or_no_proxy() {
    let (port, _reports) = echo();
    let proxy = Proxy::to(port).expect("a proxy");
    let mut client = Client::of(&proxy);
    client.send("a");
    client.gets("a");
    drop(proxy);
    client.has_ended();

    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let proxy = Proxy::to(port).expect("a proxy");
    Client::of(&proxy).has_ended();
}
