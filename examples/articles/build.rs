//! Lists the queries of the program.

fn main() {
    cache_codegen::generate();
}
