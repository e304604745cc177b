//! A document that repeats what a stored one says is read as if nothing were stored.

use std::fmt::Write;
use std::sync::Arc;

use cache_documents::{ClientDocuments, Document, DocumentError, ReadDocument};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::blog::{Article, ArticleId, Desk, GetFeed, Person, PersonId, blog};
use crate::reading::type_first;

/// What escapes are needed for, and what the scanner of plain texts could miss.
const TEXTS: [&str; 8] = [
    "",
    "plain",
    "\"",
    "a \\ b / c",
    "Zoë – 😀, and many more words",
    "\0\u{1f}\u{7f}",
    "fifteen letters\"",
    "tab\tnew\nline\r",
];

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![4 => prop::sample::select(&TEXTS[..]).prop_map(Value::from), 1 => Just(Value::Null)]
}

fn id() -> impl Strategy<Value = String> {
    (0..9_u8).prop_map(|id| id.to_string())
}

fn one() -> impl Strategy<Value = Value> {
    let one = id().prop_map(|id| json!({"data": {"type": "people", "id": id}}));
    prop_oneof![
        3 => one,
        1 => Just(json!({"data": null})),
        1 => id().prop_map(|id| json!({"data": {"type": "people", "id": id}, "links": {"related": id}})),
        1 => Just(json!({"meta": {"count": 1}})),
    ]
}

fn many() -> impl Strategy<Value = Value> {
    prop::collection::vec(id(), 0..4).prop_map(|ids| {
        let people = ids.iter().map(|id| json!({"type": "people", "id": id}));
        json!({"data": people.collect::<Vec<_>>()})
    })
}

/// An object with some of these members.
fn object<const N: usize>(members: [(&'static str, BoxedStrategy<Value>); N]) -> BoxedStrategy<Value> {
    members.into_iter().fold(Just(json!({})).boxed(), |object, (name, value)| {
        let member = prop::option::weighted(0.7, value);
        let with = move |(mut object, value): (Value, Option<Value>)| {
            if let Some(value) = value {
                object[name] = value;
            }
            object
        };
        (object, member).prop_map(with).boxed()
    })
}

fn article() -> impl Strategy<Value = Value> {
    let attributes =
        object([("title", text().boxed()), ("body", text().boxed()), ("unlisted", text().boxed())]);
    let relationships =
        object([("author", one().boxed()), ("editors", many().boxed()), ("others", many().boxed())]);
    (id(), attributes, relationships).prop_map(|(id, attributes, relationships)| {
        json!({"type": "articles", "id": id, "attributes": attributes, "relationships": relationships})
    })
}

fn person() -> impl Strategy<Value = Value> {
    let attributes = object([("name", text().boxed()), ("age", any::<u8>().prop_map(Value::from).boxed())]);
    let object = object([("attributes", attributes), ("links", Just(json!({"self": "/"})).boxed())]);
    (id(), object).prop_map(|(id, mut object)| {
        object["type"] = "people".into();
        object["id"] = id.into();
        object
    })
}

/// A list of articles, and the resources that come with it.
#[derive(Clone, Debug)]
struct Feed(Vec<Value>, Vec<Value>);

impl Feed {
    fn json(&self) -> Value {
        json!({"data": self.0, "included": self.1})
    }
}

fn feed() -> impl Strategy<Value = Feed> {
    let any_resource = prop_oneof![3 => person().boxed(), 1 => article().boxed()];
    let included = prop::collection::vec(any_resource, 0..8);
    (prop::collection::vec(article(), 0..8), included).prop_map(|(data, included)| Feed(data, included))
}

/// What a server may say instead of a resource, some time later.
#[derive(Clone, Debug)]
enum Edit {
    Remove(Index),
    Repeat(Index, Index),
    Replace(Index, Value),
    Insert(Index, Value),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        any::<Index>().prop_map(Edit::Remove),
        any::<(Index, Index)>().prop_map(|(from, to)| Edit::Repeat(from, to)),
        (any::<Index>(), article()).prop_map(|(at, article)| Edit::Replace(at, article)),
        (any::<Index>(), article()).prop_map(|(at, article)| Edit::Insert(at, article)),
    ]
}

impl Edit {
    fn apply(self, list: &mut Vec<Value>) {
        match self {
            Self::Insert(at, resource) => list.insert(at.index(list.len() + 1), resource),
            _ if list.is_empty() => {}
            Self::Remove(at) => _ = list.remove(at.index(list.len())),
            Self::Replace(at, resource) => {
                let at = at.index(list.len());
                list[at] = resource;
            }
            Self::Repeat(from, to) => {
                let resource = list[from.index(list.len())].clone();
                list.insert(to.index(list.len() + 1), resource);
            }
        }
    }
}

/// Writes JSON, with spaces and escapes that need not be, and with the type first in most objects.
struct Writer(u64);

impl Writer {
    fn random(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn space(&mut self) -> &'static str {
        match self.random(12) {
            0 => " ",
            1 => "\r\n\t",
            2 => "\n                                ",
            _ => "",
        }
    }

    fn text(&mut self, text: &str) -> String {
        let mut written = String::from("\"");
        for c in text.chars() {
            match (c, self.random(8)) {
                ('"' | '\\' | '\0'..=' ' | '/', 0..6) => {
                    let escaped = Value::from(c.to_string()).to_string();
                    written.push_str(&escaped[1..escaped.len() - 1]);
                }
                ('/', 6) => written.push_str("\\/"),
                (c, 1..7) if !matches!(c, '"' | '\\' | '\0'..' ') => written.push(c),
                (c, _) => {
                    let mut units = [0; 2];
                    c.encode_utf16(&mut units)
                        .iter()
                        .for_each(|unit| write!(written, "\\u{unit:04X}").unwrap());
                }
            }
        }
        written.push('"');
        written
    }

    fn json(&mut self, json: &Value) -> String {
        let written = match json {
            Value::String(text) => self.text(text),
            Value::Array(list) => {
                let elements: Vec<_> = list.iter().map(|element| self.json(element)).collect();
                format!("[{}]", elements.join(","))
            }
            Value::Object(members) => {
                let is_sorted = self.random(8) == 0;
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(name, _)| match name.as_str() {
                    "data" => 0,
                    "type" if !is_sorted => 0,
                    "id" if !is_sorted => 1,
                    _ => 2,
                });
                let members: Vec<_> = members
                    .into_iter()
                    .map(|(name, value)| {
                        let is_plain = self.random(32) > 0;
                        let name =
                            if is_plain { Value::from(name.as_str()).to_string() } else { self.text(name) };
                        let space = self.space();
                        format!("{name}{space}:{}", self.json(value))
                    })
                    .collect();
                format!("{{{}}}", members.join(","))
            }
            json => json.to_string(),
        };
        format!("{}{written}{}", self.space(), self.space())
    }
}

