use cache_documents::{Field, Resource};

#[derive(Resource, Clone, Debug, PartialEq)]
pub struct Article {
    pub title: Field<String>,
}

fn main() {
    // Causes no second error.
    println!("{:?} {}", Article::absent(), Article::TYPE);
}
