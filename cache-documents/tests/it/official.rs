//! The documents of the format's own test suite, in a folder that a variable names.
