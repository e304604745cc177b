//! The example of the README about a web server.

use std::fmt;
use std::time::Duration;

use cache_client::{App, Client, Context, Fetch};
use cache_core::{Cache, Query, registry};

use crate::serving;

#[derive(Debug)]
pub struct Post {
    pub title: String,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Post, capacity = 10_000, ttl = "1h")]
pub struct GetPost {
    pub id: u64,
}

registry! { pub struct CacheRegistry { GetPost } }

impl fmt::Display for printed::NoSuchPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such post")
    }
}

pub struct Blog;

impl App for Blog {
    type Registry = CacheRegistry;
}

impl Fetch<Blog> for GetPost {
    type Error = printed::NoSuchPost;

    async fn fetch(&self, _: &Context<Blog>) -> Result<Post, printed::NoSuchPost> {
        match self.id {
            7 => Ok(Post { title: "Seven".to_owned() }),
            _ => Err(printed::NoSuchPost),
        }
    }
}

mod printed {
    use super::{Blog, Client, Duration, GetPost};
    // The printed part starts here.
    use axum::Router;
    use axum::extract::Path;
    use axum::http::StatusCode;
    use axum::response::{IntoResponse, Response};
    use axum::routing::get;
    use cache_web::{Cx, Failure, RequestLayer};

    #[derive(Debug)]
    pub struct NoSuchPost; // the error of the load

    impl IntoResponse for &NoSuchPost {
        fn into_response(self) -> Response {
            StatusCode::NOT_FOUND.into_response()
        }
    }

    async fn title(cx: Cx<Blog>, Path(id): Path<u64>) -> Result<String, Failure<NoSuchPost>> {
        Ok(cx.query(&GetPost { id }).await?.title.clone())
    }

    pub fn routes(client: &Client<Blog>) -> Router {
        let layer = RequestLayer::new(client).deadline(Duration::from_secs(2));
        Router::new().route("/titles/{id}", get(title)).layer(layer)
    }
    // The printed part ends here.
}

#[tokio::test(start_paused = true)]
async fn the_web_server_of_the_readme_answers_and_is_printed_as_it_is_here() {
    let routes = printed::routes(&Client::builder(Cache::new(), Blog).build());
    assert_eq!(serving::get(&routes, "/titles/7").await, (200, "Seven".to_owned()));
    assert_eq!(serving::get(&routes, "/titles/8").await.0, 404);

    let lines = |text: &'static str| text.lines().map(str::trim).collect::<Vec<_>>();
    let here = lines(include_str!("readme.rs"));
    let is = |wanted: &'static str| here.iter().position(|line| *line == wanted).unwrap();
    let printed = &here[is("// The printed part starts here.") + 1..is("// The printed part ends here.")];
    let readme = lines(include_str!("../../../README.md"));
    assert!(readme.windows(printed.len()).any(|lines| lines == printed), "the README has another example");
}
