use cache_core::{Query, Shape};
use cache_documents::{Document, Field, Id, One, Resource};
use serde::{Deserialize, Serialize};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record)]
pub struct PersonId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId)]
pub struct Person {
    pub name: Field<String>,
}

#[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Person>, capacity = 10, persist)]
pub struct GetPerson(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
pub struct ArticleId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId, persist)]
pub struct Article {
    pub author: One<PersonId>,
}

fn main() {}