/// All that a document says, or what is wrong with it.
type Said = Result<(Vec<(ArticleId, Article)>, Vec<Option<Article>>, Vec<Option<Person>>, usize), String>;

fn said(read: &Result<Document<[Article]>, DocumentError>) -> Said {
    let document = read.as_ref().map_err(ToString::to_string)?;
    let articles = document.keys().zip(document.data().map(|article| Article::clone(article)));
    let ids = || (0..9_u8).map(|id| id.to_string().into());
    let all = ids().map(|id| document.get(&ArticleId(id)).map(|article| Article::clone(article)));
    let people = ids().map(|id| document.get(&PersonId(id)).map(|person| Person::clone(person)));
    Ok((articles.collect(), all.collect(), people.collect(), document.records()))
}

fn read(desk: &Desk, body: &[u8]) -> Result<Document<[Article]>, DocumentError> {
    desk.client.document(body)
}

/// A client that has stored a document.
fn stored(runtime: &Runtime, body: &str) -> Desk {
    let desk = blog();
    runtime.block_on(async {
        desk.client.documents().write(&GetFeed(1), read(&desk, body.as_bytes()).unwrap()).await.unwrap();
    });
    desk
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

proptest! {
    #[test]
    fn a_document_says_the_same_whatever_is_stored(
        before in feed(),
        edits in prop::collection::vec((any::<bool>(), edit()), 0..4),
        seed in any::<u64>(),
    ) {
        let mut after = before.clone();
        for (of_data, edit) in edits {
            edit.apply(if of_data { &mut after.0 } else { &mut after.1 });
        }
        let runtime = runtime();
        let _entered = runtime.enter();
        let mut writer = Writer(seed);
        let desk = stored(&runtime, &writer.json(&before.json()));
        let body = writer.json(&after.json());
        let now = said(&read(&desk, body.as_bytes()));
        prop_assert!(now.is_ok(), "{now:?}\n{body}");
        // Sorted by name, so that the type comes last.
        prop_assert_eq!(&now, &said(&read(&blog(), after.json().to_string().as_bytes())), "{}", body);
        prop_assert_eq!(&now, &said(&read(&blog(), body.as_bytes())), "{}", body);
    }

    #[test]
    fn a_document_has_the_same_faults_whatever_is_stored(
        before in feed(),
        place in any::<Index>(),
        byte in prop_oneof![prop::sample::select(&b"\"\\{}[],:0n@ \0"[..]), any::<u8>()],
        (cut, kept) in (0..3_usize, 0..2_usize),
        seed in any::<u64>(),
    ) {
        let runtime = runtime();
        let _entered = runtime.enter();
        let text = Writer(seed).json(&before.json());
        let desk = stored(&runtime, &text);
        let mut body = text.into_bytes();
        let at = place.index(body.len());
        body.splice(at..(at + cut).min(body.len()), [byte].into_iter().take(kept));
        prop_assert_eq!(said(&read(&desk, &body)), said(&read(&blog(), &body)), "{}", String::from_utf8_lossy(&body));
    }
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_says_the_same_as_a_record_is_this_record() {
    let desk = blog();
    let article = |id: &str, title: &str| json!({"type": "articles", "id": id, "attributes": {"title": title}, "relationships": {"author": {"data": {"type": "people", "id": "9"}}}});
    let body = |second: &str| {
        let person = json!({"type": "people", "id": "9", "attributes": {"name": "Ann", "age": 40}});
        type_first(&json!({"data": [article("1", "One"), article("2", second)], "included": [person]}))
    };
    let first = read(&desk, body("Two").as_bytes()).unwrap();
    desk.client.documents().write(&GetFeed(1), first).await.unwrap();
    let stored = desk.client.cached(&GetFeed(1)).unwrap();
    let next = read(&desk, body("Zwei").as_bytes()).unwrap();
    let is_same: Vec<_> =
        stored.data().zip(next.data()).map(|(one, other)| Arc::ptr_eq(one, other)).collect();
    assert_eq!(is_same, [true, false]);
    let [one, other] = [&*stored, &next].map(|document| document.get(&PersonId("9".into())).unwrap());
    assert!(Arc::ptr_eq(one, other));
}

/// The record knows more, so that it is not what the response says.
#[tokio::test(start_paused = true)]
async fn a_resource_that_says_less_than_a_record_is_another() {
    let desk = blog();
    let person = |attributes: Value| json!({"data": [], "included": [{"type": "people", "id": "9", "attributes": attributes}]});
    let first = read(&desk, person(json!({"name": "Ann", "age": 40})).to_string().as_bytes()).unwrap();
    desk.client.documents().write(&GetFeed(1), first).await.unwrap();
    let next = read(&desk, type_first(&person(json!({"name": "Ann"}))).as_bytes()).unwrap();
    assert!(next.get(&PersonId("9".into())).unwrap().age.is_absent());
}

#[tokio::test(start_paused = true)]
async fn a_text_that_ends_earlier_or_later_is_another() {
    let desk = blog();
    let body = |title: &str| {
        type_first(&json!({"data": [{"type": "articles", "id": "1", "attributes": {"title": title}}]}))
    };
    let stored = ["One two", "One\ttwo \"three\" four"];
    for first in stored {
        let first = read(&desk, body(first).as_bytes()).unwrap();
        desk.client.documents().write(&GetFeed(1), first).await.unwrap();
        for title in ["One", "One two three", "One\ttwo", "One\ttwo \"three\"", ""] {
            let next = read(&desk, body(title).as_bytes()).unwrap();
            assert_eq!(next.data().next().unwrap().title.value().map(|title| &**title), Some(title));
        }
    }
}

/// The stored document has records with these very texts as their local ids.
#[tokio::test(start_paused = true)]
async fn an_id_that_looks_like_a_stored_local_one_is_refused() {
    let desk = blog();
    let body = |[article, person]: [&str; 2], [id, lid]: [&str; 2]| {
        let author = format!(r#"{{"data": {{"type": "people", "{lid}": "{person}"}}}}"#);
        format!(
            r#"{{"data": [{{"type": "articles", "{id}": "{article}", "relationships": {{"author": {author}}}}}]}}"#
        )
    };
    let first = read(&desk, body(["1", "9"], ["lid", "lid"]).as_bytes()).unwrap();
    desk.client.documents().write(&GetFeed(1), first).await.unwrap();
    let alone = br#"{"data": [{"type": "articles", "id": "@lid:1"}]}"#;
    for body in [body(["@lid:1", "9"], ["id", "lid"]).as_bytes(), alone] {
        let error = read(&desk, body).unwrap_err();
        assert_eq!(error.read().unwrap().pointer(), "/data/0/id");
    }
    let saved = read(&desk, body(["1", "9"], ["id", "lid"]).as_bytes()).unwrap();
    desk.client.documents().write(&GetFeed(1), saved).await.unwrap();
    let error = read(&desk, body(["1", "@lid:9"], ["id", "id"]).as_bytes()).unwrap_err();
    assert_eq!(error.read().unwrap().pointer(), "/data/0/relationships/author/data/id");
}
