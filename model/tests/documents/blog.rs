//! A program that shows articles and their authors, its responses, and what must hold of them at every moment.

use std::sync::Arc;

use cache_macros::Resource;
use cache_model::{Cache, Freshness, Query, registry};
use serde_json::{Value, json};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, Runner};

use crate::client::Client as AnyClient;
use crate::jsonapi::read::read;
use crate::record::RecordRef;
use crate::records::change::{delete, patch};
use crate::records::known::KnownOf;
use crate::records::state::Documents;
use crate::{
    App, ClientBuilder, Content, Document, DocumentsBuilder, Field, Id, One, ResourceList, Resources,
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
    pub title: Field<u8>,
    pub author: One<PersonId>,
}

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId)]
pub struct Person {
    pub name: Field<u8>,
    pub age: Field<u8>,
}

/// One article, with its author.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Document<Article>, capacity = 2)]
pub struct GetArticle(pub u8);

registry! {
    pub struct BlogRegistry {
        crate::blog::ArticleId,
        crate::blog::PersonId,
        crate::blog::GetArticle,
    }
}

pub struct Blog;

impl App for Blog {
    type Registry = BlogRegistry;
}

impl Resources for Blog {
    fn list(list: &mut ResourceList<Self>) {
        list.add::<Article>();
        list.add::<Person>();
    }
}

pub(crate) type Client = AnyClient<Blog>;
pub(crate) type Loading = crate::client::Loading<Blog>;

pub(crate) fn blog() -> Client {
    ClientBuilder::new(Cache::new()).documents().build()
}

/// The author of all articles.
pub(crate) fn ann() -> PersonId {
    PersonId("9".into())
}

/// What a response says of the author.
pub(crate) fn named(name: u8) -> Value {
    json!({"name": name})
}

/// A response that shows an article and what it says of its author.
pub(crate) fn article(id: u8, title: u8, author: &Value) -> Value {
    let person = json!({"type": "people", "id": "9"});
    json!({
        "data": {
            "type": "articles", "id": id.to_string(), "attributes": {"title": title},
            "relationships": {"author": {"data": person}}
        },
        "included": [{"type": "people", "id": "9", "attributes": author}]
    })
}

impl Client {
    pub(crate) fn begin(&self, id: u8) -> Loading {
        self.start(&GetArticle(id))
    }

    pub(crate) fn read(&self, response: &Value) -> Document<Article> {
        self.read_as(response)
    }

    /// Reads a document of any content.
    pub(crate) fn read_as<T: Content + ?Sized>(&self, response: &Value) -> Document<T> {
        let documents = self.extension::<Documents<Blog>>();
        let (types, known) = (&documents.list.types, KnownOf::new(self, &documents));
        let response = read(response.to_string().as_bytes(), types, Document::<T>::EXPECTED, &known);
        Document::of_response(response.unwrap())
    }

    /// Loads an article, with a response that says this of its author.
    pub(crate) fn load(&self, id: u8, author: &Value) {
        self.end(self.begin(id), &article(id, 1, author));
    }

    /// Ends a load with a response.
    pub(crate) fn end(&self, loading: Loading, response: &Value) {
        loading.store(self.read(response));
    }

    /// Changes the author. Returns whether she was there.
    pub(crate) fn patch(&self, change: impl Fn(&mut Person) + Copy) -> bool {
        let was_there = std::cell::Cell::new(false);
        self.change(|store| was_there.set(patch::<Blog, Person>(store, &ann(), &change))).unwrap();
        was_there.get()
    }

    pub(crate) fn delete_author(&self) {
        self.change(|store| _ = delete::<Blog, Person>(store, &ann())).unwrap();
    }

    pub(crate) fn delete_article(&self, id: u8) {
        let key = ArticleId(id.to_string().into());
        self.change(|store| _ = delete::<Blog, Article>(store, &key)).unwrap();
    }

    pub(crate) fn remove(&self, id: u8) {
        self.cache().remove(&GetArticle(id));
    }

    pub(crate) fn author(&self) -> Option<Arc<Person>> {
        self.cache().peek(&ann())
    }

    /// The article that the cache shows, unless it is marked.
    pub(crate) fn shown(&self, id: u8) -> Option<Arc<Document<Article>>> {
        let entry = self.cache().peek_entry(&GetArticle(id))?;
        (entry.state().freshness != Freshness::Invalidated).then(|| entry.into_value())
    }

    /// Checks that the articles and the author are those of one moment: who shows the author shows the very record of
    /// the table.
    #[track_caller]
    pub(crate) fn check_moment(&self) {
        let (one, two, record) = self.cache().get_all((&GetArticle(1), &GetArticle(2), &ann()));
        for document in [one, two].into_iter().flatten() {
            check_record(&document, record.as_ref());
        }
    }

    /// Checks the same of documents that are not marked, when no other thread runs.
    #[track_caller]
    pub(crate) fn check_end(&self) {
        let record = self.author();
        for document in (1..=3).filter_map(|id| self.shown(id)) {
            check_record(&document, record.as_ref());
        }
    }

    /// Checks that the client has kept nothing that no document shows, once there is no document.
    #[track_caller]
    pub(crate) fn check_is_empty(&self) {
        let documents = self.extension::<Documents<Blog>>();
        assert_eq!(documents.index.len(), 0, "the index still names documents");
        assert!(documents.order.names().is_empty(), "writes are remembered though no load runs");
        assert!(self.author().is_none(), "a record is left");
    }
}

#[track_caller]
fn check_record(document: &Document<Article>, record: Option<&Arc<Person>>) {
    let Some(shown) = document.get(&ann()) else { return };
    let is_same = record.is_some_and(|record| Arc::ptr_eq(shown, record));
    assert!(is_same, "{:?} shows {shown:?}, and the record is {record:?}", document.data());
}

/// The name and the age of the author that a document shows.
pub(crate) fn author_of(document: &Document<Article>) -> Option<(Option<u8>, Option<u8>)> {
    document.get(&ann()).map(|author| (author.name.value().copied(), author.age.value().copied()))
}

pub(crate) fn title_of(document: &Document<Article>) -> Option<u8> {
    document.data().and_then(|article| article.title.value().copied())
}

/// Runs a part of a scenario beside the others.
pub(crate) fn beside(client: &Client, run: impl FnOnce(Client) + Send + 'static) -> JoinHandle<()> {
    let client = client.clone();
    thread::spawn(move || run(client))
}

pub(crate) fn join<const N: usize>(running: [JoinHandle<()>; N]) {
    running.into_iter().for_each(|part| part.join().unwrap());
}

#[track_caller]
pub(crate) fn check(scenario: impl Fn() + Send + Sync + 'static) {
    let schedules = std::env::var("CACHE_MODEL_SCHEDULES").map_or(300, |count| count.parse().unwrap());
    let scenario = Arc::new(scenario);
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    config.silence_warnings = true;
    let run = Arc::clone(&scenario);
    Runner::new(RandomScheduler::new(schedules), config.clone()).run(move || run());
    Runner::new(PctScheduler::new(3, schedules.div_ceil(2)), config).run(move || scenario());
}
