//! Random responses, changes, removals, late answers, local ids and layers, against a naive store: plain maps and full
//! copies.

mod naive;
mod ops;
mod real;
mod records;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use self::naive::Naive;
use self::ops::{Op, op};
pub use self::ops::{key, said};
use self::real::{Held, Real};
use self::records::{FEEDS, IDS, LOCAL, Shown, id_of, own_fields};
pub use self::records::{Key, body, shown_article, shown_feed};
use crate::blog::{GetArticle, GetFeed, blog};

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
            Op::ShowLayer(index, fields) => {
                let beside = naive.beside(&index);
                let local = naive.show_layer(beside, fields.clone());
                real.show_layer(beside, local, &fields);
            }
            Op::Show(index, id, fields, layer) => {
                let beside = naive.beside(&index);
                let confirmed = layer.and_then(|index| naive.confirmed(&index));
                let local = confirmed.map(|(_, name)| name);
                naive.show(beside, id, &fields, local);
                real.show(beside, id, &fields, local).await;
                if let Some((at, _)) = confirmed {
                    naive.layers.remove(at);
                    real.layers.remove(at).rollback();
                }
            }
            Op::SaveLayered(index, id, fields) => {
                if let Some(local) = naive.layered_name(&index) {
                    naive.forgotten.remove(&local);
                    let is_accepted = naive.save(local, id, &fields);
                    assert_eq!(real.save(local, id, &fields).await, is_accepted, "{told}");
                }
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
