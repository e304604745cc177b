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
    without_connection_fields(response.clone())
}

pub(super) fn without_connection_fields(mut response: response::Parts) -> response::Parts {
    let left_out = ConnectionFields::of(&response.headers);
    // Most responses have none of them.
    let present: Vec<_> = response.headers.keys().filter(|name| left_out.has(name)).cloned().collect();
    for name in present {
        response.headers.remove(name);
    }
    response
}

/// Replaces the fields of a stored head by those of a 304.
///
/// What describes the stored content stays, since that was decoded and parsed when it came. `Age` and `Date` belong to
/// the newest answer of the server, so they go if the 304 has none. Returns whether all other fields are as they were.
pub(super) fn freshen(stored: &mut response::Parts, not_modified: &response::Parts) -> bool {
    let (fresh, newer) = (&mut stored.headers, &not_modified.headers);
    for name in [AGE, DATE] {
        fresh.remove(name);
    }
    let (left_out, mut is_same) = (ConnectionFields::of(newer), true);
    for name in newer.keys().filter(|name| !describes_content(name) && !left_out.has(name)) {
        // Most of them are as they were.
        if fresh.get_all(name) == newer.get_all(name) {
            continue;
        }
        is_same &= [AGE, DATE].contains(name);
        fresh.remove(name);
        for value in newer.get_all(name) {
            fresh.append(name, value.clone());
        }
    }
    is_same
}

fn describes_content(name: &HeaderName) -> bool {
    [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_TYPE, header::CONTENT_RANGE]
        .contains(name)
}

/// The fields that concern only the connection: these, and those that `Connection` names.
struct ConnectionFields(SmallVec<[HeaderName; 4]>);

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

impl ConnectionFields {
    fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(CONNECTION).iter();
        let named = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        Self(named.filter_map(|member| HeaderName::from_bytes(member.trim_ascii()).ok()).collect())
    }

    fn has(&self, name: &HeaderName) -> bool {
        OF_EACH_CONNECTION.contains(name) || self.0.contains(name)
    }
}
