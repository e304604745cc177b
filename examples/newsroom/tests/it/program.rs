//! The program as it is started: what it says, and how it ends.

use std::process::Command;

use tempfile::tempdir;
use tokio::net::TcpListener;

fn newsroom(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_newsroom")).args(arguments).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn an_address_that_is_taken_is_told_before_anything_is_made() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (code, told) = newsroom(&["--address", &address, "--data", data.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(told.contains(&address) && told.contains("choose another with --address"), "{told}");
    assert!(!data.exists());
}

#[test]
fn arguments_that_make_no_sense_are_told() {
    for arguments in [&["--address", "here"][..], &["--port", "80"], &["what"]] {
        let (code, told) = newsroom(arguments);
        assert_eq!(code, Some(2), "{arguments:?}");
        assert!(told.contains("see `newsroom --help`"), "{told}");
    }
}
