//! The loop: applies states of observers, keys and ticks to the dashboard, and draws pictures of it.

use std::time::Duration;

use cache_client::{BreakerOptions, Client, Fetch, Observer, TokioClock};
use cache_core::{Cache, Holds, OpenError};
use crossterm::event::EventStream;
use futures_util::StreamExt;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::arguments::Options;
use crate::dashboard::{Breaker, Dashboard};
use crate::input::{self, Command};
use crate::newsroom::{Newsroom, NewsroomError};
use crate::observed::Observed;
use crate::picture::Picture;
use crate::queries::{BREAKER, GetArticle, GetComments, GetFeed, GetStats};
use crate::terminal::Screen;
use crate::{CacheRegistry, view};

/// How often a picture is drawn when nothing happens, so that ages advance.
const TICK: Duration = Duration::from_millis(250);

/// The shortest time between two pictures, so that drawing does not delay the reading of keys.
const FRAME: Duration = Duration::from_millis(33);

/// A client that loads as often as the command line says.
///
/// # Errors
/// If the cache cannot be made.
pub fn client(options: &Options) -> Result<Client<Newsroom>, OpenError> {
    let cache = Cache::<CacheRegistry>::builder().clock(TokioClock::new()).build()?;
    let Options { address, every, retry_after } = options.clone();
    Ok(Client::builder(cache, Newsroom::new(address))
        // An answer stays fresh if one poll is missed.
        .defaults(|defaults| defaults.poll(every).fresh(every * 2))
        .breaker(BREAKER, BreakerOptions::new().open_for(retry_after))
        .build())
}

/// What is observed.
struct Observers {
    stats: Observer<Newsroom, GetStats>,
    feed: Observer<Newsroom, GetFeed>,
    article: Observer<Newsroom, GetArticle>,
    comments: Observer<Newsroom, GetComments>,
}

impl Observers {
    fn new(client: &Client<Newsroom>) -> Self {
        Self {
            stats: client.observe(&GetStats),
            feed: client.observer(),
            article: client.observer(),
            comments: client.observer(),
        }
    }

    /// Observes what the dashboard needs. Costs nothing if that is observed already.
    fn follow(&mut self, dashboard: &Dashboard) {
        observe(&mut self.feed, Some(dashboard.feed_query()));
        observe(&mut self.article, dashboard.article_query());
        observe(&mut self.comments, dashboard.comments_query());
    }

    /// Waits until one of them changes, and records the change.
    async fn next_update(&mut self, client: &Client<Newsroom>, dashboard: &mut Dashboard) {
        let Self { stats, feed, article, comments } = self;
        tokio::select! {
            Some(state) = stats.next() => record(&mut dashboard.stats, client, stats, state),
            Some(state) = feed.next() => {
                record(&mut dashboard.feed, client, feed, state);
                dashboard.update_selection();
            }
            Some(state) = article.next() => record(&mut dashboard.article, client, article, state),
            Some(state) = comments.next() => record(&mut dashboard.comments, client, comments, state),
            // The streams end only when the runtime shuts down, which drops this future too.
            else => std::future::pending().await,
        }
    }
}

/// Points an observer at a query, or at none. Does nothing if it is there already: an observer without a query would
/// report once more that it has none.
fn observe<Q: Fetch<Newsroom>>(observer: &mut Observer<Newsroom, Q>, query: Option<Q>)
where
    CacheRegistry: Holds<Q>,
{
    if observer.query() != query.as_ref() {
        observer.set_query(query.as_ref());
    }
}

fn record<Q: Fetch<Newsroom, Error = NewsroomError>>(
    observed: &mut Observed<Q::Value>,
    client: &Client<Newsroom>,
    observer: &Observer<Newsroom, Q>,
    state: cache_client::State<Q::Value, NewsroomError>,
) where
    CacheRegistry: Holds<Q>,
{
    let entry = observer.query().and_then(|query| client.cache().peek_entry(query));
    observed.record(state.into(), entry.map(|entry| entry.age()), Instant::now());
}

/// Shows the newsroom until the user leaves or `stop` becomes true.
///
/// # Errors
/// If the terminal is gone.
pub async fn run(
    client: Client<Newsroom>,
    options: Options,
    mut stop: Receiver<bool>,
    screen: &mut Screen,
) -> std::io::Result<()> {
    let mut dashboard = Dashboard::new(options);
    let mut observers = Observers::new(&client);
    let mut keys = EventStream::new();
    let (mut tick, mut frame) = (interval(TICK), interval(FRAME));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    frame.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_drawn = false;
    loop {
        tokio::select! {
            _ = frame.tick(), if !is_drawn => {
                observers.follow(&dashboard);
                client.set_active(!dashboard.is_paused);
                check_breaker(&client, &mut dashboard);
                let picture = Picture::of(&dashboard, Instant::now());
                screen.draw(|frame| view::draw(frame, &picture))?;
                is_drawn = true;
                continue;
            }
            () = observers.next_update(&client, &mut dashboard) => {}
            event = keys.next() => match event.transpose()?.as_ref().map(input::command) {
                // The sender was dropped.
                None | Some(Some(Command::Quit)) => return Ok(()),
                Some(Some(Command::Refresh)) => drop(client.invalidate_all()),
                Some(Some(command)) => dashboard.apply(command),
                Some(None) => {}
            },
            _ = tick.tick() => {}
            _ = stop.wait_for(|is_stopping| *is_stopping) => return Ok(()),
        }
        is_drawn = false;
    }
}

/// When the breaker closes, the newsroom is back: queries that were refused meanwhile are loaded at once, without
/// waiting for their next poll.
fn check_breaker(client: &Client<Newsroom>, dashboard: &mut Dashboard) {
    let breaker = client.breaker_state(BREAKER).map(Breaker::from).unwrap_or_default();
    let before = std::mem::replace(&mut dashboard.breaker, breaker);
    if breaker == Breaker::Closed && before != Breaker::Closed {
        drop(client.invalidate_all());
    }
}
