//! What decides first: call, mark, policy, headers, query, guess.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use cache_documents::http::{Exchange, Opinion, Policy, Reuse, State, Verdict, Why, Windows};

use crate::case::{Date, Field, Text, cc, received, request, response};

/// Says what it is told to, and counts how often it is asked.
struct Says(Opinion, Cell<u32>);

impl Says {
    fn new(opinion: Opinion) -> Self {
        Self(opinion, Cell::new(0))
    }
}

impl Policy for Says {
    fn judge(&self, _: &Exchange<'_>, _: SystemTime) -> Opinion {
        self.1.set(self.1.get() + 1);
        self.0
    }
}

fn fresh(seconds: u64) -> Windows {
    let mut windows = Windows::default();
    windows.fresh = Some(Duration::from_secs(seconds));
    windows
}

/// The verdict three seconds after a response with these fields was received.
fn verdict<P: Policy>(
    status: u16,
    fields: &[Field],
    set: impl FnOnce(Reuse<'_>) -> Reuse<'_>,
    policy: &P,
) -> Verdict {
    let (request, response) = (request("GET", "https://example.com/", &[]), response(status, fields));
    let exchange = Exchange::new(&request, &response, received(), received());
    set(Reuse::new(exchange, received() + Duration::from_secs(3))).verdict(policy)
}

#[track_caller]
fn assert_decides(verdict: Verdict, why: Why, state: State) {
    assert_eq!((verdict.why, verdict.state), (why, state));
}

#[test]
fn each_step_decides_only_if_those_before_are_silent() {
    let (hour, changed) = ([cc("max-age=3600")], [Date("last-modified", -86_400), Date("date", 0)]);
    let (yes, no, none) = (Says::new(Opinion::Yes), Says::new(Opinion::No), Says::new(Opinion::None));

    let all = |ask: Reuse<'_>| -> Verdict { ask.call(fresh(2)).marked(true).query(fresh(60)).verdict(&yes) };
    let (asked, answered) = (request("GET", "https://example.com/", &[]), response(200, &hour));
    let exchange = Exchange::new(&asked, &answered, received(), received());
    assert_decides(
        all(Reuse::new(exchange, received() + Duration::from_secs(2))),
        Why::CallOptions,
        State::MustRevalidate,
    );

    let marked = verdict(200, &hour, |ask| ask.marked(true), &yes);
    assert_decides(marked, Why::Mark, State::MustRevalidate);
    assert_eq!(yes.1.get(), 0, "the policy is asked only if it may decide");

    assert_decides(verdict(200, &[cc("max-age=1")], |ask| ask, &yes), Why::Policy, State::Fresh);
    assert_decides(verdict(200, &hour, |ask| ask, &no), Why::Policy, State::MustRevalidate);
    assert_decides(verdict(200, &hour, |ask| ask.query(fresh(1)), &none), Why::Headers, State::Fresh);
    let short = [cc("max-age=1")];
    assert_decides(
        verdict(200, &short, |ask| ask.query(fresh(60)), &none),
        Why::Headers,
        State::MustRevalidate,
    );
    assert_decides(verdict(200, &[], |ask| ask.query(fresh(60)), &()), Why::QueryOptions, State::Fresh);
    assert_decides(
        verdict(200, &changed, |ask| ask.query(fresh(2)), &()),
        Why::QueryOptions,
        State::MustRevalidate,
    );
    assert_decides(verdict(200, &changed, |ask| ask, &()), Why::Heuristic, State::Fresh);
    assert_decides(verdict(200, &[], |ask| ask, &()), Why::Nothing, State::MustRevalidate);
}

#[test]
fn no_option_and_no_policy_keeps_what_must_not_be_kept() {
    let yes = Says::new(Opinion::Yes);
    let eager = |ask: Reuse<'_>| -> Verdict { ask.call(fresh(60)).query(fresh(60)).verdict(&yes) };
    let ask = |status, fields: &[Field]| {
        let (asked, answered) = (request("GET", "https://example.com/", &[]), response(status, fields));
        eager(Reuse::new(Exchange::new(&asked, &answered, received(), received()), received()))
    };
    assert_decides(ask(200, &[cc("no-store")]), Why::Headers, State::NotStored);
    assert_decides(ask(206, &[]), Why::Headers, State::NotStored);
    assert_decides(ask(200, &[Text("vary", "*")]), Why::Headers, State::NeverReused);
    assert_eq!(yes.1.get(), 0);
    // What headers only advise against, the program may want.
    assert_decides(ask(500, &[]), Why::CallOptions, State::Fresh);
    assert_decides(verdict(500, &[], |ask| ask, &yes), Why::Policy, State::Fresh);
    assert_decides(verdict(500, &[], |ask| ask.query(fresh(60)), &()), Why::Headers, State::NotStored);
}

#[test]
fn wrong_times_in_headers_are_stale_whatever_the_query_says() {
    let wrong = [
        vec![Text("expires", "0")],
        vec![Date("expires", 60), Date("expires", 61)],
        vec![cc("max-age=x")],
        vec![cc("no-cache")],
        vec![Text("pragma", "no-cache")],
        vec![cc("a=\"b")],
    ];
    for fields in wrong {
        let verdict = verdict(200, &fields, |ask| ask.query(fresh(60)), &());
        assert_decides(verdict, Why::Headers, State::MustRevalidate);
    }
}

#[test]
fn options_count_from_the_reception_and_headers_from_the_origin() {
    let old = [Text("age", "1000")];
    let by_query = verdict(200, &old, |ask| ask.query(fresh(10)), &());
    assert_eq!(by_query.fresh_for, Duration::from_secs(7));
    let by_call = verdict(200, &old, |ask| ask.call(fresh(10)), &());
    assert_eq!(by_call.fresh_for, Duration::from_secs(7));
    let by_headers = verdict(200, &[cc("max-age=1010"), Text("age", "1000")], |ask| ask, &());
    assert_eq!(by_headers.fresh_for, Duration::from_secs(7));
}

#[test]
fn a_window_comes_from_the_call_then_the_headers_then_the_query() {
    let windows = |while_revalidate, if_error| {
        let mut windows = Windows::default();
        windows.stale_while_revalidate = Some(Duration::from_secs(while_revalidate));
        windows.stale_if_error = Some(Duration::from_secs(if_error));
        windows
    };
    let seconds = |line, set: fn(Reuse<'_>, Windows, Windows) -> Reuse<'_>| {
        let verdict = verdict(200, &[cc(line)], |ask| set(ask, windows(100, 200), windows(300, 400)), &());
        (verdict.stale_while_revalidate.as_secs(), verdict.stale_if_error.as_secs())
    };
    let directives = "max-age=60, stale-while-revalidate=30, stale-if-error=40";
    assert_eq!(seconds(directives, |ask, call, query| ask.call(call).query(query)), (100, 200));
    assert_eq!(seconds(directives, |ask, _, query| ask.query(query)), (30, 40));
    assert_eq!(seconds("max-age=60", |ask, _, query| ask.query(query)), (300, 400));
    assert_eq!(seconds("max-age=60, must-revalidate", |ask, _, query| ask.query(query)), (0, 0));
    assert_eq!(seconds("max-age=60, stale-if-error=x", |ask, _, query| ask.query(query)), (300, 0));
    assert_eq!(seconds("max-age=60, must-revalidate", |ask, call, _| ask.call(call)), (100, 200));
}

#[test]
fn must_revalidate_ends_the_windows_of_the_query_also_where_its_lifetime_decides() {
    let mut query = fresh(2);
    query.stale_if_error = Some(Duration::from_secs(60));
    assert_decides(verdict(200, &[], |ask| ask.query(query), &()), Why::QueryOptions, State::StaleIfError);
    let strict = verdict(200, &[cc("must-revalidate")], |ask| ask.query(query), &());
    assert_decides(strict, Why::QueryOptions, State::MustRevalidate);
}

#[test]
fn a_yes_of_the_policy_says_for_how_long_the_headers_would() {
    let yes = Says::new(Opinion::Yes);
    let remaining = |line| verdict(200, &[cc(line)], |ask| ask, &yes).fresh_for.as_secs();
    assert_eq!(remaining("max-age=60"), 57);
    assert_eq!(remaining("max-age=1"), 0);
}
