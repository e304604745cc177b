//! `derive(Shape)`: which changes of a type change its fingerprint; and what each codec reads back.

mod changes;
mod formats;
mod generics;
mod provided;
mod reports;
mod round_trips;
mod saved;
mod vouched_values;
mod vouching;

use cache_core::__private::shape::{Fingerprint, ShapeReport};
use cache_core::Shape;

/// Returns the fingerprint of `T`.
fn fingerprint<T: Shape + ?Sized>() -> Fingerprint {
    ShapeReport::of::<T>().fingerprint
}
