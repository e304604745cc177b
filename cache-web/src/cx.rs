//! The extractor of a request's context.

use std::any::{Any, type_name};
use std::convert::Infallible;
use std::fmt::{self, Debug};
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::OptionalFromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use cache_client::{App, Context};

/// The context of the request, as an extractor. Dereferences to [`Context`].
///
/// Without a [`RequestLayer`](crate::RequestLayer) of the same app the response is [`CxRejection`], with status 500. As
/// `Option<Cx<A>>` it is `None` then.
///
/// # Costs
/// Copies the head of the request, which the guards of a [`Page`](crate::Page) may read.
pub struct Cx<A: App> {
    cx: Context<A>,
    request: Arc<Parts>,
}

/// How the layer hands the context of a request on to the extractor.
#[derive(Clone)]
pub(crate) struct LayeredContext {
    /// A `Context<A>`, without its type.
    cx: Arc<dyn Any + Send + Sync>,
    app: &'static str,
}

impl LayeredContext {
    pub(crate) fn new<A: App>(cx: &Context<A>) -> Self {
        Self { cx: cx.to_any(), app: type_name::<A>() }
    }
}

/// Why a request has no context of the app that a handler extracts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CxRejection {
    /// No layer has given the request a context.
    #[non_exhaustive]
    NoLayer {
        /// The type of the app that was extracted.
        app: &'static str,
    },
    /// The layer next to the handler is that of another app.
    #[non_exhaustive]
    OtherApp {
        /// The type of the app that was extracted.
        app: &'static str,
        /// The type of the app of the layer.
        layered: &'static str,
    },
}

impl fmt::Display for CxRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLayer { app } => write!(
                f,
                "a handler extracts `Cx<{app}>`, and its router has no context for it: \
                 add `.layer(RequestLayer::new(&client))` to the router, after its routes"
            ),
            Self::OtherApp { app, layered } => write!(
                f,
                "a handler extracts `Cx<{app}>`, and the `RequestLayer` of its router is that of `{layered}`: \
                 add a `RequestLayer` of a `Client<{app}>`, or extract `Cx<{layered}>`"
            ),
        }
    }
}

impl std::error::Error for CxRejection {}

impl IntoResponse for CxRejection {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{self}\n")).into_response()
    }
}

impl<A: App> Cx<A> {
    fn of(parts: &Parts) -> Result<Self, CxRejection> {
        let app = type_name::<A>();
        let Some(layered) = parts.extensions.get::<LayeredContext>() else {
            return Err(CxRejection::NoLayer { app });
        };
        match Context::from_any(&layered.cx) {
            Some(cx) => Ok(Self { cx, request: Arc::new(parts.clone()) }),
            None => Err(CxRejection::OtherApp { app, layered: layered.app }),
        }
    }

    /// Returns the context, which may be kept or moved into a stream.
    #[must_use]
    pub fn context(&self) -> &Context<A> {
        &self.cx
    }

    /// The head of the request, as it was when the context was extracted.
    pub(crate) fn request(&self) -> &Arc<Parts> {
        &self.request
    }
}

impl<A: App, S: Sync> FromRequestParts<S> for Cx<A> {
    type Rejection = CxRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, CxRejection> {
        Self::of(parts)
    }
}

impl<A: App, S: Sync> OptionalFromRequestParts<S> for Cx<A> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(Self::of(parts).ok())
    }
}

impl<A: App> Deref for Cx<A> {
    type Target = Context<A>;

    fn deref(&self) -> &Context<A> {
        &self.cx
    }
}

impl<A: App> Clone for Cx<A> {
    fn clone(&self) -> Self {
        Self { cx: self.cx.clone(), request: Arc::clone(&self.request) }
    }
}

impl<A: App> Debug for Cx<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cx").field(&self.cx).finish()
    }
}
