//! TLS with a server whose certificate an authority of the test's own has signed. Needs `openssl`.
#![allow(missing_docs, reason = "tests")]

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use cache_client::shared::protocol::{Epoch, Reply, Request};
use cache_client::shared::{ConnectError, TierConnection, TierServer};
use cache_redis::{RedisServer, ServerError};
use cache_redis_test_server::TestServer;
use tempfile::TempDir;

/// Certificates and keys as files: `authority`, and signed by it `server` and `client`.
fn certificates() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let create = |name: &str, more: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        command.args(["-days", "2", "-subj", &format!("/CN={name}")]);
        command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem")]).args(more);
        let output = command.current_dir(folder.path()).output();
        let output = output.expect("`openssl` runs: install the package of this name");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    create("authority", &[]);
    for name in ["server", "client"] {
        let signed = ["-CA", "authority.pem", "-CAkey", "authority.key"];
        let leaf =
            ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=IP:127.0.0.1"];
        create(name, &[&signed[..], &leaf].concat());
    }
    folder
}

fn pem(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).expect("openssl has written it")
}

/// A server that speaks TLS only, and its url.
fn tls_server(folder: &Path, asks_clients: &str) -> (TestServer, String) {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (port_text, files) = (port.to_string(), ["server.pem", "server.key", "authority.pem"].map(path));
    let [certificate, key, authority] = files.each_ref().map(String::as_str);
    let server = TestServer::start_with(&[
        "--port",
        "0",
        "--tls-port",
        &port_text,
        "--tls-cert-file",
        certificate,
        "--tls-key-file",
        key,
        "--tls-ca-cert-file",
        authority,
        "--tls-auth-clients",
        asks_clients,
    ]);
    (server, format!("rediss://127.0.0.1:{port}"))
}

async fn is_usable(server: &RedisServer) -> Result<(), ConnectError> {
    let connection = server.connect().await?;
    let reply = connection.send(&Request::Open { candidate: Epoch([1; 16]) }).await;
    assert!(matches!(reply, Ok(Reply::Opened(_))), "{reply:?}");
    Ok(())
}

#[tokio::test]
async fn a_server_is_used_if_its_certificate_is_signed_by_an_authority_that_is_trusted() {
    let folder = certificates();
    let (_server, url) = tls_server(folder.path(), "no");
    let trusting = RedisServer::at(&url).root_certificates(pem(folder.path(), "authority.pem"));
    is_usable(&trusting).await.expect("the certificate is trusted");

    let other = certificates();
    let not_trusting = [
        RedisServer::at(&url),
        RedisServer::at(&url).root_certificates(pem(other.path(), "authority.pem")),
        // The certificate is for the address.
        RedisServer::at(url.replace("127.0.0.1", "localhost"))
            .root_certificates(pem(folder.path(), "authority.pem")),
    ];
    for server in not_trusting {
        let error = is_usable(&server).await.expect_err("the certificate is not trusted");
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
    }
    is_usable(&RedisServer::at(url.replace("rediss", "redis")))
        .await
        .expect_err("the server speaks TLS only");
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_it() {
    let folder = certificates();
    let (_server, url) = tls_server(folder.path(), "yes");
    let anonymous = RedisServer::at(&url).root_certificates(pem(folder.path(), "authority.pem"));
    is_usable(&anonymous).await.expect_err("the server refuses clients without a certificate");
    let (certificate, key) = (pem(folder.path(), "client.pem"), pem(folder.path(), "client.key"));
    let known = anonymous.client_certificate(certificate, key);
    is_usable(&known).await.expect("the server knows the client");
    assert!(!format!("{known:?}").contains("PRIVATE"));
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_refused() {
    let url = "rediss://127.0.0.1:1";
    for server in [
        RedisServer::at(url).client_certificate("no certificate", "no key"),
        RedisServer::at(url).root_certificates("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
        RedisServer::at("redis://127.0.0.1:1").root_certificates("never looked at"),
    ] {
        let error = server.connect().await.expect_err("the settings are refused");
        let ConnectError::Unusable { source, .. } = error else { panic!("{error:?}") };
        let error = source.downcast_ref::<ServerError>();
        assert!(matches!(error, Some(ServerError::Settings { .. })), "{error:?}");
    }
}
