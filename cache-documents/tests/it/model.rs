//! Random responses, changes, removals, late answers, local ids and layers, against a naive store: plain maps and full
//! copies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cache_client::{Layer, Strategy as LoadStrategy};
use cache_core::{Freshness, LoadingOptions};
use cache_documents::{
    ChangeRecords, ClientDocuments, Document, EditRecords, Field, Id, Many, One, ReadDocument, Resource,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::blog::{Article, ArticleId, Blog, Desk, GetArticle, GetFeed, Person, PersonId, blog};

/// A record by type and id.
type Name = (&'static str, u8);
/// The known fields of a record.
type Fields = BTreeMap<&'static str, Value>;
type Records = Vec<(Name, Fields)>;

const IDS: u8 = 3;
const FEEDS: u8 = 2;
/// From here on, numbers stand for local ids, of which none is used twice.
const LOCAL: u8 = 100;

fn id_of(number: u8) -> Id {
    if number < LOCAL { number.to_string().into() } else { Id::local(&number.to_string()) }
}

fn number_of(id: &Id) -> u8 {
    id.lid().unwrap_or(id.as_str()).parse().unwrap()
}

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
    /// Stores a document about a new local article, by a new local person.
    Create(Fields, Fields),
    /// Adds a local article to a list.
    Push(prop::sample::Index, u8),
    /// Merges what the server answers when it has saved a local record, with the id that it gives.
    Save(prop::sample::Index, u8, Fields),
    /// Changes a local record.
    PatchLocal(prop::sample::Index, Fields),
    DeleteLocal(prop::sample::Index),
    /// Shows changed fields of a record by a layer.
    Layer(Name, Fields),
    /// Shows an article that the program makes, by a layer at the end of a list.
    PushLayer(u8, Fields),
    RollBack(prop::sample::Index),
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
    prop_oneof![(0..IDS).prop_map(Key::Article), (0..FEEDS).prop_map(Key::Feed)]
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
        4 => local_op(),
        2 => layer_op(),
    ]
}

fn local_op() -> impl Strategy<Value = Op> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        3 => (fields_of("articles"), fields_of("people")).prop_map(|(article, person)| Op::Create(article, person)),
        2 => (index(), 0..FEEDS).prop_map(|(local, feed)| Op::Push(local, feed)),
        4 => (index(), 0..IDS, fields_of_both()).prop_map(|(local, id, fields)| Op::Save(local, id, fields)),
        2 => (index(), fields_of_both()).prop_map(|(local, fields)| Op::PatchLocal(local, fields)),
        1 => index().prop_map(Op::DeleteLocal),
    ]
}

fn layer_op() -> impl Strategy<Value = Op> {
    let patch = name().prop_flat_map(|name| (Just(name), fields_of(name.0)));
    prop_oneof![
        2 => patch.prop_map(|(name, fields)| Op::Layer(name, fields)),
        1 => (0..FEEDS, fields_of("articles")).prop_map(|(feed, fields)| Op::PushLayer(feed, fields)),
        2 => any::<prop::sample::Index>().prop_map(Op::RollBack),
    ]
}

/// The fields of an article and of a person, of which each record takes its own.
fn fields_of_both() -> impl Strategy<Value = Fields> {
    (fields_of("articles"), fields_of("people"))
        .prop_map(|(article, person)| article.into_iter().chain(person).collect())
}

/// The fields that a record of this type has.
fn own_fields(kind: &str, fields: &Fields) -> Fields {
    let is_of_person = |field: &str| ["name", "age", "friend"].contains(&field);
    let own = fields.iter().filter(|(field, _)| is_of_person(field) == (kind == "people"));
    own.map(|(field, value)| (*field, value.clone())).collect()
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
    held: Vec<(Key, Shown)>,
    records: BTreeMap<Name, (u64, Fields)>,
    /// When each field was written, by requests. Never forgotten.
    written: BTreeMap<Name, BTreeMap<&'static str, u64>>,
    deleted: BTreeMap<Name, u64>,
    /// How many local ids were used.
    locals: u8,
    /// The local names of records that documents show by their ids.
    renamed: BTreeMap<Name, Name>,
    /// The local names that no record has any more.
    forgotten: BTreeSet<Name>,
    /// In the order in which they were made.
    layers: Vec<NaiveLayer>,
}

