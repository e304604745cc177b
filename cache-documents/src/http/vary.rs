//! Whether a response was chosen by header fields that the next request has as well (RFC 9111, section 4.1).

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, header::VARY};

use super::Exchange;

/// Tells whether a response may serve a request with the header fields `asked`.
///
/// It may vary by fields that its own request has, and by those named in `constant`, if `asked` has the same values.
/// What a transport adds to a request is unknown, so any other field makes it unusable. So does `*`.
pub(super) fn allows(exchange: &Exchange<'_>, asked: &HeaderMap, constant: &[HeaderName]) -> bool {
    let own = &exchange.request.headers;
    let lines = exchange.response.headers.get_all(VARY).iter();
    let members = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    members.filter(|member| !member.is_empty()).all(|member| {
        // `*` is a token, so it would pass as a name.
        let name = HeaderName::from_bytes(member).ok().filter(|name| name != "*");
        name.is_some_and(|name| {
            let is_known = own.contains_key(&name) || constant.contains(&name);
            is_known && joined(own, &name) == joined(asked, &name)
        })
    })
}

/// Returns the value of a field, its lines joined by commas (RFC 9110, section 5.2).
fn joined<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, [u8]>> {
    let mut lines = headers.get_all(name).iter().map(|line| line.as_bytes());
    let first = lines.next()?;
    Some(lines.fold(Cow::Borrowed(first), |joined, line| [&joined, &b", "[..], line].concat().into()))
}
