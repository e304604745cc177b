//! The time from a request to the first byte of its page, by a connection that is kept alive. Client and server share
//! one thread, so the times do not depend on how fast threads wake each other.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Instant;

use axum::body::Body;
use cache_client::Client;
use http_body_util::BodyExt;
use hyper::client::conn::http1::SendRequest;

use super::loopback::{connect, runtime};
use super::{HITS_PER_REQUEST, News, news, request, routes};
use crate::options::Options;
use crate::report::Report;
use crate::row::{Figure, Row, Unit};

/// Name and path of each page; the first is ours.
const PAGES: [(&str, &str, usize); 3] =
    [("ours", "/announcing", 1), ("ours-loading", "/loading", 1), ("ours-stateless", "/alone", 0)];

pub fn run(options: &Options, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let workload = "web-first-byte/announced";
    if !options.wants(workload) {
        return Ok(());
    }
    let requests = options.effort.operations / HITS_PER_REQUEST;
    let times = runtime()?.block_on(measure(requests))?;
    let [ours, theirs @ ..] = times.each_ref().map(|times| Figure::of(times));
    for ((name, ..), theirs) in PAGES.into_iter().skip(1).zip(theirs) {
        report.add(&Row::new(workload, name, 1, ours, theirs, Unit::Nanos));
    }
    Ok(())
}

/// Requests the pages in turns. Returns nanoseconds.
async fn measure(requests: usize) -> Result<[Vec<f64>; PAGES.len()], Box<dyn Error>> {
    let client = news();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address: SocketAddr = listener.local_addr()?;
    let serving = tokio::spawn(axum::serve(listener, routes(&client)).into_future());
    let mut connection = connect(address).await?;
    let mut times = PAGES.map(|_| Vec::with_capacity(requests));
    // The first tenth warms up.
    for turn in 0..requests + requests / 10 {
        for ((_, path, loads), times) in PAGES.iter().zip(&mut times) {
            let nanos = first_byte(&mut connection, path, &client, *loads).await?;
            if turn >= requests / 10 {
                times.push(nanos);
            }
        }
    }
    serving.abort();
    Ok(times)
}

async fn first_byte(
    connection: &mut SendRequest<Body>,
    path: &'static str,
    client: &Client<News>,
    loads: usize,
) -> Result<f64, Box<dyn Error>> {
    connection.ready().await?;
    let start = Instant::now();
    let mut body = connection.send_request(request(path)).await?.into_body();
    body.frame().await.ok_or("the page is empty")??;
    let nanos = start.elapsed().as_nanos() as f64;
    client.app().permits.add_permits(loads);
    body.collect().await?;
    Ok(nanos)
}
