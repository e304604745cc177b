//! One row of a table: an exchange, a moment, and what may be done with the response then.

use std::time::{Duration, SystemTime};

use cache_documents::http::{Exchange, Reuse, State, Verdict};
use http::{HeaderMap, HeaderName, HeaderValue, request, response};

/// When each response of a table is received, and its request sent.
pub fn received() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// A header field.
#[derive(Clone)]
pub enum Field {
    Text(&'static str, &'static str),
    Bytes(&'static str, &'static [u8]),
    /// A date so many seconds after the response is received.
    Date(&'static str, i64),
}

pub use Field::{Bytes, Date, Text};

pub fn cc(directives: &'static str) -> Field {
    Text("cache-control", directives)
}

pub fn date_text(offset: i64) -> String {
    let distance = Duration::from_secs(offset.unsigned_abs());
    httpdate::fmt_http_date(if offset < 0 { received() - distance } else { received() + distance })
}

pub fn header_map(fields: &[Field]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for field in fields {
        let (name, value) = match field {
            Text(name, value) => (name, HeaderValue::from_str(value).expect("a valid value")),
            Bytes(name, value) => (name, HeaderValue::from_bytes(value).expect("a valid value")),
            Date(name, offset) => (name, HeaderValue::from_str(&date_text(*offset)).expect("a date")),
        };
        headers.append(HeaderName::from_static(name), value);
    }
    headers
}

pub fn request(method: &str, uri: &str, fields: &[Field]) -> request::Parts {
    let mut request = http::Request::builder().method(method).uri(uri).body(()).expect("a valid request");
    *request.headers_mut() = header_map(fields);
    request.into_parts().0
}

pub fn response(status: u16, fields: &[Field]) -> response::Parts {
    let mut response = http::Response::builder().status(status).body(()).expect("a valid status");
    *response.headers_mut() = header_map(fields);
    response.into_parts().0
}

#[derive(Clone)]
pub struct Case {
    /// The id of the test in http-tests/cache-tests about the same subject. Empty: it has none.
    pub suite: &'static str,
    pub checks: &'static str,
    /// Why the state differs from what that test asks about or counts as optimal. Empty: it does not.
    pub differs: &'static str,
    method: &'static str,
    request: Vec<Field>,
    asked: Option<Vec<Field>>,
    constant: Vec<HeaderName>,
    status: u16,
    response: Vec<Field>,
    after: Duration,
    state: State,
}

/// Checks what may be done 3 seconds after the answer to a `GET` was received.
pub fn case(suite: &'static str, checks: &'static str, response: &[Field], state: State) -> Case {
    Case {
        suite,
        checks,
        differs: "",
        method: "GET",
        request: Vec::new(),
        asked: None,
        constant: Vec::new(),
        status: 200,
        response: response.to_vec(),
        after: Duration::from_secs(3),
        state,
    }
}

impl Case {
    pub fn differs(self, why: &'static str) -> Self {
        Self { differs: why, ..self }
    }

    pub fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The request that brought the response has these fields.
    pub fn request(self, fields: &[Field]) -> Self {
        Self { request: fields.to_vec(), ..self }
    }

    /// The request that wants to use it has these fields, instead of those of the first.
    pub fn asked(self, fields: &[Field]) -> Self {
        Self { asked: Some(fields.to_vec()), ..self }
    }

    pub fn constant(self, name: &'static str) -> Self {
        Self { constant: vec![HeaderName::from_static(name)], ..self }
    }

    pub fn after(self, seconds: u64) -> Self {
        Self { after: Duration::from_secs(seconds), ..self }
    }

    pub fn verdict(&self) -> Verdict {
        let uri = "https://example.com/";
        let first = request(self.method, uri, &self.request);
        let asked = request(self.method, uri, self.asked.as_ref().unwrap_or(&self.request));
        let response = response(self.status, &self.response);
        let exchange = Exchange::new(&first, &response, received(), received());
        Reuse::new(exchange, received() + self.after)
            .for_request(&asked)
            .constant(&self.constant)
            .verdict(&())
    }
}

/// Asserts all cases and lists those that fail.
#[track_caller]
pub fn check(cases: &[Case]) {
    let failed: Vec<_> = cases
        .iter()
        .filter(|case| case.verdict().state != case.state)
        .map(|case| format!("{} [{}]: {:?}, not {:?}", case.checks, case.suite, case.verdict(), case.state))
        .collect();
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

/// Returns the verdict on a response with these fields, so many seconds after it was received.
pub fn verdict_after(seconds: u64, fields: &[Field]) -> Verdict {
    case("", "", fields, State::Fresh).after(seconds).verdict()
}
