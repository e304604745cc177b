//! The shape of a type: the part of it that matters to a format that is not self-describing. Knows nothing of
//! files.
//!
//! A snapshot carries the fingerprint of each table's key and value type, so that bytes written for one type are
//! never read as another. The fingerprint covers names, order, types and variants to any depth, and is the same
//! in every build, on every platform and with every compiler: it is made of text alone, hashed with FNV-1a.
//!
//! Names are those that serde sees (after `rename` and `rename_all`), since these are in the file. Every type
//! constructor counts under its own name, so `Box<T>`, `Arc<T>` and `T`, or `usize` and `u64`, are different
//! shapes although serde writes them alike: a table skipped without need costs one cold start, a table read
//! wrongly costs much more.

/// Gives types without parameters their shapes: a name, and after a colon the JSON form unless it is a
/// scalar.
macro_rules! named {
    ($($name:literal $type:ty $(: $form:ident)?;)*) => {$(
        impl $crate::snapshot::shape::Shape for $type {
            fn shape(visitor: &mut $crate::snapshot::shape::ShapeVisitor) {
                visitor.name($name);
                $(visitor.form($crate::snapshot::shape::visitor::JsonForm::$form);)?
            }
        }
    )*};
}

mod fingerprint;
mod foreign;
mod reading;
mod report;
mod standard;
#[cfg(test)]
mod tests;
mod visitor;

pub use fingerprint::Fingerprint;
pub use reading::{Read, Reader, Request, Unreadable};
pub use report::ShapeReport;
pub(crate) use visitor::Misfit;
pub use visitor::{Layout, ShapeVisitor};

/// A type whose structure has a fingerprint. Implement it with `#[derive(Shape)]`.
///
/// Keys and values of a query with `persist` need it, and so does every type that they contain. The std types
/// that serde can write have it. The cargo features `chrono`, `time`, `uuid` and `url` give it to the types
/// of these crates. Mark a field of another foreign type with `#[shape(opaque)]`: its name and the text of
/// its type count; its content does not.
///
/// `SocketAddr`, `SocketAddrV6` and `Weak` have no shape: serde drops the scope id and the flow label of an
/// address, so that different keys become one, and reads every `Weak` as a dangling one. Use `SocketAddrV4`,
/// an `IpAddr` with a port, or an `Arc`. A field marked `#[shape(opaque)]` may hold them, but loses what
/// serde drops.
///
/// # What changes a fingerprint
/// A field added, removed, renamed, retyped or moved, a variant inserted, and the same in any type that is
/// reached, in whichever crate. Comments, derives, visibility, methods, `#[serde(default)]`, `alias`, `bound` and
/// fields that serde skips do not.
///
/// # What it refuses
/// `untagged`, `flatten`, `tag`, `skip_serializing_if`, fields skipped in one direction only and skipped variants
/// before others need a format that tells what comes next. They are compile errors unless the type says
/// `#[shape(self_describing)]`, and a table that reaches such a type can be saved only with `codec = "json"`.
///
/// A table with `codec = "json"` is refused when the cache is built if it reaches an `Option` whose content
/// may be `null` too (`Option<Option<_>>`, `Option<()>`, `Option` of a unit struct), or a map whose keys are
/// not strings, numbers or enums without fields.
///
/// # What codecs lose or refuse
/// A refused entry is left out of the save, or fails it, as [`SaveOptions`](crate::SaveOptions) says. Each is
/// named by its key.
///
/// | what | `bincode` | `postcard` | `json` |
/// |---|---|---|---|
/// | NaN and infinite numbers | kept | kept | refused |
/// | a `Some` whose content is `null` in JSON: `Some(None)`, `Some(())` | kept | kept | refused; where the type shows it, by the build |
/// | maps whose keys are not strings, numbers, or enums without fields | kept | kept | refused by the build |
/// | maps whose keys are types of `time` such as `Date`, without its feature `serde-human-readable` | kept | kept | refused |
/// | types marked `self_describing` | refused by the build | refused by the build | kept |
/// | levels of nesting above | 256 refused | 256 refused | 127 refused |
/// | elements without bytes (`Vec<()>`), above 8,192 more than the value has bytes | refused | refused | kept |
/// | paths that are not UTF-8, times before 1970 | refused | refused | refused |
/// | a `RangeInclusive` that was iterated to its end | lost: its last step comes back | lost | lost |
/// | the scope id and the flow label of an opaque `SocketAddrV6` | lost | lost | flow label lost |
/// | the seconds of the offset of a `chrono::DateTime<FixedOffset>` (the local time stays, the moment does not) | lost | lost | lost |
/// | what an opaque `Weak` points to | lost | lost | lost |
/// | fields that serde skips | their default | their default | their default |
/// | one `Arc` or `Rc` in several places | one copy in each | one copy in each | one copy in each |
/// | the hasher of a map or set | a new one | a new one | a new one |
///
/// A save finds and refuses an entry whose key loses something, or whose value would serialise differently:
/// it reads back tables whose types may lose something. It cannot find what serde itself does not write.
///
/// # What it does not detect
/// A handwritten `Serialize`, the content of opaque fields (including the parameters of a generic type in
/// them), and a function that gives the same bytes another meaning. Use `#[query(version = 2)]` for such a
/// change.
///
/// # Examples
#[cfg_attr(feature = "derive", doc = "```")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// # use cache_core::Shape;
/// #[derive(Shape)]
/// struct Comment {
///     text: String,
///     answers: Vec<Comment>,
///     #[shape(opaque)]
///     thread: std::thread::ThreadId,
/// }
/// # fn has_shape<T: Shape>() {}
/// # has_shape::<Vec<Comment>>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no shape that a snapshot could check",
    label = "`{Self}` has no `Shape`",
    note = "a type of your own: add `#[derive(Shape)]` to it",
    note = "a foreign type: mark the field that holds it `#[shape(opaque)]`",
    note = "`SocketAddr`, `SocketAddrV6` and `Weak` have none because serde drops a part of them: use `(IpAddr, u16)` or \
            `Arc`, or accept the loss by `#[shape(opaque)]`"
)]
pub trait Shape: 'static {
    /// Describes the type to `visitor`.
    #[doc(hidden)]
    fn shape(visitor: &mut ShapeVisitor);
}
