//! How a picture is drawn: layout, colours, and a word for each colour. Makes no decisions.

use dashboard::view::{cut, framed};
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{List, ListItem, ListState, Paragraph, Wrap};

use crate::picture::{Picture, Progress, ShownArticle, ShownComment};
use crate::reading::Mark;

/// A smaller terminal has no room for anything readable.
const SMALLEST: (u16, u16) = (30, 8);

/// The minimum width with room for the article next to the list, and for the author too.
const TWO: u16 = 50;
const THREE: u16 = 76;

/// Draws a picture.
pub fn draw(frame: &mut Frame<'_>, picture: &Picture) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("{} x {} is too small", area.width, area.height);
        return frame.render_widget(Paragraph::new(text), area);
    }
    let [head, body, message, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_head(frame, head, picture);
    draw_body(frame, body, picture);
    draw_message(frame, message, picture);
    frame.render_widget(help(area.width, picture.question.is_some()), foot);
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    frame.render_widget(Line::from(vec![" Reader ".bold(), Span::raw(picture.address.clone())]), area);
    let state = match (&picture.problem, picture.list_mark) {
        (Some(_), _) => "✗ offline ".fg(Color::Red).bold(),
        (None, Mark::Loading) => "○ connecting ".dim(),
        (None, _) => "● connected ".fg(Color::Green),
    };
    frame.render_widget(Line::from(state).alignment(Alignment::Right), area);
}

fn draw_body(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let widths = match area.width {
        // Then the list says what to do.
        _ if picture.items.is_empty() => vec![Constraint::Fill(1)],
        ..TWO => vec![Constraint::Fill(1)],
        TWO..THREE => vec![Constraint::Fill(2), Constraint::Fill(3)],
        _ => vec![Constraint::Fill(4), Constraint::Fill(5), Constraint::Fill(3)],
    };
    let panes = Layout::horizontal(widths).split(area);
    draw_list(frame, panes[0], picture);
    if let Some(area) = panes.get(1) {
        draw_article(frame, *area, picture);
    }
    if let Some(area) = panes.get(2) {
        draw_author(frame, *area, picture);
    }
}

fn draw_list(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let block = framed(title(format!(" Articles {}", picture.items.len()), picture.list_mark));
    if picture.items.is_empty() {
        let lines = Paragraph::new(nothing(picture)).wrap(Wrap { trim: true });
        return frame.render_widget(lines.block(block), area);
    }
    // The frame, and the marker of the selected article.
    let room = usize::from(area.width).saturating_sub(4);
    let items = picture.items.iter().map(|(title, author)| {
        ListItem::new(vec![
            Line::from(cut(title, room)),
            Line::from(cut(&format!("by {author}"), room)).dim(),
        ])
    });
    let list = List::new(items)
        .block(block)
        .highlight_symbol("▶ ")
        .highlight_style(Style::new().bold().fg(Color::Cyan));
    frame.render_stateful_widget(list, area, &mut ListState::default().with_selected(Some(picture.place)));
}

/// What to do when there is no list.
fn nothing(picture: &Picture) -> Vec<Line<'static>> {
    let Some(problem) = &picture.problem else {
        return vec![match picture.list_mark {
            Mark::Loading => Line::from("waiting for the first answer ...").dim(),
            _ => Line::from("There are no articles."),
        }];
    };
    vec![
        Line::from(problem.clone()).fg(Color::Red),
        Line::default(),
        Line::from("Nothing was saved for a start without it. Is a newsroom running? This starts one:"),
        Line::from("cargo run -p newsroom").bold(),
        Line::from("The list appears as soon as it answers.").dim(),
    ]
}

fn draw_article(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let [upper, lower] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(area);
    let mut lines = picture.article.as_ref().map(head_of).unwrap_or_default();
    match &picture.article_note {
        Some(note) => lines.push(Line::from(note.clone()).fg(Color::Yellow)),
        None => lines.extend(text_of(picture)),
    }
    let block = framed(title(" Article", picture.article_mark));
    let text = Paragraph::new(lines).wrap(Wrap { trim: true }).scroll((picture.scrolled, 0));
    frame.render_widget(text.block(block), upper);
    let comments = picture.article.as_ref().map_or(&[][..], |article| &article.comments);
    let heading = match comments.len() {
        1 => " 1 comment ".to_owned(),
        count => format!(" {count} comments "),
    };
    let lines: Vec<_> = comments.iter().map(comment).collect();
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }).block(framed(heading)), lower);
}

