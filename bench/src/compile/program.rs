//! The source text of a program with many caches: by this library, or written by hand with another one.

use std::fmt::Write;

/// The library of the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Ours,
    QuickCache,
    Moka,
}

/// What a program does with each query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    Listed,
    /// Reads and writes it; with this library also in a transaction.
    Used,
    /// Saves and restores it as well.
    Saved,
    /// Reads, writes and loads it, with our client or with the async caches of the other libraries.
    Fetched,
}

/// A change of the source text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// Changes the body of one function.
    Body,
    /// Adds a field to one value.
    Field,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    by: By,
    usage: Usage,
    queries: usize,
    edit: Option<Edit>,
}

/// Fields of a type: name, type and an example.
type Fields = &'static [(&'static str, &'static str, &'static str)];

const VALUES: [Fields; 5] = [
    &[
        ("id", "u64", "7"),
        ("title", "String", "\"title\".to_owned()"),
        ("body", "String", "\"body\".to_owned()"),
        ("tags", "Vec<String>", "vec![\"tag\".to_owned()]"),
        ("author", "Option<String>", "None"),
        ("likes", "u32", "3"),
        ("is_published", "bool", "true"),
    ],
    &[
        ("id", "u64", "7"),
        ("name", "String", "\"name\".to_owned()"),
        ("email", "Option<String>", "Some(\"a@b.c\".to_owned())"),
        ("roles", "Vec<String>", "vec![]"),
        ("bio", "Option<String>", "None"),
        ("age", "u8", "42"),
        ("score", "f64", "0.5"),
        ("is_active", "bool", "true"),
    ],
    &[
        ("id", "u64", "7"),
        ("customer", "u64", "8"),
        ("lines", "Vec<(u64, u32)>", "vec![(1, 2)]"),
        ("note", "Option<String>", "None"),
        ("total_cents", "i64", "-3"),
        ("currency", "String", "\"EUR\".to_owned()"),
        ("shipped_at", "Option<u64>", "Some(1)"),
    ],
    &[
        ("number", "u32", "1"),
        ("items", "Vec<u64>", "vec![1, 2]"),
        ("next", "Option<u32>", "Some(2)"),
        ("total", "u64", "2"),
        ("language", "String", "\"en\".to_owned()"),
        ("search", "Option<String>", "None"),
    ],
    &[
        ("theme", "String", "\"dark\".to_owned()"),
        ("languages", "Vec<String>", "vec![]"),
        ("limits", "Vec<u32>", "vec![1]"),
        ("quota", "Option<u64>", "None"),
        ("flags", "Vec<bool>", "vec![true]"),
        ("updated_at", "u64", "9"),
    ],
];

const KEYS: [Fields; 3] = [
    &[("id", "u64", "id")],
    &[("slug", "String", "format!(\"{id}\")"), ("page", "u32", "1")],
    &[("owner", "u64", "id"), ("language", "String", "\"en\".to_owned()"), ("is_draft", "bool", "false")],
];

const ADDED: (&str, &str, &str) = ("added", "Option<u16>", "Some(1)");

impl By {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::QuickCache => "quick_cache",
            Self::Moka => "moka",
        }
    }

    /// The type of one cache of a library that has one cache per query.
    fn cache(self, usage: Usage, number: usize) -> String {
        let path = match (self, usage) {
            (Self::Moka, Usage::Fetched) => "moka::future::Cache",
            (Self::Moka, _) => "moka::sync::Cache",
            (Self::Ours | Self::QuickCache, _) => "quick_cache::sync::Cache",
        };
        format!("{path}<Key{number}, Arc<Value{number}>>")
    }
}

impl Usage {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Used => "used",
            Self::Saved => "saved",
            Self::Fetched => "fetched",
        }
    }
}

impl Program {
    pub(super) fn new(by: By, usage: Usage, queries: usize) -> Self {
        Self { by, usage, queries, edit: None }
    }

    pub(super) fn with(self, edit: Edit) -> Self {
        Self { edit: Some(edit), ..self }
    }

    pub(super) fn text(&self) -> String {
        let mut text = "#![allow(unused)]\nuse std::sync::Arc;\n".to_owned();
        for number in 0..self.queries {
            self.types(&mut text, number);
        }
        match self.by {
            By::Ours => self.ours(&mut text),
            By::QuickCache | By::Moka => self.by_hand(&mut text),
        }
        let answer = if self.edit == Some(Edit::Body) { 43 } else { 42 };
        push(&mut text, format_args!("fn answer() -> u32 {{ std::hint::black_box({answer}) }}"));
        text
    }

