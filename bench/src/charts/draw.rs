//! How a chart looks: panels in two columns, each with one bar per contestant, the name before it and the value after
//! it.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::panel::{Bar, Kind, Panel};

// In pixels
const WIDTH: u32 = 900;
const COLUMNS: usize = 2;
const MARGIN: i32 = 24;
/// Title, note and legend.
const HEAD: i32 = 96;
const PANEL_WIDTH: i32 = (WIDTH as i32 - MARGIN) / COLUMNS as i32;
const PANEL_TITLE: i32 = 30;
const PANEL_GAP: i32 = 22;
/// The distance from one bar to the next, and how much of it is filled.
const BAR_STEP: i32 = 21;
const BAR_HEIGHT: i32 = 14;
/// Room for the name before a bar, and for the value after the longest.
const NAME_WIDTH: i32 = 112;
const VALUE_WIDTH: i32 = 64;

const INK: RGBColor = RGBColor(0x1f, 0x29, 0x33);
const PALE_INK: RGBColor = RGBColor(0x66, 0x70, 0x7a);
const AXIS: RGBColor = RGBColor(0xc8, 0xce, 0xd4);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// The whole file.
pub fn svg(title: &str, note: &str, panels: &[Panel]) -> Result<String> {
    let heights: Vec<i32> = panels.chunks(COLUMNS).map(height_of_row).collect();
    let height = HEAD + heights.iter().sum::<i32>() + MARGIN;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height as u32)).into_drawing_area();
        area.fill(&WHITE)?;
        head(&area, title, note, panels)?;
        let mut top = HEAD;
        for (row, height) in panels.chunks(COLUMNS).zip(heights) {
            for (panel, column) in row.iter().zip(0..) {
                draw_panel(&area, panel, (MARGIN + column * PANEL_WIDTH, top))?;
            }
            top += height;
        }
        area.present()?;
    }
    Ok(svg)
}

fn height_of_row(panels: &[Panel]) -> i32 {
    let bars = panels.iter().map(|panel| panel.bars.len()).max().unwrap_or_default();
    PANEL_TITLE + bars as i32 * BAR_STEP + PANEL_GAP
}

fn head(area: &Area<'_>, title: &str, note: &str, panels: &[Panel]) -> Result {
    write(area, title, (MARGIN, 30), HPos::Left, &bold(24.0).color(&INK))?;
    write(area, note, (MARGIN, 54), HPos::Left, &plain(15.0).color(&PALE_INK))?;
    let mut left = MARGIN;
    let is_drawn = |kind: &Kind| panels.iter().flat_map(|panel| &panel.bars).any(|bar| bar.kind == *kind);
    for kind in Kind::ALL.into_iter().filter(is_drawn) {
        area.draw(&Rectangle::new([(left, 70), (left + 12, 82)], kind.color().filled()))?;
        write(area, kind.text(), (left + 18, 76), HPos::Left, &plain(14.0).color(&PALE_INK))?;
        left += 60 + 7 * kind.text().len() as i32;
    }
    Ok(())
}

fn draw_panel(area: &Area<'_>, panel: &Panel, (left, top): (i32, i32)) -> Result {
    write(area, &panel.title, (left, top + PANEL_TITLE / 2), HPos::Left, &bold(15.0).color(&INK))?;
    let most = panel.bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let bars_top = top + PANEL_TITLE;
    let axis = left + NAME_WIDTH;
    for (bar, number) in panel.bars.iter().zip(0..) {
        draw_bar(area, bar, bar.value / most, (axis, bars_top + number * BAR_STEP))?;
    }
    let bottom = bars_top + panel.bars.len() as i32 * BAR_STEP;
    area.draw(&PathElement::new([(axis, bars_top - 2), (axis, bottom - 2)], AXIS))?;
    Ok(())
}

/// `share` is relative to the longest bar.
fn draw_bar(area: &Area<'_>, bar: &Bar, share: f64, (axis, top): (i32, i32)) -> Result {
    let longest = PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH - MARGIN;
    let end = axis + (f64::from(longest) * share).round() as i32;
    let middle = top + BAR_HEIGHT / 2;
    let style = match bar.kind {
        Kind::Ours => bold(14.0).color(&INK),
        Kind::Cache | Kind::Reference => plain(14.0).color(&PALE_INK),
    };
    write(area, &bar.name, (axis - 8, middle), HPos::Right, &style)?;
    area.draw(&Rectangle::new([(axis, top), (end, top + BAR_HEIGHT)], bar.kind.color().filled()))?;
    write(area, &number(bar.value), (end + 6, middle), HPos::Left, &style)
}

/// Three digits, or all digits before the point.
fn number(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn write(area: &Area<'_>, text: &str, at: (i32, i32), from: HPos, style: &TextStyle<'_>) -> Result {
    Ok(area.draw(&Text::new(text, at, style.pos(Pos::new(from, VPos::Center))))?)
}

fn plain(size: f64) -> TextStyle<'static> {
    ("sans-serif", size).into()
}

fn bold(size: f64) -> TextStyle<'static> {
    ("sans-serif", size, FontStyle::Bold).into()
}

impl Kind {
    fn color(self) -> RGBColor {
        match self {
            Self::Ours => RGBColor(0x0f, 0x76, 0x8c),
            Self::Cache => RGBColor(0x9a, 0xa9, 0xb8),
            Self::Reference => RGBColor(0xdc, 0xe2, 0xe7),
        }
    }
}
