use cache_core::Query;
use cache_documents::{Field, Id, Resource};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
pub struct ArticleId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId, rename_al = "camelCase", colour = "red", type = "article")]
pub struct Article {
    #[resource(renam = "name")]
    pub title: Field<String>,
    #[resource(skip)]
    pub body: Field<String>,
    #[resource(rename_all = "camelCase")]
    pub word_count: Field<u32>,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record)]
pub struct PersonId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "", key = PersonId, rename_all = "kebap-case", rename = "person")]
pub struct Person {
    #[resource(rename = 3)]
    pub name: Field<String>,
}

fn main() {}
