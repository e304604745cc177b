use cache_core::Query;
use cache_documents::{Field, Id, One, Resource};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
pub struct ArticleId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId)]
pub struct Article {
    pub title: String,
    pub author: One<ArticleId>,
    pub words: Option<Field<u32>>,
}

fn main() {}
