//! Who may see the inspector.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;
use cache_web::{TokenError, inspector};
use tower_service::Service;

use super::{Answer, GetText, TOKEN, cookie, get, part, send, shown, shown_client};

const PARTS: [&str; 4] = ["", "state", "entries", "updates"];

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, reason: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    assert!(answer.text.contains(reason), "{}", answer.text);
    assert!(!answer.text.contains(TOKEN) && answer.headers.get("set-cookie").is_none());
    assert_protected(answer);
}

#[track_caller]
fn assert_protected(answer: &Answer) {
    assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn each_refusal_has_its_own_reason() {
    let routes: Router = shown(&shown_client()).routes();
    let wrong = cookie(&routes).await.replace(TOKEN, &TOKEN.replace('0', "1"));
    for part in PARTS {
        let path = format!("/_cache/{part}");
        let with_token = |token: &str| format!("{path}?token={token}");
        let local = ("host", "127.0.0.1:8080");
        assert_refused(&get(&routes, &path, &[local]).await, 401, "needs a token");
        assert_refused(&get(&routes, &with_token(""), &[local]).await, 403, "token is not the one");
        assert_refused(&get(&routes, &with_token(&TOKEN[1..]), &[local]).await, 403, "token is not the one");
        assert_refused(
            &get(&routes, &with_token(&format!("{TOKEN}0")), &[local]).await,
            403,
            "token is not the one",
        );
        assert_refused(&get(&routes, &path, &[local, ("cookie", &wrong)]).await, 403, "token is not the one");
        let others = format!("session=1; other_{}", cookie(&routes).await);
        assert_refused(&get(&routes, &path, &[local, ("cookie", &others)]).await, 401, "needs a token");
        // A right token under a foreign host, as a page of another domain would send it.
        let foreign = [("host", "evil.example"), ("cookie", &*cookie(&routes).await)];
        assert_refused(&get(&routes, &path, &foreign).await, 403, "not for this host");
        assert_refused(&get(&routes, &with_token(TOKEN), &foreign[..1]).await, 403, "not for this host");
    }
}

#[tokio::test]
async fn only_allowed_hosts_are_answered() {
    let client = shown_client();
    let routes: Router = shown(&client).host("News.example:8443").host("fe80::7").host("[fe80::8]").routes();
    let path = format!("/_cache/?token={TOKEN}");
    let status = async |uri: &str, headers: &[(&str, &str)]| get(&routes, uri, headers).await.status.as_u16();
    for host in [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1",
        "127.8.8.8:80",
        "[::1]:8080",
        "news.example:443",
        "[fe80::7]:80",
        "[FE80::8]",
        "NEWS.EXAMPLE",
    ] {
        assert_eq!(status(&path, &[("host", host)]).await, 303, "{host}");
    }
    for host in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "news.example.evil.example",
        "10.0.0.1",
        "[::2]",
        "",
        "news example",
        "localhost@evil.example",
        "localhost, evil.example",
    ] {
        assert_eq!(status(&path, &[("host", host)]).await, 403, "{host}");
    }
    assert_eq!(status(&path, &[]).await, 403, "no host at all");
    assert_eq!(status(&path, &[("host", "localhost"), ("host", "evil.example")]).await, 403);
    assert_eq!(status(&format!("http://evil.example{path}"), &[("host", "localhost")]).await, 403);
    assert_eq!(status(&format!("http://localhost{path}"), &[("host", "localhost")]).await, 303);
    assert_eq!(status(&path, &[("host", "localhost"), ("x-forwarded-host", "evil.example")]).await, 403);
    assert_eq!(status(&path, &[("host", "localhost"), ("x-forwarded-host", "news.example")]).await, 303);
}

#[tokio::test]
async fn the_token_is_exchanged_for_a_cookie_and_leaves_the_address() {
    let routes: Router = shown(&shown_client()).routes();
    let entered = get(&routes, &format!("/_cache/?token={TOKEN}"), &[("host", "localhost")]).await;
    assert_eq!((entered.status, entered.header("location")), (StatusCode::SEE_OTHER, "./"));
    assert_protected(&entered);
    let cookie = entered.header("set-cookie");
    assert!(cookie.ends_with(&format!("={TOKEN}; HttpOnly; SameSite=Strict")), "{cookie}");
    let page = part(&routes, "").await;
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    assert!(!page.text.contains(TOKEN));
    assert_protected(&page);
    // The path without a slash leads to the page, with what the link had.
    let folder = get(&routes, &format!("/_cache?token={TOKEN}"), &[("host", "localhost")]).await;
    assert_eq!(folder.header("location"), format!("_cache/?token={TOKEN}"));
    assert_refused(&get(&routes, "/_cache", &[("host", "localhost")]).await, 401, "needs a token");
}

#[tokio::test]
async fn the_cookie_is_for_https_alone_if_the_browser_uses_https() {
    let client = shown_client();
    let is_secure = async |routes: &Router, uri: &str, header: Option<(&str, &str)>| {
        let headers: Vec<_> = header.into_iter().chain([("host", "localhost")]).collect();
        let entered = get(routes, &format!("{uri}/_cache/?token={TOKEN}"), &headers).await;
        entered.header("set-cookie").contains("; Secure")
    };
    let routes: Router = shown(&client).routes();
    assert!(!is_secure(&routes, "", None).await);
    assert!(!is_secure(&routes, "", Some(("x-forwarded-proto", "http"))).await);
    assert!(is_secure(&routes, "", Some(("x-forwarded-proto", "https, http"))).await);
    assert!(is_secure(&routes, "", Some(("forwarded", "for=1.2.3.4;proto=HTTPS"))).await);
    assert!(is_secure(&routes, "https://localhost", None).await);
    assert!(is_secure(&shown(&client).https().routes(), "", None).await);
}

