cache_core::registry! {
    format = 0;
    pub struct CacheRegistry {
        crate::GetPost,
    }
}

fn main() {}
