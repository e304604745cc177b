use cache_core::Query;
use cache_documents::{Field, Id, Resource};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
pub struct ArticleId(pub Id);

#[derive(Resource)]
#[resource(type = "articles", key = ArticleId)]
pub struct Article {
    pub title: Field<String>,
}

fn main() {}
