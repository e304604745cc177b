use cache_core::Query;
use cache_documents::{Field, Id, Resource};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article)]
pub struct ArticleId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId)]
pub struct Article {
    pub title: Field<String>,
}

fn main() {}
