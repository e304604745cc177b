use std::path::Path;

use super::*;
use crate::check::{Include, check};
use crate::memory::model_of;

const SOURCE: &str = "pub struct User;
/// One post.
///
/// With \"quotes\".
/**slash
/ed*/
#[cfg(feature = \"posts\")] #[derive(cache_core::Query)] pub struct GetPost { pub id: u64 }
#[derive(cache_core::Query)] pub struct Page<T>(T);
";

#[test]
fn the_generated_file_is_one_call_of_the_macro() {
    let include = Include { name: Some("user \"page\"".to_owned()), ..Include::new("Page<User>") };
    let listing = check(&model_of(SOURCE), &[include], &[]);
    assert!(listing.report.is_empty());
    let expected = r##"// Written by cache-codegen; changes are lost at the next build.
::cache_core::registry! {
    format = 1;
    /// One table for each query of this crate.
    #[allow(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links)]
    pub struct CacheRegistry {
        /// One post.
        ///
        /// With "quotes".
        ///slash
        #[doc = "/ed"]
        #[cfg(feature = "posts")]
        crate::GetPost,
        crate::Page<crate::User> as "user \"page\"",
    }
}
"##;
    assert_eq!(registry(&listing.lines, &Style::new("::cache_core")), expected);
}

#[test]
fn the_generated_file_has_the_docs_of_the_source() {
    let docs = ["plain", "/ slash", "tab\t", "carriage\rreturn", "*/ end", "\u{e9}"].map(str::to_owned);
    let attributes: String = docs.iter().map(|doc| format!("#[doc = {doc:?}]")).collect();
    let model = model_of(&format!("{attributes} #[derive(cache_core::Query)] struct A;"));
    let text = registry(&check(&model, &[], &[]).lines, &Style::new("::cache_core"));
    let inner = text.split("CacheRegistry {").nth(1).and_then(|rest| rest.split("crate::A").next());
    let again = crate::memory::scan_files(&[(
        "x.rs",
        &format!("{} struct A;", inner.expect("the line of the query")),
    )]);
    assert_eq!(again.modules[0].types[0].docs, docs);
}

#[test]
fn the_manifest_says_where_each_query_is() {
    let listing = check(&model_of(SOURCE), &[Include::new("Page<User>"), Include::new("::other::Q")], &[]);
    let text = manifest(&listing.lines, &Style::new("::cache_core"), Path::new(""));
    let json: serde_json::Value = serde_json::from_str(&text).expect("the manifest is JSON");
    assert_eq!(json["format"], 1);
    assert_eq!(json["registry"], "CacheRegistry");
    let queries = json["queries"].as_array().expect("a list");
    assert_eq!(queries.len(), 3);
    assert_eq!(
        queries[1],
        serde_json::json!({
            "query": "GetPost", "type": "crate::GetPost", "table": null,
            "doc": "One post.\n\nWith \"quotes\".\nslash\n/ed",
            "file": "src/lib.rs", "line": 7, "cfgs": ["feature = \"posts\""],
        })
    );
    assert_eq!(queries[2]["query"], "Page<crate::User>");
    assert_eq!(queries[0]["query"], "Q");
    assert_eq!(queries[0]["file"], serde_json::Value::Null);
}

#[test]
fn any_text_is_valid_json() {
    let text = "\u{0}\u{1f}\"\\\n\r\t/\u{7f}\u{e9}\u{1f600}";
    let written = Json::List(vec![Json::text(text), Json::Bool(true), Json::Null, Json::Object(Vec::new())])
        .to_string();
    let read: serde_json::Value = serde_json::from_str(&written).expect("JSON");
    assert_eq!(read[0], text);
}