/// What a layer shows, in the answers of these keys.
struct NaiveLayer {
    keys: BTreeSet<Key>,
    name: Name,
    fields: Fields,
    /// Whether it adds the record to the end of a list.
    pushes: bool,
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
            self.relink(&mut fields);
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
            let (name, mut fields) = (&self.shown_name(*name), fields.clone());
            self.relink(&mut fields);
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
        let (request, name) = (self.next(), self.shown_name(name));
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
            let is_about = matches!(key, Key::Article(_)) && name.0 == "articles";
            if is_about && shown.primary == [name.1] && shown.records.contains_key(&name) {
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
        let forgotten = std::mem::take(&mut self.forgotten);
        let forgotten = forgotten.into_iter().chain(self.renamed.keys().copied()).collect();
        let (requests, version, locals) = (self.requests, self.version, self.locals);
        *self = Self { requests, version, locals, answers, forgotten, ..Self::default() };
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
        // A record that has got another name is still the same version.
        let owned: BTreeSet<u64> = self
            .shared()
            .flat_map(|(_, shown)| shown.records.values().map(|(version, _)| *version))
            .collect();
        let written = &self.written;
        self.records.retain(|name, (version, _)| {
            let is_remembered = written.get(name).is_some_and(|fields| fields.values().any(|&by| by > first));
            is_remembered || owned.contains(version)
        });
        self.forget_names(None);
    }

    /// The documents that share their records: those that the cache has, that the program holds, and that running loads
    /// hold.
    fn shared(&self) -> impl Iterator<Item = (Key, &Shown)> {
        let present = self.running.values().filter_map(|(key, _, shown)| Some((*key, shown.as_ref()?)));
        let held = self.held.iter().map(|(key, shown)| (*key, shown));
        let all = self.answers.iter().map(|(key, shown)| (*key, shown)).chain(held).chain(present);
        all.filter(|(_, shown)| !shown.is_apart)
    }
}

/// Local names.
impl Naive {
    /// The name by which documents show a record.
    fn shown_name(&self, name: Name) -> Name {
        self.renamed.get(&name).copied().unwrap_or(name)
    }

    /// Replaces the local ids of links by those that they have become.
    fn relink(&self, fields: &mut Fields) {
        for (local, name) in self.renamed.iter().filter(|(local, _)| local.0 == "people") {
            let (local, id) = (json!(id_of(local.1)), json!(id_of(name.1)));
            for link in ["author", "friend"] {
                if fields.get(link) == Some(&local) {
                    fields.insert(link, id.clone());
                }
            }
        }
    }

    /// Stores an answer of the program as one to a request that begins and ends now.
    fn answer(&mut self, key: Key, primary: Vec<u8>, records: Vec<(Name, Fields)>) {
        let request = self.next();
        let mut shown = Shown { primary, ..Shown::default() };
        for (name, mut fields) in records {
            self.relink(&mut fields);
            self.write(request, name, fields);
            shown.records.insert(name, self.records[&name].clone());
        }
        self.current.remove(&key);
        self.answers.insert(key, shown);
        self.settle();
    }

    /// Returns whether the server's answer is accepted.
    fn save(&mut self, local: Name, id: u8, fields: &Fields) -> bool {
        let name = (local.0, id);
        match self.renamed.get(&local) {
            Some(known) if *known != name => return false,
            Some(_) => {}
            None => self.rename(local, name),
        }
        let (request, mut fields) = (self.next(), own_fields(local.0, fields));
        self.relink(&mut fields);
        self.write(request, name, fields);
        // The caller has the answer for a moment, which shows the record.
        self.forget_names(Some(name));
        self.settle();
        true
    }

