//! A generated file of a later format, which may have anything in it.
cache_core::registry! {
    format = 2;
    version(3) pub struct CacheRegistry => [ GetPost ]
}

fn main() {
    let descriptions: Vec<cache_core::__private::TableDescription> = CacheRegistry::describe();
    println!("{descriptions:?}");
}
