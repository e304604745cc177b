//! Large documents of another cache of JSON:API: what they show, and that nothing of it stays when they go. Their source
//! and licence are in the README beside them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use brotli_decompressor::Decompressor;
use cache_client::{App, Client, Context, Fetch};
use cache_core::{Cache, Query, registry};
use cache_documents::{
    ClientDocuments, Document, DocumentError, DocumentsBuilder, Field, Id, Many, One, ReadDocument, Resource,
    ResourceList, Resources,
};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Parent, record)]
pub struct ParentId(pub Id);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Child, record)]
pub struct ChildId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "parent", key = ParentId, rename_all = "camelCase")]
pub struct Parent {
    pub parent_name: Field<Arc<str>>,
    pub children: Many<ChildId>,
}

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "child", key = ChildId, rename_all = "camelCase")]
pub struct Child {
    pub child_name: Field<Arc<str>>,
    pub parent: One<ParentId>,
}

/// The document in the file of this name.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Parent>, capacity = 10, fresh = "60s")]
pub struct GetFamily(pub &'static str);

registry! {
    pub struct FamilyRegistry {
        crate::warp_drive::ParentId,
        crate::warp_drive::ChildId,
        crate::warp_drive::GetFamily,
    }
}

#[derive(Debug)]
struct Program;

impl App for Program {
    type Registry = FamilyRegistry;
}

impl Resources for Program {
    fn list(list: &mut ResourceList<Self>) {
        list.add::<Parent>();
        list.add::<Child>();
    }
}

impl Fetch<Program> for GetFamily {
    type Error = DocumentError;

    async fn fetch(&self, cx: &Context<Program>) -> Result<Document<Parent>, DocumentError> {
        cx.document(&recorded(self.0))
    }
}

fn recorded(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/warp-drive");
    let mut text = Vec::new();
    let file = File::open(folder.join(format!("{name}.json.br"))).unwrap();
    Decompressor::new(file, 1 << 16).read_to_end(&mut text).unwrap();
    text
}

const INITIAL: GetFamily = GetFamily("add-children-initial");
const FINAL: GetFamily = GetFamily("add-children-final");
const REMOVAL: GetFamily = GetFamily("add-children-with-removal");

fn family_client() -> Client<Program> {
    Client::builder(Cache::new(), Program).documents().build()
}

/// How many records of each type there are.
fn records(client: &Client<Program>) -> BTreeMap<&'static str, usize> {
    let report = client.documents().inspect();
    report.types.iter().map(|records| (records.name, records.records.len())).collect()
}

fn ids(children: RangeInclusive<u32>) -> Vec<ChildId> {
    children.map(|id| ChildId(id.to_string().into())).collect()
}

/// Checks that a document is about this parent, with these children, who all name it.
#[track_caller]
fn check_family(document: &Document<Parent>, parent: &str, children: RangeInclusive<u32>) {
    let (parent, count) = (ParentId(parent.into()), children.clone().count());
    assert_eq!((document.key(), document.records()), (Some(parent.clone()), 1 + count));
    let shown = document.data().unwrap();
    assert_eq!(shown.parent_name, Field::Value("Scott".into()));
    assert_eq!(shown.children.keys(), ids(children));
    assert_eq!(document.many(&shown.children).count(), count);
    for child in document.many(&shown.children) {
        assert_eq!(
            (child.child_name.value().map(|name| &**name), child.parent.key()),
            (Some("Scott child 1"), Some(&parent))
        );
    }
}

#[tokio::test]
async fn families_are_read_shared_and_released() {
    let client = family_client();
    let initial = client.query(&INITIAL).await.unwrap();
    check_family(&initial, "1", 1..=19_600);
    assert_eq!(records(&client), [("child", 19_600), ("parent", 1)].into());

    let other = client.query(&FINAL).await.unwrap();
    check_family(&other, "2", 19_601..=39_600);
    assert_eq!(records(&client), [("child", 39_600), ("parent", 2)].into());

    // It says that parent 1 has fewer children. Those that it does not mention are still shown by the first document.
    let fewer = client.query(&REMOVAL).await.unwrap();
    check_family(&fewer, "1", 19_001..=19_600);
    assert_eq!(records(&client), [("child", 39_600), ("parent", 2)].into());
    check_family(&initial, "1", 1..=19_600);
    let followed = client.cached(&INITIAL).unwrap();
    assert_eq!((followed.records(), followed.data()), (19_601, fewer.data()));
    let (one, last) = (ChildId("1".into()), ChildId("19600".into()));
    assert!(Arc::ptr_eq(followed.get(&one).unwrap(), initial.get(&one).unwrap()));
    assert!(Arc::ptr_eq(followed.get(&last).unwrap(), fewer.get(&last).unwrap()));
    assert_eq!(
        followed.get(&one).unwrap().parent.key(),
        Some(&ParentId("1".into())),
        "the child's own side stays"
    );

    // Records go with the last document that shows them.
    drop((initial, followed));
    client.cache().remove(&INITIAL);
    assert_eq!(records(&client), [("child", 20_600), ("parent", 2)].into());
    assert!(client.cache().get(&one).is_none() && client.cache().get(&last).is_some());
    drop(other);
    client.cache().remove(&FINAL);
    assert_eq!(records(&client), [("child", 600), ("parent", 1)].into());
    client.cache().remove(&REMOVAL);
    assert_eq!(client.documents().records(), 601, "the program holds the document");
    drop(fewer);
    assert_eq!(client.documents().records(), 0);
    assert_eq!(client.cache().len(), 0);
}

#[tokio::test]
async fn a_large_document_that_is_loaded_again_is_the_same_allocation() {
    let client = family_client();
    let first = client.query(&INITIAL).await.unwrap();
    client.invalidate(&INITIAL);
    assert!(Arc::ptr_eq(&client.query(&INITIAL).await.unwrap(), &first));
}
