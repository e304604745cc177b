//! `derive(Shape)`: which changes of a type change its fingerprint.

mod changes;
mod formats;
mod generics;
mod provided;
mod reports;
mod two_builds;

use cache_core::{Fingerprint, Shape, ShapeReport};

/// Fingerprint of `T`.
fn fingerprint<T: Shape + ?Sized>() -> Fingerprint {
    ShapeReport::of::<T>().fingerprint
}
