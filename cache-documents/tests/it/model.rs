//! Random responses, changes, removals and late answers, against a naive store: plain maps and full copies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cache_client::Strategy as LoadStrategy;
use cache_core::{Freshness, LoadingOptions};
use cache_documents::{ChangeRecords, ClientDocuments, Document, Field, Id, Many, One};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::blog::{Article, ArticleId, Desk, GetArticle, GetFeed, Person, PersonId, blog};

/// A record by type and id.
type Name = (&'static str, u8);
/// The known fields of a record.
type Fields = BTreeMap<&'static str, Value>;

const IDS: u8 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Article(u8),
    Feed(u8),
}

/// What a response says: the primary records, and the fields of all records.
#[derive(Clone, Debug)]
pub struct Said {
    primary: Vec<u8>,
    records: Vec<(Name, Fields)>,
}

#[derive(Clone, Debug)]
enum Op {
    Start(Key, Said),
    /// Lets one of the running loads answer.
    Finish(prop::sample::Index),
    Patch(Name, Fields),
    /// Two records in one commit.
    PatchBoth(Name, Name, Fields),
    Delete(Name),
    Remove(Key),
    Hold(Key),
    DropHeld(prop::sample::Index),
    /// Saves the answers, and ends the program. The next run restores them.
    Restart,
}

fn name() -> impl Strategy<Value = Name> {
    (prop::sample::select(vec!["articles", "people"]), 0..IDS)
}

fn fields_of(kind: &'static str) -> BoxedStrategy<Fields> {
    let link = prop_oneof![Just(Value::Null), (0..IDS).prop_map(|id| json!(id.to_string()))];
    match kind {
        "articles" => {
            let editors = prop::collection::vec(0..IDS, 0..3);
            let title = prop::option::of(0..3_u8);
            (title.clone(), title, prop::option::of(link), prop::option::of(editors))
                .prop_map(|(title, body, author, editors)| {
                    let mut fields = Fields::new();
                    title.map(|title| fields.insert("title", json!(format!("title {title}"))));
                    body.map(|body| {
                        fields.insert(
                            "body",
                            if body == 0 { Value::Null } else { json!(format!("body {body}")) },
                        )
                    });
                    author.map(|author| fields.insert("author", author));
                    editors.map(|ids| {
                        let ids: BTreeSet<_> = ids.into_iter().map(|id| id.to_string()).collect();
                        fields.insert("editors", json!(ids))
                    });
                    fields
                })
                .boxed()
        }
        _ => (prop::option::of(0..3_u8), prop::option::of(0..3_u8), prop::option::of(link))
            .prop_map(|(name, age, friend)| {
                let mut fields = Fields::new();
                name.map(|name| fields.insert("name", json!(format!("name {name}"))));
                age.map(|age| fields.insert("age", json!(age)));
                friend.map(|friend| fields.insert("friend", friend));
                fields
            })
            .boxed(),
    }
}

pub fn key() -> impl Strategy<Value = Key> {
    prop_oneof![(0..IDS).prop_map(Key::Article), (0..2_u8).prop_map(Key::Feed)]
}

pub fn said(key: Key) -> BoxedStrategy<Said> {
    let primary = match key {
        Key::Article(id) => Just(vec![id]).boxed(),
        Key::Feed(_) => prop::collection::btree_set(0..IDS, 0..3)
            .prop_map(|ids| ids.into_iter().collect::<Vec<_>>())
            .boxed(),
    };
    let people = prop::collection::btree_map(0..IDS, fields_of("people"), 0..3);
    (primary, prop::collection::vec(fields_of("articles"), IDS as usize), people)
        .prop_map(|(primary, articles, people)| {
            let articles = primary.iter().zip(articles).map(|(&id, fields)| (("articles", id), fields));
            let people = people.into_iter().map(|(id, fields)| (("people", id), fields));
            Said { records: articles.chain(people).collect(), primary }
        })
        .boxed()
}

