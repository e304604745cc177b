//! One case: what a client sends, what the server answers, and what must have happened.

use std::fmt::Write;

/// One case of the suite.
pub struct Case {
    /// The id of the case in the suite.
    pub id: String,
    pub kind: Kind,
    pub steps: Vec<Step>,
    /// Why the client does something else. `None`: it passes.
    pub exception: Option<&'static str>,
}

/// How the suite asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP demands it.
    Required,
    /// A good cache does it.
    Optimal,
    /// Caches differ. The case says what this one does, and does not count.
    Question,
}

pub use Kind::{Optimal, Question, Required};

/// A header field.
pub type Field = (&'static str, Value);

/// The value of a field.
#[derive(Clone)]
pub enum Value {
    Text(String),
    /// A date so many seconds after now.
    Date(i64),
}

/// One request of the client, and what comes of it.
#[derive(Clone)]
pub struct Step {
    pub method: &'static str,
    pub path: &'static str,
    pub asks: Vec<Field>,
    pub answer: Answer,
    pub expects: Vec<Expect>,
    /// The seconds that pass afterwards.
    pub pause: u64,
}

/// What the server answers if this step reaches it.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub fields: Vec<Field>,
    pub body: Option<&'static str>,
    /// It answers 304 if the request has a condition.
    pub confirms: bool,
    /// It closes the connection without an answer.
    pub closes: bool,
}

/// What must have happened in a step.
#[derive(Clone, Debug)]
pub enum Expect {
    /// The response of an earlier step was served, and the server has seen nothing.
    Cached,
    /// The response of an earlier step was served. The server may have been asked as well.
    Older,
    /// The response of this step was served.
    Sent,
    /// The server was asked with this condition, and has confirmed the response of an earlier step.
    Confirmed(&'static str),
    /// The caller got an error.
    Fails,
    Status(u16),
    /// The response has this field.
    Has(&'static str, String),
    /// The response has this field as the first step had it.
    Kept(&'static str),
    /// The response does not have this field.
    Lacks(&'static str),
    /// The server has seen this field.
    Asked(&'static str, &'static str),
    /// The server has not seen this field.
    NotAsked(&'static str),
}

pub use Expect::{Asked, Cached, Confirmed, Fails, Has, Kept, Lacks, NotAsked, Older, Sent, Status};

pub fn text(name: &'static str, value: impl Into<String>) -> Field {
    (name, Value::Text(value.into()))
}

/// `Cache-Control` with these directives.
pub fn cc(directives: &str) -> Field {
    text("cache-control", directives)
}

/// A field with a date so many seconds after now.
pub fn date(name: &'static str, seconds: i64) -> Field {
    (name, Value::Date(seconds))
}

/// `Date` of now.
pub fn now() -> Field {
    date("date", 0)
}

/// A GET that the server answers with these fields.
pub fn get(fields: &[Field]) -> Step {
    let answer = Answer { status: 200, fields: fields.to_vec(), body: None, confirms: false, closes: false };
    Step { method: "GET", path: "page", asks: Vec::new(), answer, expects: Vec::new(), pause: 0 }
}

/// A GET to which the expected answer is given.
pub fn then(expect: Expect) -> Step {
    get(&[]).expects(expect)
}

/// A fresh response with these fields, some seconds before the next request.
pub fn fresh(fields: &[Field]) -> Step {
    get(&[&[cc("max-age=5000"), now()], fields].concat()).pause(3)
}

/// A response with these fields that is stale by the next request.
pub fn soon_stale(fields: &[Field]) -> Step {
    get(&[&[cc("max-age=2"), now()], fields].concat()).pause(3)
}

impl Step {
    pub fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    pub fn path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    pub fn asks(self, fields: &[Field]) -> Self {
        Self { asks: fields.to_vec(), ..self }
    }

    pub fn status(mut self, status: u16) -> Self {
        self.answer.status = status;
        self
    }

    pub fn body(mut self, body: &'static str) -> Self {
        self.answer.body = Some(body);
        self
    }

    pub fn confirms(mut self) -> Self {
        self.answer.confirms = true;
        self
    }

    pub fn closes(mut self) -> Self {
        self.answer.closes = true;
        self
    }

    pub fn expects(mut self, expect: Expect) -> Self {
        self.answer.confirms |= matches!(expect, Confirmed(_));
        self.expects.push(expect);
        self
    }

    pub fn pause(self, pause: u64) -> Self {
        Self { pause, ..self }
    }
}

pub fn case(id: impl Into<String>, kind: Kind, steps: &[Step]) -> Case {
    Case { id: id.into(), kind, steps: steps.to_vec(), exception: None }
}

/// A response with these fields, and what comes of an equal request 3 seconds later.
pub fn later(id: impl Into<String>, kind: Kind, fields: &[Field], expect: Expect) -> Case {
    case(id, kind, &[get(fields).pause(3), then(expect)])
}

/// A response with these fields, and what comes of an equal request at once.
pub fn at_once(id: impl Into<String>, kind: Kind, fields: &[Field], expect: Expect) -> Case {
    case(id, kind, &[get(fields), then(expect)])
}

impl Case {
    /// The client does something else than the case wants.
    pub fn but(self, reason: &'static str) -> Self {
        Self { exception: Some(reason), ..self }
    }
}

/// What has happened in a step.
pub struct Seen {
    /// The step whose response was served, its status and fields; `None` after an error.
    pub served: Option<(usize, http::response::Parts)>,
    /// The fields of the response in the first step.
    pub first: http::HeaderMap,
    /// The fields of the requests that the server has got.
    pub requests: Vec<http::HeaderMap>,
}

impl Seen {
    /// Returns what is wrong with a step.
    pub fn problem(&self, step: usize, expect: &Expect) -> Option<String> {
        let by = self.served.as_ref().map(|(by, _)| *by);
        let is_older = by.is_some_and(|by| by < step);
        let field =
            |name: &str| self.served.as_ref()?.1.headers.get(name).map(|value| value.as_bytes().to_vec());
        let asked = |name: &str| self.requests.iter().any(|fields| fields.contains_key(name));
        let is_met = match expect {
            Cached => is_older && self.requests.is_empty(),
            Older => is_older,
            Sent => by == Some(step),
            Confirmed(condition) => is_older && asked(condition),
            Fails => by.is_none(),
            Status(status) => self.served.as_ref().is_some_and(|(_, parts)| parts.status == *status),
            Has(name, value) => field(name).is_some_and(|found| found == value.as_bytes()),
            Kept(name) => {
                field(name).is_some_and(|found| self.first.get(*name).is_some_and(|first| first == &*found))
            }
            Lacks(name) => by.is_some() && field(name).is_none(),
            Asked(name, value) => {
                self.requests.iter().any(|fields| fields.get_all(*name).iter().any(|found| found == value))
            }
            NotAsked(name) => !asked(name),
        };
        if is_met {
            return None;
        }
        let mut text = format!("step {}: expected {expect:?}, got ", step + 1);
        _ = match &self.served {
            Some((by, parts)) => write!(text, "{} of step {} {:?}", parts.status, by + 1, parts.headers),
            None => write!(text, "an error"),
        };
        _ = write!(text, ", {} requests {:?}", self.requests.len(), self.requests);
        Some(text)
    }
}
