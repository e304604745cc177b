//! The key of a request: the name that the caller gave it, else its normalised URL. Knows nothing of headers or time.

use std::fmt;
use std::sync::Arc;

use cache_core::Tag;
use http::{Method, Uri, uri::Authority};
use smallvec::SmallVec;

/// The key under which the answer of a request is kept.
///
/// A key that the caller named never equals the key of a URL, whatever its text is.
///
/// ```
/// use cache_documents::http::Key;
/// use http::{Method, Uri};
///
/// let one = Uri::from_static("HTTPS://Example.com:443/a/../b?y=2&x=%7E1");
/// let other = Uri::from_static("https://example.com/b?x=~1&y=2");
/// assert_eq!(Key::of(None, &Method::GET, &one), Key::of(None, &Method::GET, &other));
/// assert_eq!(Key::of(None, &Method::POST, &one), None);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Kind);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Named(Arc<str>),
    Url(Arc<str>),
}

impl Key {
    /// Returns the key of a request: `given` if there is one, else the URL of a `GET`.
    ///
    /// `None`: the request has no key, so its answer is never kept or served.
    #[must_use]
    pub fn of(given: Option<&str>, method: &Method, uri: &Uri) -> Option<Self> {
        match given {
            Some(name) => Some(Self::named(name)),
            None if method == Method::GET => Some(Self::url(uri)),
            None => None,
        }
    }

    /// Makes a key of a name that the caller chose. The text is taken as it is.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(Kind::Named(name.into()))
    }

    /// Makes a key of a URL.
    ///
    /// The URL is normalised as in RFC 3986, section 6.2: case of scheme and host, default port, dot segments, empty
    /// path, percent-encoding. Parameters of the query are sorted by name, those of one name stay in their order. The
    /// fragment is no part of the key, the user info is. A segment or parameter with a `%` that starts no encoded byte
    /// is kept as it is.
    ///
    /// Characters that no URL may have are encoded, so `page[size]` equals `page%5Bsize%5D`. A path without scheme
    /// and host is normalised in the same way.
    #[must_use]
    pub fn url(uri: &Uri) -> Self {
        Self(Kind::Url(normal_text(uri).unwrap_or_else(|| normalised(uri).into())))
    }

    /// Returns the name, or the normalised URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Kind::Named(text) | Kind::Url(text) => text,
        }
    }

    /// Returns the tag of the entries that a successful unsafe request to this URL marks. A query whose answer comes from
    /// a URL has it by `#[query(tags_of = ..)]`.
    ///
    /// ```
    /// use cache_core::{Query, Tag};
    /// use cache_documents::http::Key;
    ///
    /// #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// #[query(value = String, capacity = 100, tags_of = GetArticle::tags)]
    /// struct GetArticle(u64);
    ///
    /// impl GetArticle {
    ///     fn tags(&self) -> Option<Tag> {
    ///         let url = format!("https://example.com/articles/{}", self.0);
    ///         Some(Key::url(&url.parse().ok()?).tag())
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn tag(&self) -> Tag {
        match &self.0 {
            Kind::Named(name) => Tag::new("request", name),
            Kind::Url(url) => Tag::new("url", url),
        }
    }

    /// Tells whether the caller chose this key, rather than the URL.
    #[must_use]
    pub fn is_named(&self) -> bool {
        matches!(self.0, Kind::Named(_))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_named() { "Named" } else { "Url" };
        f.debug_tuple(kind).field(&self.as_str()).finish()
    }
}

/// Returns the text of a URL that is normalised already, as most are. `None`: it may be another one.
fn normal_text(uri: &Uri) -> Option<Arc<str>> {
    let (scheme, host) = (uri.scheme_str()?, uri.authority()?.as_str());
    let (path, query) = (uri.path(), uri.query());
    let is_normal =
        is_normal_origin(scheme, host) && is_normal_path(path) && query.is_none_or(is_normal_query);
    if !is_normal {
        return None;
    }
    // On the stack, so that the key is the only allocation.
    let mut text: SmallVec<[u8; 256]> = SmallVec::new();
    let query = query.map_or(["", ""], |query| ["?", query]);
    for part in [scheme, "://", host, path, query[0], query[1]] {
        text.extend_from_slice(part.as_bytes());
    }
    str::from_utf8(&text).ok().map(Arc::from)
}

fn normalised(uri: &Uri) -> String {
    let (path, query) = (uri.path(), uri.query());
    let mut out = String::with_capacity(uri.path().len() + 32);
    let scheme = uri.scheme_str().map(str::to_ascii_lowercase);
    if let Some(scheme) = &scheme {
        out.push_str(scheme);
        out.push_str("://");
    }
    if let Some(authority) = uri.authority() {
        push_authority(&mut out, authority, scheme.as_deref());
    }
    push_path(&mut out, path);
    if let Some(query) = query {
        push_query(&mut out, query);
    }
    out
}

