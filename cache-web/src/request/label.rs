//! The name of the context of a request: its method, and the route that matched.

use std::hash::BuildHasher;
use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use foldhash::fast::FixedState;

/// How many names are kept. A few of more names share a place, and are then written for each request.
const PLACES: usize = 64;

/// The names of the contexts of one layer. Each is written once, and then found without a lock.
#[derive(Clone, Debug)]
pub(super) struct Labels(Arc<[OnceLock<Named>; PLACES]>);

/// A name, and the requests that it is for.
#[derive(Debug)]
struct Named {
    method: &'static str,
    route: Option<Box<str>>,
    name: Arc<str>,
}

impl Default for Labels {
    fn default() -> Self {
        Self(Arc::new([const { OnceLock::new() }; PLACES]))
    }
}

impl Labels {
    pub(super) fn of(&self, request: &Request) -> Arc<str> {
        let (method, route) = (shown(request.method()), request.extensions().get::<MatchedPath>());
        let route = route.map(MatchedPath::as_str);
        // Only for which place it is: routes are the program's own, and methods are few.
        let hash = FixedState::with_seed(0).hash_one((method, route));
        let first = self.0[hash as usize % PLACES].get_or_init(|| Named {
            method,
            route: route.map(Box::from),
            name: name(method, route),
        });
        match first.method == method && first.route.as_deref() == route {
            true => Arc::clone(&first.name),
            false => name(method, route),
        }
    }
}

fn name(method: &str, route: Option<&str>) -> Arc<str> {
    match route {
        Some(route) => format!("{method} {route}").into(),
        None => method.into(),
    }
}

/// Methods that clients make up have no place in names, which end up in logs and metrics.
fn shown(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "OTHER",
    }
}
