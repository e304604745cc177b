//! Requests over HTTP: which answer may be used again, and for how long. Opens no socket and reads no clock.
//!
//! | question | answer |
//! |---|---|
//! | Under which key is the answer of a request kept? | [`Key`] |
//! | May a stored response be used again, for how long, and what decided so? | [`Reuse::verdict`] |
//! | Which fields of a response head are kept? | [`stored_head`] |
//! | How is the server asked whether a stored response is still good? | [`conditional`] |
//! | What did it say? | [`revalidated`] |
//! | Which URLs did a change make stale? | [`invalidated`] |
//!
//! All of these are pure functions of request heads, response heads and times. They are total: any header bytes give
//! an answer. Malformed, contradicting or negative numbers make a response stale, huge ones count as 2³¹ seconds, and
//! no jump of a clock makes a response fresh for longer than its headers say.
//!
//! The rules are those of a *private* cache in [RFC 9111](https://www.rfc-editor.org/rfc/rfc9111), with
//! `stale-while-revalidate` and `stale-if-error` from [RFC 5861](https://www.rfc-editor.org/rfc/rfc5861).

mod cache_control;
mod conditional;
mod date;
mod exchange;
mod headers;
mod invalidation;
mod key;
mod policy;
mod status;
mod stored;
mod vary;
mod verdict;

pub use conditional::{Revalidation, conditional, revalidated};
pub use exchange::Exchange;
pub use invalidation::invalidated;
pub use key::Key;
pub use policy::{Opinion, Policy, Reuse, Windows};
pub use status::{is_cacheable_by_default, is_understood};
pub use stored::stored_head;
pub use verdict::{State, Verdict, Why};
