//! Keys: equal for spellings of one URL, different for all others.

use cache_documents::http::Key;
use http::{Method, Uri};
use proptest::prelude::*;

fn key(url: &str) -> Key {
    Key::url(&url.parse().unwrap_or_else(|error| panic!("{url}: {error}")))
}

#[track_caller]
fn assert_normal(url: &str, expected: &str) {
    assert_eq!(key(url).as_str(), expected, "{url}");
}

#[test]
fn a_request_has_the_key_that_is_given_or_the_url_of_a_get() {
    let uri = Uri::from_static("https://example.com/");
    assert_eq!(Key::of(Some("k"), &Method::POST, &uri), Some(Key::named("k")));
    assert_eq!(Key::of(Some("k"), &Method::GET, &uri), Some(Key::named("k")));
    assert_eq!(Key::of(None, &Method::GET, &uri), Some(Key::url(&uri)));
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::HEAD, Method::QUERY] {
        assert_eq!(Key::of(None, &method, &uri), None, "{method}");
    }
}

#[test]
fn a_named_key_is_never_the_key_of_a_url() {
    let named = Key::named("https://example.com/");
    assert_ne!(named, key("https://example.com/"));
    assert!(named.is_named() && !key("https://example.com/").is_named());
    assert_eq!(Key::named("A%7e").as_str(), "A%7e");
}

#[test]
fn scheme_host_and_port_are_normalised() {
    assert_normal("HTTPS://EXAMPLE.com:443", "https://example.com/");
    assert_normal("http://example.com:80/", "http://example.com/");
    assert_normal("http://example.com:443/", "http://example.com:443/");
    assert_normal("http://example.com:/", "http://example.com/");
    assert_normal("http://example.com:0080/", "http://example.com/");
    assert_normal("http://[0:0:0:0:0:0:0:1]:80/", "http://[::1]/");
    assert_normal("http://[::1]:8080/", "http://[::1]:8080/");
    assert_normal("https://User%3a%7e@Example.com/", "https://User%3A~@example.com/");
    assert_normal("Other://Host:80/", "other://host:80/");
    // Browsers take this for an invalid IP address.
    assert_normal("https://Example.999/", "https://example.999/");
    assert_normal("https://a_b.Example.com/", "https://a_b.example.com/");
}

#[test]
fn dot_segments_and_the_fragment_go() {
    assert_normal("http://h/a/./b/../c", "http://h/a/c");
    assert_normal("http://h/../../a", "http://h/a");
    assert_normal("http://h/a/..", "http://h/");
    assert_normal("http://h/a/.", "http://h/a/");
    assert_normal("http://h/a/%2E%2e/b/%2e", "http://h/b/");
    assert_normal("http://h/a//b/", "http://h/a//b/");
    assert_normal("http://h/a/..b/.c", "http://h/a/..b/.c");
    assert_normal("http://h/a#part", "http://h/a");
    assert_normal("/x/../a?b#part", "/a?b");
}

#[test]
fn percent_encoding_is_normalised() {
    assert_normal("http://h/%7Ea%2fb%3a", "http://h/~a%2Fb%3A");
    assert_normal("http://h/?q=%7e%26&%70=1", "http://h/?p=1&q=~%26");
    assert_normal("http://h/?page[size]=1", "http://h/?page%5Bsize%5D=1");
    assert_normal("http://h/é", "http://h/%C3%A9");
    // A stray `%` leaves its segment or parameter as it is, and no others.
    assert_normal("http://h/%zz%7e/%7e", "http://h/%zz%7e/~");
    assert_normal("http://h/?a=%&b=%7e", "http://h/?a=%&b=~");
    assert_normal("http://h/%%61%62", "http://h/%%61%62");
}

#[test]
fn parameters_are_sorted_by_name_and_stay_in_order_within_one() {
    assert_normal("http://h/?b=2&a=2&c&a=1", "http://h/?a=2&a=1&b=2&c");
    assert_normal("http://h/?%61b=1&aa=1", "http://h/?aa=1&ab=1");
    assert_normal("http://h/?", "http://h/?");
    assert_normal("http://h/?b&&a=", "http://h/?&a=&b");
}

/// Each row: an id of http-tests/cache-tests or nothing, two URLs, whether they share a key.
#[test]
fn urls_that_differ_otherwise_have_different_keys() {
    let rows = [
        ("query-args-different", "http://h/?test=1", "http://h/?test=2", false),
        ("query-args-same", "http://h/?test=1", "http://h/?test=1", true),
        ("", "http://h/a", "http://h/A", false),
        ("", "http://h/a", "https://h/a", false),
        ("", "http://h/a", "http://h/a/", false),
        ("", "http://h/a", "http://h/a?", false),
        ("", "http://h/a%2Fb", "http://h/a/b", false),
        ("", "http://h/?a=1&a=2", "http://h/?a=2&a=1", false),
        ("", "http://h/?a", "http://h/?a=", false),
        ("", "http://h/?a=%2B", "http://h/?a=+", false),
        ("", "http://h/?a=%20", "http://h/?a=+", false),
        ("", "http://a@h/", "http://h/", false),
        ("", "http://h:99999/", "http://h/", false),
    ];
    for (id, one, other, are_same) in rows {
        assert_eq!(key(one) == key(other), are_same, "{id} {one} {other}");
    }
}

/// A name and perhaps a value.
type Parameter = (Vec<u8>, Option<Vec<u8>>);

/// A URL as what it means: each text is bytes, not a spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Meaning {
    is_secure: bool,
    host: String,
    port: u16,
    /// Without dot segments.
    path: Vec<Vec<u8>>,
    query: Option<Vec<Parameter>>,
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        8 => prop::sample::select(&b"abAB01-._~"[..]),
        2 => prop::sample::select(&b"!$&'()*+,;=:@/?#[]% \"<>"[..]),
        1 => any::<u8>(),
    ];
    prop::collection::vec(byte, 0..4).prop_filter("a dot segment", |text| text != b"." && text != b"..")
}

