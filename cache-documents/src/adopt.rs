//! Adopts restored answers: makes them share their records with all others.

use std::fmt::{self, Display};

use cache_client::{AnswerKey, Client, Fetch};
use cache_core::{Freshness, Holds};

use crate::document::AnyDocument;
use crate::documents::{ClientDocuments, DocumentsOf};
use crate::records::store::{adopt_answer, shares_records};
use crate::resources::{Adoption, ResourceList, Resources, RestoredAnswer};
use crate::sync::Mutex;

/// What has become of restored answers. Those that were not restored, such as those that show a record type whose fields
/// have changed, are in the [`RestoreReport`](cache_core::RestoreReport).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdoptReport {
    /// Answers that share their records now.
    pub adopted: usize,
    /// Those among them that show something newer than what was saved with them.
    pub renewed: usize,
    /// Answers with a mark, which are left as they are: their next query loads them. Answers about a deleted record, and
    /// those that only the program keeps, get a mark.
    pub marked: usize,
    /// Answers that something newer has replaced meanwhile.
    pub overtaken: usize,
}

impl AdoptReport {
    fn add(&mut self, adoption: Adoption) {
        match adoption {
            Adoption::Adopted { is_renewed } => {
                self.adopted += 1;
                self.renewed += usize::from(is_renewed);
            }
            Adoption::Marked => self.marked += 1,
            Adoption::Overtaken => self.overtaken += 1,
        }
    }

    fn add_all(&mut self, other: &Self) {
        self.adopted += other.adopted;
        self.renewed += other.renewed;
        self.marked += other.marked;
        self.overtaken += other.overtaken;
    }
}

/// What a client has adopted so far.
#[derive(Default)]
struct Adopted(Mutex<AdoptReport>);

impl Display for AdoptReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { adopted, renewed, marked, overtaken } = self;
        write!(
            f,
            "adopted {adopted} answers, {renewed} of them renewed; {marked} marked, {overtaken} overtaken"
        )
    }
}

impl<A: Resources> ResourceList<A> {
    /// Adds a query whose answers are saved, with `#[query(persist)]`. Its restored answers are adopted when the client is
    /// built, and by [`DocumentsOf::adopt`].
    ///
    /// # Examples
    /// ```
    /// # use cache_client::{App, Context, Fetch};
    /// # use cache_core::{Query, Shape, registry};
    /// # use serde::{Deserialize, Serialize};
    /// # use cache_documents::{
    /// #     Document, DocumentError, Field, Id, ReadDocument, Resource, ResourceList, Resources,
    /// # };
    /// # #[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
    /// # #[query(value = Article, record)]
    /// # struct ArticleId(Id);
    /// #[derive(Resource, Clone, Debug, PartialEq)]
    /// #[resource(type = "articles", key = ArticleId, persist)]
    /// struct Article {
    ///     title: Field<String>,
    /// }
    ///
    /// #[derive(Query, Shape, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, Hash)]
    /// #[query(value = Document<Article>, capacity = 500, fresh = "30s", persist)]
    /// struct GetArticle {
    ///     id: u64,
    /// }
    /// # registry! { struct BlogRegistry { ArticleId, GetArticle } }
    /// # struct Blog;
    /// # impl App for Blog { type Registry = BlogRegistry; }
    /// # impl Fetch<Blog> for GetArticle {
    /// #     type Error = DocumentError;
    /// #     async fn fetch(&self, cx: &Context<Blog>) -> Result<Document<Article>, DocumentError> {
    /// #         cx.document(b"{}")
    /// #     }
    /// # }
    ///
    /// impl Resources for Blog {
    ///     fn list(list: &mut ResourceList<Self>) {
    ///         list.add::<Article>();
    ///         list.add_saved::<GetArticle>();
    ///     }
    /// }
    /// ```
    pub fn add_saved<Q>(&mut self)
    where
        Q: Fetch<A, Value: AnyDocument>,
        A::Registry: Holds<Q>,
    {
        if self.restored.is_empty() {
            self.installs.push(|builder| builder.built_with(|client| _ = client.documents().adopt()));
        }
        self.restored.push(find_restored::<A, Q>);
    }
}

