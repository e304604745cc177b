use cache_client::App;
use cache_core::{Query, registry};
use cache_documents::{Field, Id, One, Resource, ResourceList, Resources};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
pub struct ArticleId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId, colour = "red")]
pub struct Article {
    pub title: Field<String>,
    pub author: One<PersonId>,
}

// The mistake of this query is not repeated at the record.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record, capacity = 10)]
pub struct PersonId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId)]
pub struct Person {
    pub name: Field<String>,
}

registry! {
    pub struct BlogRegistry { crate::ArticleId, crate::PersonId }
}

struct Blog;

impl App for Blog {
    type Registry = BlogRegistry;
}

impl Resources for Blog {
    fn list(list: &mut ResourceList<Self>) {
        list.add::<Article>();
        list.add::<Person>();
    }
}

fn main() {
    let article = Article::absent();
    println!("{:?} {:?} {:?}", article.title, article.author.key(), Article::FIELDS);
}
