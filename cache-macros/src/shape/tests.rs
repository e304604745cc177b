//! The derive as a function from tokens to tokens.