/// Adds the answers of a query that show records of their own.
fn find_restored<A: Resources, Q: Fetch<A, Value: AnyDocument>>(
    client: &Client<A>,
    restored: &mut Vec<RestoredAnswer<A>>,
) where
    A::Registry: Holds<Q>,
{
    for entry in client.cache().entries::<Q>() {
        if entry.value().shares_records() {
            continue;
        }
        let state = entry.state();
        restored.push(RestoredAnswer {
            age: state.age,
            is_marked: state.freshness == Freshness::Invalidated,
            key: AnswerKey::of_fetched(entry.into_parts().0),
            adopt: adopt_answer::<A, <Q::Value as AnyDocument>::Content>,
            shares_records: shares_records::<A, <Q::Value as AnyDocument>::Content>,
        });
    }
}

impl<A: Resources> DocumentsOf<'_, A> {
    /// Makes restored answers share their records, as if each had been loaded before everything that the client knows:
    /// where two answers differ in a field, that of the newer one counts, and what the client has stored before this call
    /// counts more than both. Adopted answers keep their times.
    ///
    /// Call it after each restore into the cache of a client that is built already. What was restored before,
    /// [`build`](cache_client::ClientBuilder::build) adopts. The queries are those that the program
    /// [lists](ResourceList::add_saved). Until then, a restored answer shows records of its own, which the cache does not
    /// have under their keys, and does not follow changes.
    ///
    /// Visits all answers of these queries. Each one that it adopts is a commit, for which no hook runs. Other threads see
    /// each answer as it was saved or as it is adopted.
    ///
    /// # Examples
    /// ```
    /// # use cache_client::Client;
    /// # use cache_documents::{ClientDocuments, Resources};
    /// fn restore<A: Resources>(client: &Client<A>) -> Result<(), cache_core::SnapshotError> {
    ///     println!("{}", client.cache().restore("blog.snapshot")?);
    ///     println!("{}", client.documents().adopt());
    ///     Ok(())
    /// }
    /// ```
    pub fn adopt(&self) -> AdoptReport {
        let (client, mut restored) = (self.client(), Vec::new());
        self.state().list.restored.iter().for_each(|find| find(client, &mut restored));
        // Newest first: each answer adds what those before it do not know, so that hardly any has to follow a later one.
        restored.sort_by_key(|answer| answer.age);
        let mut report = AdoptReport::default();
        restored.iter().for_each(|answer| report.add(adopt_one(client, answer)));
        client.extension::<Adopted>().0.lock().add_all(&report);
        report
    }

    /// Returns what has become of all restored answers so far: those that [`build`](cache_client::ClientBuilder::build)
    /// has adopted, and those of each [`adopt`](Self::adopt).
    ///
    /// # Examples
    /// ```
    /// # use cache_client::{App, Client};
    /// # use cache_core::{Cache, registry};
    /// # use cache_documents::{ClientDocuments, DocumentsBuilder, ResourceList, Resources};
    /// # registry! { struct BlogRegistry {} }
    /// # struct Blog;
    /// # impl App for Blog { type Registry = BlogRegistry; }
    /// # impl Resources for Blog { fn list(_: &mut ResourceList<Self>) {} }
    /// let client = Client::builder(Cache::new(), Blog).documents().build();
    /// assert_eq!(client.documents().adopted().adopted, 0); // nothing was restored
    /// ```
    #[must_use]
    pub fn adopted(&self) -> AdoptReport {
        *self.client().extension::<Adopted>().0.lock()
    }
}

fn adopt_one<A: Resources>(client: &Client<A>, answer: &RestoredAnswer<A>) -> Adoption {
    let RestoredAnswer { key, is_marked, adopt, shares_records, .. } = answer;
    if *is_marked {
        return Adoption::Marked;
    }
    let mut adoption = Adoption::Overtaken;
    if client.commit_step(|store| adoption = adopt(key, store)).is_err() {
        // Other commits were faster many times. No reader must take it for an answer that follows changes.
        let marked = client.commit_step(|store| store.invalidate_answer(key));
        return if marked.is_ok() { Adoption::Marked } else { Adoption::Overtaken };
    }
    match adoption {
        Adoption::Adopted { .. } if !shares_records(key, client) => Adoption::Overtaken,
        adoption => adoption,
    }
}
