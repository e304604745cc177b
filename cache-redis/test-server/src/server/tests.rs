use std::io::Read;

use super::*;

fn ask(server: &TestServer, command: &str) -> String {
    server.command(&command.split(' ').collect::<Vec<_>>()).expect("an answer")
}

#[test]
fn a_started_server_answers() {
    let server = TestServer::start();
    assert_eq!(ask(&server, "PING"), "+PONG");
    assert_eq!(server.url(), format!("redis://127.0.0.1:{}", server.port()));
}

#[test]
fn a_server_ends_when_it_is_dropped() {
    let server = TestServer::start();
    let port = server.port();
    drop(server);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
}

#[test]
fn a_killed_server_comes_back_with_what_it_saved() {
    let mut server = TestServer::start();
    ask(&server, "SET saved 1");
    assert_eq!(ask(&server, "SAVE"), "+OK");
    ask(&server, "SET lost 1");
    server.kill();
    server.restart();
    assert_eq!(ask(&server, "EXISTS saved lost"), ":1");
}

#[test]
fn a_stopped_server_answers_when_it_is_continued() {
    let server = TestServer::start();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).expect("a connection");
    server.signal("STOP");
    server.command(&["PING"]).expect_err("nothing is answered");
    stream.write_all(b"PING\r\n").expect("the command is sent");
    stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a time limit");
    let mut answer = [0; 7];
    let error = stream.read_exact(&mut answer).expect_err("nothing is answered");
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");

    server.signal("CONT");
    stream.set_read_timeout(None).expect("no time limit");
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"+PONG\r\n");
}

#[test]
#[should_panic(expected = "apt-get install redis-server")]
fn a_missing_program_fails_with_the_name_of_the_package() {
    let error =
        TestServer::start_program("redis-server-that-is-not-installed", &[]).expect_err("it is missing");
    panic!("{error}");
}

#[test]
#[should_panic(expected = "has not started")]
fn a_refused_setting_fails_with_the_log() {
    let _server = TestServer::start_with(&["--maxmemory", "much"]);
}
