use cache_core::{EntryTimes, Query, Transaction, registry};
use cache_documents::{Field, Id, Resource, ResourceKey};

#[derive(Query, Clone, Debug, PartialEq, Eq, Hash)]
#[query(value = Person, record)]
pub struct PersonId(pub Id);

#[derive(Resource, Clone, Debug, PartialEq)]
#[resource(type = "people", key = PersonId)]
pub struct Person {
    pub name: Field<String>,
}

registry! {
    pub struct BlogRegistry { crate::PersonId }
}

fn writes(transaction: &mut Transaction<BlogRegistry>, key: PersonId) {
    transaction.set(key.clone(), Person::absent());
    transaction.set_timed(key.clone(), Person::absent(), EntryTimes::new());
    transaction.merge_with(key.clone(), |_: Option<&Person>| Person::absent());
    transaction.update_once(key.clone(), |_| Person::absent());
    transaction.update(&key, |person| person.clone());
    transaction.remove(&key);
    transaction.touch(&key);
    transaction.invalidate(&key);
    transaction.invalidate_where::<PersonId>(|_| true);
    transaction.invalidate_query::<PersonId>();
}

fn reads(transaction: &mut Transaction<BlogRegistry>, key: &PersonId) {
    println!("{:?} {:?} {}", transaction.get(key), transaction.committed(key), key.id());
}

fn main() {
    let _ = (writes, reads);
}
