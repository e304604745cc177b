//! A client works out once what a stored response says. Its verdicts are those of the policy on the bare heads.

use std::time::Duration;

use cache_core::Freshness;
use cache_documents::http::{
    Exchange, GetResponse, Opinion, Request, Reuse, State, Transport, Verdict, Windows,
};
use http::{HeaderName, StatusCode};
use proptest::prelude::*;

use crate::site::{Desk, desk_with_constant_headers, pass, request, seconds};

type Field = (&'static str, &'static str);

const RESPONSE_FIELDS: [Field; 17] = [
    ("cache-control", "max-age=60"),
    ("cache-control", "max-age=100, stale-while-revalidate=40"),
    ("cache-control", "max-age=20, stale-if-error=500"),
    ("cache-control", "max-age=x"),
    ("cache-control", "must-revalidate"),
    ("cache-control", "no-cache"),
    ("cache-control", "no-store"),
    ("cache-control", "private"),
    ("age", "30"),
    ("etag", "\"a\""),
    ("vary", "accept"),
    ("vary", "x-constant"),
    ("vary", "*"),
    ("expires", "Fri, 15 Jan 2027 08:01:00 GMT"),
    ("date", "Fri, 15 Jan 2027 07:59:30 GMT"),
    ("last-modified", "Fri, 15 Jan 2027 07:00:00 GMT"),
    ("pragma", "no-cache"),
];

const REQUEST_FIELDS: [Field; 10] = [
    ("accept", "text/html"),
    ("accept", "text/plain"),
    ("cache-control", "no-cache"),
    ("cache-control", "no-store"),
    ("cache-control", "max-age=10"),
    ("cache-control", "max-stale=30"),
    ("cache-control", "min-fresh=30"),
    ("cache-control", "only-if-cached"),
    ("pragma", "no-cache"),
    ("if-none-match", "\"a\""),
];

#[derive(Clone, Debug)]
struct Step {
    /// What the server says to the next request.
    status: StatusCode,
    response: Vec<Field>,
    passes: u64,
    /// How far the wall clock is set, in seconds.
    jump: i64,
    is_marked: bool,
    opinion: Opinion,
    query: Windows,
    request: Vec<Field>,
    call: Windows,
}

fn windows() -> impl Strategy<Value = Windows> {
    let window = prop::option::weighted(0.15, (0..60u64).prop_map(Duration::from_secs));
    [window.clone(), window.clone(), window].prop_map(|[fresh, stale_while_revalidate, stale_if_error]| {
        let mut windows = Windows::default();
        windows.fresh = fresh;
        windows.stale_while_revalidate = stale_while_revalidate;
        windows.stale_if_error = stale_if_error;
        windows
    })
}

/// Every other step asks plainly, so that nothing but the headers decides.
fn step() -> impl Strategy<Value = Step> {
    (any_step(), any::<bool>()).prop_map(|(step, is_plain)| match is_plain {
        true => Step {
            is_marked: false,
            opinion: Opinion::None,
            query: Windows::default(),
            request: Vec::new(),
            call: Windows::default(),
            ..step
        },
        false => step,
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let status =
        prop::sample::select(&[StatusCode::OK, StatusCode::NOT_MODIFIED, StatusCode::BAD_GATEWAY][..]);
    let response = prop::collection::vec(prop::sample::select(&RESPONSE_FIELDS[..]), 0..4);
    let request = prop::collection::vec(prop::sample::select(&REQUEST_FIELDS[..]), 0..2);
    let jump = prop_oneof![8 => Just(0), 1 => -90..0i64, 1 => 0..90i64];
    let opinion = prop_oneof![4 => Just(Opinion::None), 1 => Just(Opinion::Yes), 1 => Just(Opinion::No)];
    // Also exactly as long as headers say.
    let passes = prop_oneof![1 => Just(0), 1 => 0..70u64, 2 => prop::sample::select(&[20, 60, 100][..])];
    let marks = prop::bool::weighted(0.1);
    ((status, response), passes, jump, marks, opinion, windows(), request, windows()).prop_map(
        |((status, response), passes, jump, is_marked, opinion, query, request, call)| Step {
            status,
            response,
            passes,
            jump,
            is_marked,
            opinion,
            query,
            request,
            call,
        },
    )
}

/// The verdict of the policy, which reads the heads anew.
fn expected(desk: &Desk, query: &GetResponse, request: &Request, call: Windows) -> Option<Verdict> {
    let (site, entry) = (desk.client.app(), desk.client.cache().peek_entry(query)?);
    let head = entry.value().head();
    let latest = head.latest();
    let exchange = Exchange::new(head.request(), &latest.parts, latest.requested, latest.received);
    let reuse = Reuse::new(exchange, site.now().unwrap())
        .for_request(request.head())
        .constant(site.constant_headers());
    let is_marked = entry.state().freshness == Freshness::Invalidated;
    Some(reuse.call(call).query(site.windows()).marked(is_marked).verdict(site.policy()))
}

async fn run(steps: Vec<Step>) {
    let desk = desk_with_constant_headers(vec![HeaderName::from_static("x-constant")]);
    for step in &steps {
        desk.answers_with("GET /a", step.status, &step.response, "one");
    }
    for step in steps {
        let request = Request::from(request("GET", "/a", &step.request)).windows(step.call);
        let query = GetResponse::of(&request).unwrap();
        pass(seconds(step.passes)).await;
        desk.sets_wall_clock(step.jump);
        desk.judges("/a", step.opinion);
        *desk.client.app().windows.lock() = step.query;
        if step.is_marked {
            desk.client.invalidate(&query);
        }
        // The first sending may work out what the response says, the second finds it.
        for _ in 0..2 {
            let expected = expected(&desk, &query, &request, step.call);
            let answer = desk.send(request.clone()).await;
            // A request is sent again, alone, if the response to it is for nobody else.
            let is_alone = answer.verdict.is_none() && !answer.is_stored;
            let is_fresh = expected.is_some_and(|verdict| verdict.state == State::Fresh);
            if is_fresh || !is_alone {
                assert_eq!(answer.verdict, expected, "{step:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_client_gives_the_verdict_of_the_policy(steps in prop::collection::vec(step(), 1..6)) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().unwrap().block_on(run(steps));
    }
}
