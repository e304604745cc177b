//! Saved documents whose record types have changed.

use std::sync::Arc;

use cache_client::{Client, MemoryProvider};
use cache_core::{Cache, SkipReason, SnapshotError};
use cache_documents::{ClientDocuments, Document, DocumentsBuilder, Field, One};
use serde_json::json;

/// One release of a program, with these fields of a person.
macro_rules! release {
    ($module:ident, $path:path, { $($field:ident: $type:ty),* }) => {
        mod $module {
            use cache_client::{App, Client, Context, Fetch};
            use cache_core::{Query, Shape, registry};
            use cache_documents::{
                Document, Field, Id, One, ReadDocument, DocumentError, Resource, ResourceList, Resources,
            };
            use serde::{Deserialize, Serialize};

            #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
            #[query(value = Article, record)]
            pub struct ArticleId(pub Id);

            #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
            #[query(value = Person, record)]
            pub struct PersonId(pub Id);

            #[derive(Resource, Clone, Debug, PartialEq)]
            #[resource(type = "articles", key = ArticleId, persist)]
            pub struct Article {
                pub title: Field<String>,
                pub author: One<PersonId>,
            }

            #[derive(Resource, Clone, Debug, PartialEq)]
            #[resource(type = "people", key = PersonId, persist)]
            pub struct Person {
                $(pub $field: $type,)*
            }

            #[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
            #[query(value = Document<Article>, capacity = 100, fresh = "60s", persist)]
            pub struct GetArticle(pub u32);

            registry! {
                pub struct Release { $path::ArticleId, $path::PersonId, $path::GetArticle }
            }

            #[derive(Debug)]
            pub struct Program;

            impl App for Program {
                type Registry = Release;
            }

            impl Resources for Program {
                fn list(list: &mut ResourceList<Self>) {
                    list.add::<Article>();
                    list.add::<Person>();
                    list.add_saved::<GetArticle>();
                }
            }

            impl Fetch<Program> for GetArticle {
                type Error = DocumentError;

                async fn fetch(&self, cx: &Context<Program>) -> Result<Document<Article>, DocumentError> {
                    cx.document(super::body(self.0).as_bytes())
                }
            }

            pub async fn article(client: &Client<Program>, id: u32) -> std::sync::Arc<Document<Article>> {
                client.query(&GetArticle(id)).await.unwrap()
            }
        }
    };
}

release!(first, crate::saved_shapes::first, { name: Field<String> });
release!(same, crate::saved_shapes::same, { name: Field<String> });
release!(longer, crate::saved_shapes::longer, { name: Field<String>, age: Field<u8> });
release!(retyped, crate::saved_shapes::retyped, { name: Field<Vec<String>> });
release!(renamed, crate::saved_shapes::renamed, { full_name: Field<String> });
release!(measured, crate::saved_shapes::measured, { height: Field<f64> });
release!(related, crate::saved_shapes::related, { name: One<PersonId> });

/// Article 1 shows a person, article 2 only names it.
fn body(id: u32) -> String {
    let person = json!({"type": "people", "id": "9", "attributes": {}});
    json!({
        "data": {
            "type": "articles", "id": id.to_string(), "attributes": {"title": "One"},
            "relationships": {"author": {"data": {"type": "people", "id": "9"}}}
        },
        "included": if id == 1 { vec![person] } else { vec![] }
    })
    .to_string()
}

async fn saved() -> Vec<u8> {
    let client = Client::builder(Cache::new(), first::Program).documents().build();
    first::article(&client, 1).await;
    first::article(&client, 2).await;
    let mut bytes = Vec::new();
    client.cache().save_to(&mut bytes).unwrap();
    bytes
}

macro_rules! loses_only_article_1 {
    ($bytes:expr, $release:ident) => {{
        let cache = Cache::<$release::Release>::new();
        let report = cache.restore_from(&*$bytes).unwrap();
        let table = report.tables.iter().find(|table| table.name == "get_article").unwrap();
        assert_eq!((table.restored, table.skipped_entries.count), (1, 1), stringify!($release));
        let skipped = &table.skipped_entries.named[0];
        assert_eq!(skipped.key.as_deref(), Some("GetArticle(1)"));
        let SkipReason::Undecodable { reason, .. } = &skipped.reason else { panic!("{skipped:?}") };
        assert!(reason.contains("the fields of `people`, which it shows, have changed"), "{reason}");
        let client = Client::builder(cache, $release::Program).documents().build();
        assert_eq!(client.documents().adopted().adopted, 1);
        assert!(client.cache().contains(&$release::GetArticle(2)));
        assert!(!client.cache().contains(&$release::GetArticle(1)));
        assert_eq!($release::article(&client, 1).await.records(), 2, "it is loaded again");
    }};
}

#[tokio::test]
async fn a_changed_type_loses_only_the_answers_that_show_it() {
    let bytes = saved().await;
    let cache = Cache::<same::Release>::new();
    assert_eq!(cache.restore_from(&*bytes).unwrap().restored(), 2);
    let client = Client::builder(cache, same::Program).documents().build();
    assert_eq!(same::article(&client, 1).await.records(), 2);
    assert_eq!(client.documents().adopted().adopted, 2);
    loses_only_article_1!(bytes, longer);
    loses_only_article_1!(bytes, retyped);
    loses_only_article_1!(bytes, renamed);
    loses_only_article_1!(bytes, related);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_shows_a_changed_type_is_loaded_again() {
    let provider = Arc::new(MemoryProvider::new(100));
    let client =
        Client::builder(Cache::new(), first::Program).documents().provider(Arc::clone(&provider)).build();
    first::article(&client, 1).await;
    first::article(&client, 2).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(provider.len(), 2);
    let next =
        Client::builder(Cache::new(), longer::Program).documents().provider(Arc::clone(&provider)).build();
    longer::article(&next, 1).await;
    longer::article(&next, 2).await;
    assert_eq!(next.provider_errors(), 1);
}

#[tokio::test]
async fn a_save_names_the_field_and_the_record_that_json_cannot_represent() {
    use measured::{Article, ArticleId, GetArticle, Person, PersonId, Program, Release};
    let client = Client::builder(Cache::new(), Program).documents().build();
    measured::article(&client, 2).await;
    let nine = PersonId("9".into());
    let article = Article { title: Field::Value("One".to_owned()), author: One::to(nine.clone()) };
    let document = Document::about(&ArticleId("1".into()), article)
        .showing(&nine, Person { height: Field::Value(f64::NAN) });
    client.documents().write(&GetArticle(1), document).await.unwrap();

    let error = client.cache().save_to(&mut Vec::new()).unwrap_err();
    let SnapshotError::Encode { key, reason, .. } = &error else { panic!("{error}") };
    assert_eq!(key, "GetArticle(1)");
    assert!(reason.contains("`height` of `people` 9 cannot be saved"), "{reason}");
    let mut bytes = Vec::new();
    client.cache().save_options().skip_unencodable(true).write_to(&mut bytes).unwrap();
    assert_eq!(Cache::<Release>::new().restore_from(&*bytes).unwrap().restored(), 1, "the other one");

    client.documents().patch(&nine, |person| person.height = Field::Value(1.8)).await.unwrap();
    let mut bytes = Vec::new();
    client.cache().save_to(&mut bytes).unwrap();
    assert_eq!(Cache::<Release>::new().restore_from(&*bytes).unwrap().restored(), 2);
}
