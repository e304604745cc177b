//! The module that browsers use.

use std::fs;

use cache_client::{App, Context, Fetch};
use cache_core::{Query, registry};
use cache_web::Web;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::magazine::everything;

#[test]
fn the_checked_in_module_is_current() {
    everything().typescript().check("node-test/magazine.ts");
}

#[test]
#[should_panic(
    expected = "is not what the queries of the server say: run this test again with CACHE_WEB=write"
)]
fn another_module_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.ts");
    fs::write(&path, "export {}").unwrap();
    everything().typescript().check(path);
}

#[test]
#[should_panic(expected = "CACHE_WEB=write makes this test write it")]
fn a_missing_module_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    everything().typescript().check(folder.path().join("cache.ts"));
}

mod other {
    use super::{Deserialize, Serialize, TS};

    #[derive(Clone, Debug, Serialize, Deserialize, TS)]
    pub struct Item {
        pub text: String,
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Item {
    pub number: u32,
}

macro_rules! shop {
    ($($query:ident -> $value:ty, $name:literal;)*) => {
        registry! { pub struct ShopRegistry { $($query),* } }

        pub struct Shop;

        impl App for Shop {
            type Registry = ShopRegistry;
        }

        $(
            #[derive(Query, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
            #[query(value = $value, capacity = 1, ttl = "5m", name = $name)]
            pub struct $query;

            impl Fetch<Shop> for $query {
                type Error = String;

                async fn fetch(&self, _: &Context<Shop>) -> Result<$value, String> {
                    Err("nothing is loaded here".to_owned())
                }
            }
        )*
    };
}

shop! {
    GetItem -> Item, "get_item";
    GetOther -> other::Item, "get_other";
    Everything -> Vec<Item>, "every_item";
    Delete -> u8, "delete";
}

fn message(web: &Web<Shop>) -> String {
    web.typescript().module().unwrap_err().to_string()
}

#[test]
fn two_types_with_one_name_are_an_error() {
    let web = Web::new().public::<GetItem>().public::<GetOther>();
    assert_eq!(
        message(&web),
        "two different types or functions are named `Item` in TypeScript: rename one of them with \
         `#[ts(rename = \"..\")]`"
    );
}

#[test]
fn a_query_whose_name_is_a_word_of_the_language_is_an_error() {
    let expected = "the query `delete` cannot be a function in TypeScript: give it another name";
    assert_eq!(message(&Web::new().public::<Delete>()), expected);
}

#[test]
fn each_query_has_a_function_with_its_times() {
    let web = Web::new().public::<Everything>().public::<GetItem>();
    let typescript = web.typescript();
    let module = typescript.module().unwrap();
    let expected = "export const everyItem = (key: Everything) => \
                    query<\"every_item\", Everything, Array<Item>>(\"every_item\", key, 300000, 300000)\n";
    assert!(module.contains(expected), "{module}");
    assert_eq!(module.matches("export type Item = { number: number, }").count(), 1);
    assert!(module.contains("export type Everything = null"), "{module}");
}