fn op() -> impl Strategy<Value = Op> {
    let patch = name().prop_flat_map(|name| (Just(name), fields_of(name.0)));
    prop_oneof![
        5 => key().prop_flat_map(|key| said(key).prop_map(move |said| Op::Start(key, said))),
        5 => any::<prop::sample::Index>().prop_map(Op::Finish),
        2 => patch.prop_map(|(name, fields)| Op::Patch(name, fields)),
        1 => (0..IDS, 0..IDS, fields_of("people"))
            .prop_map(|(one, other, fields)| Op::PatchBoth(("people", one), ("people", other), fields)),
        1 => name().prop_map(Op::Delete),
        1 => key().prop_map(Op::Remove),
        1 => key().prop_map(Op::Hold),
        1 => any::<prop::sample::Index>().prop_map(Op::DropHeld),
        1 => Just(Op::Restart),
    ]
}

/// An answer: what it shows, with the versions of its records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    primary: Vec<u8>,
    records: BTreeMap<Name, (u64, Fields)>,
    is_marked: bool,
    /// Whether it was marked when the program was restarted, and so has records of its own.
    is_apart: bool,
}

/// A naive store.
#[derive(Default)]
struct Naive {
    requests: u64,
    version: u64,
    /// The loads that run. Each holds the answer that was there when it began.
    running: BTreeMap<u64, (Key, Said, Option<Shown>)>,
    /// The load of each key whose answer will be stored.
    current: BTreeMap<Key, u64>,
    answers: BTreeMap<Key, Shown>,
    held: Vec<Shown>,
    records: BTreeMap<Name, (u64, Fields)>,
    /// When each field was written, by requests. Never forgotten.
    written: BTreeMap<Name, BTreeMap<&'static str, u64>>,
    deleted: BTreeMap<Name, u64>,
}

