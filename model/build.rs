//! Makes the sources of cache-core use `src/sync.rs` of this package.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-cfg=cache_model");
}
