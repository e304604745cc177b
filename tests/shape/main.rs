//! `derive(Shape)`: which changes of a type change its fingerprint; and what each codec gives back.

mod changes;
mod formats;
mod generics;
mod provided;
mod reports;
mod round_trips;
mod saved;
mod vouched_values;
mod vouching;

use cache_core::{Fingerprint, Shape, ShapeReport};

/// Fingerprint of `T`.
fn fingerprint<T: Shape + ?Sized>() -> Fingerprint {
    ShapeReport::of::<T>().fingerprint
}
