//! What the program knows, and what it needs next. Plain data: no terminal, no connection, no clock.

use tokio::time::Instant;

use cache_client::BreakerState;

use crate::arguments::Options;
use crate::input::Command;
use crate::model::{Comments, FeedPage, Stats, Story};
use crate::observed::Observed;
use crate::queries::{GetArticle, GetComments, GetFeed};

/// What the program knows and needs.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// The settings of the command line.
    pub options: Options,
    /// Numbers of articles, authors and comments.
    pub stats: Observed<Stats>,
    /// The page of the list.
    pub feed: Observed<FeedPage>,
    /// The selected article.
    pub article: Observed<Option<Story>>,
    /// The comments on it.
    pub comments: Observed<Option<Comments>>,
    /// The state of the circuit breaker that all of them share.
    pub breaker: Breaker,
    /// Whether nothing is requested.
    pub is_paused: bool,
    /// The starts of the visited pages after the first; the last of them is shown.
    pages: Vec<String>,
    /// Number of the selected article.
    selected: Option<u64>,
}

/// The state of a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Breaker {
    /// Allows all loads.
    #[default]
    Closed,
    /// Rejects all loads.
    Open {
        /// When it allows the next load.
        until: Instant,
    },
    /// Has allowed one load, whose result closes or opens it.
    Trying,
}

impl From<BreakerState> for Breaker {
    fn from(state: BreakerState) -> Self {
        match state {
            BreakerState::Open { until, .. } => Self::Open { until },
            BreakerState::HalfOpen => Self::Trying,
            _ => Self::Closed,
        }
    }
}

impl Dashboard {
    /// A dashboard that knows nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            stats: Observed::default(),
            feed: Observed::default(),
            article: Observed::default(),
            comments: Observed::default(),
            breaker: Breaker::default(),
            is_paused: false,
            pages: Vec::new(),
            selected: None,
        }
    }

    /// The page of the list to show.
    #[must_use]
    pub fn feed_query(&self) -> GetFeed {
        GetFeed { before: self.pages.last().cloned() }
    }

    /// The article to show.
    #[must_use]
    pub fn article_query(&self) -> Option<GetArticle> {
        self.selected.map(|id| GetArticle { id })
    }

    /// The comments to show.
    #[must_use]
    pub fn comments_query(&self) -> Option<GetComments> {
        self.selected.map(|article| GetComments { article })
    }

    /// Number of the page to show; the first is 1.
    #[must_use]
    pub fn page(&self) -> usize {
        self.pages.len() + 1
    }

    /// Position of the selected article in the list.
    #[must_use]
    pub fn place(&self) -> Option<usize> {
        let articles = &self.feed.value.as_ref()?.articles;
        articles.iter().position(|article| Some(article.id) == self.selected)
    }

    /// Applies a command of the user, as far as it concerns this state.
    pub fn apply(&mut self, command: Command) {
        match command {
            Command::Pause => self.is_paused = !self.is_paused,
            Command::Select(steps) => self.select(steps),
            Command::Older => self.next_page(),
            Command::Newer => drop(self.pages.pop()),
            Command::Quit | Command::Refresh => {}
        }
    }

    /// Call this when the list changes. The selected article stays selected if it is in the list; otherwise the first
    /// one is.
    pub fn update_selection(&mut self) {
        if self.place().is_some() {
            return;
        }
        let page = self.feed.value.as_ref();
        self.selected = page.and_then(|page| page.articles.first()).map(|article| article.id);
        if self.selected.is_none() {
            self.article.forget();
            self.comments.forget();
        }
    }

    fn select(&mut self, steps: isize) {
        let (Some(page), Some(place)) = (&self.feed.value, self.place()) else { return };
        let place = place.saturating_add_signed(steps).min(page.articles.len() - 1);
        self.selected = Some(page.articles[place].id);
    }

    fn next_page(&mut self) {
        let next = self.feed.value.as_ref().and_then(|page| page.next.clone());
        // It was requested already, while the page before is still shown.
        if let Some(next) = next.filter(|next| self.pages.last() != Some(next)) {
            self.pages.push(next);
        }
    }
}

#[cfg(test)]
mod tests;
