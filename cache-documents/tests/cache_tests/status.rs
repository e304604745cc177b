//! Statuses, and whether their responses are used again.

use crate::case::{Cached, Case, Optimal, Required, Sent, at_once, case, cc, date, fresh, get, now, then};

/// Statuses of all kinds.
const STATUSES: [u16; 18] =
    [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for status in STATUSES {
        let used = [fresh(&[]).status(status), then(Cached).status(status)];
        cases.push(case(format!("status-{status}-fresh"), Optimal, &used));
        let stale = get(&[date("expires", -5000), date("last-modified", -100_000), now()]).pause(3);
        let asked = [stale.status(status), then(Sent).status(status)];
        cases.push(case(format!("status-{status}-stale"), Required, &asked));
    }
    let understood = cc("max-age=3600, no-store, must-understand");
    cases.push(at_once("status-200-must-understand", Optimal, std::slice::from_ref(&understood), Cached));
    let unknown = [get(&[understood]).status(599), then(Sent)];
    cases.push(case("status-599-must-understand", Required, &unknown));
    cases
}
