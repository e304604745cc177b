//! Options of a query that were given as constant expressions: checked while the program is compiled.

use std::time::Duration;

use crate::query::Query;

/// An integer of any size.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a whole number",
    label = "expected an integer, as in `capacity = 10_000`"
)]
pub trait Integer: Copy {}

macro_rules! integers {
    ($($integer:ty)*) => {
        $(impl Integer for $integer {})*
    };
}

integers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

/// The number itself; refuses what is no integer.
#[must_use]
pub const fn integer<N: Integer>(number: N) -> N {
    number
}

/// The number, if it can bound a table.
///
/// # Panics
/// When it cannot; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
pub const fn bound(number: i128, refusal: &'static str) -> u64 {
    assert!(number >= 1 && number <= u64::MAX as i128, "{}", refusal);
    number as u64
}

/// The number, if it can be one of keys.
///
/// # Panics
/// When it cannot; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
pub const fn count(number: i128, refusal: &'static str) -> u32 {
    assert!(number >= 1, "{}", refusal);
    self::number(number, refusal)
}

/// The number, if it fits.
///
/// # Panics
/// When it does not; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
pub const fn number(number: i128, refusal: &'static str) -> u32 {
    assert!(number >= 0 && number <= u32::MAX as i128, "{}", refusal);
    number as u32
}

/// The number, if it lies from 0 to 1.
///
/// # Panics
/// When it does not; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
pub const fn fraction(number: f64, refusal: &'static str) -> f64 {
    assert!(number >= 0.0 && number <= 1.0, "{}", refusal);
    number
}

/// The number, if it is above 0.
///
/// # Panics
/// When it is not; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
pub const fn factor(number: f64, refusal: &'static str) -> f64 {
    assert!(number > 0.0 && number.is_finite(), "{}", refusal);
    number
}

/// The number, if it is at least 1.
///
/// # Panics
/// When it is not; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
pub const fn growth(number: f64, refusal: &'static str) -> f64 {
    assert!(number >= 1.0 && number.is_finite(), "{}", refusal);
    number
}

/// The time, if it is longer than zero.
///
/// # Panics
/// When it is not; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
pub const fn window(time: Duration, refusal: &'static str) -> Duration {
    assert!(!time.is_zero(), "{}", refusal);
    time
}

/// The time, if it is not longer than `longest`.
///
/// # Panics
/// When it is; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
pub const fn at_most(time: Duration, longest: Duration, refusal: &'static str) -> Duration {
    assert!(time.as_nanos() <= longest.as_nanos(), "{}", refusal);
    time
}

/// The time.
#[must_use]
pub const fn time(time: Duration, _: &'static str) -> Duration {
    time
}

/// Evaluates the options of `Q`, so that the compiler checks them wherever the query is used, and if it is not.
pub const fn evaluate<Q: Query>() {
    _ = (Q::OPTIONS, Q::LOADING);
}
