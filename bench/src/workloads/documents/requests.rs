//! Requests with the policy of HTTP: stored responses compared with hits of queries, and responses 304 compared with
//! loads that find their value unchanged.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use cache_client::{App, Client, Context, Fetch, Fetched};
use cache_core::{Cache, Query};
use cache_documents::http::{ClientRequests, LoadRequests, Request, ResponseHead, Transport};
use http::{HeaderValue, StatusCode, header};
use tokio::runtime::Runtime;

use super::{Failure, runtime};
use crate::keys::Keys;
use crate::measure::{Contestant, race};
use crate::options::Options;
use crate::report::Report;
use crate::workloads::report_times;

pub const PAGES: u32 = 500;
/// Loads are slower than hits.
const LOADS_PER_KEY: usize = 20;

/// A page, with the head of its response.
pub struct Page {
    head: Arc<ResponseHead>,
}

/// A page whose load asks the server whether it has changed.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Page, capacity = 2_000, fresh = "1h")]
struct GetPage(u32);

/// A value whose load finds it unchanged, without a request.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u64; 8], capacity = 2_000, fresh = "1h")]
struct GetUnchanged(u32);

/// A value whose load sends the request of [`GetPage`] without a condition, and takes the answer without the policy.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Bytes, capacity = 2_000, fresh = "1h")]
struct GetAnew(u32);

/// A value whose load sends the request of [`GetPage`], and finds it unchanged without the policy.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = [u64; 8], capacity = 2_000, fresh = "1h")]
struct GetConfirmed(u32);

cache_core::registry! {
    pub struct SiteRegistry {
        cache_documents::http::GetResponse,
        GetPage,
        GetUnchanged,
        GetAnew,
        GetConfirmed,
    }
}

/// Its server says that a response under `/fixed` is fresh for an hour, and others must be asked for again.
struct Site;

impl App for Site {
    type Registry = SiteRegistry;
}

impl Transport for Site {
    type Error = http::Error;

    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, http::Error> {
        let control = match request.uri().path().starts_with("/fixed/") {
            true => "max-age=3600",
            false => "no-cache",
        };
        let is_known = request.headers().contains_key(header::IF_NONE_MATCH);
        let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        let response = http::Response::builder().status(status);
        let response = response.header(header::CACHE_CONTROL, control).header(header::ETAG, "\"1\"");
        response.body(Bytes::from_static(b"Hello"))
    }
}

impl Fetch<Site> for GetPage {
    type Error = http::Error;

    async fn fetch(&self, cx: &Context<Site>) -> Result<Page, http::Error> {
        Ok(Page { head: Arc::clone(cx.send(get("fixed", self.0)).await?.head()) })
    }

    async fn fetch_again(
        &self,
        cx: &Context<Site>,
        present: &Arc<Page>,
    ) -> Result<Fetched<Page>, http::Error> {
        let loaded = cx.send_again(get("fixed", self.0), Some(&present.head)).await?;
        Ok(match loaded {
            Fetched::New(response) => Fetched::New(Page { head: Arc::clone(response.head()) }),
            _ => Fetched::Unchanged,
        })
    }
}

impl Fetch<Site> for GetUnchanged {
    type Error = Infallible;

    async fn fetch(&self, _: &Context<Site>) -> Result<[u64; 8], Infallible> {
        Ok([self.0.into(); 8])
    }

    async fn fetch_again(
        &self,
        _: &Context<Site>,
        _: &Arc<[u64; 8]>,
    ) -> Result<Fetched<[u64; 8]>, Infallible> {
        Ok(Fetched::Unchanged)
    }
}

impl Fetch<Site> for GetAnew {
    type Error = http::Error;

    async fn fetch(&self, cx: &Context<Site>) -> Result<Bytes, http::Error> {
        Ok(Transport::send(cx.app(), get("fixed", self.0)).await?.into_body())
    }
}

impl Fetch<Site> for GetConfirmed {
    type Error = http::Error;

    async fn fetch(&self, _: &Context<Site>) -> Result<[u64; 8], http::Error> {
        Ok([self.0.into(); 8])
    }

    async fn fetch_again(
        &self,
        cx: &Context<Site>,
        _: &Arc<[u64; 8]>,
    ) -> Result<Fetched<[u64; 8]>, http::Error> {
        let mut request = get("fixed", self.0);
        request.headers_mut().insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"1\""));
        let response = Transport::send(cx.app(), request).await?;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        Ok(Fetched::Unchanged)
    }
}

fn get(kind: &str, page: u32) -> http::Request<Bytes> {
    let mut request = http::Request::new(Bytes::new());
    *request.uri_mut() = format!("https://example.com/{kind}/{page}").parse().expect("this is a URL");
    request
}

