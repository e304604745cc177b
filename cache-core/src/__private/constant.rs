//! Checks options of a query that are given as constant expressions, at compile time.

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

/// Returns the number itself; accepts only integers.
#[must_use]
pub const fn integer<N: Integer>(number: N) -> N {
    number
}

/// Returns the number if it is a valid bound of a table.
///
/// # Panics
/// If it cannot; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
pub const fn bound(number: i128, refusal: &'static str) -> u64 {
    assert!(number >= 1 && number <= u64::MAX as i128, "{}", refusal);
    number as u64
}

/// Returns the number if it is a valid number of keys.
///
/// # Panics
/// If it cannot; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
pub const fn count(number: i128, refusal: &'static str) -> u32 {
    assert!(number >= 1, "{}", refusal);
    self::number(number, refusal)
}

/// Returns the number if it fits into a `u32`.
///
/// # Panics
/// If it does not; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
pub const fn number(number: i128, refusal: &'static str) -> u32 {
    assert!(number >= 0 && number <= u32::MAX as i128, "{}", refusal);
    number as u32
}

/// Returns the number if it is from 0 to 1.
///
/// # Panics
/// If it does not; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
pub const fn fraction(number: f64, refusal: &'static str) -> f64 {
    assert!(number >= 0.0 && number <= 1.0, "{}", refusal);
    number
}

/// Returns the number if it is above 0.
///
/// # Panics
/// If it is not; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
pub const fn factor(number: f64, refusal: &'static str) -> f64 {
    assert!(number > 0.0 && number.is_finite(), "{}", refusal);
    number
}

/// Returns the number if it is at least 1.
///
/// # Panics
/// If it is not; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
pub const fn growth(number: f64, refusal: &'static str) -> f64 {
    assert!(number >= 1.0 && number.is_finite(), "{}", refusal);
    number
}

/// Returns the time if it is longer than zero.
///
/// # Panics
/// If it is not; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
pub const fn window(time: Duration, refusal: &'static str) -> Duration {
    assert!(!time.is_zero(), "{}", refusal);
    time
}

/// Returns the time if it is not longer than `longest`.
///
/// # Panics
/// If it is; the compiler shows the panic as an error.
#[must_use]
#[track_caller]
pub const fn at_most(time: Duration, longest: Duration, refusal: &'static str) -> Duration {
    assert!(time.as_nanos() <= longest.as_nanos(), "{}", refusal);
    time
}

/// Returns the time.
#[must_use]
pub const fn time(time: Duration, _: &'static str) -> Duration {
    time
}

/// Evaluates the options of `Q`, so that the compiler checks them even if the query is never used.
pub const fn evaluate<Q: Query>() {
    _ = (Q::OPTIONS, Q::LOADING);
}
