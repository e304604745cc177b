//! Two builds of the program of a machine, as a rolling deploy runs them side by side. Their queries have the same
//! name and keys, and values of different shapes: neither can read what the other has put into the tier, and a drop by
//! one must reach both.

use std::fmt;
use std::io;

use cache_client::Fetch;
use cache_core::{Holds, Registry};
use serde::{Deserialize, Serialize};

use crate::node::Machine;

/// Names a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// The one that machines start with.
    Older,
    /// The one that replaces it.
    Newer,
}

/// A build of the program.
pub trait Build: Clone + fmt::Debug + Sized + Send + Sync + 'static {
    /// Its tables.
    type Registry: Registry + Holds<Self::GetItem>;
    /// Asks for a key of the origin.
    type GetItem: Fetch<Machine<Self>, Value: Copy + From<Loaded> + Into<Loaded>, Error = io::Error>
        + From<usize>;
}

/// What every build knows of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// How often it was changed.
    pub version: u64,
    /// When the load began.
    pub load_began: u64,
}

impl Name {
    /// All builds.
    pub const ALL: [Self; 2] = [Self::Older, Self::Newer];

    /// Finds the build with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|build| build.as_str() == name)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Older => "older",
            Self::Newer => "newer",
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Declares a build: its query, the value with the fields that it adds, and its tables.
macro_rules! build {
    ($(#[$doc:meta])* $build:ident in $module:ident, $($(#[$field_doc:meta])* $field:ident: $type:ty = $value:expr)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $build;

        impl Build for $build {
            type Registry = $module::Tables;
            type GetItem = $module::GetItem;
        }

        $(#[$doc])*
        pub mod $module {
            use std::io;

            use cache_client::{Context, Fetch};
            use cache_core::{Query, Shape, registry};
            use serde::{Deserialize, Serialize};

            use super::{$build, Loaded};
            use crate::node::Machine;

            /// Asks for a key of the origin.
            #[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
            #[query(value = Item, capacity = 100, fresh = "10m", share)]
            pub struct GetItem {
                /// Its number.
                pub key: usize,
            }

            /// What the origin has of a key.
            #[derive(Shape, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
            pub struct Item {
                /// How often it was changed.
                pub version: u64,
                /// When the load began.
                pub load_began: u64,
                $($(#[$field_doc])* pub $field: $type,)?
            }

            registry! {
                /// The tables of this build.
                pub struct Tables { GetItem }
            }

            impl Fetch<Machine<$build>> for GetItem {
                type Error = io::Error;

                async fn fetch(&self, cx: &Context<Machine<$build>>) -> io::Result<Item> {
                    Ok(Machine::load(cx, self.key).await?.into())
                }
            }

            impl From<usize> for GetItem {
                fn from(key: usize) -> Self {
                    Self { key }
                }
            }

            impl From<Loaded> for Item {
                fn from(Loaded { version, load_began }: Loaded) -> Self {
                    Self { version, load_began, $($field: $value)? }
                }
            }

            impl From<Item> for Loaded {
                fn from(Item { version, load_began, .. }: Item) -> Self {
                    Self { version, load_began }
                }
            }
        }
    };
}

build! {
    /// The build that machines start with.
    Older in older,
}
build! {
    /// The build that replaces it. Its value has a field more.
    Newer in newer,
    /// Whether somebody may change the key.
    is_locked: bool = false
}
