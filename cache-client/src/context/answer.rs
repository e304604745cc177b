//! Settings that a load makes for its own answer.

use std::time::Duration;

use super::Context;
use crate::app::App;

/// Settings that a load can make for its answer, inside [`fetch`](crate::Fetch::fetch). In a batch, they apply to the
/// answers of all its keys. Outside of a load, and in a load that stores nothing anyway, these methods do nothing.
impl<A: App> Context<A> {
    /// Sets how long the answer of this load counts as fresh, counted from the start of the load: the `max-age` of a
    /// response, for example. Replaces the option `fresh` of the query and of the client, and is not shortened by
    /// `jitter`. Only the option of a call takes precedence. The last call wins; a retry starts without it.
    ///
    /// With a time of zero the answer is stored, but is stale at once. The time also applies to a copy in a
    /// [provider](crate::Provider), which is never used for longer than the options of its reader allow.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, fresh = "60s")]
    /// # struct GetForecast;
    /// # registry! { struct Weather { GetForecast } }
    /// # struct Station;
    /// # impl App for Station { type Registry = Weather; }
    /// impl Fetch<Station> for GetForecast {
    ///     # type Error = io::Error;
    ///     async fn fetch(&self, cx: &Context<Station>) -> Result<String, io::Error> {
    ///         cx.fresh_for(Duration::from_secs(10));
    ///         Ok("rain".to_owned())
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = Client::builder(Cache::<Weather>::new(), Station).build();
    /// client.query(&GetForecast).await?;
    /// let entry = client.cache().get_entry(&GetForecast).unwrap();
    /// assert_eq!(entry.state().fresh_for, Some(Duration::from_secs(10)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn fresh_for(&self, time: Duration) {
        self.0.note(|notes| notes.terms_mut().fresh = Some(time));
    }

    /// Shortens the time that [`fresh_for`](Self::fresh_for) has set, or sets it if it is not set yet. For loads that put
    /// an answer together from several sources: it is fresh for as long as all of them are.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, fresh = "60s")]
    /// # struct GetForecast;
    /// # registry! { struct Weather { GetForecast } }
    /// # struct Station;
    /// # impl App for Station { type Registry = Weather; }
    /// impl Fetch<Station> for GetForecast {
    ///     # type Error = io::Error;
    ///     async fn fetch(&self, cx: &Context<Station>) -> Result<String, io::Error> {
    ///         for seconds in [10, 300] {
    ///             cx.fresh_at_most(Duration::from_secs(seconds));
    ///         }
    ///         Ok("rain".to_owned())
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = Client::builder(Cache::<Weather>::new(), Station).build();
    /// client.query(&GetForecast).await?;
    /// let entry = client.cache().get_entry(&GetForecast).unwrap();
    /// assert_eq!(entry.state().fresh_for, Some(Duration::from_secs(10)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn fresh_at_most(&self, time: Duration) {
        self.0.note(|notes| shorten(&mut notes.terms_mut().fresh, time));
    }

    /// Sets for how long after it has become stale the answer of this load is served while it is loaded again: the
    /// `stale-while-revalidate` of a response, for example. Replaces the option `swr` of the query and of the client, and
    /// applies with the strategy `cache-first` too. Only the option `swr` of a call takes precedence. The last call wins; a
    /// retry starts without it.
    ///
    /// With a time of zero the answer is never served stale. The time also applies to a copy in a
    /// [provider](crate::Provider). It ends with the time for which the answer [is kept](Self::keep_for), and with a mark
    /// by an invalidation.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, fresh = "60s")]
    /// # struct GetForecast;
    /// # registry! { struct Weather { GetForecast } }
    /// # struct Station;
    /// # impl App for Station { type Registry = Weather; }
    /// impl Fetch<Station> for GetForecast {
    ///     # type Error = io::Error;
    ///     async fn fetch(&self, cx: &Context<Station>) -> Result<String, io::Error> {
    ///         cx.fresh_for(Duration::from_secs(60));
    ///         cx.stale_while_revalidate_for(Duration::from_secs(30));
    ///         Ok("rain".to_owned())
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = Client::builder(Cache::<Weather>::new(), Station).build();
    /// client.query(&GetForecast).await?;
    /// let state = client.cache().get_entry(&GetForecast).unwrap().state();
    /// assert_eq!(state.swr(), Some(Duration::from_secs(30)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn stale_while_revalidate_for(&self, time: Duration) {
        self.0.note(|notes| notes.terms_mut().swr = Some(time));
    }

    /// Shortens the time that [`stale_while_revalidate_for`](Self::stale_while_revalidate_for) has set, or sets it if it is
    /// not set yet, as [`fresh_at_most`](Self::fresh_at_most) does for its time.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, fresh = "60s")]
    /// # struct GetForecast;
    /// # registry! { struct Weather { GetForecast } }
    /// # struct Station;
    /// # impl App for Station { type Registry = Weather; }
    /// impl Fetch<Station> for GetForecast {
    ///     # type Error = io::Error;
    ///     async fn fetch(&self, cx: &Context<Station>) -> Result<String, io::Error> {
    ///         for seconds in [30, 600] {
    ///             cx.stale_while_revalidate_at_most(Duration::from_secs(seconds));
    ///         }
    ///         Ok("rain".to_owned())
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = Client::builder(Cache::<Weather>::new(), Station).build();
    /// client.query(&GetForecast).await?;
    /// let state = client.cache().get_entry(&GetForecast).unwrap().state();
    /// assert_eq!(state.swr(), Some(Duration::from_secs(30)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn stale_while_revalidate_at_most(&self, time: Duration) {
        self.0.note(|notes| shorten(&mut notes.terms_mut().swr, time));
    }

    /// Sets for how long after it has become stale the answer of this load is served if it cannot be loaded again: the
    /// `stale-if-error` of a response, for example. Replaces the option `stale_if_error` of the query and of the client.
    /// Only the option of a call takes precedence. The last call wins; a retry starts without it.
    ///
    /// With a time of zero the answer never stands in for an error, except with the strategy `network-first`. The time
    /// also applies to a copy in a [provider](crate::Provider), and ends with the time for which the answer
    /// [is kept](Self::keep_for).
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, fresh = "60s")]
    /// # struct GetForecast;
    /// # registry! { struct Weather { GetForecast } }
    /// # struct Station;
    /// # impl App for Station { type Registry = Weather; }
    /// impl Fetch<Station> for GetForecast {
    ///     # type Error = io::Error;
    ///     async fn fetch(&self, cx: &Context<Station>) -> Result<String, io::Error> {
    ///         cx.stale_if_error_for(Duration::from_secs(600));
    ///         Ok("rain".to_owned())
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = Client::builder(Cache::<Weather>::new(), Station).build();
    /// client.query(&GetForecast).await?;
    /// let state = client.cache().get_entry(&GetForecast).unwrap().state();
    /// assert_eq!(state.stale_if_error(), Some(Duration::from_secs(600)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn stale_if_error_for(&self, time: Duration) {
        self.0.note(|notes| notes.terms_mut().stale_if_error = Some(time));
    }

    /// Shortens the time that [`stale_if_error_for`](Self::stale_if_error_for) has set, or sets it if it is not set yet, as
    /// [`fresh_at_most`](Self::fresh_at_most) does for its time.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, fresh = "60s")]
    /// # struct GetForecast;
    /// # registry! { struct Weather { GetForecast } }
    /// # struct Station;
    /// # impl App for Station { type Registry = Weather; }
    /// impl Fetch<Station> for GetForecast {
    ///     # type Error = io::Error;
    ///     async fn fetch(&self, cx: &Context<Station>) -> Result<String, io::Error> {
    ///         for seconds in [30, 600] {
    ///             cx.stale_if_error_at_most(Duration::from_secs(seconds));
    ///         }
    ///         Ok("rain".to_owned())
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = Client::builder(Cache::<Weather>::new(), Station).build();
    /// client.query(&GetForecast).await?;
    /// let state = client.cache().get_entry(&GetForecast).unwrap().state();
    /// assert_eq!(state.stale_if_error(), Some(Duration::from_secs(30)));
    /// # Ok(())
    /// # }
    /// ```
    pub fn stale_if_error_at_most(&self, time: Duration) {
        self.0.note(|notes| shorten(&mut notes.terms_mut().stale_if_error, time));
    }

    /// Sets how long the answer of this load is kept, counted from the start of the load. Replaces the time to live of
    /// the table and the options `ttl` and `absent_ttl` of the query and of the client. Only the option `ttl` of a call
    /// takes precedence. The last call wins; a retry starts without it.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, fresh = "60s")]
    /// # struct GetForecast;
    /// # registry! { struct Weather { GetForecast } }
    /// # struct Station;
    /// # impl App for Station { type Registry = Weather; }
    /// impl Fetch<Station> for GetForecast {
    ///     # type Error = io::Error;
    ///     async fn fetch(&self, cx: &Context<Station>) -> Result<String, io::Error> {
    ///         cx.keep_for(Duration::from_secs(3_600));
    ///         Ok("rain".to_owned())
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = Client::builder(Cache::<Weather>::new(), Station).build();
    /// client.query(&GetForecast).await?;
    /// let entry = client.cache().get_entry(&GetForecast).unwrap();
    /// assert!(entry.remaining().unwrap() <= Duration::from_secs(3_600));
    /// # Ok(())
    /// # }
    /// ```
    pub fn keep_for(&self, time: Duration) {
        self.0.note(|notes| notes.terms_mut().ttl = Some(time));
    }

    /// Gives the answer of this load to its callers and observers, and stores it nowhere. The entry in the cache stays
    /// as it is, unless the load finds its value unchanged: then the cache no longer keeps it. Cannot be undone in this
    /// attempt of the load; a retry starts without it.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, fresh = "60s")]
    /// # struct GetForecast;
    /// # registry! { struct Weather { GetForecast } }
    /// # struct Station;
    /// # impl App for Station { type Registry = Weather; }
    /// impl Fetch<Station> for GetForecast {
    ///     # type Error = io::Error;
    ///     async fn fetch(&self, cx: &Context<Station>) -> Result<String, io::Error> {
    ///         cx.no_store();
    ///         Ok("rain".to_owned())
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = Client::builder(Cache::<Weather>::new(), Station).build();
    /// assert_eq!(*client.query(&GetForecast).await?, "rain");
    /// assert!(client.cached(&GetForecast).is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn no_store(&self) {
        self.0.note(|notes| notes.terms_mut().is_unstored = true);
    }
}

fn shorten(term: &mut Option<Duration>, time: Duration) {
    *term = Some(term.map_or(time, |set| set.min(time)));
}
