//! The example of the README about many machines.

use std::error::Error;
use std::time::Duration;

use cache_client::{App, Client, Context, Fetch};
use cache_core::{Cache, Query, Shape, registry};
use cache_redis::RedisTier;
use serde::{Deserialize, Serialize};

#[derive(Shape, Debug, Serialize, Deserialize)]
pub struct Post {
    pub title: String,
}

// The first printed part starts here.
#[derive(Query, Shape, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[query(value = Post, capacity = 10_000, fresh = "30s", share)]
pub struct GetPost {
    pub id: u64,
}
// The first printed part ends here.

registry! { pub struct CacheRegistry { GetPost } }

#[derive(Debug)]
pub struct Blog {
    db: (),
}

impl App for Blog {
    type Registry = CacheRegistry;
}

impl Fetch<Blog> for GetPost {
    type Error = std::io::Error;

    async fn fetch(&self, cx: &Context<Blog>) -> Result<Post, std::io::Error> {
        let () = cx.app().db;
        Ok(Post { title: self.id.to_string() })
    }
}

async fn build(cache: Cache<CacheRegistry>, db: ()) -> Result<Client<Blog>, Box<dyn Error>> {
    // The second printed part starts here.
    let tier = RedisTier::at("redis://cache:6379").namespace("blog").max_lag(Duration::from_secs(2));
    let client = Client::builder(cache, Blog { db }).shared(tier.connect().await?).build();
    // The second printed part ends here.
    Ok(client)
}

#[test]
fn the_example_of_the_readme_is_compiled_as_it_is_printed() {
    let lines = |text: &'static str| text.lines().map(str::trim).collect::<Vec<_>>();
    let here = lines(include_str!("readme.rs"));
    let readme = lines(include_str!("../../../README.md"));
    for part in ["first", "second"] {
        let is = |wanted: String| here.iter().position(|line| *line == wanted).unwrap();
        let start = is(format!("// The {part} printed part starts here.")) + 1;
        let printed = &here[start..is(format!("// The {part} printed part ends here."))];
        assert!(
            readme.windows(printed.len()).any(|lines| lines == printed),
            "the README has another {part} part"
        );
    }
    // Only compiled: there is no server of this name.
    drop(build(Cache::new(), ()));
}