    fn types(&self, text: &mut String, number: usize) {
        let serde = match self.usage {
            Usage::Saved => ", serde::Serialize, serde::Deserialize",
            Usage::Listed | Usage::Used | Usage::Fetched => "",
        };
        let (ours, query) = match (self.by, self.usage) {
            (By::Ours, Usage::Saved) => (", cache_core::Shape", ", persist"),
            _ => ("", ""),
        };
        let mut value = VALUES[number % VALUES.len()].to_vec();
        if number == 0 && self.edit == Some(Edit::Field) {
            value.push(ADDED);
        }
        push(text, format_args!("#[derive(Clone, Debug, PartialEq{serde}{ours})]"));
        structure(text, &format!("Value{number}"), &value, "");
        let key = KEYS[number % KEYS.len()];
        let derive = if self.by == By::Ours { ", cache_core::Query" } else { "" };
        push(text, format_args!("#[derive(Clone, Debug, PartialEq, Eq, Hash{serde}{ours}{derive})]"));
        if self.by == By::Ours {
            push(text, format_args!("#[query(value = Value{number}, capacity = 1_000{query})]"));
        }
        structure(text, &format!("Key{number}"), key, "id: u64");
    }

    fn ours(&self, text: &mut String) {
        let lines: String = (0..self.queries).map(|number| format!("Key{number}, ")).collect();
        push(text, format_args!("cache_core::registry! {{ pub struct Registry {{ {lines} }} }}"));
        let mut calls = String::new();
        if self.usage != Usage::Listed {
            for number in 0..self.queries {
                push(
                    text,
                    format_args!(
                        "pub fn use{number}(cache: &cache_core::Cache<Registry>) {{\n\
                         if cache.get(&Key{number}::new(1)).is_none() {{ cache.insert(Key{number}::new(1), Value{number}::new()); }}\n\
                         let mut transaction = cache.begin();\n\
                         transaction.set(Key{number}::new(2), Value{number}::new());\n\
                         transaction.commit().unwrap();\n}}"
                    ),
                );
                push(&mut calls, format_args!("use{number}(&cache);"));
            }
            push(&mut calls, format_args!("assert_eq!(cache.len(), {});", 2 * self.queries));
        }
        match self.usage {
            Usage::Listed | Usage::Used => {}
            Usage::Saved => calls.push_str(
                "let mut bytes = Vec::new();\ncache.save_to(&mut bytes).unwrap();\n\
                 println!(\"{}\", cache.restore_from(&bytes[..]).unwrap());\n",
            ),
            Usage::Fetched => self.fetch_by_client(text, &mut calls),
        }
        push(
            text,
            format_args!(
                "fn main() {{\nlet cache = cache_core::Cache::<Registry>::new();\n{calls}println!(\"{{}}\", answer());\n}}"
            ),
        );
    }

    fn fetch_by_client(&self, text: &mut String, calls: &mut String) {
        text.push_str(
            "pub struct Blog;\nimpl cache_client::App for Blog { type Registry = Registry; }\n\
             type Client = cache_client::Client<Blog>;\n",
        );
        calls.push_str(
            "let client = cache_client::Client::builder(cache, Blog).build();\n\
             let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();\n\
             runtime.block_on(fetch_all(&client));\n",
        );
        let mut awaits = String::new();
        for number in 0..self.queries {
            push(
                text,
                format_args!(
                    "impl cache_client::Fetch<Blog> for Key{number} {{\ntype Error = std::io::Error;\n\
                     async fn fetch(&self, cx: &cache_client::Context<Blog>) -> Result<Value{number}, std::io::Error> {{\n\
                     tokio::task::yield_now().await;\nOk(Value{number}::new())\n}}\n}}\n\
                     pub async fn fetch{number}(client: &Client) -> Arc<Value{number}> {{\n\
                     client.query(&Key{number}::new(3)).await.unwrap()\n}}"
                ),
            );
            push(&mut awaits, format_args!("fetch{number}(client).await;"));
        }
        push(text, format_args!("async fn fetch_all(client: &Client) {{\n{awaits}}}"));
    }

