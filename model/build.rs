//! Has cache-core's sources take `src/sync.rs` of this package.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=cache_model");
}
