//! Cases of the suite that are not here, and why.

/// The beginnings of ids, and the reason.
const LEFT_OUT: [(&str, &str); 16] = [
    ("freshness-s-maxage-shared", SHARED),
    ("freshness-max-age-s-maxage-shared", SHARED),
    ("cc-resp-private-shared", SHARED),
    ("stale-close-proxy-revalidate", SHARED),
    ("stale-close-s-maxage", SHARED),
    ("other-authorization", SHARED),
    ("cdn-", "about a field for the caches of content delivery networks"),
    ("conditional-etag-strong-respond", ANSWERS),
    ("conditional-304-etag", ANSWERS),
    ("conditional-etag-precedence", ANSWERS),
    ("conditional-etag-quoted-respond", ANSWERS),
    ("conditional-etag-unquoted-respond", ANSWERS),
    ("conditional-etag-weak-respond", ANSWERS),
    ("conditional-lm-", ANSWERS),
    ("cc-resp-immutable", "sets the cache mode of the Fetch API, which only browsers have"),
    ("partial-", "combines ranges: a part of a response is never kept"),
];

const SHARED: &str = "about shared caches";
const ANSWERS: &str =
    "about caches that answer conditions of their clients: the suite leaves it out for browsers";

/// Returns why a case is left out.
pub fn reason(id: &str) -> Option<&'static str> {
    // Interim responses and the delay of a response are matters of the transport.
    let of_transport = id.starts_with("interim-") || id == "other-age-delay";
    let found = LEFT_OUT.iter().find(|(start, _)| id.starts_with(start)).map(|(_, reason)| *reason);
    found.or(of_transport.then_some("about what a transport passes on"))
}
