//! A page of answers from the cache that it hands on to the browser, compared with the same page without state.

use super::loopback::loopback;
use super::{HITS_PER_REQUEST, in_process, news, routes};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::report::Report;
use crate::workloads::report_times;

pub fn run(options: &Options, report: &mut Report) {
    let mut effort = options.effort;
    effort.operations /= HITS_PER_REQUEST;
    let keys = Keys::uniform(1, effort.sequence());
    let workload = "web-page/20-in-process";
    if options.wants(workload) {
        let contestants = counted();
        report_times(report, workload, 1, &contestants, &race(&contestants, &keys, 1, effort));
    }
    let workload = "web-page/20-loopback";
    if options.wants(workload) {
        let contestants = [
            loopback("ours", routes(&news()), "/with-state"),
            loopback("ours-stateless", routes(&news()), "/without-state"),
        ];
        report_times(report, workload, 1, &contestants, &race(&contestants, &keys, 1, effort));
    }
}

pub fn counted() -> Vec<Contestant> {
    vec![
        in_process("ours", || routes(&news()), "/with-state"),
        in_process("ours-stateless", || routes(&news()), "/without-state"),
    ]
}