impl Naive {
    fn next(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    fn start(&mut self, key: Key, said: Said) {
        let request = self.next();
        self.running.insert(request, (key, said, self.answers.get(&key).cloned()));
        self.current.insert(key, request);
    }

    fn finish(&mut self, request: u64) {
        let (key, said, _) = self.running[&request].clone();
        // The load has ended, and holds no answer any more.
        self.running.insert(request, (key, said.clone(), None));
        self.settle();
        let is_gone = |store: &Self, name: Name| store.deleted.get(&name).is_some_and(|&at| at > request);
        let mut shown = Shown::default();
        shown.primary.extend(
            said.primary
                .iter()
                .filter(|&&id| matches!(key, Key::Article(_)) || !is_gone(self, ("articles", id))),
        );
        for (name, mut fields) in said.records {
            if is_gone(self, name) {
                continue;
            }
            let gone: Vec<_> =
                self.deleted.iter().filter(|(_, at)| **at > request).map(|(name, _)| *name).collect();
            gone.into_iter().for_each(|gone| unlink(name.0, &mut fields, gone));
            self.write(request, name, fields);
            shown.records.insert(name, self.records[&name].clone());
        }
        if let Key::Article(id) = key {
            shown.is_marked = !shown.records.contains_key(&("articles", id));
        }
        self.running.remove(&request);
        if self.current.get(&key) == Some(&request) {
            self.current.remove(&key);
            self.answers.insert(key, shown);
        }
        self.settle();
    }

    /// Writes the fields that no later request has written.
    fn write(&mut self, request: u64, name: Name, fields: Fields) {
        let present = self.records.get(&name).cloned();
        let written = self.written.entry(name).or_default();
        let (version, mut next) = present.clone().unwrap_or_default();
        for (field, value) in fields {
            if present.is_none() || written.get(field).is_none_or(|&by| by < request) {
                written.insert(field, request);
                next.insert(field, value);
            }
        }
        match present {
            Some((_, fields)) if fields == next => {}
            _ => {
                self.version = self.version.max(version) + 1;
                self.records.insert(name, (self.version, next));
            }
        }
    }

    fn patch(&mut self, changes: &[(Name, Fields)]) {
        let mut request = None;
        for (name, fields) in changes {
            let present = self.records.get(name).map(|(_, fields)| fields.clone());
            let is_kept = present.is_some() || !self.running.is_empty();
            let present = present.unwrap_or_default();
            let differing: Fields = fields
                .iter()
                .filter(|(field, value)| present.get(*field) != Some(*value))
                .map(|(field, value)| (*field, value.clone()))
                .collect();
            if is_kept && !differing.is_empty() {
                let request = *request.get_or_insert_with(|| self.requests + 1);
                self.requests = request;
                self.write(request, *name, differing);
            }
        }
        self.settle();
    }

    fn delete(&mut self, name: Name) {
        let request = self.next();
        self.records.remove(&name);
        self.deleted.insert(name, request);
        self.written.remove(&name);
        let others: Vec<_> = self.records.keys().copied().collect();
        for other in others {
            let Some((_, fields)) = self.records.get(&other) else { continue };
            let mut next = fields.clone();
            unlink(other.0, &mut next, name);
            let changed: Fields = next.into_iter().filter(|(field, value)| fields[field] != *value).collect();
            if !changed.is_empty() {
                self.write(request, other, changed);
            }
        }
        for (key, shown) in self.answers.iter_mut().filter(|(_, shown)| !shown.is_apart) {
            if shown.records.contains_key(&name) && *key == Key::Article(name.1) && name.0 == "articles" {
                shown.is_marked = true;
                self.current.remove(key);
            } else if shown.records.remove(&name).is_some() && name.0 == "articles" {
                shown.primary.retain(|id| *id != name.1);
            }
        }
        self.settle();
    }

    /// Forgets everything but the answers. Marked ones keep records of their own.
    fn restart(&mut self) {
        let answers = std::mem::take(&mut self.answers);
        *self = Self { requests: self.requests, version: self.version, answers, ..Self::default() };
        for shown in self.answers.values_mut() {
            shown.is_apart = shown.is_marked;
        }
        let adopted = self.answers.values().filter(|shown| !shown.is_apart);
        self.records = adopted.flat_map(|shown| shown.records.clone()).collect();
        self.settle();
    }

    /// Makes all answers show the present records, and drops the records that nothing shows.
    fn settle(&mut self) {
        for shown in self.answers.values_mut().filter(|shown| !shown.is_apart) {
            for (name, record) in &mut shown.records {
                if let Some(present) = self.records.get(name) {
                    *record = present.clone();
                }
            }
        }
        let first = self.running.keys().next().copied().unwrap_or(u64::MAX);
        let present = self.running.values().filter_map(|(.., present)| present.as_ref());
        let owned: BTreeSet<(Name, u64)> = self
            .answers
            .values()
            .chain(&self.held)
            .chain(present)
            .filter(|shown| !shown.is_apart)
            .flat_map(|shown| shown.records.iter().map(|(name, (version, _))| (*name, *version)))
            .collect();
        let written = &self.written;
        self.records.retain(|name, (version, _)| {
            let is_remembered = written.get(name).is_some_and(|fields| fields.values().any(|&by| by > first));
            is_remembered || owned.contains(&(*name, *version))
        });
    }
}

fn unlink(kind: &str, fields: &mut Fields, (gone, id): Name) {
    if gone != "people" {
        return;
    }
    let id = json!(id.to_string());
    let one = if kind == "articles" { "author" } else { "friend" };
    if fields.get(one) == Some(&id) {
        fields.insert(one, Value::Null);
    }
    if let Some(Value::Array(ids)) = fields.get_mut("editors") {
        ids.retain(|editor| *editor != id);
    }
}

/// The real store, with the loads that run.
struct Real {
    desk: Desk,
    running: BTreeMap<u64, (oneshot::Sender<String>, JoinHandle<()>)>,
    held: Vec<Held>,
}

enum Held {
    Article(Arc<Document<Article>>),
    Feed(Arc<Document<[Article]>>),
}

impl Real {
    async fn start(&mut self, request: u64, key: Key) {
        let (sender, receiver) = oneshot::channel();
        let client = self.desk.client.clone();
        let refresh = |options: LoadingOptions| options.strategy(LoadStrategy::Refresh);
        let task = match key {
            Key::Article(id) => {
                self.desk.waits_for(&format!("/articles/{id}"), receiver);
                tokio::spawn(async move {
                    drop(client.query_with(&GetArticle(id.into()), refresh).await.unwrap())
                })
            }
            Key::Feed(id) => {
                self.desk.waits_for(&format!("/feed/{id}"), receiver);
                tokio::spawn(
                    async move { drop(client.query_with(&GetFeed(id.into()), refresh).await.unwrap()) },
                )
            }
        };
        self.running.insert(request, (sender, task));
        // The load begins.
        self.desk.until_requested().await;
    }

