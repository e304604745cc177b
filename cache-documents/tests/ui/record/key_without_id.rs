use cache_core::Query;
use cache_documents::{Field, Id, Resource};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
pub struct ArticleId {
    pub id: Id,
}

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId)]
pub struct Article {
    pub title: Field<String>,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record)]
pub struct PersonId(pub u64);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId)]
pub struct Person {
    pub name: Field<String>,
}

fn main() {}
