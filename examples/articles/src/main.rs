//! Reads recorded documents of JSON:API, without a server: prints the records that they share, and what remains of them
//! when one document after another is dropped.

mod queries;
mod recordings;

use std::alloc::System;
use std::error::Error;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

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
    let shown = match run().await {
        Ok(text) => show(&text),
        Err(error) => Err(error),
    };
    match shown {
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

/// Prints the text. A reader that has seen enough is no error.
fn show(text: &str) -> Result<(), Box<dyn Error>> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Returns what the program prints.
async fn run() -> Result<String, Box<dyn Error>> {
    let Some(folder) = folder()? else { return Ok(format!("{HELP}\n")) };
    let mut text = String::new();
    let client = Client::builder(Cache::new(), Recordings(folder)).documents().build();
    let bytes = ["article-1", "feed", "person-9"].map(|name| client.app().size(name));
    let json = bytes.into_iter().sum::<Result<u64, _>>()?;

    ALLOCATOR.reset_peak_memory();
    client.query(&GetArticle { id: 1 }).await?;
    text += &author(&client, "After the article");
    client.query(&GetFeed).await?;
    text += &author(&client, "After the feed");
    client.query(&GetPerson { id: 9 }).await?;
    text += &author(&client, "After the person");
    let kept = allocated();

    text += &format!("\nRecords and the documents that show them\n{}\n", client.documents().inspect());
    text += &format!("{json} bytes of JSON, {kept} bytes kept, with the tables of the cache\n\n");

    text += &format!("{:<24}records\n", "documents dropped");
    text += &remaining(&client, "none");
    client.cache().remove(&GetPerson { id: 9 });
    text += &remaining(&client, "the person");
    client.cache().remove(&GetArticle { id: 1 });
    text += &remaining(&client, "and the article");
    client.cache().remove(&GetFeed);
    text += &remaining(&client, "and the feed");
    Ok(text)
}

/// Returns how the article shows its author, which later documents change.
fn author(client: &Client<Recordings>, when: &str) -> String {
    let document = client.cached(&GetArticle { id: 1 });
    let author = document.as_ref().and_then(|document| document.get(&PersonId("9".into())));
    let Some(author) = author else { return format!("{when:<18} the article shows no author\n") };
    let text = |field: Option<&Arc<str>>| field.map_or("unknown", |text| &**text).to_owned();
    format!("{when:<18} the article is by {}, {}\n", text(author.name.value()), text(author.town.value()))
}

fn remaining(client: &Client<Recordings>, dropped: &str) -> String {
    format!("{dropped:<24}{}\n", client.documents().records())
}

/// Returns how many bytes are allocated beyond those at the last reset of the peak.
fn allocated() -> usize {
    // The allocator tells only the peak. An allocation that is larger than all before, and never used, makes it the
    // present sum.
    const LARGE: usize = 1 << 30;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE)));
    ALLOCATOR.get_peak_memory().saturating_sub(LARGE)
}
