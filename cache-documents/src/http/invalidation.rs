//! Which URLs a change makes stale (RFC 9111, section 4.4).

use http::{
    HeaderValue, Uri,
    header::{CONTENT_LOCATION, LOCATION},
    request, response,
};
use url::{Position, Url};

use super::Key;

/// Stands for the unknown server of a request whose URL is only a path. No host can have this name (RFC 2606).
const UNKNOWN_SERVER: &str = "http://server.invalid";

/// Returns the keys of the URLs that a successful unsafe request makes stale: its own, and those in `Location` and
/// `Content-Location` if they have the same origin.
///
/// Empty after a safe method (`GET`, `HEAD`, `OPTIONS`, `TRACE`, `QUERY`) and after an answer other than 2xx and 3xx.
/// Unknown methods count as unsafe. Answers under a key that a caller named are not found by URL.
///
/// ```
/// use cache_documents::http::{Key, invalidated};
///
/// let request = http::Request::post("https://example.com/articles").body(())?.into_parts().0;
/// let response = http::Response::builder().status(201).header("location", "/articles/9").body(())?.into_parts().0;
/// let keys = invalidated(&request, &response);
/// let texts: Vec<_> = keys.iter().map(Key::as_str).collect();
/// assert_eq!(texts, ["https://example.com/articles", "https://example.com/articles/9"]);
/// # Ok::<_, http::Error>(())
/// ```
#[must_use]
pub fn invalidated(request: &request::Parts, response: &response::Parts) -> Vec<Key> {
    let is_success = response.status.is_success() || response.status.is_redirection();
    if request.method.is_safe() || !is_success {
        return Vec::new();
    }
    let mut keys = vec![Key::url(&request.uri)];
    let is_path = request.uri.authority().is_none();
    let text = if is_path { format!("{UNKNOWN_SERVER}{}", request.uri) } else { request.uri.to_string() };
    let Ok(base) = Url::parse(&text) else { return keys };
    let lines = [LOCATION, CONTENT_LOCATION].into_iter().flat_map(|name| response.headers.get_all(name));
    for key in lines.filter_map(|line| resolved(&base, is_path, line)) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// Returns the key of the URL that a field names, if it has the origin of `base`.
fn resolved(base: &Url, is_path: bool, line: &HeaderValue) -> Option<Key> {
    let target = base.join(line.to_str().ok()?).ok()?;
    if target.origin() != base.origin() {
        return None;
    }
    let text = if is_path { &target[Position::BeforePath..Position::AfterQuery] } else { target.as_str() };
    text.parse::<Uri>().ok().map(|uri| Key::url(&uri))
}
