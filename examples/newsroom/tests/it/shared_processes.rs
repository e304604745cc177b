//! Processes that share their answers: how they start together, and how they end.

use std::net::{Ipv4Addr, TcpListener};

use cache_redis_test_server::TestServer;
use serde_json::json;
use tempfile::tempdir;

use crate::program::{Program, newsroom};

const STORY: &str = "/api/articles/60";

impl Program {
    async fn comments(&self) -> String {
        self.visitor().await.get(STORY).await.unwrap().body
    }

    async fn post(&self, text: &str) {
        let body = json!({ "name": "Ada", "text": text });
        let posted = self.visitor().await.post("/api/articles/60/comments", &body).await.unwrap();
        assert_eq!(posted.status, 201);
    }
}

#[tokio::test]
async fn two_that_start_together_use_one_database_and_share() {
    let (folder, server) = (tempdir().unwrap(), TestServer::start());
    let (url, data) = (server.url(), folder.path().to_str().unwrap());
    let arguments = ["--shared", url.as_str()];
    let start = || Program::start(folder.path(), &arguments);
    let (mut one, other) = tokio::join!(start(), start());
    assert!(!other.comments().await.contains("From one to the other."));
    one.post("From one to the other.").await;
    while !other.comments().await.contains("From one to the other.") {}

    // One that does not share would not be told.
    let (code, stderr) = newsroom(&["--address", "127.0.0.1:0", "--data", data]).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("another newsroom uses the folder"), "{stderr}");

    one.signal("-TERM").await;
    one.says("the other newsrooms know all changes").await;
    let (status, errors) = one.ends().await;
    assert_eq!((status.code(), errors.as_str()), (Some(0), ""));
    other.post("Alone now.").await;
    assert!(other.comments().await.contains("Alone now."));
}

#[tokio::test]
async fn a_folder_of_one_that_does_not_share_is_refused() {
    let (folder, server) = (tempdir().unwrap(), TestServer::start());
    let _alone = Program::start(folder.path(), &[]).await;
    let data = folder.path().to_str().unwrap();
    let (code, stderr) =
        newsroom(&["--address", "127.0.0.1:0", "--data", data, "--shared", &server.url()]).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("another newsroom uses the folder"), "{stderr}");
}

#[tokio::test]
async fn changes_that_could_not_be_told_are_reported_at_the_end() {
    let (folder, mut server) = (tempdir().unwrap(), TestServer::start());
    let program = Program::start(folder.path(), &["--shared", &server.url()]).await;
    server.kill();
    program.post("Is anybody there?").await;
    program.signal("-TERM").await;
    let (status, errors) = program.ends().await;
    assert_eq!(status.code(), Some(0));
    assert!(errors.contains("the other newsrooms were not told what changed"), "{errors}");
}

#[tokio::test]
async fn a_password_is_used_and_never_printed() {
    let (folder, server) = (tempdir().unwrap(), TestServer::start_with(&["--requirepass", "sesame"]));
    let url = format!("redis://:sesame@127.0.0.1:{}", server.port());
    let mut program = Program::start(folder.path(), &["--shared", &url]).await;
    program.post("Let me in.").await;
    program.signal("-TERM").await;
    program.says("the other newsrooms know all changes").await;
    let said = std::mem::take(&mut program.said);
    assert!(said.contains(&format!("sharing answers by {}", server.url())), "{said}");
    let (_, errors) = program.ends().await;
    assert_eq!((said.contains("sesame"), errors.as_str()), (false, ""));
}

#[tokio::test]
async fn a_server_that_does_not_run_is_named_without_the_password() {
    let folder = tempdir().unwrap();
    // A port that was free just now.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let (url, data) = (format!("redis://ada:sesame@127.0.0.1:{port}"), folder.path().to_str().unwrap());
    let arguments = ["--address", "127.0.0.1:0", "--articles", "60", "--data", data, "--shared", &url];
    let (code, stderr) = newsroom(&arguments).await;
    assert_eq!(code, Some(1));
    let place = format!("cannot share answers by redis://127.0.0.1:{port}");
    assert!(stderr.contains(&place) && stderr.contains("or leave --shared out"), "{stderr}");
    assert!(stderr.contains("refused") && !stderr.contains("sesame"), "{stderr}");
}

#[tokio::test]
async fn a_text_that_is_no_url_of_a_server_is_refused_and_not_printed() {
    for url in ["http://ada:sesame@cache", "redis://ada:ses?ame@cache", "sesame", ""] {
        let (code, stderr) = newsroom(&["--shared", url]).await;
        assert_eq!(code, Some(2), "{url}");
        assert!(
            stderr.contains("--shared: the url must be like redis://") && !stderr.contains("ame@"),
            "{stderr}"
        );
        assert!(!stderr.contains("sesame"), "{stderr}");
    }
}
