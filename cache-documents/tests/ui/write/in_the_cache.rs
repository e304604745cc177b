use cache_core::{Cache, EntryTimes, Query, registry};
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

fn writes(cache: &Cache<BlogRegistry>, key: PersonId) {
    cache.insert(key.clone(), Person::absent());
    cache.insert_timed(key.clone(), Person::absent(), EntryTimes::new());
    cache.get_or_insert_with(&key, Person::absent);
    let _ = cache.get_or_try_insert_with(&key, || Ok::<_, ()>(Person::absent()));
    cache.remove(&key);
    cache.touch(&key);
    cache.invalidate(&key);
    cache.invalidate_where::<PersonId>(|_| true);
    cache.refresh(key, Person::absent());
    let _ = Cache::<BlogRegistry>::builder().table::<PersonId>(|options| options.capacity(10));
}

fn main() {
    let cache = Cache::<BlogRegistry>::new();
    // Records can be read.
    let key = PersonId::from_id("9".into());
    println!("{:?} {} {}", cache.get(&key), cache.contains(&key), cache.count::<PersonId>());
    drop((cache.watch(&key), cache.pin(&key), cache.get_all((&key,))));
    writes(&cache, key);
}
