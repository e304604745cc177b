//! The inspector of the cache, and which clients may see it.

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{FORWARDED, HOST, VIA};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::{Next, from_fn_with_state, map_response_with_state};
use axum::response::{IntoResponse, Response};
use cache_client::Client;
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use super::visit::PageProblem;
use crate::app::Newsroom;
use crate::jsonapi::response::Failure;
use crate::problem::Problem;
use crate::settings::{self, Settings};

/// The routes of the inspector, and the link that opens it; `None` if nobody may see it. Its headers are its own.
pub(crate) fn inspector(
    client: &Client<Newsroom>,
    settings: &Settings,
    address: SocketAddr,
) -> Option<(Router, String)> {
    if settings.inspection == settings::Inspection::Off {
        return None;
    }
    let inspector = cache_web::inspector(client).host(&address.ip().to_string());
    let inspector = settings.hosts.iter().fold(inspector, |inspector, host| inspector.host(host));
    let link = inspector.link(&format!("http://{address}"));
    let routes = inspector
        .routes()
        .layer(from_fn_with_state(settings.inspection, gate::<PageProblem>))
        .layer(map_response_with_state(client.app().stopping.clone(), until_stopped));
    Some((routes, link))
}

/// Ends a response when the service stops, since a stream of updates would delay that.
async fn until_stopped(State(stopping): State<CancellationToken>, response: Response) -> Response {
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(stopping.cancelled_owned())))
}

/// Refuses the requests of clients that may not inspect the service.
pub(super) async fn gate<P: From<Problem> + IntoResponse>(
    State(inspection): State<settings::Inspection>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, P> {
    match inspection {
        settings::Inspection::Open => {}
        settings::Inspection::Local if is_local(peer, &request) => {}
        settings::Inspection::Local => {
            let text =
                "Only clients on the machine of the service see this; `--inspection open` shows it to all.";
            return Err(Problem::Forbidden(text.to_owned()).into());
        }
        settings::Inspection::Off => return Err(Problem::nothing_at(request.uri()).into()),
    }
    Ok(next.run(request).await)
}

/// Refuses the edits of clients on other machines, whatever they may see.
pub(super) async fn local(
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Result<Response, Failure> {
    if !is_local(peer, &request) {
        let text = "Only clients on the machine of the service rename authors and delete articles.";
        return Err(Problem::Forbidden(text.to_owned()).into());
    }
    Ok(next.run(request).await)
}

/// Whether a request comes from this machine, without a proxy that says so.
fn is_local(peer: SocketAddr, request: &Request) -> bool {
    peer.ip().to_canonical().is_loopback() && !is_forwarded(request.headers()) && !has_domain(request)
}

/// Whether the request names a domain, or something that is not a host, as its host. A page of a domain that resolves
/// to this machine could read the response.
fn has_domain(request: &Request) -> bool {
    let target = request.uri().authority().map(|host| host.as_str().as_bytes());
    let hosts = target.into_iter().chain(request.headers().get_all(HOST).iter().map(HeaderValue::as_bytes));
    hosts
        .filter(|host| !host.is_empty())
        .any(|host| !Authority::try_from(host).is_ok_and(|host| is_address(&host)))
}

fn is_address(host: &Authority) -> bool {
    let host = host.host().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok()
}

/// Whether a proxy has marked the request as forwarded. Not every proxy does.
fn is_forwarded(headers: &HeaderMap) -> bool {
    [FORWARDED.as_str(), VIA.as_str(), "x-forwarded-for", "x-real-ip"]
        .iter()
        .any(|name| headers.contains_key(*name))
}
