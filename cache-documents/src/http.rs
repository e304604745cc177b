//! Requests over HTTP: which answer may be used again, and for how long.