    /// Makes a local record one with an id. What the record with the id has already is stronger.
    fn rename(&mut self, local: Name, name: Name) {
        let request = self.next();
        self.renamed.insert(local, name);
        // A deleted record is still shown by documents about it, which are marked and follow nothing.
        let is_there = self.records.contains_key(&local);
        if let Some((version, own)) = self.records.remove(&local) {
            let other = self.records.get(&name).map(|(_, fields)| fields.clone());
            let written = self.written.entry(name).or_default();
            own.keys().for_each(|field| _ = written.insert(field, request));
            let joined: Fields = own.into_iter().chain(other.clone().unwrap_or_default()).collect();
            match other {
                None => _ = self.records.insert(name, (version, joined)),
                Some(other) if other == joined => {}
                Some(_) => {
                    self.version += 1;
                    self.records.insert(name, (self.version, joined));
                }
            }
        }
        for shown in self.answers.values_mut().filter(|shown| is_there && !shown.is_apart) {
            if let Some(record) = shown.records.remove(&local) {
                shown.records.insert(name, record);
            }
            if local.0 == "articles" && shown.primary.contains(&local.1) {
                let has_it = shown.primary.contains(&name.1);
                shown.primary.retain(|id| *id != local.1 || !has_it);
                shown.primary.iter_mut().filter(|id| **id == local.1).for_each(|id| *id = name.1);
            }
        }
        let names: Vec<_> = self.records.keys().copied().collect();
        for other in names {
            let present = &self.records[&other].1;
            let mut fields = present.clone();
            self.relink(&mut fields);
            fields.retain(|field, value| present[field] != *value);
            if !fields.is_empty() {
                self.write(request, other, fields);
            }
        }
    }

    /// Forgets the local names of records that no document shows.
    fn forget_names(&mut self, kept: Option<Name>) {
        let shown: BTreeSet<Name> =
            self.shared().flat_map(|(_, shown)| shown.records.keys().copied()).chain(kept).collect();
        let forgotten = self.renamed.extract_if(.., |_, name| !shown.contains(name));
        self.forgotten.extend(forgotten.map(|(local, _)| local));
    }

    /// The local names that have a meaning.
    fn local_names(&self) -> Vec<Name> {
        let all = (LOCAL..LOCAL + self.locals).flat_map(|number| [("articles", number), ("people", number)]);
        all.filter(|name| !self.forgotten.contains(name)).collect()
    }

    /// One of them.
    fn local_name(&self, index: &prop::sample::Index) -> Option<Name> {
        let names = self.local_names();
        (!names.is_empty()).then(|| *index.get(&names))
    }

    /// What a list shows when one of the local articles is added to it: this article, the list, and all records.
    fn pushed(&self, index: &prop::sample::Index, feed: u8) -> Option<(Name, Vec<u8>, Records)> {
        let is_there =
            |name: &Name| name.0 == "articles" && self.records.contains_key(&self.shown_name(*name));
        let articles: Vec<_> = self.local_names().into_iter().filter(is_there).collect();
        let shown = self.answers.get(&Key::Feed(feed)).filter(|shown| !shown.is_marked)?;
        let local = *(!articles.is_empty()).then(|| index.get(&articles))?;
        let name = self.shown_name(local);
        let (mut primary, mut records) = (shown.primary.clone(), shown.records.clone());
        if !primary.contains(&name.1) {
            primary.push(name.1);
        }
        records.insert(name, self.records[&name].clone());
        Some((local, primary, records.into_iter().map(|(name, (_, fields))| (name, fields)).collect()))
    }
}

/// Layers.
impl Naive {
    /// Changes a record in the documents that show it now.
    fn layer(&mut self, name: Name, fields: Fields) {
        let showing = self.shared().filter(|(_, shown)| shown.records.contains_key(&name));
        let keys = showing.map(|(key, _)| key).collect();
        self.layers.push(NaiveLayer { keys, name, fields, pushes: false });
    }

    /// Adds a record, which is never stored, to the end of a list. Returns the number of its local id.
    fn push_layer(&mut self, feed: u8, fields: Fields) -> u8 {
        let local = LOCAL + self.locals;
        self.locals += 1;
        self.forgotten.extend([("articles", local), ("people", local)]);
        let (keys, name) = ([Key::Feed(feed)].into(), ("articles", local));
        self.layers.push(NaiveLayer { keys, name, fields, pushes: true });
        local
    }

    /// What a client shows for a key.
    fn with_layers(&self, key: Key) -> Option<Shown> {
        let mut shown = Shown { is_marked: false, ..self.answers.get(&key)?.clone() };
        for layer in self.layers.iter().filter(|layer| layer.keys.contains(&key)) {
            if layer.pushes {
                shown.records.insert(layer.name, (0, layer.fields.clone()));
                shown.primary.push(layer.name.1);
            } else if let Some((_, fields)) = shown.records.get_mut(&layer.name) {
                fields.extend(layer.fields.clone());
            }
        }
        Some(shown)
    }
}

