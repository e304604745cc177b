//! A trivial handler with a context per request, without, and beneath a layer that does nothing.

use axum::Router;
use axum::middleware::map_response;
use axum::routing::get;

use super::loopback::loopback;
use super::{HITS_PER_REQUEST, hello, in_process, news, passed_on, routes};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::report::Report;
use crate::workloads::report_times;

pub fn run(options: &Options, report: &mut Report) {
    let mut effort = options.effort;
    effort.operations /= HITS_PER_REQUEST;
    let keys = Keys::uniform(1, effort.sequence());
    let workload = "web-layer/in-process";
    if options.wants(workload) {
        let contestants = counted();
        report_times(report, workload, 1, &contestants, &race(&contestants, &keys, 1, effort));
    }
    let workload = "web-layer/loopback";
    if options.wants(workload) {
        let contestants = [
            loopback("ours", routes(&news()), "/hello"),
            loopback("axum", bare(), "/hello"),
            loopback("axum-layer", layered(), "/hello"),
        ];
        report_times(report, workload, 1, &contestants, &race(&contestants, &keys, 1, effort));
    }
}

pub fn counted() -> Vec<Contestant> {
    vec![
        in_process("ours", || routes(&news()), "/hello"),
        in_process("axum", bare, "/hello"),
        in_process("axum-layer", layered, "/hello"),
    ]
}

fn bare() -> Router {
    Router::new().route("/hello", get(hello))
}

fn layered() -> Router {
    bare().layer(map_response(passed_on))
}
