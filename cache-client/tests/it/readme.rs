//! The loading example of the README.

use std::error::Error;
use std::sync::Arc;

use cache_core::{Cache, Query, registry};

#[derive(Debug)]
pub struct Post {
    pub title: String,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Post, capacity = 10_000, ttl = "1h")]
pub struct GetPost {
    pub id: u64,
}

registry! {
    pub struct CacheRegistry {
        GetPost,
    }
}

struct Database;

impl Database {
    async fn post(&self, id: u64) -> std::io::Result<Post> {
        tokio::task::yield_now().await;
        Ok(Post { title: format!("post {id}") })
    }
}

async fn title_of_seven(cache: Cache<CacheRegistry>, db: Database) -> Result<String, Box<dyn Error>> {
    // The printed part starts here.
    use cache_client::{App, Client, Context, Fetch};

    struct Blog {
        db: Database, // the program's own state: whatever loads need
    }

    impl App for Blog {
        type Registry = CacheRegistry;
    }

    impl Fetch<Blog> for GetPost {
        type Error = std::io::Error;

        async fn fetch(&self, cx: &Context<Blog>) -> Result<Post, std::io::Error> {
            cx.app().db.post(self.id).await
        }
    }

    let client = Client::builder(cache, Blog { db }).build();
    let post: Arc<Post> = client.query(&GetPost { id: 7 }).await?;
    // The printed part ends here.
    Ok(post.title.clone())
}

#[tokio::test(start_paused = true)]
async fn the_example_of_the_readme_loads_and_is_printed_as_it_is_here() {
    assert_eq!(title_of_seven(Cache::new(), Database).await.unwrap(), "post 7");

    let lines = |text: &'static str| text.lines().map(str::trim).collect::<Vec<_>>();
    let here = lines(include_str!("readme.rs"));
    let is = |wanted: &'static str| here.iter().position(|line| *line == wanted).unwrap();
    let printed = &here[is("// The printed part starts here.") + 1..is("// The printed part ends here.")];
    let readme = lines(include_str!("../../../README.md"));
    assert!(readme.windows(printed.len()).any(|lines| lines == printed), "the README has another example");
}
