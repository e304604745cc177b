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
    let left_out: SmallVec<[HeaderName; 12]> = connection_fields(&response.headers).collect();
    // Most responses have none of them.
    let present: Vec<_> = response.headers.keys().filter(|name| left_out.contains(name)).cloned().collect();
    for name in present {
        response.headers.remove(name);
    }
    response
}

/// Replaces the fields of a stored head by those of a 304.
///
/// What describes the stored content stays, since that was decoded and parsed when it came. `Age` and `Date` belong to
/// the newest answer of the server, so they go if the 304 has none.
pub(super) fn freshen(stored: &response::Parts, not_modified: &response::Parts) -> response::Parts {
    let mut fresh = stored.clone();
    for name in [AGE, DATE] {
        fresh.headers.remove(name);
    }
    let newer = &not_modified.headers;
    let left_out: SmallVec<[HeaderName; 12]> = connection_fields(newer).collect();
    for name in newer.keys().filter(|name| !describes_content(name) && !left_out.contains(name)) {
        fresh.headers.remove(name);
        for value in newer.get_all(name) {
            fresh.headers.append(name, value.clone());
        }
    }
    fresh
}

fn describes_content(name: &HeaderName) -> bool {
    [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::CONTENT_TYPE, header::CONTENT_RANGE]
        .contains(name)
}

fn connection_fields(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let named =
        headers.get_all(CONNECTION).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let named = named.filter_map(|member| HeaderName::from_bytes(member.trim_ascii()).ok());
    named.chain([
        CONNECTION,
        KEEP_ALIVE,
        header::PROXY_AUTHENTICATE,
        PROXY_AUTHENTICATION_INFO,
        header::PROXY_AUTHORIZATION,
        PROXY_CONNECTION,
        header::TE,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ])
}
