//! Reads recorded documents of JSON:API, without a server: prints the records that they share, and what remains of them
//! when one document after another is dropped.

mod queries;
mod recordings;

use std::alloc::System;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use cache_client::Client;
use cache_core::Cache;
use cache_documents::{ClientDocuments, DocumentsBuilder};
use peakmem_alloc::{INSTRUMENTED_SYSTEM, PeakMemAlloc, PeakMemAllocTrait};

use queries::{GetArticle, GetFeed, GetPerson, PersonId};
use recordings::Recordings;

cache_core::include_registry!();

#[global_allocator]
static ALLOCATOR: &PeakMemAlloc<System> = &INSTRUMENTED_SYSTEM;

const HELP: &str = "\
Reads recorded documents, and shows the records that they share.

Usage: articles [FOLDER]

FOLDER must hold article-1.json, feed.json and person-9.json. Without it, the program reads its own recordings.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprint!(": {cause}");
                source = cause.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

/// Returns the folder to read; `None` if only help was asked for.
fn folder() -> Result<Option<PathBuf>, lexopt::Error> {
    let mut folder = None;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            lexopt::Arg::Long("help") | lexopt::Arg::Short('h') => return Ok(None),
            lexopt::Arg::Value(value) if folder.is_none() => folder = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(folder.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/documents")))))
}

async fn run() -> Result<(), Box<dyn Error>> {
    let Some(folder) = folder()? else {
        println!("{HELP}");
        return Ok(());
    };
    let client = Client::builder(Cache::new(), Recordings(folder)).documents().build();
    let bytes = ["article-1", "feed", "person-9"].map(|name| client.app().size(name));
    let json = bytes.into_iter().sum::<Result<u64, _>>()?;

    ALLOCATOR.reset_peak_memory();
    client.query(&GetArticle { id: 1 }).await?;
    print_author(&client, "After the article");
    client.query(&GetFeed).await?;
    print_author(&client, "After the feed");
    client.query(&GetPerson { id: 9 }).await?;
    print_author(&client, "After the person");
    let kept = allocated();

    println!("\nRecords and the documents that show them\n{}", client.documents().inspect());
    println!("{json} bytes of JSON, {kept} bytes kept, with the tables of the cache\n");

    println!("{:<24}records", "documents dropped");
    print_remaining(&client, "none");
    client.cache().remove(&GetPerson { id: 9 });
    print_remaining(&client, "the person");
    client.cache().remove(&GetArticle { id: 1 });
    print_remaining(&client, "and the article");
    client.cache().remove(&GetFeed);
    print_remaining(&client, "and the feed");
    Ok(())
}

/// Prints how the article shows its author, which later documents change.
fn print_author(client: &Client<Recordings>, when: &str) {
    let Some(document) = client.cached(&GetArticle { id: 1 }) else { return };
    let Some(author) = document.get(&PersonId("9".into())) else { return };
    let text = |field: Option<&std::sync::Arc<str>>| field.map_or("unknown", |text| &**text).to_owned();
    println!("{when:<18} the article is by {}, {}", text(author.name.value()), text(author.town.value()));
}

fn print_remaining(client: &Client<Recordings>, dropped: &str) {
    println!("{dropped:<24}{}", client.documents().records());
}

/// Returns how many bytes are allocated beyond those at the last reset of the peak.
fn allocated() -> usize {
    // The allocator tells only the peak. An allocation that is larger than all before, and never used, makes it the
    // present sum.
    const LARGE: usize = 1 << 30;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE)));
    ALLOCATOR.get_peak_memory().saturating_sub(LARGE)
}
