//! What the user reads: the list, the selected article and its author, each as its observer shows it. No terminal.

use std::fmt::{self, Display};
use std::sync::Arc;

use cache_client::{Client, Fetch, Infinite, InfiniteObserver, InfiniteState, Observer, QueryError, State};
use cache_core::Holds;
use cache_documents::Document;
use dashboard::newsroom::in_short;
use dashboard::plain;

use crate::CacheRegistry;
use crate::queries::{GetArticle, GetAuthor, GetPage};
use crate::records::{Article, ArticleId, Author, AuthorId};
use crate::server::{Reader, ServerError};

/// The most pages of the list that are kept. Further ones are loaded again when the user returns to them.
const MOST_PAGES: usize = 5;

/// How close to an end of the list the user comes before the next page is loaded.
const CLOSE: usize = 5;

/// What is known of a pane.
#[derive(Debug)]
pub struct Pane<V> {
    /// What it shows.
    pub value: Option<Arc<V>>,
    /// How good that is.
    pub mark: Mark,
    /// Why there is nothing newer.
    pub problem: Option<Problem>,
}

/// How good the content of a pane is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mark {
    /// It is loaded for the first time.
    #[default]
    Loading,
    /// It is as the server has it, as far as the server says how long that holds.
    Fresh,
    /// It has a change that the server has not confirmed yet.
    Changing,
    /// It is older than that.
    Stale,
    /// There is nothing, since the load failed.
    Failed,
}

/// Why there is no newer content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The message.
    pub text: String,
    /// Whether the server says that there is no such thing.
    pub is_absent: bool,
}

/// The panes.
pub struct Reading {
    client: Client<Reader>,
    feed: InfiniteObserver<Reader, GetPage>,
    article: Observer<Reader, GetArticle>,
    author: Observer<Reader, GetAuthor>,
    others: Observer<Reader, GetPage>,
    pages: Vec<Arc<Document<[Article]>>>,
    /// How good the list is.
    pub list_mark: Mark,
    /// Why there is no newer list.
    pub list_problem: Option<Problem>,
    /// The selected article.
    pub selected: Pane<Document<Article>>,
    /// Its author.
    pub by: Pane<Document<Author>>,
    /// The newest articles of the author.
    pub other_articles: Pane<Document<[Article]>>,
    /// The position of the selected article in the list, and its key.
    place: usize,
    key: Option<ArticleId>,
}

/// An article of the list.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its key.
    pub key: ArticleId,
    /// The record.
    pub article: Arc<Article>,
    /// Its author.
    pub author: Option<Arc<Author>>,
}

