use cache_client::{App, Client, Context, Fetch};
use cache_core::{Query, registry};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 10, fresh = "1s")]
pub struct GetPost {
    id: u64,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 10, fresh = "1s")]
pub struct GetUser {
    id: u64,
}

registry! {
    pub struct CacheRegistry { crate::GetPost, crate::GetUser }
}

struct Blog;

impl App for Blog {
    type Registry = CacheRegistry;
}

impl Fetch<Blog> for GetUser {
    type Error = std::io::Error;

    async fn fetch(&self, _: &Context<Blog>) -> Result<String, std::io::Error> {
        Ok(String::new())
    }
}

fn post(client: &Client<Blog>) {
    drop(client.query(&GetPost { id: 7 }));
}

fn main() {}
