//! Derived records, used as a program uses them. Generated code passes all lints that the program denies.
#![deny(
    warnings,
    missing_docs,
    unsafe_code,
    missing_debug_implementations,
    unused_qualifications,
    unused_lifetimes,
    trivial_casts,
    unused_results,
    clippy::all,
    clippy::pedantic
)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use cache_client::{App, Client, Context, Fetch};
use cache_core::{Cache, Query, registry};
use cache_documents::{
    Document, DocumentsBuilder, Field, Id, Many, One, ReadDocument, Resource, ResourceKey, ResourceList,
    Resources,
};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Article, record)]
struct ArticleId(Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId, rename_all = "kebab-case")]
struct Article {
    title: Field<Arc<str>>,
    word_count: Field<u32>,
    #[resource(rename = "written-by")]
    author: One<PersonId>,
    tags: Many<TagId>,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record, name = "people", secret)]
struct PersonId(Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId)]
struct Person {
    r#name: Field<String>,
}

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Tag, record)]
struct TagId(Id);

/// A record without fields.
#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "tags", key = TagId)]
struct Tag;

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Article>, capacity = 10, fresh = "30s")]
struct GetArticle(u32);

registry! {
    struct BlogRegistry { crate::ArticleId, crate::PersonId, crate::TagId, crate::GetArticle }
}

struct Blog;

impl App for Blog {
    type Registry = BlogRegistry;
}

impl Resources for Blog {
    fn list(list: &mut ResourceList<Self>) {
        list.add::<Article>();
        list.add::<Person>();
        list.add::<Tag>();
    }
}

const BODY: &str = r#"{
    "data": {
        "type": "articles", "id": "1",
        "attributes": { "title": "One", "word-count": 7 },
        "relationships": {
            "written-by": { "data": { "type": "people", "id": "9" } },
            "tags": { "data": [{ "type": "tags", "id": "a" }] }
        }
    },
    "included": [
        { "type": "people", "id": "9", "attributes": { "name": "Ann" } },
        { "type": "tags", "id": "a" }
    ]
}"#;

impl Fetch<Blog> for GetArticle {
    type Error = String;

    async fn fetch(&self, cx: &Context<Blog>) -> Result<Document<Article>, String> {
        cx.document(BODY.as_bytes()).map_err(|error| error.to_string())
    }
}

fn client() -> Client<Blog> {
    Client::builder(Cache::<BlogRegistry>::new(), Blog).documents().build()
}

#[test]
fn fields_have_their_names_in_responses() {
    assert_eq!((Article::TYPE, Person::TYPE, Tag::TYPE), ("articles", "people", "tags"));
    assert_eq!(Article::FIELDS, ["title", "word-count", "written-by", "tags"]);
    assert_eq!(Person::FIELDS, ["name"]);
    assert_eq!(Tag::FIELDS, [""; 0]);
}

#[test]
fn nothing_is_known_of_an_absent_record() {
    let article = Article::absent();
    assert!(article.title.is_absent() && article.word_count.is_absent());
    assert!(article.author.data().is_absent() && article.tags.data().is_absent());
    assert_eq!(Tag::absent(), Tag);
}

#[test]
fn a_key_is_made_of_an_id() {
    let key = PersonId::from_id("9".into());
    assert_eq!(key, PersonId("9".into()));
    assert_eq!(key.id().as_str(), "9");
}

#[test]
fn the_last_number_covers_the_rest() {
    let article = Article { word_count: Field::Value(7), tags: Many::to([]), ..Article::absent() };
    let known: Vec<bool> = (0..6).map(|number| article.field(number).known() != 0).collect();
    assert_eq!(known, [false, true, false, true, true, true]);
}

#[tokio::test]
async fn a_loaded_answer_writes_its_records() {
    let client = client();
    let document = client.query(&GetArticle(1)).await.unwrap();
    let article = client.cache().get(&ArticleId("1".into())).unwrap();
    assert!(Arc::ptr_eq(document.data().unwrap(), &article));
    assert_eq!((&article.title, &article.word_count), (&Field::Value("One".into()), &Field::Value(7)));
    assert_eq!(article.author, One::to(PersonId("9".into())));
    assert_eq!(article.tags, Many::to([TagId("a".into())]));
    let person = client.cache().get(&PersonId("9".into())).unwrap();
    assert_eq!(person.name, Field::Value("Ann".to_owned()));
    assert!(client.cache().contains(&TagId("a".into())));
}

mod renamed {
    //! The crate under another name.

    use cache_core::Query;
    use cache_documents as docs;

    #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    #[query(value = Comment, record)]
    struct CommentId(docs::Id);

    #[derive(docs::Resource, Clone, Debug, PartialEq)]
    #[resource(type = "comments", key = CommentId, crate = "docs")]
    struct Comment {
        body: docs::Field<String>,
    }

    #[test]
    fn the_crate_may_have_another_name() {
        use docs::{Resource as _, ResourceKey as _};
        assert!(Comment::absent().body.is_absent());
        assert_eq!(CommentId::from_id("1".into()).id().as_str(), "1");
    }
}
