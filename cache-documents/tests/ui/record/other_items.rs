use cache_core::Query;
use cache_documents::{Field, Id, Resource};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
pub struct ArticleId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId)]
pub enum Article {
    Short,
    Long,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record)]
pub struct PersonId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId)]
pub struct Person(pub Field<String>);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Comment<String>, record)]
pub struct CommentId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "comments", key = CommentId)]
pub struct Comment<T> {
    pub body: Field<T>,
}

fn main() {}
