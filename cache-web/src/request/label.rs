//! The name of the context of a request: its method, and the route that matched.

use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request};
use axum::http::Method;

/// The names of the contexts of one service. A router gives each of its routes a service of its own, so the first name
/// is nearly always the right one, and is written only once.
#[derive(Clone, Debug, Default)]
pub(super) struct Label(Arc<OnceLock<Named>>);

/// A name, and the requests that it is for.
#[derive(Debug)]
struct Named {
    method: Method,
    route: Option<Box<str>>,
    name: Arc<str>,
}

impl Label {
    pub(super) fn of(&self, request: &Request) -> Arc<str> {
        let (method, route) = (request.method(), request.extensions().get::<MatchedPath>());
        let route = route.map(MatchedPath::as_str);
        let first = self.0.get_or_init(|| Named {
            method: method.clone(),
            route: route.map(Box::from),
            name: name(method, route),
        });
        match first.method == *method && first.route.as_deref() == route {
            true => Arc::clone(&first.name),
            false => name(method, route),
        }
    }
}

fn name(method: &Method, route: Option<&str>) -> Arc<str> {
    let method = shown(method);
    match route {
        Some(route) => format!("{method} {route}").into(),
        None => method.into(),
    }
}

/// Methods that clients make up have no place in names, which end up in logs and metrics.
fn shown(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS
        | Method::CONNECT
        | Method::TRACE => method.as_str(),
        _ => "OTHER",
    }
}