fn unlink(kind: &str, fields: &mut Fields, (gone, id): Name) {
    if gone != "people" {
        return;
    }
    let id = json!(id_of(id));
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
    layers: Vec<Layer<Blog>>,
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

    async fn create(&self, local: u8, (article, person): (&Fields, &Fields)) {
        let (mut made, mut author) = (Article::absent(), Person::absent());
        set_article(&mut made, article);
        set_person(&mut author, person);
        let document =
            Document::about(&ArticleId(id_of(local)), made).showing(&PersonId(id_of(local)), author);
        self.desk.client.documents().write(&GetArticle(local.into()), document).await.unwrap();
    }

    async fn push(&self, local: u8, feed: u8) {
        let (client, key) = (&self.desk.client, ArticleId(id_of(local)));
        let list = client.cache().peek(&GetFeed(feed.into())).unwrap();
        let record = client.cache().peek(&key).unwrap();
        let list = list.pushing(&client.documents().key(&key), record);
        client.documents().write(&GetFeed(feed.into()), list).await.unwrap();
    }

    /// Returns whether the answer is accepted.
    async fn save(&self, (kind, local): Name, id: u8, fields: &Fields) -> bool {
        let record = ((kind, id), own_fields(kind, fields));
        let body = json!({"data": resource(&record)}).to_string();
        let (client, documents) = (&self.desk.client, self.desk.client.documents());
        match kind {
            "articles" => {
                let answer: Document<Article> = client.document(body.as_bytes()).unwrap();
                documents.merge_records(answer.saved(&ArticleId(id_of(local))).unwrap()).await.is_ok()
            }
            _ => {
                let answer: Document<Person> = client.document(body.as_bytes()).unwrap();
                documents.merge_records(answer.saved(&PersonId(id_of(local))).unwrap()).await.is_ok()
            }
        }
    }

    fn layer(&mut self, (kind, id): Name, fields: Fields) {
        self.layers.push(self.desk.client.optimistic(|layer| match kind {
            "articles" => layer.patch(&ArticleId(id_of(id)), move |article| set_article(article, &fields)),
            _ => layer.patch(&PersonId(id_of(id)), move |person| set_person(person, &fields)),
        }));
    }

    fn push_layer(&mut self, feed: u8, local: u8, fields: &Fields) {
        let mut made = Article::absent();
        set_article(&mut made, fields);
        let key = ArticleId(id_of(local));
        self.layers.push(self.desk.client.optimistic(|layer| layer.push(&GetFeed(feed.into()), &key, made)));
    }

    /// What the client shows for a key.
    fn with_layers(&self, key: Key) -> Option<Shown> {
        let client = &self.desk.client;
        match key {
            Key::Article(id) => {
                client.cached(&GetArticle(id.into())).map(|shown| shown_article(&shown, false))
            }
            Key::Feed(id) => client.cached(&GetFeed(id.into())).map(|shown| shown_feed(&shown, false)),
        }
    }

    /// The name by which documents show a record.
    fn shown_name(&self, (kind, id): Name) -> Name {
        let (documents, id) = (self.desk.client.documents(), id_of(id));
        match kind {
            "articles" => (kind, number_of(&documents.key(&ArticleId(id)).0)),
            _ => (kind, number_of(&documents.key(&PersonId(id)).0)),
        }
    }

    fn restart(&mut self) {
        self.held.clear();
        self.layers.clear();
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
                let id = id_of(*id);
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
        let id = id_of(id);
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
        let (cache, id) = (self.desk.client.cache(), id_of(id));
        match kind {
            "articles" => cache.peek(&ArticleId(id)).map(|article| article_fields(&article)),
            _ => cache.peek(&PersonId(id)).map(|person| person_fields(&person)),
        }
    }
}

fn resource(((kind, id), fields): &(Name, Fields)) -> Value {
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
}

pub fn body(key: Key, said: &Said) -> String {
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
    let names = (0..IDS).chain(LOCAL..u8::MAX).flat_map(|id| [("articles", id), ("people", id)]);
    names.filter_map(|name| Some((name, (0, get(name)?)))).collect()
}