    fn by_hand(&self, text: &mut String) {
        let (mut fields, mut make, mut calls) = (String::new(), String::new(), String::new());
        let mut awaits = String::new();
        for number in 0..self.queries {
            let cache = self.by.cache(self.usage, number);
            push(&mut fields, format_args!("c{number}: {cache},"));
            push(&mut make, format_args!("c{number}: <{cache}>::new(1_000),"));
            if self.usage == Usage::Fetched {
                self.fetch_by_hand(text, number);
                push(&mut awaits, format_args!("use{number}(&caches.c{number}).await;"));
                continue;
            }
            self.use_by_hand(text, number);
            push(&mut calls, format_args!("use{number}(&caches.c{number});"));
            if self.usage == Usage::Saved {
                self.save_by_hand(text, number);
                push(
                    &mut calls,
                    format_args!("restore{number}(&caches.c{number}, &save{number}(&caches.c{number}));"),
                );
            }
            push(&mut calls, format_args!("assert!(caches.c{number}.get(&Key{number}::new(2)).is_some());"));
        }
        push(text, format_args!("pub struct Caches {{\n{fields}}}"));
        if self.usage == Usage::Fetched {
            push(text, format_args!("async fn use_all(caches: &Caches) {{\n{awaits}}}"));
            calls.push_str(
                "let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();\n\
                 runtime.block_on(use_all(&caches));\n",
            );
        }
        push(
            text,
            format_args!(
                "fn main() {{\nlet caches = Caches {{\n{make}}};\n{calls}println!(\"{{}}\", answer());\n}}"
            ),
        );
    }

    fn use_by_hand(&self, text: &mut String, number: usize) {
        let cache = self.by.cache(self.usage, number);
        push(
            text,
            format_args!(
                "pub fn use{number}(cache: &{cache}) {{\n\
                 if cache.get(&Key{number}::new(1)).is_none() {{ cache.insert(Key{number}::new(1), Arc::new(Value{number}::new())); }}\n\
                 cache.insert(Key{number}::new(2), Arc::new(Value{number}::new()));\n}}"
            ),
        );
    }

    fn fetch_by_hand(&self, text: &mut String, number: usize) {
        let cache = self.by.cache(self.usage, number);
        let (done, load) = match self.by {
            By::Moka => (".await", "try_get_with_by_ref"),
            By::Ours | By::QuickCache => ("", "get_or_insert_async"),
        };
        push(
            text,
            format_args!(
                "pub async fn load{number}(key: &Key{number}) -> Result<Arc<Value{number}>, std::io::Error> {{\n\
                 tokio::task::yield_now().await;\nOk(Arc::new(Value{number}::new()))\n}}\n\
                 pub async fn use{number}(cache: &{cache}) {{\n\
                 if cache.get(&Key{number}::new(1)){done}.is_none() {{ cache.insert(Key{number}::new(1), Arc::new(Value{number}::new())){done}; }}\n\
                 cache.insert(Key{number}::new(2), Arc::new(Value{number}::new())){done};\n\
                 let key = Key{number}::new(3);\n\
                 cache.{load}(&key, load{number}(&key)).await.unwrap();\n}}"
            ),
        );
    }

    fn save_by_hand(&self, text: &mut String, number: usize) {
        let cache = self.by.cache(self.usage, number);
        // Moka returns its keys in an `Arc`.
        let key = if self.by == By::Moka { "&*key" } else { "&key" };
        push(
            text,
            format_args!(
                "pub fn save{number}(cache: &{cache}) -> Vec<u8> {{\n\
                 let mut bytes = Vec::new();\n\
                 for (key, value) in cache.iter() {{\n\
                 bytes.extend(bincode::serde::encode_to_vec(({key}, &*value), bincode::config::standard()).unwrap());\n}}\n\
                 bytes\n}}\n\
                 pub fn restore{number}(cache: &{cache}, mut bytes: &[u8]) {{\n\
                 while !bytes.is_empty() {{\n\
                 let ((key, value), read) = bincode::serde::decode_from_slice::<(Key{number}, Value{number}), _>(bytes, bincode::config::standard()).unwrap();\n\
                 cache.insert(key, Arc::new(value));\n\
                 bytes = &bytes[read..];\n}}\n}}"
            ),
        );
    }
}

/// Writes a type, and a function that makes an example of it.
fn structure(text: &mut String, name: &str, fields: &[(&str, &str, &str)], parameters: &str) {
    let declared: String = fields.iter().map(|(name, kind, _)| format!("pub {name}: {kind}, ")).collect();
    let made: String = fields.iter().map(|(name, _, example)| format!("{name}: {example}, ")).collect();
    push(text, format_args!("pub struct {name} {{ {declared} }}"));
    push(text, format_args!("impl {name} {{ fn new({parameters}) -> Self {{ Self {{ {made} }} }} }}"));
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
