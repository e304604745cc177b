//! Who may see the inspector: checks the host and the token of each request. Shows nothing itself.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use axum::http::header::{CONTENT_TYPE, COOKIE, FORWARDED, HOST, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::uri::{Authority, Scheme};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use constant_time_eq::constant_time_eq;

use crate::random;

/// As many characters of an alphabet of 66 as 128 bits need.
const LEAST_TOKEN: usize = 22;

/// The header by which a proxy says under which host it was asked.
const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The token, and the hosts under which it may be used.
pub(super) struct Access {
    token: String,
    /// Without ports and brackets. Loopback names need not be listed.
    hosts: Vec<String>,
    pub(super) is_always_secure: bool,
}

/// Why a token is refused by [`Inspector::token`](crate::Inspector::token).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// It has fewer than 22 characters.
    TooShort,
    /// It has a character that a link and a cookie cannot have as it is.
    Character,
}

impl std::fmt::Display for TokenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TooShort => {
                "the token of the inspector is too short: 128 random bits are at least 22 characters, or 32 hexadecimal \
                 digits"
            }
            Self::Character => {
                "the token of the inspector may have letters, digits, `-`, `_`, `.` and `~` only, since it is part of a \
                 link"
            }
        })
    }
}

impl std::error::Error for TokenError {}

/// A request that may go on.
#[derive(Debug)]
pub(super) enum Admission {
    /// It has the cookie.
    Admitted,
    /// It has the token in its URI, which is exchanged for this cookie.
    Enters(HeaderValue),
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Host,
    NoToken { is_from_elsewhere: bool },
    WrongToken,
}

impl Access {
    /// # Panics
    /// If the system has no random numbers.
    pub(super) fn new() -> Self {
        let token = random::name().expect("the system has random numbers for the token of the inspector");
        Self { token, hosts: Vec::new(), is_always_secure: false }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn set_token(&mut self, token: String) -> Result<(), TokenError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if !token.bytes().all(is_plain) {
            return Err(TokenError::Character);
        }
        if token.len() < LEAST_TOKEN {
            return Err(TokenError::TooShort);
        }
        self.token = token;
        Ok(())
    }

    pub(super) fn allow(&mut self, host: &str) {
        let name = Authority::try_from(host).map_or_else(|_| host.to_owned(), |host| host.host().to_owned());
        self.hosts.push(without_brackets(&name).to_owned());
    }

    /// Checks host, then token.
    pub(super) fn admit(&self, request: &Parts) -> Result<Admission, Refusal> {
        if !self.is_for_this_host(request) {
            return Err(Refusal::Host);
        }
        let query = request.uri.query().unwrap_or_default();
        if let Some((_, token)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token") {
            return match self.is_token(&token) {
                true => Ok(Admission::Enters(self.cookie(request))),
                false => Err(Refusal::WrongToken),
            };
        }
        let name = self.cookie_name();
        let mut cookies = cookies(&request.headers).filter(|(other, _)| *other == name).peekable();
        if cookies.peek().is_none() {
            let site = request.headers.get("sec-fetch-site");
            return Err(Refusal::NoToken {
                is_from_elsewhere: site.is_some_and(|site| site == "cross-site"),
            });
        }
        match cookies.any(|(_, token)| self.is_token(token)) {
            true => Ok(Admission::Admitted),
            false => Err(Refusal::WrongToken),
        }
    }

    fn is_token(&self, token: &str) -> bool {
        constant_time_eq(token.as_bytes(), self.token.as_bytes())
    }

    /// Cookies of one host are shared by all its ports, so that two programs on one machine need different names. The name
    /// tells nothing about the token that its value does not.
    fn cookie_name(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.token.hash(&mut hasher);
        format!("cache_inspector_{:08x}", hasher.finish() >> 32)
    }

    /// Without a path, so that the browser takes that of the page, whatever a proxy has made of it.
    fn cookie(&self, request: &Parts) -> HeaderValue {
        let secure = if self.is_always_secure || is_https(request) { "; Secure" } else { "" };
        let cookie = format!("{}={}; HttpOnly; SameSite=Strict{secure}", self.cookie_name(), self.token);
        // A token has plain characters only.
        HeaderValue::try_from(cookie).unwrap_or(HeaderValue::from_static(""))
    }

    /// Whether the browser, or the proxy before it, names only hosts that are allowed.
    fn is_for_this_host(&self, request: &Parts) -> bool {
        let uri = request.uri.authority().map(|host| host.as_str().as_bytes());
        let headers = [HOST.as_str(), FORWARDED_HOST]
            .into_iter()
            .flat_map(|name| request.headers.get_all(name))
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(<[u8]>::trim_ascii);
        let mut hosts = uri.into_iter().chain(headers).peekable();
        hosts.peek().is_some()
            && hosts.all(|host| Authority::try_from(host).is_ok_and(|host| self.allows(host.host())))
    }

    fn allows(&self, host: &str) -> bool {
        let name = without_brackets(host);
        let is_loopback = || name.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
        name.eq_ignore_ascii_case("localhost")
            || is_loopback()
            || self.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    }
}

/// The address in the host of a URI: one of IPv6 is in brackets there.
fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// The cookies of a request.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lists = headers.get_all(COOKIE).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(';')).filter_map(|cookie| cookie.trim().split_once('='))
}

/// Whether the browser has used https, as far as the request says. Only decides whether the cookie is for https alone.
fn is_https(request: &Parts) -> bool {
    let proto = request.headers.get(FORWARDED_PROTO).and_then(|proto| proto.to_str().ok());
    let forwarded = request.headers.get(FORWARDED).and_then(|forwarded| forwarded.to_str().ok());
    request.uri.scheme() == Some(&Scheme::HTTPS)
        || proto.and_then(|proto| proto.split(',').next()).is_some_and(|proto| proto.trim() == "https")
        || forwarded.is_some_and(|forwarded| forwarded.to_ascii_lowercase().contains("proto=https"))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Host => (
                StatusCode::FORBIDDEN,
                "the inspector is not for this host: the program allows more hosts with `Inspector::host`\n",
            )
                .into_response(),
            // The browser sends no strict cookie after a link of another site; it does after one of this page.
            Self::NoToken { is_from_elsewhere: true } => (
                StatusCode::UNAUTHORIZED,
                [(WWW_AUTHENTICATE, "Token"), (CONTENT_TYPE, "text/html; charset=utf-8")],
                "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0\">\
                 <title>Cache inspector</title><p>One moment …",
            )
                .into_response(),
            Self::NoToken { is_from_elsewhere: false } => (
                StatusCode::UNAUTHORIZED,
                [(WWW_AUTHENTICATE, "Token")],
                "the inspector needs a token: open the link that the program has written when it started\n",
            )
                .into_response(),
            Self::WrongToken => (
                StatusCode::FORBIDDEN,
                "the token is not the one of this inspector: open the link that the program has written when it \
                 started last\n",
            )
                .into_response(),
        }
    }
}
