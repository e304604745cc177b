//! The route that browsers ask.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use cache_client::Client;
use cache_web::{RequestLayer, Web};

use super::magazine::{Article, Broken, Counted, MILLISECOND, Magazine, everything, magazine_client};
use crate::serving::{Connection, Version, request, text};

struct Site {
    routes: Router,
    client: Client<Magazine>,
}

impl Site {
    fn new(web: &Web<Magazine>) -> Self {
        let client = magazine_client();
        let routes = Router::new()
            .merge(web.answers("/_q"))
            .layer(RequestLayer::new(&client).deadline(100 * MILLISECOND));
        Self { routes, client }
    }

    async fn get(&self, path: &str, headers: &[(&'static str, &str)]) -> (u16, HeaderMap, String) {
        let mut connection = Connection::open(self.routes.clone(), Version::Http1, 64 * 1024).await;
        let mut request = request(Method::GET, path);
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let response = connection.send(request).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, text(response).await)
    }
}

/// `{"id":7}` as a part of a URL.
const SEVEN: &str = "/_q/article?key=%7B%22id%22%3A7%7D";

#[tokio::test(start_paused = true)]
async fn a_listed_query_is_answered_as_json() {
    let site = Site::new(&everything());
    let (status, headers, text) = site.get(SEVEN, &[]).await;
    assert_eq!((status, text.as_str()), (200, "\"Article 7\""));
    assert_eq!(headers[CONTENT_TYPE], "application/json");
    assert_eq!(headers[CACHE_CONTROL], "private, no-cache");
    assert_eq!(headers["x-content-type-options"], "nosniff");
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_has_the_answer_gets_none() {
    let site = Site::new(&everything());
    let (_, headers, _) = site.get(SEVEN, &[]).await;
    let etag = headers[ETAG].to_str().unwrap();
    for known in [etag.to_owned(), format!("W/{etag}"), format!("\"other\", {etag}"), "*".to_owned()] {
        let (status, headers, text) = site.get(SEVEN, &[(IF_NONE_MATCH.as_str(), &known)]).await;
        assert_eq!((status, text.as_str()), (304, ""), "{known}");
        assert_eq!(headers[ETAG], etag);
        assert_eq!(headers[CACHE_CONTROL], "private, no-cache");
    }
    site.client.cache().insert(Article { id: 7 }, "Newer".to_owned());
    let (status, headers, text) = site.get(SEVEN, &[(IF_NONE_MATCH.as_str(), etag)]).await;
    assert_eq!((status, text.as_str()), (200, "\"Newer\""));
    assert_ne!(headers[ETAG], etag);
}

#[tokio::test(start_paused = true)]
async fn tags_of_one_cache_mean_nothing_to_another() {
    let (one, two) = (Site::new(&everything()), Site::new(&everything()));
    let (_, headers, _) = one.get(SEVEN, &[]).await;
    let etag = headers[ETAG].to_str().unwrap();
    assert_eq!(two.get(SEVEN, &[(IF_NONE_MATCH.as_str(), etag)]).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn an_optimistic_answer_has_no_tag() {
    let site = Site::new(&everything());
    site.get(SEVEN, &[]).await;
    let layer = site.client.optimistic(|layer| {
        layer.update(&Article { id: 7 }, |_| Some("Hoped for".to_owned()));
    });
    let (_, headers, text) = site.get(SEVEN, &[]).await;
    assert_eq!(text, "\"Hoped for\"");
    assert!(!headers.contains_key(ETAG));
    drop(layer);
    assert!(site.get(SEVEN, &[]).await.1.contains_key(ETAG));
}

#[tokio::test(start_paused = true)]
async fn bad_requests_say_what_is_wrong() {
    let site = Site::new(&everything());
    for (path, status, says) in [
        ("/_q/secret?key=null", 404, "there is no such query"),
        ("/_q/nothing?key=null", 404, "there is no such query"),
        ("/_q/article", 400, "the parameter `key` is missing"),
        ("/_q/article?key=", 400, "no key of `article`"),
        ("/_q/article?key=%7B%7D", 400, "missing field `id`"),
        ("/_q/article?key=%7B%22id%22%3A%22x%22%7D", 400, "`id`: invalid type"),
        ("/_q/article?key=%7B%22id%22%3A7%7D7", 400, "trailing characters"),
        ("/_q/article?key=%ff", 400, "no key of `article`"),
    ] {
        let (found, headers, text) = site.get(path, &[]).await;
        assert_eq!(found, status, "{path}");
        assert!(text.contains(says), "{path}: {text}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers[CONTENT_TYPE], "text/plain; charset=utf-8");
    }
    let long = format!("/_q/article?key={}", "x".repeat(8 * 1024));
    assert_eq!(site.get(&long, &[]).await.0, 413);
}

#[tokio::test(start_paused = true)]
async fn a_guard_stands_before_the_cache_and_before_a_tag() {
    let web = Web::new().guarded(|request: &Parts, _: &Article| request.headers.contains_key("user"));
    let site = Site::new(&web);
    assert_eq!(site.get(SEVEN, &[]).await.0, 403);
    assert!(site.client.cached(&Article { id: 7 }).is_none(), "nothing was loaded");

    let (status, headers, _) = site.get(SEVEN, &[("user", "ann")]).await;
    assert_eq!(status, 200);
    let etag = headers[ETAG].to_str().unwrap();
    for headers in [vec![], vec![(IF_NONE_MATCH.as_str(), etag)]] {
        let (status, headers, text) = site.get(SEVEN, &headers).await;
        assert_eq!((status, text.as_str()), (403, "this may not be read\n"));
        assert!(!headers.contains_key(ETAG));
    }
}

#[tokio::test(start_paused = true)]
async fn errors_of_loads_have_a_status_and_no_details() {
    let broken = "/_q/broken?key=%7B%22text%22%3A%22the%20database%20is%20down%22%7D";
    let site = Site::new(&everything());
    let (status, _, text) = site.get(broken, &[]).await;
    assert_eq!((status, text.as_str()), (500, "the load has failed\n"));
    let site = Site::new(&everything().with_errors::<Broken>());
    assert_eq!(site.get(broken, &[]).await.2, "the database is down\n");

    let slow = "/_q/remarks?key=%7B%22article%22%3A7%2C%22millis%22%3A5000%7D";
    let (status, headers, _) = site.get(slow, &[]).await;
    assert_eq!(status, 504);
    assert!(!headers.contains_key(RETRY_AFTER));

    // It cannot be exact.
    let large = format!("/_q/counted?key=%7B%22large%22%3A{}%7D", u64::MAX);
    assert_eq!(site.get(&large, &[]).await.0, 500);
    assert!(site.client.cached(&Counted { large: u64::MAX }).is_some());
}

#[tokio::test(start_paused = true)]
async fn the_route_answers_nothing_without_a_layer() {
    let routes = everything().answers::<()>("/_q/");
    let site = Site { routes, client: magazine_client() };
    let (status, _, text) = site.get(SEVEN, &[]).await;
    assert_eq!(status, 500);
    assert!(text.contains("RequestLayer::new(&client)"), "{text}");
}
