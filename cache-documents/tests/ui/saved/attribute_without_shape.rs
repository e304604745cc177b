use cache_core::{Query, Shape};
use cache_documents::{Field, Id, Resource};
use serde::{Deserialize, Serialize};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record)]
pub struct PersonId(pub Id);

#[derive(Deserialize, Serialize, Clone, Debug, PartialEq)]
pub struct Town(String);

#[derive(Deserialize, Shape, Clone, Debug, PartialEq)]
pub struct Street(String);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId, persist)]
pub struct Person {
    pub town: Field<Town>,
    pub street: Field<Street>,
}

fn main() {}
