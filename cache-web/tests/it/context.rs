//! The context that a request gets: its name, its deadline, and from where it is found.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderName, Method, StatusCode};
use axum::routing::{any, get};
use cache_client::{App, Client, Context, Fetch};
use cache_core::{Cache, Query, registry};
use cache_web::{Cx, Failure, RequestLayer};
use tokio::time::Instant;

use crate::blog::{Blog, BlogError, SlowText, blog_client, takes};
use crate::serving::{self, Connection, Version, request, text};

async fn name(cx: Cx<Blog>) -> String {
    cx.name().to_owned()
}

async fn slow(cx: Cx<Blog>, Path(millis): Path<u64>) -> Result<String, Failure<BlogError>> {
    Ok(cx.query(&SlowText { millis }).await?.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_context_is_named_after_method_and_route() {
    let (client, _) = blog_client();
    let inner = Router::new().route("/posts/{id}", any(name));
    let routes = Router::new()
        .route("/", get(name))
        .nest("/blog", inner)
        .fallback(name)
        .layer(RequestLayer::new(&client));
    let mut connection = Connection::open(routes, Version::Http1, 64 * 1024).await;
    for (method, path, name) in [
        ("GET", "/", "GET /"),
        ("PUT", "/blog/posts/7?secret=1", "PUT /blog/posts/{id}"),
        ("GET", "/no/such/path", "GET"),
        ("BREW", "/blog/posts/7", "OTHER /blog/posts/{id}"),
    ] {
        let response = connection.send(request(Method::from_bytes(method.as_bytes()).unwrap(), path)).await;
        assert_eq!(text(response).await, name, "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_many_routes_has_its_own_name_every_time() {
    let (client, _) = blog_client();
    let routes = (0..200).fold(Router::new(), |routes, at| routes.route(&format!("/{at}/{{id}}"), any(name)));
    let routes = routes.layer(RequestLayer::new(&client));
    let mut connection = Connection::open(routes, Version::Http1, 64 * 1024).await;
    for method in [Method::GET, Method::POST, Method::GET] {
        for at in 0..200 {
            let response = connection.send(request(method.clone(), &format!("/{at}/7"))).await;
            assert_eq!(text(response).await, format!("{method} /{at}/{{id}}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn handler_and_body_find_the_context_without_being_passed_it() {
    fn current_name() -> String {
        Context::<Blog>::current().map(|cx| cx.name().to_owned()).unwrap_or_default()
    }
    async fn handler() -> Body {
        let in_handler = current_name();
        // The stream runs while the body is sent, when the handler has long returned.
        let in_body = futures_util::stream::once(async move {
            tokio::task::yield_now().await;
            Ok::<_, std::io::Error>(format!("{in_handler}, {}", current_name()))
        });
        Body::from_stream(in_body)
    }
    let (client, _) = blog_client();
    let routes = Router::new().route("/here", get(handler)).layer(RequestLayer::new(&client));
    assert_eq!(serving::get(&routes, "/here").await.1, "GET /here, GET /here");
}

#[tokio::test(start_paused = true)]
async fn requests_do_not_see_the_answers_of_each_other() {
    async fn handler(cx: Cx<Blog>, Path(user): Path<String>) -> String {
        let key = SlowText { millis: 10 };
        if user == "ann" {
            cx.set(&key, "only for Ann".to_owned()).unwrap();
        }
        cx.query(&key).await.unwrap().to_string()
    }
    let (client, _) = blog_client();
    let routes = Router::new().route("/{user}", get(handler)).layer(RequestLayer::new(&client));
    let (ann, bob) = tokio::join!(serving::get(&routes, "/ann"), serving::get(&routes, "/bob"));
    assert_eq!((ann.1.as_str(), bob.1.as_str()), ("only for Ann", "text of 10 ms"));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_answered_at_its_deadline_and_its_load_continues() {
    let (client, loads) = blog_client();
    let layer = RequestLayer::new(&client).deadline(Duration::from_millis(50));
    let routes = Router::new().route("/{millis}", get(slow)).layer(layer);
    let begun = Instant::now();
    let (status, _) = serving::get(&routes, "/80").await;
    assert_eq!((status, begun.elapsed()), (504, Duration::from_millis(50)));
    assert_eq!(loads.running(), 1);
    let (status, answer) = serving::get(&routes, "/80").await;
    assert_eq!((status, answer.as_str(), loads.begun()), (200, "text of 80 ms", 1));
    assert_eq!(begun.elapsed(), Duration::from_millis(80));
}

#[tokio::test(start_paused = true)]
async fn a_hit_after_the_deadline_is_interrupted_too() {
    async fn handler(cx: Cx<Blog>) -> Result<String, Failure<BlogError>> {
        takes(Duration::from_millis(60)).await;
        Ok(cx.query(&SlowText { millis: 1 }).await?.to_string())
    }
    let (client, _) = blog_client();
    client.query(&SlowText { millis: 1 }).await.unwrap();
    let layer = RequestLayer::new(&client).deadline(Duration::from_millis(50));
    let routes = Router::new().route("/", get(handler)).layer(layer);
    assert_eq!(serving::get(&routes, "/").await.0, 504);
}

#[tokio::test(start_paused = true)]
async fn the_shorter_one_of_both_deadlines_applies() {
    const HEADER: HeaderName = HeaderName::from_static("x-timeout-ms");
    let (client, _) = blog_client();
    let layer = RequestLayer::new(&client).deadline(Duration::from_millis(50)).deadline_header(HEADER);
    let routes = Router::new().route("/{millis}", get(slow)).layer(layer);
    let mut connection = Connection::open(routes, Version::Http1, 64 * 1024).await;
    for (granted, millis, expected) in [
        (vec!["20"], 1_000, 20),
        (vec!["500"], 1_000, 50),
        (vec![], 1_000, 50),
        (vec!["500", "20"], 1_000, 20),
        (vec!["0"], 1_000, 0),
        (vec!["99999999999999999999999"], 1_000, 50),
    ] {
        let mut request = request(Method::GET, &format!("/{millis}"));
        for value in &granted {
            request.headers_mut().append(HEADER, value.parse().unwrap());
        }
        let begun = Instant::now();
        let response = connection.send(request).await;
        assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT, "{granted:?}");
        assert_eq!(begun.elapsed(), Duration::from_millis(expected), "{granted:?}");
        text(response).await;
    }
    for bad in ["", "soon", "-1", "+5", "1.5", "1s"] {
        let mut request = request(Method::GET, "/0");
        request.headers_mut().insert(HEADER, bad.parse().unwrap());
        let response = connection.send(request).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{bad:?}");
        let expected = "the header `x-timeout-ms` must be a number of milliseconds, such as 1500\n";
        assert_eq!(text(response).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_that_the_program_has_not_named_grants_nothing() {
    let (client, _) = blog_client();
    let routes = Router::new().route("/{millis}", get(slow)).layer(RequestLayer::new(&client));
    let mut connection = Connection::open(routes, Version::Http1, 64 * 1024).await;
    let mut request = request(Method::GET, "/100");
    request.headers_mut().insert("x-timeout-ms", "1".parse().unwrap());
    assert_eq!(connection.send(request).await.status(), StatusCode::OK);
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, capacity = 1, fresh = "1s")]
struct Number;

registry! { struct OtherRegistry { Number } }

struct Other;

impl App for Other {
    type Registry = OtherRegistry;
}

impl Fetch<Other> for Number {
    type Error = BlogError;

    async fn fetch(&self, _: &Context<Other>) -> Result<u8, BlogError> {
        Ok(7)
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_without_a_layer_of_its_app_says_what_to_add() {
    let routes = Router::new().route("/", get(name));
    let (status, answer) = serving::get(&routes, "/").await;
    assert_eq!(status, 500);
    assert!(answer.contains("add `.layer(RequestLayer::new(&client))` to the router"), "{answer}");

    let other = Client::builder(Cache::<OtherRegistry>::new(), Other).build();
    let routes = routes.layer(RequestLayer::new(&other));
    let (status, answer) = serving::get(&routes, "/").await;
    assert_eq!(status, 500);
    assert!(answer.contains("Other") && answer.contains("add a `RequestLayer` of a `Client<"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn an_optional_context_is_none_without_a_layer() {
    async fn handler(cx: Option<Cx<Blog>>) -> String {
        cx.map_or("none".to_owned(), |cx| cx.name().to_owned())
    }
    let routes = Router::new().route("/", get(handler));
    assert_eq!(serving::get(&routes, "/").await.1, "none");
    let (client, _) = blog_client();
    assert_eq!(serving::get(&routes.layer(RequestLayer::new(&client)), "/").await.1, "GET /");
}
