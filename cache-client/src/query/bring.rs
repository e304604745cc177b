//! Entries that a load brings along for other keys.

use std::any::TypeId;
use std::sync::Arc;

use cache_core::Holds;
use cache_core::client_support::BroughtEntries;

use super::caller::Caller;
use crate::any_query::AnyQuery;
use crate::app::App;
use crate::context::{Access, Context};
use crate::erased::typed_key;
use crate::fetch::Fetch;
use crate::load::brought::{BroughtAnswers, BroughtQuery};
use crate::plan::Plan;

impl<A: App> Context<A> {
    /// Stores an answer for another key together with the answer of this load, inside [`fetch`](Fetch::fetch): a feed
    /// brings its posts, so that they need no load of their own. In a batch, they are stored with the first answer.
    ///
    /// All are committed in one transaction, for which no hook runs. The entry is as old as the load, and has the times
    /// of its own query. A running load of its key that began earlier becomes out of date.
    ///
    /// An entry is skipped if its key was written, removed, invalidated or cleared since the load began, so that no
    /// change is undone, and while a load of its key runs that began later. It is occasionally skipped without such a
    /// reason, since the cache does not remember each change. A load stores no such entries if it fails, or if its own
    /// answer is not stored because of the strategy, [`no_store`](Self::no_store), or answers of its own in its tree.
    /// Outside of a load, this does nothing. The last value of a key wins.
    ///
    /// # Examples
    /// ```
    /// # use doctest_setup::*;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = Vec<String>, capacity = 100, fresh = "60s")]
    /// # struct GetTitles;
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = String, capacity = 100, fresh = "60s")]
    /// # struct GetBookTitle(usize);
    /// # registry! { struct Books { GetTitles, GetBookTitle } }
    /// # struct Library;
    /// # impl App for Library { type Registry = Books; }
    /// # impl Fetch<Library> for GetBookTitle {
    /// #     type Error = io::Error;
    /// #     async fn fetch(&self, _: &Context<Library>) -> Result<String, io::Error> { unreachable!() }
    /// # }
    /// impl Fetch<Library> for GetTitles {
    ///     # type Error = io::Error;
    ///     async fn fetch(&self, cx: &Context<Library>) -> Result<Vec<String>, io::Error> {
    ///         let titles = vec!["Emma".to_owned(), "Persuasion".to_owned()];
    ///         titles.iter().enumerate().for_each(|(id, title)| cx.bring(GetBookTitle(id), title.clone()));
    ///         Ok(titles)
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn Error>> {
    /// # let client = Client::builder(Cache::<Books>::new(), Library).build();
    /// client.query(&GetTitles).await?;
    /// assert_eq!(*client.query(&GetBookTitle(1)).await?, "Persuasion");
    /// # Ok(())
    /// # }
    /// ```
    pub fn bring<Q: Fetch<A>>(&self, query: Q, value: impl Into<Arc<Q::Value>>)
    where
        A::Registry: Holds<Q>,
    {
        let value = value.into();
        let Some(mut notes) = self.0.load_notes() else { return };
        let lists = notes.brought_mut().as_mut();
        if let Some(entries) = lists.and_then(|lists| BroughtAnswers::<A>::of(lists, TypeId::of::<Q>())) {
            entries.add(query, value);
            return;
        }
        // Planning calls foreign code.
        drop(notes);
        self.bring_first(query, value);
    }

    /// Notes the first entry of a query.
    #[inline(never)]
    fn bring_first<Q: Fetch<A>>(&self, query: Q, value: Arc<Q::Value>)
    where
        A::Registry: Holds<Q>,
    {
        let mut entries = BroughtEntries::new(self.client().cache().any_table_ref::<Q>());
        let plan = self.plan_of_brought(&query);
        entries.add(query, value);
        BroughtAnswers::note(&self.0, entries, BroughtQuery::new(|key| typed_key::<Q>(key), plan));
    }

    fn plan_of_brought(&self, query: &dyn AnyQuery<A>) -> Arc<Plan> {
        let caller = Caller::without_context(self.client());
        match caller.planned(query, None, Access::PLAIN) {
            Ok(plan) => plan.shared(),
            // The callers of that query get the error.
            Err(_) => Arc::new(caller.plan_of_query(query)),
        }
    }
}
