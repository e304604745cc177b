//! Saved queries with ids in their keys.

use cache_client::Client;
use cache_core::Cache;
use cache_documents::{ClientDocuments, DocumentsBuilder, Field, Id};

/// One release of a program, with this key of an article.
macro_rules! release {
    ($module:ident, $path:path, $key:ty) => {
        mod $module {
            use cache_client::{App, Context, Fetch};
            use cache_core::{Query, Shape, registry};
            use cache_documents::{
                Document, DocumentError, Field, Id, ReadDocument, Resource, ResourceList, Resources,
            };
            use serde::{Deserialize, Serialize};

            #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
            #[query(value = Article, record)]
            pub struct ArticleId(pub Id);

            #[derive(Resource, Clone, Debug, PartialEq)]
            #[resource(type = "articles", key = ArticleId, persist)]
            pub struct Article {
                pub title: Field<String>,
            }

            #[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
            #[query(value = Document<Article>, capacity = 100, fresh = "60s", persist)]
            pub struct GetArticle(pub $key);

            registry! {
                pub struct Release { $path::ArticleId, $path::GetArticle }
            }

            #[derive(Debug)]
            pub struct Program;

            impl App for Program {
                type Registry = Release;
            }

            impl Resources for Program {
                fn list(list: &mut ResourceList<Self>) {
                    list.add::<Article>();
                    list.add_saved::<GetArticle>();
                }
            }

            impl Fetch<Program> for GetArticle {
                type Error = DocumentError;

                async fn fetch(&self, cx: &Context<Program>) -> Result<Document<Article>, DocumentError> {
                    let body =
                        br#"{"data": {"type": "articles", "id": "7", "attributes": {"title": "Seven"}}}"#;
                    cx.document(body)
                }
            }
        }
    };
}

release!(by_id, crate::saved_keys::by_id, Id);
release!(by_text, crate::saved_keys::by_text, String);
release!(by_number, crate::saved_keys::by_number, u32);
release!(by_several, crate::saved_keys::by_several, Vec<Id>);

/// What a program saves whose cache has one article by its id, and one by a local id.
async fn saved() -> Vec<u8> {
    let client = Client::builder(Cache::new(), by_id::Program).documents().build();
    for id in [Id::from("7"), Id::local("draft")] {
        client.query(&by_id::GetArticle(id)).await.unwrap();
    }
    let mut bytes = Vec::new();
    client.cache().save_to(&mut bytes).unwrap();
    bytes
}

macro_rules! restored {
    ($release:ident, $bytes:expr) => {{
        let cache = Cache::<$release::Release>::new();
        let restored = cache.restore_from(&*$bytes).unwrap().restored();
        (Client::builder(cache, $release::Program).documents().build(), restored)
    }};
}

#[tokio::test]
async fn answers_under_keys_with_ids_are_restored() {
    let bytes = saved().await;
    let (client, restored) = restored!(by_id, bytes);
    assert_eq!((restored, client.documents().adopted().adopted), (2, 2));
    for id in [Id::from("7"), Id::local("draft")] {
        let document = client.cached(&by_id::GetArticle(id)).unwrap();
        assert_eq!(document.data().unwrap().title, Field::Value("Seven".to_owned()));
    }
    assert!(client.cached(&by_id::GetArticle("draft".into())).is_none());
}

#[tokio::test]
async fn an_id_in_a_key_is_saved_as_its_text() {
    let (client, restored) = restored!(by_text, saved().await);
    assert_eq!(restored, 2);
    assert!(client.cached(&by_text::GetArticle("7".to_owned())).is_some());
    assert!(client.cached(&by_text::GetArticle("@lid:draft".to_owned())).is_some());
}

#[tokio::test]
async fn answers_are_left_out_if_the_key_has_something_else_in_place_of_an_id() {
    let bytes = saved().await;
    let (client, restored) = restored!(by_number, bytes);
    assert_eq!((restored, client.cache().len()), (0, 0));
    let (client, restored) = restored!(by_several, bytes);
    assert_eq!((restored, client.cache().len()), (0, 0));
}
