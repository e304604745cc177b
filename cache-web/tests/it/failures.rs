//! Errors of queries and mutations as responses.

use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cache_client::{Changes, Context, Mutate, MutateError, QueryError};
use cache_web::{Cx, Failure, RequestLayer};

use crate::blog::{Blog, BlogError, Failing, blog_client, takes};
use crate::serving;

async fn fail(cx: Cx<Blog>, Path(how): Path<String>) -> Result<String, Failure<BlogError>> {
    let key = match how.as_str() {
        "absent" => Failing::Absent,
        "down" => Failing::Down,
        _ => Failing::Panicking,
    };
    Ok(cx.query(&key).await?.to_string())
}

#[tokio::test(start_paused = true)]
async fn each_error_of_a_query_is_a_response() {
    let (client, _) = blog_client();
    let routes = Router::new().route("/{how}", get(fail)).layer(RequestLayer::new(&client));
    assert_eq!(serving::get(&routes, "/absent").await, (404, "no such post".to_owned()));
    // Nothing of the message of the panic.
    assert_eq!(serving::get(&routes, "/panicking").await, (500, String::new()));
    // The breaker opens at the fifth failure, and the panic was one.
    for _ in 0..4 {
        assert_eq!(serving::get(&routes, "/down").await.0, 502);
    }
    assert_eq!(serving::get(&routes, "/down").await, (503, "try again later\n".to_owned()));
}

fn response(error: QueryError<BlogError>) -> Response {
    Failure::from(error).into_response()
}

#[tokio::test(start_paused = true)]
async fn a_refused_load_says_when_the_breaker_lets_one_through() {
    let (client, _) = blog_client();
    for _ in 0..5 {
        client.query(&Failing::Down).await.unwrap_err();
    }
    takes(Duration::from_millis(20_500)).await;
    let refused = async || client.query(&Failing::Down).await.unwrap_err();
    assert_eq!(response(refused().await).headers()[RETRY_AFTER], "40", "39.5 s are left of a minute");
    let failure = Failure::from(refused().await).retry_after(Duration::from_millis(1_001));
    assert_eq!(failure.into_response().headers()[RETRY_AFTER], "2");

    // The time counts down until the response is made.
    let failure = Failure::from(refused().await);
    takes(Duration::from_secs(39)).await;
    assert_eq!(failure.into_response().headers()[RETRY_AFTER], "1");
    assert!(!response(QueryError::Interrupted { query: "failing" }).headers().contains_key(RETRY_AFTER));
}

#[test]
fn an_answer_that_is_not_cached_is_not_available() {
    assert_eq!(response(QueryError::NotCached { query: "failing" }).status(), 503);
}

#[derive(Clone)]
struct Edit(Result<(), BlogError>);

impl Mutate<Blog> for Edit {
    type Output = ();
    type Error = BlogError;

    async fn run(&self, _: &Context<Blog>) -> Result<(), BlogError> {
        self.0
    }

    fn apply(&self, _: &(), _: &mut Changes<Blog>) {}
}

#[tokio::test(start_paused = true)]
async fn errors_of_mutations_are_responses_too() {
    let (client, _) = blog_client();
    let failed = client.mutate(&Edit(Err(BlogError::Absent))).await.unwrap_err();
    let failure = Failure::from(failed);
    assert_eq!(failure.error().map(|error| &**error), Some(&BlogError::Absent));
    assert_eq!(failure.into_response().status(), 404);

    let cx = client.request("edit");
    cx.cancel();
    let interrupted: MutateError<BlogError> = cx.mutate(&Edit(Ok(()))).await.unwrap_err();
    assert_eq!(Failure::from(interrupted).into_response().status(), 504);
}