pub fn run(options: &Options, report: &mut Report) -> Result<(), Failure> {
    let keys = || Keys::uniform(PAGES, options.effort.sequence());
    let workload = "documents-requests/hits";
    if options.wants(workload) {
        let contestants = [sending("ours", "fixed")?, querying("ours-client")?];
        let samples = race(&contestants, &keys(), 1, options.effort);
        report_times(report, workload, 1, &contestants, &samples);
    }
    let workload = "documents-requests/hits-ref";
    if options.wants(workload) {
        let contestants = [sending_ref("ours")?, querying("ours-client")?];
        let samples = race(&contestants, &keys(), 1, options.effort);
        report_times(report, workload, 1, &contestants, &samples);
    }
    let workload = "documents-requests/hits-built";
    if options.wants(workload) {
        let contestants = [building("ours")?, building_and_querying("ours-client")?];
        let samples = race(&contestants, &keys(), 1, options.effort);
        report_times(report, workload, 1, &contestants, &samples);
    }
    let workload = "documents-requests/304";
    if options.wants(workload) {
        let mut effort = options.effort;
        effort.operations /= LOADS_PER_KEY;
        let contestants = confirmations_line_up()?;
        let samples = race(&contestants, &keys(), 1, effort);
        report_times(report, workload, 1, &contestants, &samples);
    }
    Ok(())
}

/// Stored responses, and hits of a query.
pub(super) fn hits_line_up() -> Result<[Contestant; 3], Failure> {
    Ok([sending("ours", "fixed")?, querying("ours-client")?, sending_ref("ours-ref")?])
}

/// Loads that a response 304 confirms, and others that find their value unchanged.
pub(super) fn confirmations_line_up() -> Result<[Contestant; 5], Failure> {
    Ok([
        asking_again("ours", GetPage)?,
        asking_again("ours-unchanged", GetUnchanged)?,
        asking_again("ours-exchange", GetConfirmed)?,
        asking_again("ours-anew", GetAnew)?,
        sending("ours-send", "asked")?,
    ])
}

fn client() -> (Client<Site>, Runtime) {
    (Client::builder(Cache::new(), Site).build(), runtime())
}

/// A client, and requests whose responses it has.
fn prepared(kind: &'static str) -> Result<(Client<Site>, Runtime, Vec<Request>), Failure> {
    let (client, runtime) = client();
    let requests: Vec<_> = (0..PAGES).map(|page| Request::from(get(kind, page))).collect();
    for request in &requests {
        runtime.block_on(client.send_ref(request))?;
    }
    Ok((client, runtime, requests))
}

/// Sends clones of requests that are made beforehand.
fn sending(name: &'static str, kind: &'static str) -> Result<Contestant, Failure> {
    let (client, runtime, requests) = prepared(kind)?;
    Ok(Contestant::new(name, move |keys| {
        runtime.block_on(async {
            let mut stored = 0;
            for &key in keys {
                let answer = client.send(requests[key as usize].clone()).await;
                stored += usize::from(black_box(answer).is_ok_and(|answer| answer.is_stored));
            }
            stored
        })
    }))
}

/// Sends requests that are made beforehand.
fn sending_ref(name: &'static str) -> Result<Contestant, Failure> {
    let (client, runtime, requests) = prepared("fixed")?;
    Ok(Contestant::new(name, move |keys| {
        runtime.block_on(async {
            let mut stored = 0;
            for &key in keys {
                let answer = client.send_ref(&requests[key as usize]).await;
                stored += usize::from(black_box(answer).is_ok_and(|answer| answer.is_stored));
            }
            stored
        })
    }))
}

/// Sends requests that are made for each call.
fn building(name: &'static str) -> Result<Contestant, Failure> {
    let (client, runtime) = client();
    for page in 0..PAGES {
        runtime.block_on(client.send(get("fixed", page)))?;
    }
    Ok(Contestant::new(name, move |keys| {
        runtime.block_on(async {
            let mut stored = 0;
            for &key in keys {
                let answer = client.send(get("fixed", key)).await;
                stored += usize::from(black_box(answer).is_ok_and(|answer| answer.is_stored));
            }
            stored
        })
    }))
}

/// Makes a request for each call, and asks for a value instead of sending it.
fn building_and_querying(name: &'static str) -> Result<Contestant, Failure> {
    let (client, runtime) = client();
    for page in 0..PAGES {
        runtime.block_on(client.query(&GetUnchanged(page)))?;
    }
    Ok(Contestant::new(name, move |keys| {
        runtime.block_on(async {
            let mut hits = 0;
            for &key in keys {
                black_box(get("fixed", key));
                hits += usize::from(black_box(client.query(&GetUnchanged(key)).await).is_ok());
            }
            hits
        })
    }))
}

fn querying(name: &'static str) -> Result<Contestant, Failure> {
    let (client, runtime) = client();
    for page in 0..PAGES {
        runtime.block_on(client.query(&GetUnchanged(page)))?;
    }
    Ok(Contestant::new(name, move |keys| {
        runtime.block_on(async {
            let mut hits = 0;
            for &key in keys {
                hits += usize::from(black_box(client.query(&GetUnchanged(key)).await).is_ok());
            }
            hits
        })
    }))
}

/// Invalidates answers, and loads them again.
fn asking_again<Q: Fetch<Site>>(name: &'static str, query: fn(u32) -> Q) -> Result<Contestant, Failure>
where
    SiteRegistry: cache_core::Holds<Q>,
{
    let (client, runtime) = client();
    for page in 0..PAGES {
        runtime.block_on(client.query(&query(page))).map_err(|error| error.to_string())?;
    }
    Ok(Contestant::new(name, move |keys| {
        runtime.block_on(async {
            let mut answers = 0;
            for &key in keys {
                let query = query(key);
                client.invalidate(&query);
                answers += usize::from(black_box(client.query(&query).await).is_ok());
            }
            answers
        })
    }))
}
