//! What happens in a run of the model.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::records::{FEEDS, Fields, IDS, Key, Name, Said};

#[derive(Clone, Debug)]
pub enum Op {
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
    /// Shows a person that the program makes, by a layer over the documents that show another record.
    ShowLayer(prop::sample::Index, Fields),
    /// Shows a person that the server names in the documents that show another record. It may be one that a layer shows,
    /// which ends then.
    Show(prop::sample::Index, u8, Fields, Option<prop::sample::Index>),
    /// Merges what the server answers when it has saved a record that a layer shows. The layer stays.
    SaveLayered(prop::sample::Index, u8, Fields),
    RollBack(prop::sample::Index),
    /// Saves the answers, and ends the program. The next run restores them.
    Restart,
}

pub fn name() -> impl Strategy<Value = Name> {
    (prop::sample::select(vec!["articles", "people"]), 0..IDS)
}

pub fn fields_of(kind: &'static str) -> BoxedStrategy<Fields> {
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

pub fn op() -> impl Strategy<Value = Op> {
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
        3 => layer_op(),
    ]
}

pub fn local_op() -> impl Strategy<Value = Op> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        3 => (fields_of("articles"), fields_of("people")).prop_map(|(article, person)| Op::Create(article, person)),
        2 => (index(), 0..FEEDS).prop_map(|(local, feed)| Op::Push(local, feed)),
        4 => (index(), 0..IDS, fields_of_both()).prop_map(|(local, id, fields)| Op::Save(local, id, fields)),
        2 => (index(), fields_of_both()).prop_map(|(local, fields)| Op::PatchLocal(local, fields)),
        1 => index().prop_map(Op::DeleteLocal),
    ]
}

pub fn layer_op() -> impl Strategy<Value = Op> {
    let index = any::<prop::sample::Index>;
    let patch = name().prop_flat_map(|name| (Just(name), fields_of(name.0)));
    prop_oneof![
        2 => patch.prop_map(|(name, fields)| Op::Layer(name, fields)),
        1 => (0..FEEDS, fields_of("articles")).prop_map(|(feed, fields)| Op::PushLayer(feed, fields)),
        2 => (index(), fields_of("people")).prop_map(|(beside, fields)| Op::ShowLayer(beside, fields)),
        3 => (index(), 0..IDS, fields_of("people"), prop::option::of(index()))
            .prop_map(|(beside, id, fields, layer)| Op::Show(beside, id, fields, layer)),
        2 => (index(), 0..IDS, fields_of_both()).prop_map(|(layer, id, fields)| Op::SaveLayered(layer, id, fields)),
        2 => index().prop_map(Op::RollBack),
    ]
}

/// The fields of an article and of a person, of which each record takes its own.
pub fn fields_of_both() -> impl Strategy<Value = Fields> {
    (fields_of("articles"), fields_of("people"))
        .prop_map(|(article, person)| article.into_iter().chain(person).collect())
}
