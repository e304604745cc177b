//! Errors of the client around user errors that do not implement `Error`.

use std::error::Error;
use std::io;
use std::sync::Arc;

use anyhow::Context as _;
use cache_client::{
    App, Changes, Client, Context, Fetch, Mutate, MutateError, QueryError, SourceError, WithSource,
};
use cache_core::{Cache, Query, registry};

use crate::scripted::{GetTimeless, paused_client};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = String, capacity = 10, fresh = "10s")]
pub struct GetPage(pub u32);

/// Its load queries the page.
#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = usize, capacity = 10, fresh = "10s")]
pub struct GetLength(pub u32);

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = u8, capacity = 10, fresh = "10s")]
pub struct GetText(pub u32);

registry! {
    pub struct PagesRegistry { crate::errors::GetPage, crate::errors::GetLength, crate::errors::GetText }
}

struct Pages;

impl App for Pages {
    type Registry = PagesRegistry;
}

fn read(_: u32) -> anyhow::Result<String> {
    Err(io::Error::new(io::ErrorKind::ConnectionRefused, "refused")).context("the page is not readable")
}

impl Fetch<Pages> for GetPage {
    type Error = anyhow::Error;

    async fn fetch(&self, _: &Context<Pages>) -> anyhow::Result<String> {
        read(self.0)
    }
}

impl Fetch<Pages> for GetLength {
    type Error = anyhow::Error;

    async fn fetch(&self, cx: &Context<Pages>) -> anyhow::Result<usize> {
        Ok(cx.query(&GetPage(self.0)).await.map_err(QueryError::into_error)?.len())
    }
}

impl Fetch<Pages> for GetText {
    type Error = String;

    async fn fetch(&self, _: &Context<Pages>) -> Result<u8, String> {
        Err(format!("no text {}", self.0))
    }
}

#[derive(Clone)]
struct Publish;

impl Mutate<Pages> for Publish {
    type Output = String;
    type Error = anyhow::Error;

    async fn run(&self, _: &Context<Pages>) -> anyhow::Result<String> {
        read(0)
    }

    fn apply(&self, _: &String, _: &mut Changes<Pages>) {}
}

fn client() -> Client<Pages> {
    Client::builder(Cache::new(), Pages).build()
}

/// The texts of an error and its sources.
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |&error| error.source()).map(|error| error.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_query_becomes_an_anyhow_error_with_all_its_sources() {
    async fn length(client: &Client<Pages>) -> anyhow::Result<usize> {
        Ok(*client.query(&GetLength(7)).await.map_err(QueryError::into_error)?)
    }

    let error = length(&client()).await.unwrap_err();
    let texts: Vec<String> = error.chain().map(|error| error.to_string()).collect();
    assert_eq!(
        texts,
        [
            "the load of `get_length` failed",
            "the load of `get_page` failed",
            "the page is not readable",
            "refused"
        ]
    );
    let io = error.chain().find_map(|error| error.downcast_ref::<io::Error>());
    assert_eq!(io.map(io::Error::kind), Some(io::ErrorKind::ConnectionRefused));
    let WithSource(query) = error.downcast_ref::<WithSource<QueryError<anyhow::Error>>>().unwrap();
    assert!(matches!(query, QueryError::Failed { query: "get_length", .. }));
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_mutation_becomes_an_anyhow_error() {
    async fn publish(client: &Client<Pages>) -> anyhow::Result<String> {
        Ok(client.mutate(&Publish).await.map_err(MutateError::into_error)?)
    }

    let error = publish(&client()).await.unwrap_err();
    let texts: Vec<String> = error.chain().skip(1).map(|error| error.to_string()).collect();
    assert_eq!(texts, ["the page is not readable", "refused"]);
    assert!(error.to_string().starts_with("the mutation `"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_plain_text_error_is_the_source_of_the_query_error() {
    async fn text(client: &Client<Pages>) -> anyhow::Result<u8> {
        Ok(*client.query(&GetText(7)).await.map_err(QueryError::into_display_error)?)
    }

    let error = text(&client()).await.unwrap_err();
    assert_eq!(format!("{error:#}"), "the load of `get_text` failed: no text 7");
    assert!(format!("{error:?}").contains("no text 7"));
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_error_keeps_its_text_and_its_sources() {
    type Boxed = Box<dyn Error + Send + Sync>;
    let boxed = || Arc::new(Boxed::from("a cause"));
    let Err(QueryError::Options(options)) = paused_client().query(&GetTimeless(1)).await else {
        panic!("the request was cancelled")
    };
    let queries: [QueryError<Boxed>; 7] = [
        QueryError::Failed { query: "get", source: boxed() },
        QueryError::Panicked { query: "get", message: "why".into() },
        QueryError::Miscounted { query: "get", keys: 2, answers: 1 },
        QueryError::Interrupted { query: "get" },
        QueryError::Cycle { query: "get" },
        QueryError::CircuitOpen { query: "get", until: tokio::time::Instant::now() },
        QueryError::Options(options),
    ];
    for error in queries {
        let text = error.to_string();
        let source = matches!(error, QueryError::Failed { .. }).then(|| "a cause".to_owned());
        let expected: Vec<String> = std::iter::once(text).chain(source).collect();
        assert_eq!(chain(&error.clone().into_error()), expected);
        assert_eq!(chain(&error.into_display_error()), expected);
    }

    let failed = || MutateError::Failed { mutation: "Set", source: Boxed::from("a cause") };
    assert_eq!(chain(&failed().into_error()), ["the mutation `Set` failed", "a cause"]);
    assert_eq!(chain(&failed().into_display_error()), ["the mutation `Set` failed", "a cause"]);

    let broken = SourceError::Failed { name: "Ticks", source: boxed() };
    assert_eq!(chain(&broken.clone().into_error()), ["the source `Ticks` failed", "a cause"]);
    assert_eq!(chain(&broken.into_display_error()), ["the source `Ticks` failed", "a cause"]);
}