fn meaning() -> impl Strategy<Value = Meaning> {
    let parameter = (text(), prop::option::of(text()));
    let query = prop::option::of(prop::collection::vec(parameter, 1..4));
    let host = prop::sample::select(&["a.example", "b.example", "1.2.3.4"][..]);
    let port = prop::sample::select(&[80_u16, 443, 8080][..]);
    (any::<bool>(), host, port, prop::collection::vec(text(), 1..4), query).prop_map(
        |(is_secure, host, port, path, query)| Meaning { is_secure, host: host.into(), port, path, query },
    )
}

impl Meaning {
    /// What two URLs with one key have in common: the order of parameters with different names does not count.
    fn sorted(mut self) -> Self {
        if let Some(query) = &mut self.query {
            query.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        self
    }

    /// Writes it, with a choice of spelling at each point, taken from `choices`.
    fn spelled(&self, choices: &[bool]) -> String {
        let mut choices = choices.iter().copied().cycle();
        let mut choose = || choices.next().unwrap_or_default();
        let scheme = if self.is_secure { "https" } else { "http" };
        let default = if self.is_secure { 443 } else { 80 };
        let mut out = cased(scheme, choose()) + "://" + &cased(&self.host, choose());
        if self.port != default || choose() {
            out += &format!(":{}", self.port);
        }
        for segment in &self.path {
            for (dots, is_wanted) in [("/.", choose()), ("/x/..", choose()), ("/%2e", choose())] {
                out += if is_wanted { dots } else { "" };
            }
            out += "/";
            spell(&mut out, segment, b":@!$&'()*+,;=", &mut choose);
        }
        let mark = if self.query.is_some() { "?" } else { "" };
        let parameters = self.query.iter().flatten().map(|(name, value)| {
            let mut out = String::new();
            spell(&mut out, name, b":@!$'()*+,;/?", &mut choose);
            if let Some(value) = value {
                out += "=";
                spell(&mut out, value, b":@!$'()*+,;=/?", &mut choose);
            }
            out
        });
        out += mark;
        out += &parameters.collect::<Vec<_>>().join("&");
        out + if choose() { "#part" } else { "" }
    }
}

fn cased(text: &str, is_upper: bool) -> String {
    if is_upper { text.to_ascii_uppercase() } else { text.to_owned() }
}

/// Bytes in `literal` stand for themselves: their encoded form means something else.
fn spell(out: &mut String, text: &[u8], literal: &[u8], choose: &mut impl FnMut() -> bool) {
    for &byte in text {
        let is_unreserved = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if literal.contains(&byte) || (is_unreserved && choose()) || (b"[]".contains(&byte) && choose()) {
            out.push(char::from(byte));
        } else if choose() {
            *out += &format!("%{byte:02x}");
        } else {
            *out += &format!("%{byte:02X}");
        }
    }
}

fn choices() -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(any::<bool>(), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn all_spellings_of_a_url_have_one_key(url in meaning(), one in choices(), other in choices()) {
        prop_assert_eq!(key(&url.spelled(&one)), key(&url.spelled(&other)));
    }

    #[test]
    fn the_order_of_parameters_with_different_names_does_not_count(url in meaning(), spelling in choices()) {
        prop_assert_eq!(key(&url.spelled(&spelling)), key(&url.clone().sorted().spelled(&spelling)));
    }

    /// Urls are drawn near each other, so that equal ones are frequent.
    #[test]
    fn urls_have_one_key_only_if_they_mean_the_same(
        one in meaning(), other in meaning(), parts in any::<[bool; 5]>(), spellings in [choices(), choices()],
    ) {
        let mut other = other;
        let [is_secure, host, port, path, query] = parts;
        if is_secure { other.is_secure = one.is_secure; }
        if host { other.host.clone_from(&one.host); }
        if port { other.port = one.port; }
        if path { other.path.clone_from(&one.path); }
        if query { other.query.clone_from(&one.query); }
        let are_same = key(&one.spelled(&spellings[0])) == key(&other.spelled(&spellings[1]));
        prop_assert_eq!(are_same, one.sorted() == other.sorted());
    }

    /// With its default port, no URL is normal already.
    #[test]
    fn a_url_that_may_be_normal_has_the_key_of_one_that_is_not(
        host in "[a-z0-9.-]{1,8}|(xn--)?[a-z0-9]{1,3}(\\.[0-9a-fx]{1,3}){0,3}\\.?",
        path in "(/(\\.{0,3}|[aZ~:@!é%7e]{0,3})){1,3}",
        query in "(\\?([abé%=;/]{0,3}&?){0,4})?",
    ) {
        let parsed = |origin: &str| format!("{origin}{path}{query}").parse::<Uri>();
        for (scheme, port) in [("http", 80), ("https", 443)] {
            let short = parsed(&format!("{scheme}://{host}"));
            let Ok(long) = parsed(&format!("{scheme}://{host}:{port}")) else { continue };
            prop_assert_eq!(Key::url(&short.expect("it is shorter")), Key::url(&long));
        }
    }

    #[test]
    fn a_key_is_its_own_key(url in "(https?://[aA.]{1,3}(:[0-9]{0,4})?)?/[a/.%27eE~!\\[é]{0,12}(\\?[ab&=%27eE\\[]{0,12})?") {
        let Ok(uri) = url.parse::<Uri>() else { return Ok(()) };
        let normal = Key::url(&uri);
        let again = key(normal.as_str());
        prop_assert_eq!(again, normal);
    }
}
