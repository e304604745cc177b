//! `derive(Shape)` for `cache-core`: entry points only.
#![forbid(unsafe_code)]

use proc_macro::TokenStream;

mod errors;
mod shape;
mod suggest;

/// Gives a type a fingerprint, by which a snapshot notices that the type changed.
///
/// ```ignore
/// #[derive(Shape, Serialize, Deserialize)]
/// pub struct Post {
///     pub id: u64,
///     pub title: String,
///     #[shape(opaque)]
///     pub colour: palette::Srgb,
/// }
/// ```
///
/// It reads `#[serde(...)]` too: what changes the encoding changes the fingerprint.
///
/// | option | where | meaning |
/// |---|---|---|
/// | `opaque` | field, variant, type | only names and the texts of types count; needed where a type is foreign or `#[serde(with)]` decides what is saved |
/// | `self_describing` | type | saved with `codec = "json"` only; needed for `untagged`, `flatten`, `tag`, `skip_serializing_if` and the like |
/// | `crate = "path"` | type | where `cache_core` is found, if the dependency was renamed |
#[proc_macro_derive(Shape, attributes(shape, serde))]
pub fn derive_shape(input: TokenStream) -> TokenStream {
    shape::derive(input.into()).into()
}
