//! What the newsroom returns: its numbers, the list, the selected article.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{List, ListItem, ListState, Paragraph, Wrap};

use super::{cut, framed};
use crate::model::{Comments, Stats, Story, Teaser};
use crate::picture::Picture;

pub(super) fn draw_numbers(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let lines = picture.stats.as_ref().map_or_else(|| vec![waiting()], |stats| numbers(stats));
    frame.render_widget(Paragraph::new(lines).block(framed(" Newsroom ")), area);
}

fn numbers(stats: &Stats) -> Vec<Line<'static>> {
    let Stats { totals, database, cache } = stats;
    let mut first = vec![
        Span::raw(format!("{} articles, {} comments", totals.articles, totals.comments)),
        Span::raw(share_of_hits(cache.hits, cache.misses)),
    ];
    if let Some(latest) = &totals.latest {
        first.push(format!("; {} wrote about {}", latest.name, latest.title).dim());
    }
    let mut queries: Vec<_> = database.queries.iter().collect();
    queries.sort_by_key(|(_, loads)| std::cmp::Reverse(loads.loads));
    let parts: Vec<_> = queries.iter().map(|(name, loads)| format!("{name} {}", loads.loads)).collect();
    let second = format!("{} database loads: {}", database.loads, parts.join(", "));
    vec![Line::from(first), Line::from(second.trim_end_matches(": ").to_owned())]
}

fn share_of_hits(hits: u64, misses: u64) -> String {
    // Only for display, so the loss of precision above 2^53 does not matter.
    match hits.saturating_add(misses) {
        0 => String::new(),
        all => format!(", {:.0} % hits", hits as f64 / all as f64 * 100.0),
    }
}

pub(super) fn draw_list(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let block = framed(format!(" Articles, page {} ", picture.page));
    let Some(feed) = &picture.feed else {
        return frame
            .render_widget(Paragraph::new(hint(picture)).wrap(Wrap { trim: true }).block(block), area);
    };
    // The frame, and the marker of the selected article.
    let width = usize::from(area.width).saturating_sub(4);
    let items = feed.articles.iter().map(|article| item(article, width));
    let list = List::new(items)
        .block(block)
        .highlight_symbol("▶ ")
        .highlight_style(Style::new().bold().fg(Color::Cyan));
    frame.render_stateful_widget(list, area, &mut ListState::default().with_selected(picture.place));
}

/// What to do when nothing has arrived yet.
fn hint(picture: &Picture) -> Vec<Line<'static>> {
    let Some(problem) = &picture.problem else { return vec![waiting()] };
    vec![
        Line::from(problem.clone()).fg(Color::Red),
        Line::from("Is a newsroom running? To start one:"),
        Line::from("cargo run --release -p newsroom").bold(),
    ]
}

/// The title, and the number of comments at the right.
fn item(article: &Teaser, width: usize) -> ListItem<'static> {
    let count = article.comments.to_string();
    let room = width.saturating_sub(count.len() + 1);
    let title = cut(&article.title, room);
    let gap = " ".repeat(width.saturating_sub(Span::raw(title.as_str()).width() + count.len()));
    ListItem::new(Line::from(vec![Span::raw(title), Span::raw(gap), Span::raw(count).dim()]))
}

pub(super) fn draw_article(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let lines = match picture.story.as_deref() {
        None => vec![waiting()],
        Some(None) => vec![Line::from("This article no longer exists.")],
        Some(Some(story)) => lines_of(story, picture.comments.as_deref().and_then(Option::as_ref)),
    };
    frame.render_widget(
        Paragraph::new(lines).wrap(Wrap { trim: true }).block(framed(" Article and comments ")),
        area,
    );
}

fn lines_of(story: &Story, comments: Option<&Comments>) -> Vec<Line<'static>> {
    let author = story.author.as_ref().map_or("somebody", |author| &author.name);
    let card = &story.article.card;
    let mut lines = vec![Line::from(card.title.clone()).bold(), Line::from(format!("by {author}")).dim()];
    if !card.standfirst.is_empty() {
        lines.push(Line::from(card.standfirst.clone()));
    }
    lines.extend(comments.into_iter().flat_map(discussion));
    lines.extend(story.article.paragraphs.iter().map(|text| Line::from(text.clone()).dim()));
    lines
}

fn discussion(comments: &Comments) -> impl Iterator<Item = Line<'static>> + '_ {
    let count = match comments.total {
        1 => "1 comment".to_owned(),
        total => format!("{total} comments"),
    };
    let signed = |name: &str, text: &str| {
        Line::from(vec![Span::raw(format!("{name}: ")).fg(Color::Cyan), Span::raw(text.to_owned())])
    };
    let newest = comments.newest.iter().map(move |comment| signed(&comment.name, &comment.text));
    std::iter::once(Line::from(count).bold()).chain(newest)
}

fn waiting() -> Line<'static> {
    Line::from("waiting for the first answer ...").dim()
}