#[tokio::test]
async fn a_link_of_another_site_is_followed_by_the_page_itself() {
    let routes: Router = shown(&shown_client()).routes();
    let headers = [("host", "localhost"), ("sec-fetch-site", "cross-site")];
    let answer = get(&routes, "/_cache/", &headers).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (StatusCode::UNAUTHORIZED, "text/html; charset=utf-8")
    );
    assert!(answer.text.contains("http-equiv=\"refresh\""));
    assert_protected(&answer);
}

#[tokio::test]
async fn it_only_reads() {
    let routes: Router = shown(&shown_client()).routes();
    let cookie = cookie(&routes).await;
    let headers = [("host", "localhost"), ("cookie", &*cookie)];
    for part in PARTS {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = send(&routes, method, &format!("/_cache/{part}"), &headers).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        }
    }
}

#[test]
fn a_token_that_can_be_guessed_or_is_no_part_of_a_link_is_an_error() {
    let client = shown_client();
    let error = |token: &str| inspector(&client).token(token).err();
    assert_eq!(error("short"), Some(TokenError::TooShort));
    assert_eq!(error(&"a".repeat(21)), Some(TokenError::TooShort));
    assert_eq!(error(&"a".repeat(22)), None);
    for character in [' ', ';', '&', '%', '/', 'é', '\n', '"'] {
        assert_eq!(error(&character.to_string().repeat(32)), Some(TokenError::Character), "{character:?}");
    }
}

#[test]
fn a_link_has_the_token_which_is_random_unless_it_is_given() {
    let client = shown_client();
    let link = shown(&client).at("/admin/cache/").link("http://127.0.0.1:8080/");
    assert_eq!(link, format!("http://127.0.0.1:8080/admin/cache/?token={TOKEN}"));
    let [one, other] = [(); 2].map(|()| inspector(&client).link("http://localhost"));
    assert_ne!(one, other);
    assert_eq!(one.split('=').nth(1).unwrap().len(), 32, "128 bits as hexadecimal digits");
    assert!(!format!("{:?}", shown(&client)).contains(TOKEN));
}

/// A reverse proxy that serves the routes under another path, with or without the name of the host.
fn proxied(routes: &Router, keeps_host: bool) -> Router {
    let routes = routes.clone();
    let forward = move |mut request: Request| {
        let mut routes = routes.clone();
        async move {
            let path = request.uri().path_and_query().unwrap().as_str().replacen("/internal", "/_cache", 1);
            *request.uri_mut() = path.parse::<Uri>().unwrap();
            if !keeps_host {
                request.headers_mut().insert(header::HOST, HeaderValue::from_static("127.0.0.1:9000"));
            }
            let response: Response = routes.call(request).await.unwrap();
            response
        }
    };
    Router::new().fallback(forward)
}

#[tokio::test]
async fn behind_a_plain_proxy_the_same_is_refused_and_the_link_works() {
    let client = shown_client();
    drop(client.cache().insert(GetText("a key".to_owned()), "a value".to_owned()));
    let routes: Router = shown(&client).routes();
    for (keeps_host, host) in [(true, "localhost"), (false, "news.example")] {
        let proxy = proxied(&routes, keeps_host);
        let host = ("host", host);
        assert_refused(&get(&proxy, "/internal/", &[host]).await, 401, "needs a token");
        assert_refused(&get(&proxy, "/internal/?token=00", &[host]).await, 403, "token is not the one");
        let entered = get(&proxy, &format!("/internal/?token={TOKEN}"), &[host]).await;
        // Neither the redirect nor the cookie names a path, which would be that behind the proxy.
        assert_eq!((entered.status, entered.header("location")), (StatusCode::SEE_OTHER, "./"));
        let cookie = entered.header("set-cookie");
        assert!(!cookie.contains("Path"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap();
        let page = get(&proxy, "/internal/entries", &[host, ("cookie", cookie)]).await;
        assert_eq!(page.json()["entries"][0]["key"], "a key");
    }
    let proxy = proxied(&routes, true);
    let foreign = [("host", "evil.example")];
    assert_refused(
        &get(&proxy, &format!("/internal/?token={TOKEN}"), &foreign).await,
        403,
        "not for this host",
    );
}

#[tokio::test]
async fn a_client_that_has_no_cookie_of_its_own_gets_nothing_from_that_of_another() {
    let client = shown_client();
    drop(client.cache().insert(GetText("a key".to_owned()), "a value".to_owned()));
    let routes: Router = shown(&client).routes();
    assert_eq!(part(&routes, "entries").await.json()["entries"][0]["key"], "a key");
    for path in PARTS {
        let answer = get(&routes, &format!("/_cache/{path}"), &[("host", "localhost")]).await;
        assert_refused(&answer, 401, "needs a token");
        assert!(!answer.text.contains("a key"));
    }
}
