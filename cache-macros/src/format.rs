//! The number that says whether generator, macros and store speak of the same generated code.

/// Format of the code that these macros write. Raised together with `cache_core::__private::FORMAT` and the
/// generator's number whenever old generated code would no longer compile or would mean something else.
pub(crate) const FORMAT: u32 = 1;