fn head_of(article: &ShownArticle) -> Vec<Line<'static>> {
    vec![
        Line::from(article.title.clone()).bold(),
        Line::from(vec!["by ".dim(), Span::raw(article.by.clone()).fg(Color::Cyan)]),
        Line::from(article.standfirst.clone()).italic(),
    ]
}

fn text_of(picture: &Picture) -> Vec<Line<'static>> {
    let paragraphs = picture.article.iter().flat_map(|article| &article.paragraphs);
    paragraphs.flat_map(|text| [Line::default(), Line::from(text.clone())]).collect()
}

fn comment(comment: &ShownComment) -> Line<'static> {
    let name = Span::raw(format!("{}: ", comment.name)).fg(Color::Cyan);
    let text = Span::raw(comment.text.clone());
    match comment.progress {
        Progress::Posted => Line::from(vec![name, text]),
        Progress::Pending => Line::from(vec!["… pending ".fg(Color::Yellow), name, text.dim()]),
    }
}

fn draw_author(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let block = framed(title(" Author", picture.author_mark));
    let Some(author) = &picture.author else { return frame.render_widget(block, area) };
    let mut lines = vec![
        Line::from(author.name.clone()).bold().fg(Color::Cyan),
        Line::from(author.about.clone()).italic(),
        Line::default(),
    ];
    lines.extend(author.articles.iter().map(|title| Line::from(format!("· {title}"))));
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: true }).block(block), area);
}

fn draw_message(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let line = match (&picture.question, &picture.notice, &picture.problem) {
        (Some((question, answer)), ..) => {
            // The end of a long answer is what the user writes at.
            let room = usize::from(area.width).saturating_sub(question.chars().count() + 5);
            let hidden = answer.chars().count().saturating_sub(room);
            let visible: String = answer.chars().skip(hidden).collect();
            Line::from(vec![
                Span::raw(format!(" {question}: ")).bold().fg(Color::Yellow),
                Span::raw(visible),
                "▏".fg(Color::Yellow),
            ])
        }
        (None, Some(notice), _) if notice.is_error => {
            Line::from(format!(" ✗ {}", notice.text)).fg(Color::Red)
        }
        (None, Some(notice), _) => Line::from(format!(" ✓ {}", notice.text)).fg(Color::Green),
        (None, None, Some(_)) if picture.items.is_empty() => Line::default(),
        (None, None, Some(problem)) => {
            Line::from(format!(" ✗ {problem}; what was read stays")).fg(Color::Red)
        }
        (None, None, None) => Line::default(),
    };
    frame.render_widget(line, area);
}

/// A title with a colour, a sign and a word for how good the content is: each is enough by itself.
fn title(name: impl Into<Span<'static>>, mark: Mark) -> Line<'static> {
    let mark = match mark {
        Mark::Loading => "○ loading ".dim(),
        Mark::Fresh => "● ".fg(Color::Green),
        Mark::Changing => "… saving ".fg(Color::Yellow),
        Mark::Stale => "◐ stale ".fg(Color::Yellow),
        Mark::Failed => "✗ missing ".fg(Color::Red),
    };
    Line::from(vec![name.into(), Span::raw(" "), mark])
}

/// What the keys do, the most important first, as far as they fit.
fn help(width: u16, is_asked: bool) -> Line<'static> {
    let keys: &[(&str, &str)] = match is_asked {
        true => &[("Enter", "send"), ("Esc", "cancel")],
        false => &[
            ("↑↓", "article"),
            ("c", "comment"),
            ("r", "rename author"),
            ("d", "delete"),
            ("q", "quit"),
            ("u", "update"),
            ("←→", "scroll"),
        ],
    };
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

#[cfg(test)]
mod tests;
