//! Documents of [JSON:API](https://jsonapi.org): what requests may say, resources, and responses with their validators.

pub(crate) mod parameters;
pub(crate) mod request;
pub(crate) mod resources;
pub(crate) mod response;

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.api+json";
