use cache_core::Query;
use cache_documents::{Field, Id, One, Resource};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
pub struct ArticleId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId)]
pub struct Article {
    pub id: Field<String>,
    #[resource(rename = "type")]
    pub kind: Field<String>,
    pub links: Field<Vec<String>>,
    pub relationships: One<ArticleId>,
    pub title: Field<String>,
    #[resource(rename = "title")]
    pub heading: Field<String>,
}

fn main() {}
