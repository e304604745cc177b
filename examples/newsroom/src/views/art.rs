//! A picture for an article: a landscape drawn from its number, in the colours of its section. The same number always
//! gives the same picture.

use fastrand::Rng;
use maud::{Markup, PreEscaped};

use crate::model::Card;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 450.0;

/// Pieces of the line of a row of hills.
const STEPS: u32 = 32;

/// Rows of hills.
const LAYERS: u32 = 5;

/// The picture. It uses the colours of the style sheet, so that it follows light and dark mode.
pub(super) fn picture(card: &Card) -> Markup {
    let mut rng = Rng::with_seed(card.id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (x, y, r) = (rng.f64() * 0.7 + 0.15, rng.f64() * 0.25 + 0.18, rng.f64() * 30.0 + 26.0);
    let mut shapes =
        format!(r#"<circle class="sun" cx="{:.0}" cy="{:.0}" r="{r:.0}"/>"#, x * WIDTH, y * HEIGHT);
    for layer in 0..LAYERS {
        let base = HEIGHT * (0.42 + 0.13 * f64::from(layer));
        let path = hills(&mut rng, base, 64.0 - 8.0 * f64::from(layer));
        shapes += &format!(r#"<path class="hill hill-{layer}" d="{path}"/>"#);
    }
    let section = card.section.name();
    // Needs no escaping: it consists of numbers and of names from this program.
    PreEscaped(format!(
        r#"<svg class="picture" data-section="{section}" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="xMidYMid slice" aria-hidden="true"><rect class="sky" width="100%" height="100%"/>{shapes}</svg>"#
    ))
}

/// A row of hills around a height, closed at the bottom: the sum of two waves.
fn hills(rng: &mut Rng, base: f64, swing: f64) -> String {
    let mut wave = || (rng.f64() * 6.0 + 2.0, rng.f64() * std::f64::consts::TAU, rng.f64() * swing);
    let (one, two) = (wave(), wave());
    let height = |x: f64| {
        let at = x / WIDTH;
        base + (at * one.0 + one.1).sin() * one.2 + (at * two.0 * 2.0 + two.1).sin() * two.2 * 0.4
    };
    let mut path = format!("M0 {HEIGHT}");
    for step in 0..=STEPS {
        let x = WIDTH / f64::from(STEPS) * f64::from(step);
        path += &format!("L{x:.0} {:.0}", height(x));
    }
    path + &format!("L{WIDTH} {HEIGHT}Z")
}
