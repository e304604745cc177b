//! Two hundred readers at the same time, some of whom comment: is any request lost, any page inconsistent, anything
//! loaded twice?
//!
//! ```sh
//! cargo run --release -p newsroom --bin load -- --connections 200 --seconds 30
//! ```

mod arguments;
mod checks;
mod reader;
mod summary;

use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arguments::Options;
use checks::Acknowledged;
use newsroom::app::{self, with_causes};
use newsroom::database::Size;
use newsroom::service::Service;
use newsroom::settings::Settings;
use newsroom::visitor::{Failure, Visitor};
use reader::Reader;
use summary::Summary;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> ExitCode {
    let options = match arguments::parse(env::args_os().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", arguments::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("error: {error}; see `load --help`");
            return ExitCode::from(2);
        }
    };
    match run(&options).await {
        Ok(summary) => {
            print!("{summary}");
            if summary.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options) -> Result<Summary, Box<dyn Error>> {
    let own = match options.address {
        Some(_) => None,
        None => Some(start(Path::new("target/newsroom-load"), options).await?),
    };
    // One of them is set.
    let address = options.address.or(own.as_ref().map(Service::address)).ok_or("no service is running")?;
    println!("{} connections to {address} for {} s ...", options.connections, options.seconds);
    let summary = visit(address, options, own.is_some()).await.map_err(|error| error as Box<dyn Error>)?;
    if let Some(service) = own {
        service.stop().await;
    }
    Ok(summary)
}

/// A service with a new database, on any port.
async fn start(folder: &Path, options: &Options) -> Result<Service, Box<dyn Error>> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    let client = app::open(folder, Size::default(), |line| println!("{line}")).await?;
    // One more, for the checks at the end.
    let connections = usize::try_from(options.connections)?.saturating_add(1);
    Ok(Service::start_anywhere(client, &Settings { connections, ..Settings::default() }).await?)
}

/// Reads and comments until the time is up, then checks the final state.
async fn visit(address: SocketAddr, options: &Options, is_alone: bool) -> Result<Summary, Failure> {
    let mut visitor = Visitor::to(address).await?;
    let before = checks::totals(&mut visitor).await?;
    let acknowledged = Arc::new(Acknowledged::default());
    let began = Instant::now();
    let end = began + Duration::from_secs(options.seconds);
    let mut readers = JoinSet::new();
    for number in 0..options.connections {
        let reader = Reader::new(number, before.articles, options.posts, Arc::clone(&acknowledged));
        readers.spawn(reader.read(address, end));
    }
    let mut summary = Summary::default();
    while let Some(tally) = readers.join_next().await {
        summary.add(tally?);
    }
    summary.took = began.elapsed();
    summary.finish(checks::check_final_state(&mut visitor, &before, &acknowledged, is_alone).await?);
    Ok(summary)
}
