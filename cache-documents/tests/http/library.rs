//! Where `http-cache-semantics` 3.0 differs from the RFCs. Each test first shows what it says alone: if that changes,
//! the correction may go.

use std::time::Duration;

use cache_documents::http::State::{Fresh, MustRevalidate, NeverReused, NotStored};
use http::header::CACHE_CONTROL;
use http_cache_semantics::{AfterResponse, CacheOptions, CachePolicy};

use crate::case::{
    Bytes, Date, Field, Text, case, cc, check, date_text, received, request, response, verdict_after,
};

fn alone(status: u16, fields: &[Field]) -> CachePolicy {
    let options = CacheOptions { shared: false, ..CacheOptions::default() };
    CachePolicy::new_options(&request("GET", "/", &[]), &response(status, fields), received(), options)
}

fn lifetime(fields: &[Field]) -> u64 {
    alone(200, fields).time_to_live(received()).as_secs()
}

#[test]
fn names_of_directives_have_no_case() {
    assert!(alone(200, &[cc("No-Store")]).is_storable());
    check(&[case("", "no-store", &[cc("No-Store")], NotStored)]);
}

#[test]
fn a_quoted_string_may_have_commas() {
    let quoted = cc(r#"a="b, max-age=3600, c""#);
    assert_eq!(lifetime(std::slice::from_ref(&quoted)), 3600);
    check(&[case("", "a quoted directive", &[quoted], MustRevalidate)]);
}

#[test]
fn contradicting_lifetimes_mean_stale() {
    assert_eq!(lifetime(&[cc("max-age=1800, max-age=1")]), 1800);
    check(&[case("", "two numbers", &[cc("max-age=1800, max-age=1")], MustRevalidate)]);
}

#[test]
fn a_number_has_digits_only() {
    assert_eq!(lifetime(&[cc("max-age=+60")]), 60);
    check(&[case("", "a plus", &[cc("max-age=+60")], MustRevalidate)]);
}

#[test]
fn a_huge_number_counts_as_the_greatest() {
    let huge = cc("max-age=99999999999999999999");
    assert_eq!(lifetime(std::slice::from_ref(&huge)), 0);
    check(&[case("", "more than 64 bits", &[huge], Fresh)]);
}

#[test]
fn a_lifetime_without_number_hides_the_date() {
    let fields = [cc("max-age"), Date("expires", 60)];
    assert_eq!(lifetime(&fields), 60);
    check(&[case("", "no number", &fields, MustRevalidate)]);
}

#[test]
fn a_line_with_bytes_beyond_ascii_is_read() {
    let fields = [Bytes("cache-control", b"no-store, a=\xff")];
    assert!(alone(200, &fields).is_storable());
    check(&[case("", "no-store", &fields, NotStored)]);
}

#[test]
fn immutable_is_no_lifetime() {
    assert_eq!(lifetime(&[cc("immutable")]), 86_400);
    check(&[case("", "immutable", &[cc("immutable")], MustRevalidate)]);
}

#[test]
fn a_date_of_mail_is_no_date_of_http() {
    let mail = Text("expires", "Thu, 18 Aug 2050 02:01:18 EST");
    assert!(lifetime(std::slice::from_ref(&mail)) > 0);
    let old = Text("expires", "Thursday, 18-Aug-50 02:01:18 GMT");
    assert_eq!(lifetime(std::slice::from_ref(&old)), 0);
    check(&[case("", "a zone of mail", &[mail], MustRevalidate), case("", "RFC 850", &[old], Fresh)]);
}

#[test]
fn contradicting_dates_mean_stale() {
    let fields = [Date("expires", 60), Date("expires", 30)];
    assert_eq!(lifetime(&fields), 60);
    check(&[case("", "two dates", &fields, MustRevalidate)]);
}

#[test]
fn the_first_of_a_list_of_ages_counts() {
    let fields = [cc("max-age=60"), Text("age", "100, 0")];
    assert_eq!(lifetime(&fields), 60);
    check(&[case("", "a list", &fields, MustRevalidate)]);
}

#[test]
fn an_age_of_64_bits_overflows_nothing() {
    let fields = [cc("max-age=60"), Text("age", "18446744073709551615")];
    let policy = alone(200, &fields);
    let later = received() + Duration::from_secs(3);
    assert!(std::panic::catch_unwind(|| policy.age(later)).is_err());
    check(&[case("", "the greatest age", &fields, MustRevalidate)]);
}

#[test]
fn the_time_that_a_response_travelled_counts() {
    let fields = [cc("max-age=60"), Date("date", -100)];
    assert_eq!(lifetime(&fields), 60);
    check(&[case("", "a date in the past", &fields, MustRevalidate)]);
}

#[test]
fn a_guess_has_a_limit() {
    let fields = [Text("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT")];
    assert!(lifetime(&fields) > 86_400);
    assert_eq!(verdict_after(0, &fields).fresh_for, Duration::from_secs(86_400));
}

#[test]
fn any_final_status_with_a_lifetime_may_be_kept() {
    assert!(!alone(429, &[cc("max-age=60")]).is_storable());
    check(&[case("", "429", &[cc("max-age=60")], Fresh).status(429)]);
}

#[test]
fn must_understand_overrides_no_store() {
    let line = cc("max-age=60, no-store, must-understand");
    assert!(!alone(200, std::slice::from_ref(&line)).is_storable());
    check(&[case("", "200", &[line], Fresh)]);
}

#[test]
fn a_star_in_a_list_lets_a_response_serve_nobody_else() {
    let fields = [cc("max-age=60"), Text("vary", "a, *")];
    assert_eq!(lifetime(&fields), 60);
    check(&[case("", "a star in a list", &fields, NeverReused).constant("a")]);
}

#[test]
fn a_304_adds_fields_and_keeps_all_their_lines() {
    let stored = response(200, &[Text("etag", "\"a\""), Text("link", "<old>")]);
    let answer =
        response(304, &[Text("etag", "\"a\""), cc("max-age=60"), Text("link", "<a>"), Text("link", "<b>")]);
    let asks = request("GET", "/", &[]);
    let options = CacheOptions { shared: false, ..CacheOptions::default() };
    let policy = CachePolicy::new_options(&asks, &stored, received(), options);
    let AfterResponse::NotModified(_, head) = policy.after_response(&asks, &answer, received()) else {
        panic!("it is a 304");
    };
    assert!(!head.headers.contains_key(CACHE_CONTROL));
    assert_eq!(head.headers.get_all("link").iter().count(), 1);

    let ours = crate::update::not_modified(&stored, &answer);
    assert_eq!(ours.headers[CACHE_CONTROL], "max-age=60");
    assert_eq!(ours.headers.get_all("link").iter().collect::<Vec<_>>(), ["<a>", "<b>"]);
}

#[test]
fn a_304_without_date_dates_the_response_anew() {
    let stored =
        response(200, &[Text("etag", "\"a\""), Date("date", -1000), Text("age", "500"), cc("max-age=60")]);
    let ours = crate::update::not_modified(&stored, &response(304, &[Text("etag", "\"a\"")]));
    assert_eq!((ours.headers.get("date"), ours.headers.get("age")), (None, None));
    let dated = crate::update::not_modified(&stored, &response(304, &[Date("date", 0), Text("age", "7")]));
    assert_eq!(dated.headers["date"], date_text(0));
    assert_eq!(dated.headers["age"], "7");
}
