//! The state of each query, and of the circuit breaker that they share.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Table};

use super::framed;
use crate::observed::Phase;
use crate::picture::{self, Picture, ShownBreaker};

/// The minimum widths with room for the times, and for the last error.
const TIMES: u16 = 52;
const PROBLEMS: u16 = 70;

/// The lines that are needed: frame, titles, queries, breaker, error.
pub(super) fn height(picture: &Picture) -> u16 {
    // A few queries.
    picture.rows.len() as u16 + 5
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let block = framed(" Queries ");
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let [table, breaker, problem] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(1), Constraint::Length(1)]).areas(inside);
    frame.render_widget(queries(picture, inside.width), table);
    frame.render_widget(breaker_line(&picture.breaker), breaker);
    frame.render_widget(problem_line(picture.problem.as_deref()), problem);
}

fn queries(picture: &Picture, width: u16) -> Table<'static> {
    let mut widths = vec![Constraint::Length(16), Constraint::Length(12)];
    if width >= TIMES {
        widths.extend([Constraint::Length(8), Constraint::Length(10)]);
    }
    if width >= PROBLEMS {
        widths.push(Constraint::Fill(1));
    }
    let columns = widths.len();
    let titles = ["query", "state", "age", "next", "last error"].into_iter().take(columns);
    let rows = picture.rows.iter().map(|row| Row::new(cells(row).into_iter().take(columns)));
    Table::new(rows, widths).header(Row::new(titles).dim())
}

fn cells(row: &picture::Row) -> [Span<'static>; 5] {
    let problem = match row.is_over {
        true => Style::new().dim(),
        false => Style::new().fg(Color::Red),
    };
    [
        Span::raw(row.name.clone()),
        state(row.phase),
        Span::raw(row.age.clone()),
        Span::raw(row.next.clone()),
        Span::styled(row.problem.clone(), problem),
    ]
}

/// A colour, a sign and a word: each is enough by itself.
fn state(phase: Phase) -> Span<'static> {
    match phase {
        Phase::Pending => "○ pending".dim(),
        Phase::Fresh => "● fresh".fg(Color::Green),
        Phase::Stale => "◐ stale".fg(Color::Yellow),
        Phase::Refreshing => "↻ refreshing".fg(Color::Cyan),
        Phase::Failed => "✗ failed".fg(Color::Red).bold(),
        Phase::Retrying => "↻ retrying".fg(Color::Magenta),
    }
}

fn breaker_line(breaker: &ShownBreaker) -> Line<'static> {
    let state = match breaker {
        ShownBreaker::Closed => "● closed".fg(Color::Green),
        ShownBreaker::Open(time) => {
            Span::raw(format!("✗ breaker open, tries again in {time}")).fg(Color::Red).bold()
        }
        ShownBreaker::Due => "◐ breaker open, the next load is a trial".fg(Color::Yellow),
        ShownBreaker::Trying => "↻ breaker half-open, a trial is under way".fg(Color::Magenta),
    };
    Line::from(vec!["circuit breaker  ".dim(), state])
}

fn problem_line(problem: Option<&str>) -> Paragraph<'static> {
    Paragraph::new(match problem {
        Some(text) => Line::from(vec!["error            ".dim(), Span::raw(text.to_owned()).fg(Color::Red)]),
        None => Line::from(vec!["error            ".dim(), "none".dim()]),
    })
}
