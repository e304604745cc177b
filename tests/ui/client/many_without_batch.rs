use cache_client::{App, Context, FetchMany};
use cache_core::{Query, registry};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 10, fresh = "1s")]
pub struct GetPost {
    id: u64,
}

registry! {
    pub struct CacheRegistry { crate::GetPost }
}

struct Blog;

impl App for Blog {
    type Registry = CacheRegistry;
}

impl FetchMany<Blog> for GetPost {
    type Error = std::io::Error;

    async fn fetch_many(keys: &[Self], _: &Context<Blog>) -> Vec<Result<String, std::io::Error>> {
        keys.iter().map(|_| Ok(String::new())).collect()
    }
}

fn main() {}