impl Reading {
    /// Begins with the newest articles.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn new(client: Client<Reader>) -> Self {
        let page = |link: Option<&str>| link.map(|path| GetPage { path: path.to_owned() });
        let feed: Infinite<Reader, GetPage> =
            client.infinite(GetPage::first(), move |document| page(document.next()));
        let feed = feed.with_previous(move |document| page(document.prev())).max_pages(MOST_PAGES).observe();
        Self {
            feed,
            article: client.observer(),
            author: client.observer(),
            others: client.observer(),
            client,
            pages: Vec::new(),
            list_mark: Mark::Loading,
            list_problem: None,
            selected: Pane::default(),
            by: Pane::default(),
            other_articles: Pane::default(),
            place: 0,
            key: None,
        }
    }

    /// The client that loads everything.
    #[must_use]
    pub fn client(&self) -> &Client<Reader> {
        &self.client
    }

    /// The articles of the list.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        for page in &self.pages {
            for (key, article) in page.keys().zip(page.data()) {
                // While pages are loaded again, an article may be on two of them.
                if items.iter().all(|other| other.key != key) {
                    let author = page.one(&article.author).cloned();
                    items.push(Item { key, article: Arc::clone(article), author });
                }
            }
        }
        items
    }

    /// The position of the selected article in the list.
    #[must_use]
    pub fn place(&self) -> usize {
        self.place
    }

    /// The key of the selected article.
    #[must_use]
    pub fn key(&self) -> Option<&ArticleId> {
        self.key.as_ref()
    }

    /// The key of its author.
    #[must_use]
    pub fn author_key(&self) -> Option<AuthorId> {
        Some(AuthorId(self.author.query()?.id.as_str().into()))
    }

    /// Selects the article that is this many places further down the list.
    pub fn select(&mut self, steps: isize) {
        let items = self.items();
        let last = items.len().saturating_sub(1);
        self.place = self.place.saturating_add_signed(steps).min(last);
        self.key = items.get(self.place).map(|item| item.key.clone());
        self.follow();
    }

    /// Waits until something changes, and records it.
    pub async fn next_update(&mut self) {
        let Self { feed, article, author, others, .. } = self;
        tokio::select! {
            Some(state) = feed.next() => self.record_list(state),
            Some(state) = article.next() => self.selected = Pane::of(state),
            Some(state) = author.next() => self.by = Pane::of(state),
            Some(state) = others.next() => self.other_articles = Pane::of(state),
            // The streams end only when the runtime shuts down, which drops this future too.
            else => std::future::pending().await,
        }
        self.follow();
    }

    fn record_list(&mut self, state: InfiniteState<Document<[Article]>, ServerError>) {
        self.list_mark = match () {
            () if state.is_optimistic => Mark::Changing,
            () if state.error.is_some() && state.pages.is_empty() => Mark::Failed,
            () if state.error.is_some() || state.is_stale && !state.is_refreshing => Mark::Stale,
            () if state.pages.is_empty() => Mark::Loading,
            () => Mark::Fresh,
        };
        self.list_problem = state.error.as_ref().map(Problem::of);
        self.pages = state.pages;
        let items = self.items();
        match items.iter().position(|item| Some(&item.key) == self.key.as_ref()) {
            Some(place) => self.place = place,
            // The selected article has left the list: its neighbour is selected.
            None => self.select(0),
        }
    }

    /// Observes what the selection needs, and loads the next page at the end of the list.
    fn follow(&mut self) {
        let items = self.items();
        let item = items.get(self.place);
        observe(
            &mut self.article,
            &mut self.selected,
            self.key.as_ref().map(|key| GetArticle { id: key.0.to_string() }),
        );
        let author = item.and_then(|item| item.article.author.key());
        observe(&mut self.author, &mut self.by, author.map(|key| GetAuthor { id: key.0.to_string() }));
        let record = item.and_then(|item| item.author.as_ref());
        let others = record.and_then(|author| author.articles.related());
        observe(
            &mut self.others,
            &mut self.other_articles,
            others.map(|path| GetPage { path: path.to_owned() }),
        );
        if self.place + CLOSE >= items.len() && !items.is_empty() {
            self.feed.fetch_next();
        } else if self.place < CLOSE {
            self.feed.fetch_previous();
        }
    }
}

/// Points an observer at a query, or at none, and shows what is known of it, unless it is there already.
fn observe<Q: Fetch<Reader, Error = ServerError>>(
    observer: &mut Observer<Reader, Q>,
    pane: &mut Pane<Q::Value>,
    query: Option<Q>,
) where
    CacheRegistry: Holds<Q>,
{
    if observer.query() != query.as_ref() {
        observer.set_query(query.as_ref());
        *pane = Pane::of(observer.state());
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("key", &self.key)
            .field("list", &self.list_mark)
            .finish_non_exhaustive()
    }
}

impl<V> Pane<V> {
    fn of(state: State<V, ServerError>) -> Self {
        let mark = match &state {
            // The value of another query.
            State::Ready { is_previous: true, .. } | State::Pending => return Self::default(),
            State::Ready { is_optimistic: true, .. } => Mark::Changing,
            State::Ready { is_stale: true, is_refreshing: false, .. }
            | State::Failed { last: Some(_), .. } => Mark::Stale,
            State::Failed { .. } => Mark::Failed,
            _ => Mark::Fresh,
        };
        Self { value: state.value().cloned(), mark, problem: state.error().map(Problem::of) }
    }
}

impl<V> Default for Pane<V> {
    fn default() -> Self {
        Self { value: None, mark: Mark::Loading, problem: None }
    }
}

impl Problem {
    fn of(error: &QueryError<ServerError>) -> Self {
        match error {
            QueryError::Failed { source, .. } => Self::new(&in_short(&**source), source.is_absent()),
            error => Self::new(error, false),
        }
    }

    fn new(text: &dyn Display, is_absent: bool) -> Self {
        Self { text: plain::title(&text.to_string()), is_absent }
    }
}
