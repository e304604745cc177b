//! The real store, as the model drives it.

use std::collections::BTreeMap;
use std::sync::Arc;

use cache_client::{Layer, Strategy as LoadStrategy};
use cache_core::{Freshness, LoadingOptions};
use cache_documents::{ChangeRecords, ClientDocuments, Document, EditRecords, ReadDocument, Resource};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::records::*;
use crate::blog::{Article, ArticleId, Blog, Desk, GetArticle, GetFeed, Person, PersonId};

/// The real store, with the loads that run.
pub struct Real {
    pub desk: Desk,
    pub running: BTreeMap<u64, (oneshot::Sender<String>, JoinHandle<()>)>,
    pub held: Vec<Held>,
    pub layers: Vec<Layer<Blog>>,
}

pub enum Held {
    Article(Arc<Document<Article>>),
    Feed(Arc<Document<[Article]>>),
}

impl Real {
    pub async fn start(&mut self, request: u64, key: Key) {
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

    pub async fn create(&self, local: u8, (article, person): (&Fields, &Fields)) {
        let (mut made, mut author) = (Article::absent(), Person::absent());
        set_article(&mut made, article);
        set_person(&mut author, person);
        let document =
            Document::about(&ArticleId(id_of(local)), made).showing(&PersonId(id_of(local)), author);
        self.desk.client.documents().write(&GetArticle(local.into()), document).await.unwrap();
    }

    pub async fn push(&self, local: u8, feed: u8) {
        let (client, key) = (&self.desk.client, ArticleId(id_of(local)));
        let list = client.cache().peek(&GetFeed(feed.into())).unwrap();
        let record = client.cache().peek(&key).unwrap();
        let list = list.pushing(&client.documents().key(&key), record);
        client.documents().write(&GetFeed(feed.into()), list).await.unwrap();
    }

    /// Returns whether the answer is accepted.
    pub async fn save(&self, (kind, local): Name, id: u8, fields: &Fields) -> bool {
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

    pub fn layer(&mut self, (kind, id): Name, fields: Fields) {
        self.layers.push(self.desk.client.optimistic(|layer| match kind {
            "articles" => layer.patch(&ArticleId(id_of(id)), move |article| set_article(article, &fields)),
            _ => layer.patch(&PersonId(id_of(id)), move |person| set_person(person, &fields)),
        }));
    }

    pub fn push_layer(&mut self, feed: u8, local: u8, fields: &Fields) {
        let mut made = Article::absent();
        set_article(&mut made, fields);
        let key = ArticleId(id_of(local));
        self.layers.push(self.desk.client.optimistic(|layer| layer.push(&GetFeed(feed.into()), &key, made)));
    }

    pub fn show_layer(&mut self, (kind, id): Name, local: u8, fields: &Fields) {
        let mut made = Person::absent();
        set_person(&mut made, fields);
        let made = Document::about(&PersonId(id_of(local)), made);
        self.layers.push(self.desk.client.optimistic(|layer| match kind {
            "articles" => layer.show(&ArticleId(id_of(id)), made),
            _ => layer.show(&PersonId(id_of(id)), made),
        }));
    }

    pub async fn show(&self, (kind, beside): Name, id: u8, fields: &Fields, local: Option<Name>) {
        let record = (("people", id), fields.clone());
        let body = json!({"data": resource(&record)}).to_string();
        let mut answer: Document<Person> = self.desk.client.document(body.as_bytes()).unwrap();
        if let Some((_, local)) = local {
            answer = answer.saved(&PersonId(id_of(local))).unwrap();
        }
        let shown = self.desk.client.change(|changes| match kind {
            "articles" => drop(changes.show(&ArticleId(id_of(beside)), answer.clone())),
            _ => drop(changes.show(&PersonId(id_of(beside)), answer.clone())),
        });
        shown.await.unwrap();
    }

    /// What the client shows for a key.
    pub fn with_layers(&self, key: Key) -> Option<Shown> {
        let client = &self.desk.client;
        match key {
            Key::Article(id) => {
                client.cached(&GetArticle(id.into())).map(|shown| shown_article(&shown, false))
            }
            Key::Feed(id) => client.cached(&GetFeed(id.into())).map(|shown| shown_feed(&shown, false)),
        }
    }

    /// The name by which documents show a record.
    pub fn shown_name(&self, (kind, id): Name) -> Name {
        let (documents, id) = (self.desk.client.documents(), id_of(id));
        match kind {
            "articles" => (kind, number_of(&documents.key(&ArticleId(id)).0)),
            _ => (kind, number_of(&documents.key(&PersonId(id)).0)),
        }
    }

    pub fn restart(&mut self) {
        self.held.clear();
        self.layers.clear();
        for (_, task) in std::mem::take(&mut self.running).into_values() {
            task.abort();
        }
        self.desk = self.desk.restarted().0;
    }

    pub async fn finish(&mut self, request: u64, key: Key, said: &Said) {
        let (sender, task) = self.running.remove(&request).unwrap();
        sender.send(body(key, said)).unwrap();
        task.await.unwrap();
        // The task of the load ends a little later than its caller.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
    }

    pub async fn patch(&self, changes: Vec<(Name, Fields)>) {
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

    pub async fn delete(&self, (kind, id): Name) {
        let documents = self.desk.client.documents();
        let id = id_of(id);
        match kind {
            "articles" => drop(documents.delete(&ArticleId(id)).await.unwrap()),
            _ => drop(documents.delete(&PersonId(id)).await.unwrap()),
        }
    }

    pub fn answer(&self, key: Key) -> Option<Shown> {
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

    pub fn hold(&mut self, key: Key) -> bool {
        let cache = self.desk.client.cache();
        let held = match key {
            Key::Article(id) => cache.peek(&GetArticle(id.into())).map(Held::Article),
            Key::Feed(id) => cache.peek(&GetFeed(id.into())).map(Held::Feed),
        };
        let is_held = held.is_some();
        self.held.extend(held);
        is_held
    }

    pub fn record(&self, (kind, id): Name) -> Option<Fields> {
        let (cache, id) = (self.desk.client.cache(), id_of(id));
        match kind {
            "articles" => cache.peek(&ArticleId(id)).map(|article| article_fields(&article)),
            _ => cache.peek(&PersonId(id)).map(|person| person_fields(&person)),
        }
    }
}
