//! A page that shows what a client has and does. Reads only.

mod access;
mod entries;
mod page;
mod state;
mod updates;

use std::fmt::{self, Debug};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cache_client::{App, Client};

use access::{Access, Admission};
use state::StateSource;

pub use access::TokenError;

/// Creates the inspector of a client: a page that shows what it has and does. See [`Inspector`].
///
/// # Panics
/// If the system has no random numbers, for the token.
#[must_use]
pub fn inspector<A: App>(client: &Client<A>) -> Inspector<A> {
    Inspector { client: client.clone(), access: Access::new(), path: "/_cache".to_owned() }
}

/// A page that shows tables, entries, loads, observers, layers, breakers and commits of a running client, as they change.
/// Created by [`inspector`].
///
/// It is one file inside this crate, and loads nothing from elsewhere. Its routes need no
/// [`RequestLayer`](crate::RequestLayer).
///
/// ```
/// # use cache_client::{App, Client};
/// # cache_core::registry! { struct CacheRegistry {} }
/// # struct Blog;
/// # impl App for Blog { type Registry = CacheRegistry; }
/// # let client = Client::builder(cache_core::Cache::<CacheRegistry>::new(), Blog).build();
/// let inspector = cache_web::inspector(&client);
/// tracing::info!("the cache: {}", inspector.link("http://127.0.0.1:8080"));
/// let routes: axum::Router = axum::Router::new().merge(inspector.routes());
/// # drop(routes);
/// ```
///
/// # Who can see it
/// - **A token is always needed**, since a proxy on the same machine makes every client look local. It is random, or
///   [given by the program](Self::token). A link with it opens the page; the browser then keeps it in a cookie that
///   scripts cannot read and that other sites cannot make it send. It is compared in constant time.
/// - **The host is checked**: by default the page answers to `localhost` and loopback addresses only, so that no page of
///   another domain reaches it by letting its name point to this machine. [Add](Self::host) the name of a public host.
/// - **Values are never shown.** Keys are, by their `Debug`, up to 512 bytes; as `(secret)` if their query is derived
///   with `secret`. Nothing can be changed.
///
/// The commits are shown while the program [logs](cache_core::Cache::commit_log) them.
///
/// # Costs
/// Nothing while no page is open. An open page gets at most two states a second, and these are taken from counters: each
/// costs a shared lock for each shard, and up to 200 keys of each kind as text. All open pages share them, and a slow
/// one gets the newest. A request for entries, with or without a search, visits at most 10,000 of them, however many there
/// are; the page then asks for the next ones.
#[must_use = "an inspector has no effect until its routes are added to a router"]
pub struct Inspector<A: App> {
    client: Client<A>,
    access: Access,
    path: String,
}

/// What the routes share.
struct Shared<A: App> {
    access: Access,
    states: Arc<StateSource<A>>,
    /// The path of the page without a slash at its end.
    path: String,
}

impl<A: App> Inspector<A> {
    /// Sets the path of the page. Default: `/_cache`.
    ///
    /// # Panics
    /// If it does not start with `/`.
    pub fn at(mut self, path: &str) -> Self {
        assert!(path.starts_with('/'), "the path of the inspector starts with `/`");
        path.trim_end_matches('/').clone_into(&mut self.path);
        self
    }

    /// Sets the token, so that a link stays valid when the program starts again, or is valid for several programs.
    ///
    /// # Errors
    /// If it has fewer than 22 characters, which is what 128 random bits need, or others than letters, digits, `-`, `_`,
    /// `.` and `~`.
    pub fn token(mut self, token: impl Into<String>) -> Result<Self, TokenError> {
        self.access.set_token(token.into())?;
        Ok(self)
    }

    /// Adds a host under which browsers may open the page, such as `news.example`, on any port. Loopback names are
    /// always allowed.
    pub fn host(mut self, name: &str) -> Self {
        self.access.allow(name);
        self
    }

    /// Declares that browsers reach the page by https only. Otherwise that is decided for each request, by its URI and
    /// by the headers `x-forwarded-proto` and `forwarded` of a proxy.
    pub fn https(mut self) -> Self {
        self.access.is_always_secure = true;
        self
    }

    /// Returns the link that opens the page. `base` is where browsers find the router that has the
    /// [routes](Self::routes), such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn link(&self, base: &str) -> String {
        format!("{}{}/?token={}", base.trim_end_matches('/'), self.path, self.access.token())
    }

    /// Returns the routes of the page, to be merged into the router of the program.
    ///
    /// | status | when |
    /// |---|---|
    /// | 303 | the link was opened: sets the cookie, and removes the token from the address |
    /// | 401 | there is no token |
    /// | 403 | the token is wrong, or the page is not for this host; the text says which |
    pub fn routes<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let (path, states) = (self.path.clone(), Arc::new(StateSource::new(self.client)));
        let shared = Arc::new(Shared { access: self.access, states, path: self.path });
        let part = |part: Part| {
            let shared = Arc::clone(&shared);
            get(move |request: Request| {
                let shared = Arc::clone(&shared);
                async move { shared.answer(part, request.into_parts().0).await }
            })
        };
        let routes = Router::new()
            .route(&format!("{path}/"), part(Part::Page))
            .route(&format!("{path}/state"), part(Part::State))
            .route(&format!("{path}/entries"), part(Part::Entries))
            .route(&format!("{path}/updates"), part(Part::Updates));
        if path.is_empty() { routes } else { routes.route(&path, part(Part::Folder)) }
    }
}

/// A route of the inspector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The path without its last slash, on which the addresses in the page are not relative to it.
    Folder,
    Page,
    State,
    Entries,
    Updates,
}

impl<A: App> Shared<A> {
    async fn answer(&self, part: Part, request: Parts) -> Response {
        let mut response = match self.access.admit(&request) {
            Ok(_) if part == Part::Folder => self.to_page(&request),
            Ok(Admission::Enters(cookie)) => {
                let location = HeaderValue::from_static("./");
                (StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::SET_COOKIE, cookie)])
                    .into_response()
            }
            Ok(Admission::Admitted) => match part {
                Part::Folder => self.to_page(&request),
                Part::Page => page::page(),
                Part::State => json(self.states.newest()),
                Part::Entries => entries::answer(self.states.client(), &request).await,
                Part::Updates => updates::answer(&self.states),
            },
            Err(refusal) => refusal.into_response(),
        };
        page::protect(response.headers_mut());
        response
    }

    /// The redirect from the path without a slash, relative, since a proxy may serve it under another path.
    fn to_page(&self, request: &Parts) -> Response {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        let location = match request.uri.query() {
            Some(query) => format!("{name}/?{query}"),
            None => format!("{name}/"),
        };
        (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
    }
}

fn json(body: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

impl<A: App> Debug for Inspector<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the token.
        f.debug_struct("Inspector").field("path", &self.path).finish_non_exhaustive()
    }
}