pub fn shown_article(document: &Document<Article>, is_marked: bool) -> Shown {
    let records = records_of(|(kind, id)| match kind {
        "articles" => document.get(&ArticleId(id_of(id))).map(|article| article_fields(article)),
        _ => document.get(&PersonId(id_of(id))).map(|person| person_fields(person)),
    });
    Shown { records, is_marked, ..Shown::default() }
}

pub fn shown_feed(document: &Document<[Article]>, is_marked: bool) -> Shown {
    let records = records_of(|(kind, id)| match kind {
        "articles" => document.get(&ArticleId(id_of(id))).map(|article| article_fields(article)),
        _ => document.get(&PersonId(id_of(id))).map(|person| person_fields(person)),
    });
    let primary = document.keys().map(|key| number_of(&key.0)).collect();
    Shown { primary, records, is_marked, is_apart: false }
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
    let mut naive = Naive::default();
    let mut real = Real { desk: blog(), running: BTreeMap::new(), held: Vec::new(), layers: Vec::new() };
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
                naive.held.extend(naive.answers.get(&key).map(|shown| (key, shown.clone())));
            }
            Op::DropHeld(index) => {
                if !naive.held.is_empty() {
                    let at = index.index(naive.held.len());
                    naive.held.remove(at);
                    drop(real.held.remove(at));
                    naive.settle();
                }
            }
            Op::Create(mut article, person) => {
                let local = LOCAL + naive.locals;
                naive.locals += 1;
                article.insert("author", json!(id_of(local)));
                let records =
                    vec![(("articles", local), article.clone()), (("people", local), person.clone())];
                naive.answer(Key::Article(local), vec![local], records);
                real.create(local, (&article, &person)).await;
            }
            Op::Push(index, feed) => {
                if let Some((local, primary, records)) = naive.pushed(&index, feed) {
                    naive.answer(Key::Feed(feed), primary, records);
                    real.push(local.1, feed).await;
                }
            }
            Op::Save(index, id, fields) => {
                if let Some(local) = naive.local_name(&index) {
                    let is_accepted = naive.save(local, id, &fields);
                    assert_eq!(real.save(local, id, &fields).await, is_accepted, "{told}");
                }
            }
            Op::PatchLocal(index, fields) => {
                if let Some(local) = naive.local_name(&index) {
                    let changes = vec![(local, own_fields(local.0, &fields))];
                    naive.patch(&changes);
                    real.patch(changes).await;
                }
            }
            Op::DeleteLocal(index) => {
                if let Some(local) = naive.local_name(&index) {
                    naive.delete(local);
                    real.delete(local).await;
                }
            }
            Op::Layer(name, fields) => {
                naive.layer(name, fields.clone());
                real.layer(name, fields);
            }
            Op::PushLayer(feed, fields) => {
                let local = naive.push_layer(feed, fields.clone());
                real.push_layer(feed, local, &fields);
            }
            Op::RollBack(index) => {
                if !naive.layers.is_empty() {
                    let at = index.index(naive.layers.len());
                    naive.layers.remove(at);
                    real.layers.remove(at).rollback();
                }
            }
            Op::Restart => {
                naive.restart();
                real.restart();
            }
        }
        let ids: Vec<_> = (0..IDS).chain(LOCAL..LOCAL + naive.locals).collect();
        for key in ids.iter().copied().map(Key::Article).chain((0..FEEDS).map(Key::Feed)) {
            let expected = naive.answers.get(&key).map(|shown| compared(key, shown));
            assert_eq!(real.answer(key), expected, "{key:?} after {told}");
            let expected = naive.with_layers(key).map(|shown| compared(key, &shown));
            assert_eq!(real.with_layers(key), expected, "{key:?} with layers, after {told}");
        }
        let names = ids.iter().flat_map(|&id| [("articles", id), ("people", id)]);
        for name in names.filter(|name| !naive.forgotten.contains(name)) {
            let shown_name = naive.shown_name(name);
            let expected = naive.records.get(&shown_name).map(|(_, fields)| fields.clone());
            assert_eq!(real.record(name), expected, "{name:?} after {told}");
            assert_eq!(real.shown_name(name), shown_name, "{name:?} after {told}");
        }
        for (held, (_, expected)) in real.held.iter().zip(&naive.held) {
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
