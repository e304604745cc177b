use cache_documents::{Field, Id, Resource};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ArticleId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId)]
pub struct Article {
    pub title: Field<String>,
}

fn main() {}