/// Tells whether normalising these would surely leave them as they are, without the work of doing so. Says no to hosts
/// that may be IP addresses or encoded names, and to ports.
fn is_normal_origin(scheme: &str, host: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let last = host.rsplit('.').next().unwrap_or_default();
    matches!(scheme, "http" | "https")
        && last.starts_with(|first: char| first.is_ascii_lowercase())
        && host.bytes().all(is_plain)
        && !host.contains("xn--")
}

fn is_normal_path(path: &str) -> bool {
    path.starts_with('/')
        && path.bytes().all(|byte| byte == b'/' || is_literal_in_segment(byte))
        // A segment that begins with a dot may be a dot segment.
        && !path.contains("/.")
}

fn is_normal_query(query: &str) -> bool {
    query.bytes().all(is_literal_in_query) && query.split('&').map(name_of).is_sorted()
}

fn push_authority(out: &mut String, authority: &Authority, scheme: Option<&str>) {
    let text = authority.as_str();
    let (user, place) = text.rsplit_once('@').map_or((None, text), |(user, place)| (Some(user), place));
    if let Some(user) = user {
        out.push_str(&unit(user, is_literal_in_user));
        out.push('@');
    }
    // The colons of an IPv6 address stand in brackets.
    let end_of_host =
        place.find(']').map_or_else(|| place.find(':').unwrap_or(place.len()), |bracket| bracket + 1);
    let (host, port) = place.split_at(end_of_host);
    out.push_str(&normalised_host(host));
    let port = port.strip_prefix(':').unwrap_or(port);
    match port.parse::<u16>() {
        Ok(number) if default_port(scheme) == Some(number) => {}
        Ok(number) => out.push_str(&format!(":{number}")),
        Err(_) if port.is_empty() => {}
        Err(_) => out.extend([":", port]),
    }
}

/// Returns the host as browsers write it: lower case, IP addresses in their shortest form. A name that they refuse is
/// only made lower case.
fn normalised_host(host: &str) -> String {
    url::Host::parse(host).map_or_else(|_| host.to_ascii_lowercase(), |host| host.to_string())
}

fn default_port(scheme: Option<&str>) -> Option<u16> {
    match scheme? {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// Appends a path without dot segments (RFC 3986, section 5.2.4).
fn push_path(out: &mut String, path: &str) {
    let Some(rest) = path.strip_prefix('/') else {
        out.push_str(&unit(path, is_literal_in_segment));
        return;
    };
    let mut kept: Vec<String> = Vec::new();
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        let segment = unit(segment, is_literal_in_segment);
        let is_last = segments.peek().is_none();
        match &*segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if is_last {
            kept.push(String::new());
        }
    }
    // Not empty: the last segment is kept, or an empty one in its place.
    for segment in &kept {
        out.push('/');
        out.push_str(segment);
    }
}

fn push_query(out: &mut String, query: &str) {
    let mut parameters: Vec<String> = query.split('&').map(|text| unit(text, is_literal_in_query)).collect();
    parameters.sort_by(|a, b| name_of(a).cmp(name_of(b)));
    out.push('?');
    out.push_str(&parameters.join("&"));
}

fn name_of(parameter: &str) -> &str {
    parameter.split_once('=').map_or(parameter, |(name, _)| name)
}

/// Normalises the percent-encoding of one segment, parameter or user info.
fn unit(raw: &str, is_literal: fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut bytes = raw.as_bytes();
    while let [first, rest @ ..] = bytes {
        bytes = rest;
        let byte = if *first != b'%' {
            if is_literal(*first) {
                out.push(char::from(*first));
                continue;
            }
            *first
        } else {
            // Decoding beside a stray `%` could make up an encoded byte that nobody wrote.
            let Some((byte, rest)) = hex_pair(bytes) else { return raw.to_owned() };
            bytes = rest;
            byte
        };
        if is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn hex_pair(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let [high, low, rest @ ..] = bytes else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    // Two hexadecimal digits are at most 255.
    let value = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    Some((value, rest))
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn is_literal_in_user(byte: u8) -> bool {
    is_unreserved(byte) || b"!$&'()*+,;=:".contains(&byte)
}

fn is_literal_in_segment(byte: u8) -> bool {
    is_literal_in_user(byte) || byte == b'@'
}

fn is_literal_in_query(byte: u8) -> bool {
    is_literal_in_segment(byte) || b"/?".contains(&byte)
}
