//! The documents of the format's own test suite, and the list of its rules, which is one real document. They are no part
//! of this project: `CACHE_DOCUMENTS_JSON_API` names a folder with `request` and `response` of `_schemas/1.0/tests`, and
//! `_format/1.1/normative-statements.json`, of <https://github.com/json-api/json-api>. `forbidden` and `content` have
//! documents of the same kinds.

use std::collections::BTreeMap;
use std::fs::{read_dir, read_to_string};
use std::path::{Path, PathBuf};

use cache_client::{App, Client};
use cache_core::{Cache, ManualClock, Query, registry};
use cache_documents::{
    Content, Document, DocumentError, DocumentsBuilder, Field, Id, Many, One, ReadDocument, ReadError,
    Resource, ResourceList, Resources,
};
use serde_json::Value;

macro_rules! keys {
    ($($key:ident of $record:ident),*) => {$(
        #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
        #[query(value = $record, record)]
        pub struct $key(pub Id);
    )*};
}

keys!(PostId of Post, ArticleId of Article, PersonId of Person, TagId of Tag);
keys!(SectionId of Section, StatementId of Statement);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "article", key = PostId)]
pub struct Post {
    pub title: Field<String>,
    pub something: Field<bool>,
}

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "articles", key = ArticleId)]
pub struct Article {
    pub title: Field<String>,
    pub author: One<PersonId>,
}

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId)]
pub struct Person {
    pub name: Field<String>,
    pub twitter: Field<String>,
}

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "tag", key = TagId)]
pub struct Tag {
    pub name: Field<String>,
    pub color: Field<String>,
}

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "sections", key = SectionId)]
pub struct Section {
    pub title: Field<String>,
    pub statements: Many<StatementId>,
}

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "normative-statements", key = StatementId)]
pub struct Statement {
    pub level: Field<String>,
    pub description: Field<String>,
    pub section: One<SectionId>,
}

registry! {
    pub struct OfficialRegistry {
        crate::official::PostId,
        crate::official::ArticleId,
        crate::official::PersonId,
        crate::official::TagId,
        crate::official::SectionId,
        crate::official::StatementId,
    }
}

#[derive(Debug)]
pub struct Official;

impl App for Official {
    type Registry = OfficialRegistry;
}

impl Resources for Official {
    fn list(list: &mut ResourceList<Self>) {
        list.add::<Post>();
        list.add::<Article>();
        list.add::<Person>();
        list.add::<Tag>();
        list.add::<Section>();
        list.add::<Statement>();
    }
}

/// The rules of the format.
const RULES: &str = "normative-statements.json";
const IGNORED: &str = "members that the format does not know must be ignored";
const MERGED: &str = "what a document says twice is merged in order";

/// The documents that are read although the folder says `invalid`.
const OTHERWISE: &[(&str, &str)] = &[
    ("request/resource/create/invalid/data_is_not_resource_object.json", "as a response it is a list"),
    ("request/resource/create/invalid/no_data_member.json", "as a response it has only meta"),
    ("request/resource/create/invalid/relationship_without_data_member.json", "only requests need the data"),
    ("response/invalid/included/resource_included_twice.json", MERGED),
    ("response/invalid/jsonapi/jsonapi_with_not_allowed_members.json", IGNORED),
    ("response/invalid/links/link_must_be_valid_uri.json", "since 1.1 an address may be relative"),
    ("response/invalid/relationships/link_name_not_allowed.json", IGNORED),
    ("response/invalid/resource_collection/resource_included_twice.json", MERGED),
    ("response/invalid/top-level/links_must_not_have_additional_properties.json", IGNORED),
    ("response/invalid/top-level/with_additional_properties.json", IGNORED),
];

fn client() -> Client<Official> {
    let cache = Cache::builder().clock(ManualClock::new()).build().unwrap();
    Client::builder(cache, Official).documents().build()
}

/// Returns the folder. Without one, prints that the test is skipped, and returns `None`.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("CACHE_DOCUMENTS_JSON_API").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: CACHE_DOCUMENTS_JSON_API names no folder");
    }
    folder
}

