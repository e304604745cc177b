//! What the program knows, and what it needs next. Plain data: no terminal, no connection, no clock.

use tokio::time::Instant;

use cache_client::BreakerState;

use crate::arguments::Options;
use crate::input::Command;
use crate::model::{Comments, FeedPage, Stats, Story};
use crate::queries::{GetArticle, GetComments, GetFeed};
use crate::seen::Seen;

/// What the program knows and needs.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// The settings of the command line.
    pub options: Options,
    /// How much there is.
    pub stats: Seen<Stats>,
    /// The page of the list.
    pub feed: Seen<FeedPage>,
    /// The selected article.
    pub article: Seen<Option<Story>>,
    /// The comments on it.
    pub comments: Seen<Option<Comments>>,
    /// The state of the circuit breaker that all of them share.
    pub breaker: Breaker,
    /// Whether nothing is requested.
    pub is_paused: bool,
    /// Where the visited pages begin: the last is shown. Empty on the first page.
    pages: Vec<String>,
    /// Number of the selected article.
    chosen: Option<u64>,
}

/// The state of a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Breaker {
    /// Lets all loads through.
    #[default]
    Closed,
    /// Lets none through.
    Open {
        /// When it lets the next one through.
        until: Instant,
    },
    /// Has let one load through, whose result decides.
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
            stats: Seen::default(),
            feed: Seen::default(),
            article: Seen::default(),
            comments: Seen::default(),
            breaker: Breaker::default(),
            is_paused: false,
            pages: Vec::new(),
            chosen: None,
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
        self.chosen.map(|id| GetArticle { id })
    }

    /// The comments to show.
    #[must_use]
    pub fn comments_query(&self) -> Option<GetComments> {
        self.chosen.map(|article| GetComments { article })
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
        articles.iter().position(|article| Some(article.id) == self.chosen)
    }

    /// Does what the user wants, as far as it is done here.
    pub fn obey(&mut self, command: Command) {
        match command {
            Command::Pause => self.is_paused = !self.is_paused,
            Command::Choose(steps) => self.choose(steps),
            Command::Older => self.turn_over(),
            Command::Newer => drop(self.pages.pop()),
            Command::Quit | Command::Refresh => {}
        }
    }

    /// Call this when the list changes. The selected article stays selected if it is in the list; otherwise the first
    /// one is.
    pub fn keep_to_the_list(&mut self) {
        if self.place().is_some() {
            return;
        }
        let page = self.feed.value.as_ref();
        self.chosen = page.and_then(|page| page.articles.first()).map(|article| article.id);
        if self.chosen.is_none() {
            self.article.forget();
            self.comments.forget();
        }
    }

    fn choose(&mut self, steps: isize) {
        let (Some(page), Some(place)) = (&self.feed.value, self.place()) else { return };
        let place = place.saturating_add_signed(steps).min(page.articles.len() - 1);
        self.chosen = Some(page.articles[place].id);
    }

    fn turn_over(&mut self) {
        let next = self.feed.value.as_ref().and_then(|page| page.next.clone());
        // It was requested already, while the page before is still shown.
        if let Some(next) = next.filter(|next| self.pages.last() != Some(next)) {
            self.pages.push(next);
        }
    }
}

#[cfg(test)]
mod tests;
