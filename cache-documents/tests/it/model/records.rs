//! Records, responses and answers as plain maps, and the blog's own as such.

use std::collections::BTreeMap;

use cache_documents::{Document, Field, Id, Many, One};
use serde_json::{Map, Value, json};

use crate::blog::{Article, ArticleId, Person, PersonId};

/// A record by type and id.
pub type Name = (&'static str, u8);
/// The known fields of a record.
pub type Fields = BTreeMap<&'static str, Value>;
pub type Records = Vec<(Name, Fields)>;

pub const IDS: u8 = 3;
pub const FEEDS: u8 = 2;
/// From here on, numbers stand for local ids, of which none is used twice.
pub const LOCAL: u8 = 100;

pub fn id_of(number: u8) -> Id {
    if number < LOCAL { number.to_string().into() } else { Id::local(&number.to_string()) }
}

pub fn number_of(id: &Id) -> u8 {
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
    pub primary: Vec<u8>,
    pub records: Vec<(Name, Fields)>,
}

/// The fields that a record of this type has.
pub fn own_fields(kind: &str, fields: &Fields) -> Fields {
    let is_of_person = |field: &str| ["name", "age", "friend"].contains(&field);
    let own = fields.iter().filter(|(field, _)| is_of_person(field) == (kind == "people"));
    own.map(|(field, value)| (*field, value.clone())).collect()
}

/// An answer: what it shows, with the versions of its records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    pub primary: Vec<u8>,
    pub records: BTreeMap<Name, (u64, Fields)>,
    pub is_marked: bool,
    /// Whether it was marked when the program was restarted, and so has records of its own.
    pub is_apart: bool,
}

pub fn resource(((kind, id), fields): &(Name, Fields)) -> Value {
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

pub fn put<T: serde::Serialize>(fields: &mut Fields, name: &'static str, field: &Field<T>) {
    match field {
        Field::Absent => {}
        Field::Null => drop(fields.insert(name, Value::Null)),
        Field::Value(value) => drop(fields.insert(name, json!(value))),
    }
}

pub fn put_one(fields: &mut Fields, name: &'static str, link: &One<PersonId>) {
    match link.data() {
        Field::Absent => {}
        Field::Null => drop(fields.insert(name, Value::Null)),
        Field::Value(key) => drop(fields.insert(name, json!(key.0.as_str()))),
    }
}

pub fn article_fields(article: &Article) -> Fields {
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

pub fn person_fields(person: &Person) -> Fields {
    let mut fields = Fields::new();
    put(&mut fields, "name", &person.name);
    put(&mut fields, "age", &person.age);
    put_one(&mut fields, "friend", &person.friend);
    fields
}

pub fn one_of(value: &Value) -> One<PersonId> {
    value.as_str().map_or_else(One::to_none, |id| One::to(PersonId(id.into())))
}

pub fn field_of<T>(value: &Value, read: impl Fn(&Value) -> T) -> Field<T> {
    if value.is_null() { Field::Null } else { Field::Value(read(value)) }
}

pub fn set_article(article: &mut Article, fields: &Fields) {
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

pub fn set_person(person: &mut Person, fields: &Fields) {
    for (field, value) in fields {
        match *field {
            "name" => person.name = field_of(value, |value| value.as_str().unwrap().into()),
            "age" => person.age = field_of(value, |value| u8::try_from(value.as_u64().unwrap()).unwrap()),
            _ => person.friend = one_of(value),
        }
    }
}

/// What a document shows, without the versions.
pub fn records_of(get: impl Fn(Name) -> Option<Fields>) -> BTreeMap<Name, (u64, Fields)> {
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
