//! Lists the query structs of this package in a registry.

fn main() {
    cache_codegen::generate();
}