    fn restart(&mut self) {
        self.held.clear();
        for (_, task) in std::mem::take(&mut self.running).into_values() {
            task.abort();
        }
        self.desk = self.desk.restarted().0;
    }

    async fn finish(&mut self, request: u64, key: Key, said: &Said) {
        let (sender, task) = self.running.remove(&request).unwrap();
        sender.send(body(key, said)).unwrap();
        task.await.unwrap();
        // The task of the load ends a little later than its caller.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    }

    async fn patch(&self, changes: Vec<(Name, Fields)>) {
        let changed = self.desk.client.change(|to| {
            for ((kind, id), fields) in &changes {
                let id = Id::from(id.to_string());
                match *kind {
                    "articles" => drop(to.patch(&ArticleId(id), |article| set_article(article, fields))),
                    _ => drop(to.patch(&PersonId(id), |person| set_person(person, fields))),
                }
            }
        });
        changed.await.unwrap();
    }

    async fn delete(&self, (kind, id): Name) {
        let documents = self.desk.client.documents();
        let id = Id::from(id.to_string());
        match kind {
            "articles" => drop(documents.delete(&ArticleId(id)).await.unwrap()),
            _ => drop(documents.delete(&PersonId(id)).await.unwrap()),
        }
    }

    fn answer(&self, key: Key) -> Option<Shown> {
        let cache = self.desk.client.cache();
        match key {
            Key::Article(id) => cache
                .peek_entry(&GetArticle(id.into()))
                .map(|entry| shown_article(entry.value(), entry.state().freshness == Freshness::Invalidated)),
            Key::Feed(id) => cache
                .peek_entry(&GetFeed(id.into()))
                .map(|entry| shown_feed(entry.value(), entry.state().freshness == Freshness::Invalidated)),
        }
    }

    fn hold(&mut self, key: Key) -> bool {
        let cache = self.desk.client.cache();
        let held = match key {
            Key::Article(id) => cache.peek(&GetArticle(id.into())).map(Held::Article),
            Key::Feed(id) => cache.peek(&GetFeed(id.into())).map(Held::Feed),
        };
        let is_held = held.is_some();
        self.held.extend(held);
        is_held
    }

    fn record(&self, (kind, id): Name) -> Option<Fields> {
        let (cache, id) = (self.desk.client.cache(), Id::from(id.to_string()));
        match kind {
            "articles" => cache.peek(&ArticleId(id)).map(|article| article_fields(&article)),
            _ => cache.peek(&PersonId(id)).map(|person| person_fields(&person)),
        }
    }
}

pub fn body(key: Key, said: &Said) -> String {
    let resource = |((kind, id), fields): &(Name, Fields)| {
        let (mut attributes, mut relationships) = (Map::new(), Map::new());
        let person = |id: &Value| json!({"type": "people", "id": id});
        for (field, value) in fields {
            match *field {
                "author" | "friend" if value.is_null() => {
                    drop(relationships.insert((*field).into(), json!({"data": null})))
                }
                "author" | "friend" => {
                    drop(relationships.insert((*field).into(), json!({"data": person(value)})))
                }
                "editors" => {
                    let people: Vec<_> = value.as_array().unwrap().iter().map(person).collect();
                    relationships.insert("editors".into(), json!({"data": people}));
                }
                _ => drop(attributes.insert((*field).into(), value.clone())),
            }
        }
        json!({"type": kind, "id": id.to_string(), "attributes": attributes, "relationships": relationships})
    };
    let (primary, included): (Vec<_>, Vec<_>) =
        said.records.iter().partition(|((kind, _), _)| *kind == "articles");
    let primary: Vec<_> = primary.into_iter().map(resource).collect();
    let included: Vec<_> = included.into_iter().map(resource).collect();
    let data = match key {
        Key::Article(_) => primary[0].clone(),
        Key::Feed(_) => json!(primary),
    };
    json!({"data": data, "included": included}).to_string()
}

fn put<T: serde::Serialize>(fields: &mut Fields, name: &'static str, field: &Field<T>) {
    match field {
        Field::Absent => {}
        Field::Null => drop(fields.insert(name, Value::Null)),
        Field::Value(value) => drop(fields.insert(name, json!(value))),
    }
}

fn put_one(fields: &mut Fields, name: &'static str, link: &One<PersonId>) {
    match link.data() {
        Field::Absent => {}
        Field::Null => drop(fields.insert(name, Value::Null)),
        Field::Value(key) => drop(fields.insert(name, json!(key.0.as_str()))),
    }
}

fn article_fields(article: &Article) -> Fields {
    let mut fields = Fields::new();
    put(&mut fields, "title", &article.title);
    put(&mut fields, "body", &article.body);
    put_one(&mut fields, "author", &article.author);
    if !article.editors.data().is_absent() {
        let ids: Vec<_> = article.editors.keys().iter().map(|key| key.0.as_str()).collect();
        fields.insert("editors", json!(ids));
    }
    fields
}

fn person_fields(person: &Person) -> Fields {
    let mut fields = Fields::new();
    put(&mut fields, "name", &person.name);
    put(&mut fields, "age", &person.age);
    put_one(&mut fields, "friend", &person.friend);
    fields
}

fn one_of(value: &Value) -> One<PersonId> {
    value.as_str().map_or_else(One::to_none, |id| One::to(PersonId(id.into())))
}

fn field_of<T>(value: &Value, read: impl Fn(&Value) -> T) -> Field<T> {
    if value.is_null() { Field::Null } else { Field::Value(read(value)) }
}

fn set_article(article: &mut Article, fields: &Fields) {
    for (field, value) in fields {
        match *field {
            "title" => article.title = field_of(value, |value| value.as_str().unwrap().into()),
            "body" => article.body = field_of(value, |value| value.as_str().unwrap().into()),
            "author" => article.author = one_of(value),
            _ => {
                let ids = value.as_array().unwrap().iter().map(|id| PersonId(id.as_str().unwrap().into()));
                article.editors = Many::to(ids);
            }
        }
    }
}

fn set_person(person: &mut Person, fields: &Fields) {
    for (field, value) in fields {
        match *field {
            "name" => person.name = field_of(value, |value| value.as_str().unwrap().into()),
            "age" => person.age = field_of(value, |value| u8::try_from(value.as_u64().unwrap()).unwrap()),
            _ => person.friend = one_of(value),
        }
    }
}

/// What a document shows, without the versions.
fn records_of(get: impl Fn(Name) -> Option<Fields>) -> BTreeMap<Name, (u64, Fields)> {
    let names = ["articles", "people"].into_iter().flat_map(|kind| (0..IDS).map(move |id| (kind, id)));
    names.filter_map(|name| Some((name, (0, get(name)?)))).collect()
}

pub fn shown_article(document: &Document<Article>, is_marked: bool) -> Shown {
    let records = records_of(|(kind, id)| match kind {
        "articles" => document.get(&ArticleId(id.to_string().into())).map(|article| article_fields(article)),
        _ => document.get(&PersonId(id.to_string().into())).map(|person| person_fields(person)),
    });
    Shown { records, is_marked, ..Shown::default() }
}

pub fn shown_feed(document: &Document<[Article]>, is_marked: bool) -> Shown {
    let records = records_of(|(kind, id)| match kind {
        "articles" => document.get(&ArticleId(id.to_string().into())).map(|article| article_fields(article)),
        _ => document.get(&PersonId(id.to_string().into())).map(|person| person_fields(person)),
    });
    let names: Vec<_> = (0..IDS).filter(|id| records.contains_key(&("articles", *id))).collect();
    let primary = names.into_iter().filter(|id| {
        let article = document.get(&ArticleId(id.to_string().into())).unwrap();
        document.data().any(|shown| Arc::ptr_eq(shown, article))
    });
    Shown { primary: primary.collect(), records, is_marked, is_apart: false }
}

/// An answer of the naive store as the comparison sees it.
fn compared(key: Key, shown: &Shown) -> Shown {
    let mut shown = shown.clone();
    if let Key::Article(_) = key {
        shown.primary.clear();
    }
    shown.records.values_mut().for_each(|(version, _)| *version = 0);
    shown.is_apart = false;
    shown
}

async fn run(ops: Vec<Op>) {
    let (mut naive, mut real) =
        (Naive::default(), Real { desk: blog(), running: BTreeMap::new(), held: Vec::new() });
    for op in ops {
        let told = format!("{op:?}");
        match op {
            Op::Start(key, said) => {
                naive.start(key, said);
                real.start(naive.requests, key).await;
            }
            Op::Finish(index) => {
                let requests: Vec<_> = naive.running.keys().copied().collect();
                if requests.is_empty() {
                    continue;
                }
                let request = *index.get(&requests);
                let (key, said, _) = naive.running[&request].clone();
                naive.finish(request);
                real.finish(request, key, &said).await;
            }
            Op::Patch(name, fields) => {
                naive.patch(&[(name, fields.clone())]);
                real.patch(vec![(name, fields)]).await;
            }
            Op::PatchBoth(one, other, fields) => {
                let changes = vec![(one, fields.clone()), (other, fields)];
                naive.patch(&changes);
                real.patch(changes).await;
            }
            Op::Delete(name) => {
                naive.delete(name);
                real.delete(name).await;
            }
            Op::Remove(key) => {
                naive.answers.remove(&key);
                naive.current.remove(&key);
                naive.settle();
                match key {
                    Key::Article(id) => drop(real.desk.client.cache().remove(&GetArticle(id.into()))),
                    Key::Feed(id) => drop(real.desk.client.cache().remove(&GetFeed(id.into()))),
                }
            }
            Op::Hold(key) => {
                assert_eq!(real.hold(key), naive.answers.contains_key(&key));
                naive.held.extend(naive.answers.get(&key).cloned());
            }
            Op::DropHeld(index) => {
                if !naive.held.is_empty() {
                    let at = index.index(naive.held.len());
                    naive.held.remove(at);
                    drop(real.held.remove(at));
                    naive.settle();
                }
            }
            Op::Restart => {
                naive.restart();
                real.restart();
            }
        }
        let keys = (0..IDS).map(Key::Article).chain((0..2).map(Key::Feed));
        for key in keys {
            let expected = naive.answers.get(&key).map(|shown| compared(key, shown));
            assert_eq!(real.answer(key), expected, "{key:?} after {told}");
        }
        for name in ["articles", "people"].into_iter().flat_map(|kind| (0..IDS).map(move |id| (kind, id))) {
            let expected = naive.records.get(&name).map(|(_, fields)| fields.clone());
            assert_eq!(real.record(name), expected, "{name:?} after {told}");
        }
        for (held, expected) in real.held.iter().zip(&naive.held) {
            let records = match held {
                Held::Article(document) => shown_article(document, false).records,
                Held::Feed(document) => shown_feed(document, false).records,
            };
            let expected: BTreeMap<_, _> =
                expected.records.iter().map(|(name, (_, fields))| (*name, (0, fields.clone()))).collect();
            assert_eq!(records, expected, "held, after {told}");
        }
    }
}

proptest! {
    #[test]
    fn answers_and_records_are_those_of_a_naive_store(ops in prop::collection::vec(op(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(run(ops));
    }
}