/// Returns the files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Reads a document with the content that it says to have.
fn read(client: &Client<Official>, body: &str) -> Result<(), ReadError> {
    fn read_as<T: Content + ?Sized>(client: &Client<Official>, body: &str) -> Result<(), ReadError> {
        match client.document::<T>(body.as_bytes()) {
            Err(DocumentError::Read(error)) => Err(error),
            // Errors that are reported as the format says are a document that is read.
            _ => Ok(()),
        }
    }
    let json: Value = serde_json::from_str(body).unwrap();
    let data = &json["data"];
    let first = if data.is_array() { &data[0] } else { data };
    match (first["type"].as_str(), data.is_array()) {
        (Some("articles"), false) => read_as::<Article>(client, body),
        (Some("people"), true) => read_as::<[Person]>(client, body),
        (Some("tag"), true) => read_as::<[Tag]>(client, body),
        (_, false) => read_as::<Post>(client, body),
        (_, true) => read_as::<[Post]>(client, body),
    }
}

/// Gives a local id to a resource that a request creates, which has none, while responses name all resources.
fn with_local_id(body: &str) -> String {
    let mut json: Value = serde_json::from_str(body).unwrap();
    if let Some(resource) = json.get_mut("data").and_then(Value::as_object_mut) {
        resource.insert("lid".into(), "new".into());
    }
    json.to_string()
}

/// Returns the places of the errors that an invalid document lists in its meta.
fn stated_places(json: &Value) -> Vec<String> {
    match json {
        Value::Object(members) => {
            let own = members.get("errors-present-in-document").and_then(Value::as_array);
            let own = own
                .into_iter()
                .flatten()
                .map(|error| error["source"]["pointer"].as_str().unwrap().to_owned());
            own.chain(members.values().flat_map(stated_places)).collect()
        }
        Value::Array(elements) => elements.iter().flat_map(stated_places).collect(),
        _ => Vec::new(),
    }
}

/// Expects that a refusal is about one of the stated errors: there, or at a member of what is stated.
#[track_caller]
fn assert_place(name: &str, body: &str, error: &ReadError) {
    let places = stated_places(&serde_json::from_str(body).unwrap());
    let is_stated = |place: &String| error.pointer().starts_with(place.trim_end_matches('/'));
    // Two documents state no place: one has no errors in it but its root, the other states places in requests.
    let is_told = places.is_empty() || places.iter().any(is_stated);
    assert!(is_told, "{name}: {error}, where {places:?} is stated");
}

#[test]
fn each_official_document_is_read_or_refused_as_it_should_be() {
    let Some(folder) = folder() else { return };
    let client = client();
    let mut counts = BTreeMap::<_, usize>::new();
    let mut otherwise = Vec::new();
    for path in files(&folder) {
        let mut body = read_to_string(&path).unwrap();
        let name = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
        if name == RULES {
            continue;
        }
        if name.starts_with("request/resource/create/") {
            body = with_local_id(&body);
        }
        let is_valid = !name.contains("/invalid/");
        let read = read(&client, &body);
        let is_listed = OTHERWISE.iter().any(|(listed, _)| *listed == name);
        assert_eq!(read.is_ok(), is_valid || is_listed, "{name}: {read:?}");
        if let Err(error) = &read {
            assert_place(&name, &body, error);
        }
        let side = name.split('/').next().unwrap().to_owned();
        *counts.entry((side, is_valid, read.is_ok())).or_default() += 1;
        otherwise.extend(is_listed.then_some(name));
    }
    for ((side, is_valid, is_read), count) in &counts {
        println!("{side}: valid {is_valid}, read {is_read}: {count}");
    }
    otherwise.sort();
    assert_eq!(otherwise, OTHERWISE.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}

#[test]
fn the_rules_of_the_format_are_read_as_one_document() {
    let Some(folder) = folder() else { return };
    let body = read_to_string(folder.join(RULES)).unwrap();
    let document: Document<[Section]> = client().document(body.as_bytes()).unwrap();
    let json: Value = serde_json::from_str(&body).unwrap();
    let titles: Vec<_> = document.data().map(|section| section.title.value().unwrap().as_str()).collect();
    let sections = json["data"].as_array().unwrap();
    assert_eq!(titles, sections.iter().map(|section| &section["attributes"]["title"]).collect::<Vec<_>>());
    assert_eq!(document.skipped(), 0);
    for resource in json["included"].as_array().unwrap() {
        let id = Id::from(resource["id"].as_str().unwrap());
        let statement = document.get(&StatementId(id)).unwrap();
        assert!(statement.level.value().is_some() && statement.description.value().is_some());
        // Each names its section, which the document shows.
        assert!(document.one(&statement.section).is_some());
    }
}
