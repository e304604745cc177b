//! How a picture is drawn: layout, colours, and a sign for each colour. Makes no decisions.

use dashboard::view::{cut, framed};
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell as TableCell, Paragraph, Row, Table};

use crate::picture::{Cell, Mark, Picture, Shown};
use crate::{KEYS, NODES};

/// A smaller terminal has no room for anything readable.
const SMALLEST: (u16, u16) = (76, 16);

/// Lines of the machines: their frame, a heading, and the newest versions.
const MACHINES: u16 = 4 + NODES as u16;

/// Draws a picture.
pub fn draw(frame: &mut Frame<'_>, picture: &Picture) {
    let area = frame.area();
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        let text = format!("{} x {} is too small", area.width, area.height);
        return frame.render_widget(Paragraph::new(text), area);
    }
    let [head, machines, happened, guarantees, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(MACHINES),
        Constraint::Fill(1),
        Constraint::Length(4),
        Constraint::Length(1),
    ])
    .areas(area);
    draw_head(frame, head, picture);
    draw_machines(frame, machines, picture);
    draw_happened(frame, happened, picture);
    draw_guarantees(frame, guarantees, picture);
    frame.render_widget(help(area.width), foot);
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    frame.render_widget(Line::from(vec![" Coherence ".bold(), Span::raw(picture.server.clone())]), area);
    let (mark, text) = &picture.server_state;
    let state = Line::from(marked(*mark, &format!("{text} "))).alignment(Alignment::Right);
    frame.render_widget(state, area);
}

fn draw_machines(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let (machine, key) = picture.selected;
    let heading = (0..KEYS).map(|at| {
        let text = Line::from(format!("key {at}")).right_aligned();
        if at == key { text.bold().fg(Color::Cyan) } else { text.dim() }
    });
    let heading = [Line::default(), Line::from("machine").dim()].into_iter().chain(heading);
    let heading = heading.chain(["lag", "outbox"].map(|text| Line::from(text).right_aligned().dim()));
    let newest =
        picture.newest.iter().map(|version| Line::from(format!("{version}  ")).right_aligned().dim());
    let newest = [Line::default(), Line::from("newest").dim()].into_iter().chain(newest);
    let rows = picture.machines.iter().enumerate().map(|(at, shown)| row(shown, at == machine));
    let mut widths = vec![Constraint::Length(1), Constraint::Length(15)];
    widths.extend([Constraint::Length(6); KEYS]);
    widths.extend([Constraint::Fill(1), Constraint::Length(6)]);
    let table = Table::new(rows.chain([Row::new(newest.map(TableCell::from))]), widths)
        .header(Row::new(heading.map(TableCell::from)))
        .block(framed(" What each machine answers, as fresh "));
    frame.render_widget(table, area);
}

fn row(shown: &Shown, is_selected: bool) -> Row<'static> {
    let marker = if is_selected { Line::from("▶").fg(Color::Cyan) } else { Line::default() };
    let (mark, text) = shown.state;
    let name = Span::raw(format!("{} ", shown.name)).bold();
    let state = Line::from(vec![name, marked(mark, text)]);
    let keys = shown.keys.iter().map(|cell| cell_line(*cell));
    let outbox = Span::raw(shown.outbox.to_string());
    let outbox = if shown.outbox > 0 { outbox.fg(Color::Yellow).bold() } else { outbox };
    let numbers = [Line::from(shown.lag.clone()).right_aligned(), Line::from(outbox).right_aligned()];
    Row::new([marker, state].into_iter().chain(keys).chain(numbers).map(TableCell::from))
}

fn cell_line(cell: Cell) -> Line<'static> {
    let line = match cell {
        Cell::Newest(version) => Line::from(format!("{version} ●")).fg(Color::Green),
        Cell::Behind(version) => Line::from(format!("{version} ◐")).fg(Color::Yellow).bold(),
        Cell::Old(version) => Line::from(format!("{version} ○")).dim(),
        Cell::Nothing => Line::from("-  ").dim(),
    };
    line.right_aligned()
}

fn draw_happened(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let room = usize::from(area.height.saturating_sub(2));
    let first = picture.happened.len().saturating_sub(room);
    let text = usize::from(area.width).saturating_sub(13);
    let lines = picture.happened[first..]
        .iter()
        .map(|(at, what)| Line::from(vec![format!("{at:>8}  ").dim(), Span::raw(cut(what, text))]));
    let title = match picture.is_paused {
        true => " What happened; keys are changed only by `w` ",
        false => " What happened, besides changes at random ",
    };
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()).block(framed(title)), area);
}

fn draw_guarantees(frame: &mut Frame<'_>, area: Rect, picture: &Picture) {
    let first = match picture.broken {
        Some(broken) => Line::from(marked(Mark::Bad, broken)),
        None => Line::from(vec![
            marked(Mark::Good, "bounded, monotonic, own writes, one load"),
            Span::raw(format!("   hold for {} answers", picture.answers)),
        ]),
    };
    let counts = &picture.counts;
    let second = Line::from(format!(
        "{} changes, {} tier hits, {} refused fills, {} replays, {} new epochs",
        picture.changes, counts.hits, counts.refused, counts.replays, counts.gaps
    ));
    let title = format!(" Guarantees; fresh answers lag by {} at most ", picture.max_lag);
    frame.render_widget(Paragraph::new(vec![first, second.dim()]).block(framed(title)), area);
}

/// A text with a colour and a sign.
fn marked(mark: Mark, text: &str) -> Span<'static> {
    match mark {
        Mark::Good => format!("● {text}").fg(Color::Green),
        Mark::Limited => format!("◐ {text}").fg(Color::Yellow),
        Mark::Bad => Span::styled(format!("✗ {text}"), Style::new().fg(Color::Red).bold()),
    }
}

/// What the keys do, the most important first, as far as they fit.
fn help(width: u16) -> Line<'static> {
    let keys = [
        ("↑↓←→", "select"),
        ("w", "write"),
        ("c", "cut"),
        ("s", "stop"),
        ("k", "kill"),
        ("f", "flush"),
        ("S", "/"),
        ("K", "server"),
        ("q", "quit"),
        ("p", "pause"),
        ("h", "half-open"),
        ("l", "lose"),
    ];
    let mut room = usize::from(width);
    let mut line = Line::default();
    for (key, what) in keys {
        let needed = key.chars().count() + what.len() + 2;
        if needed > room {
            break;
        }
        room -= needed;
        line.extend([format!(" {key}").bold().fg(Color::Cyan), Span::raw(format!(" {what}"))]);
    }
    line
}
