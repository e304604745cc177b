cache_core::registry! {
    enum CacheRegistry {
        GetPost,
    }
}

cache_core::registry! {
    pub struct Generic<T> {}
}

cache_core::registry! {
    GetPost,
}

fn main() {}
