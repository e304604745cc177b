//! How a picture is drawn: layout, colours, and a word for each colour. Makes no decisions.
//!
//! Draws what fits, the most important first: the state of the queries, then the list, then the newsroom's numbers,
//! then the article.

mod news;
mod queries;

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph};

use crate::picture::Picture;

/// A smaller terminal has no room for anything readable.
const SMALLEST: (u16, u16) = (30, 8);

/// Height of the numbers, and the minimum height of a terminal with room for them.
const NUMBERS: (u16, u16) = (4, 20);

/// The minimum number of lines of a useful list.
const LIST: u16 = 4;

/// The minimum width with room for the article next to the list.
const ARTICLE: u16 = 60;

/// Draws a picture.
pub fn draw(frame: &mut Frame<'_>, picture: &Picture) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("{} x {} is too small", area.width, area.height);
        return frame.render_widget(Paragraph::new(text), area);
    }
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)]).areas(area);
    draw_head(frame, head, picture);
    draw_body(frame, body, picture);
    frame.render_widget(help(area.width), foot);
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let title = Line::from(vec![" Newsroom ".bold(), Span::raw(picture.address.clone())]);
    frame.render_widget(title, area);
    let state = match picture.is_paused {
        true => " paused ".fg(Color::Yellow).bold().reversed(),
        false => Span::raw(format!(" loaded every {} ", picture.every)).dim(),
    };
    frame.render_widget(Line::from(state).alignment(Alignment::Right), area);
}

fn draw_body(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let queries = queries::height(picture).min(area.height);
    let rest = area.height - queries;
    // The height of the terminal: that of the body, head and foot.
    let numbers = if area.height + 2 >= NUMBERS.1 { NUMBERS.0 } else { 0 };
    let [top, middle, bottom] = Layout::vertical([
        Constraint::Length(queries),
        Constraint::Length(numbers),
        Constraint::Length(rest.saturating_sub(numbers)),
    ])
    .areas(area);
    queries::draw(frame, top, picture);
    if numbers > 0 {
        news::draw_numbers(frame, middle, picture);
    }
    if bottom.height >= LIST {
        draw_news(frame, bottom, picture);
    }
}

fn draw_news(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    if area.width < ARTICLE {
        return news::draw_list(frame, area, picture);
    }
    let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(area);
    news::draw_list(frame, left, picture);
    news::draw_article(frame, right, picture);
}

/// What the keys do, the most important first, as far as they fit.
fn help(width: u16) -> Line<'static> {
    let keys = [("q", "quit"), ("r", "refresh"), ("p", "pause"), ("↑↓", "article"), ("←→", "page")];
    let mut room = usize::from(width);
    let mut line = Line::default();
    for (key, what) in keys {
        let needed = key.chars().count() + what.len() + 3;
        if needed > room {
            break;
        }
        room -= needed;
        line.extend([format!(" {key}").bold().fg(Color::Cyan), Span::raw(format!(" {what} "))]);
    }
    line
}

/// A frame with a title.
#[must_use]
pub fn framed(title: impl Into<Line<'static>>) -> Block<'static> {
    Block::bordered().border_type(BorderType::Rounded).border_style(Style::new().dim()).title(title)
}

/// A text, cut to this width.
#[must_use]
pub fn cut(text: &str, room: usize) -> String {
    if Span::raw(text).width() <= room {
        return text.to_owned();
    }
    let mut cut = String::new();
    for letter in text.chars() {
        cut.push(letter);
        if Span::raw(cut.as_str()).width() >= room {
            cut.pop();
            break;
        }
    }
    cut + "…"
}

#[cfg(test)]
mod tests;
