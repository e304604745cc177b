// The program of the examples in the guide: a blog whose server answers from a list of bodies.

pub use std::error::Error;
pub use std::sync::Arc;
pub use std::sync::atomic::{AtomicU32, Ordering};

pub use cache_client::{App, Changes, Client, Context, Fetch, LayerEdit, Mutate};
pub use cache_core::{Cache, Query, registry};
pub use cache_documents::{
    ChangeRecords, ClientDocuments, Document, DocumentsBuilder, EditRecords, Field, Id, Many, One,
    ReadDocument, DocumentError, Resource, ResourceList, Resources,
};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
pub struct ArticleId(pub Id);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record)]
pub struct PersonId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId)]
pub struct Article {
    pub title: Field<String>,
    pub author: One<PersonId>,
    pub readers: Many<PersonId>,
}

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId)]
pub struct Person {
    pub name: Field<String>,
    pub nickname: Field<String>,
}

/// One article, with its author.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Article>, capacity = 500, fresh = "30s")]
pub struct GetArticle {
    pub id: u64,
}

/// All articles, with their authors.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<[Article]>, capacity = 1, fresh = "30s")]
pub struct ListArticles;

registry! {
    pub struct BlogRegistry {
        ArticleId,
        PersonId,
        GetArticle,
        ListArticles,
    }
}

/// Counts what the server was asked.
#[derive(Debug, Default)]
pub struct Blog {
    pub requests: AtomicU32,
}

impl App for Blog {
    type Registry = BlogRegistry;
}

impl Resources for Blog {
    fn list(list: &mut ResourceList<Self>) {
        list.add::<Article>();
        list.add::<Person>();
    }
}

impl Blog {
    /// An article of the server; all are by person 9.
    fn article(id: u64) -> String {
        format!(
            r#"{{"type": "articles", "id": "{id}", "attributes": {{"title": "Title {id}"}},
                "relationships": {{"author": {{"data": {{"type": "people", "id": "9"}}}}}}}}"#
        )
    }

    /// A response of the server. Only articles by their number come with the nickname of the author.
    pub fn get(&self, id: Option<u64>) -> String {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let (data, nickname) = match id {
            Some(id) => (Self::article(id), r#", "nickname": "ann""#),
            None => (format!("[{}, {}]", Self::article(1), Self::article(2)), ""),
        };
        let ann = format!(r#"{{"type": "people", "id": "9", "attributes": {{"name": "Ann"{nickname}}}}}"#);
        format!(r#"{{"data": {data}, "included": [{ann}]}}"#)
    }
}

impl Fetch<Blog> for GetArticle {
    type Error = DocumentError;

    async fn fetch(&self, cx: &Context<Blog>) -> Result<Document<Article>, DocumentError> {
        cx.document(cx.app().get(Some(self.id)).as_bytes())
    }
}

impl Fetch<Blog> for ListArticles {
    type Error = DocumentError;

    async fn fetch(&self, cx: &Context<Blog>) -> Result<Document<[Article]>, DocumentError> {
        cx.document(cx.app().get(None).as_bytes())
    }
}
