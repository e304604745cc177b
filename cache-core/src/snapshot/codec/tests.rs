//! Each codec against honest and forged bytes.
