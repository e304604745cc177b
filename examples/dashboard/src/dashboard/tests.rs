//! Which queries the dashboard needs after an update.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Dashboard;
use crate::arguments::Options;
use crate::input::Command;
use crate::model::{FeedPage, Teaser};
use crate::newsroom::Address;
use crate::observed::{Phase, Update};
use crate::queries::GetFeed;

#[test]
fn the_first_article_is_chosen_until_the_user_chooses() {
    let mut dashboard = dashboard();
    assert_eq!(selected(&dashboard), None);
    shows(&mut dashboard, &[9, 8, 7], None);
    assert_eq!(selected(&dashboard), Some(9));
    dashboard.apply(Command::Select(1));
    assert_eq!(selected(&dashboard), Some(8));
    dashboard.apply(Command::Select(isize::MAX));
    assert_eq!(selected(&dashboard), Some(7));
    dashboard.apply(Command::Select(isize::MIN));
    assert_eq!(selected(&dashboard), Some(9));
}

#[test]
fn what_is_chosen_stays_so_when_the_list_moves_under_it() {
    let mut dashboard = dashboard();
    shows(&mut dashboard, &[9, 8], None);
    dashboard.apply(Command::Select(1));
    shows(&mut dashboard, &[10, 9, 8], None);
    assert_eq!((selected(&dashboard), dashboard.place()), (Some(8), Some(2)));
    shows(&mut dashboard, &[10, 9], None);
    assert_eq!(selected(&dashboard), Some(10));
    shows(&mut dashboard, &[], None);
    assert_eq!(selected(&dashboard), None);
    dashboard.apply(Command::Select(1));
}

#[test]
fn pages_are_turned_over_and_back_and_not_twice_before_the_next_is_there() {
    let mut dashboard = dashboard();
    dashboard.apply(Command::Older);
    assert_eq!(dashboard.page(), 1);
    shows(&mut dashboard, &[9], Some("behind-9"));
    dashboard.apply(Command::Older);
    dashboard.apply(Command::Older);
    assert_eq!(dashboard.page(), 2);
    assert_eq!(dashboard.feed_query(), GetFeed { before: Some("behind-9".to_owned()) });
    shows(&mut dashboard, &[8], None);
    dashboard.apply(Command::Older);
    assert_eq!(dashboard.page(), 2);
    dashboard.apply(Command::Newer);
    dashboard.apply(Command::Newer);
    assert_eq!(dashboard.feed_query(), GetFeed { before: None });
}

fn dashboard() -> Dashboard {
    let every = Duration::from_secs(2);
    Dashboard::new(Options { address: Address::default(), every, retry_after: every })
}

fn shows(dashboard: &mut Dashboard, ids: &[u64], next: Option<&str>) {
    let articles = ids.iter().map(|&id| Teaser { id, ..Teaser::default() }).collect();
    let page = FeedPage { articles, next: next.map(str::to_owned) };
    let update = Update { phase: Phase::Fresh, value: Some(Arc::new(page)), failure: None };
    dashboard.feed.record(update, None, Instant::now());
    dashboard.update_selection();
}

fn selected(dashboard: &Dashboard) -> Option<u64> {
    dashboard.article_query().map(|query| query.id)
}
