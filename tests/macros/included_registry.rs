// As the build script writes it.
store::registry! {
    format = 1;
    /// One table per query.
    pub struct CacheRegistry {
        /// One post, by its number.
        ///
        /// With "quotes".
        crate::included::queries::GetPost,
    }
}
