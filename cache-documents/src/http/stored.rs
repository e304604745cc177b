//! Which fields of a response are kept (RFC 9111, section 3.1), and which a 304 replaces (section 3.2).

use http::{
    HeaderMap, HeaderName,
    header::{self, AGE, CONNECTION, DATE},
    response,
};
use smallvec::SmallVec;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("proxy-authentication-info");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Returns the head of a response as it is kept: without the fields that concern only the connection it came by.
///
/// ```
/// use cache_documents::http::stored_head;
///
/// let response = http::Response::builder().header("connection", "x-hop").header("x-hop", "1").header("etag", "\"a\"");
/// let head = stored_head(&response.body(())?.into_parts().0);
/// assert_eq!(head.headers.keys().collect::<Vec<_>>(), ["etag"]);
/// # Ok::<_, http::Error>(())
/// ```
#[must_use]
pub fn stored_head(response: &response::Parts) -> response::Parts {
    let mut stored = response.clone();
    remove_connection_fields(&mut stored.headers);
    stored
}

/// Removes the fields that concern only the connection: these, and those that `Connection` names.
pub(super) fn remove_connection_fields(headers: &mut HeaderMap) {
    // Most responses have none of them, not even `Connection`.
    if !headers.keys().any(|name| OF_EACH_CONNECTION.contains(name)) {
        return;
    }
    let lines = headers.get_all(CONNECTION).iter();
    let members = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let named = members.filter_map(|member| HeaderName::from_bytes(member.trim_ascii()).ok());
    let left_out: SmallVec<[HeaderName; 4]> = named.collect();
    for name in OF_EACH_CONNECTION.iter().chain(&left_out) {
        headers.remove(name);
    }
}

/// Replaces the fields of a stored head by those of a 304, which has no fields that concern only the connection.
///
/// What describes the stored content stays, since that was decoded and parsed when it came. `Age` and `Date` belong to
/// the newest answer of the server, so they go if the 304 has none. Returns whether all other fields are as they were.
pub(super) fn freshen(stored: &mut response::Parts, not_modified: &response::Parts) -> bool {
    let (fresh, newer) = (&mut stored.headers, &not_modified.headers);
    let (mut is_same, is_complete) = freshen_in_order(fresh, newer);
    if is_complete {
        return is_same;
    }
    for name in newer.keys().filter(|name| !describes_content(name)) {
        // Most of them are as they were.
        if fresh.get_all(name) == newer.get_all(name) {
            continue;
        }
        is_same &= is_of_answer(name);
        fresh.remove(name);
        for value in newer.get_all(name) {
            fresh.append(name, value.clone());
        }
    }
    for name in &OF_EACH_ANSWER {
        if !newer.contains_key(name) {
            fresh.remove(name);
        }
    }
    is_same
}

/// Replaces fields as far as both heads have one line of each, in the same order: most servers send them so, and no
/// look-up is necessary. Returns whether all others than those of each answer are as they were, and whether nothing is
/// left to do.
fn freshen_in_order(fresh: &mut HeaderMap, newer: &HeaderMap) -> (bool, bool) {
    let mut is_same = true;
    if [&*fresh, newer].iter().any(|headers| headers.len() != headers.keys_len()) {
        return (is_same, false);
    }
    let mut newer = newer.iter().filter(|(name, _)| !describes_content(name));
    let mut next = newer.next();
    for (name, value) in fresh.iter_mut() {
        match next {
            Some((newer_name, newer_value)) if newer_name == name => {
                if *value != *newer_value {
                    is_same &= is_of_answer(name);
                    value.clone_from(newer_value);
                }
                next = newer.next();
            }
            _ if is_of_answer(name) => return (is_same, false),
            _ => {}
        }
    }
    (is_same, next.is_none())
}

fn describes_content(name: &HeaderName) -> bool {
    static NAMES: [HeaderName; 4] =
        [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_TYPE, header::CONTENT_RANGE];
    NAMES.contains(name)
}

fn is_of_answer(name: &HeaderName) -> bool {
    OF_EACH_ANSWER.contains(name)
}

static OF_EACH_ANSWER: [HeaderName; 2] = [AGE, DATE];

static OF_EACH_CONNECTION: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    header::PROXY_AUTHENTICATE,
    PROXY_AUTHENTICATION_INFO,
    header::PROXY_AUTHORIZATION,
    PROXY_CONNECTION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
