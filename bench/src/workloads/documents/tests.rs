use super::bodies::{RECORDS_OF_OVERLAPPING, SHARED_CHILD, cars, overlapping, shared_child};
use super::*;

fn store_with(shape: Shape, text: &str) -> Store {
    let store = Store::new();
    store.put(0, shape, text.as_bytes()).expect("the document is valid");
    store
}

#[test]
fn a_family_shows_its_parent_and_all_children() {
    let store = store_with(Shape::Family, &family(10..35));
    let document = store.client.cached(&GetFamily(0)).expect("it was stored");
    let parent = document.data().expect("it is about a parent");
    assert_eq!((document.records(), document.many(&parent.children).count()), (26, 25));
    assert!(document.many(&parent.children).all(|child| child.parent.key() == Some(&ParentId("1".into()))));
}

#[test]
fn cars_and_colors_name_each_other() {
    let store = store_with(Shape::Cars, &cars(3, 20, 5..10));
    let document = store.client.cached(&GetCars(0)).expect("it was stored");
    assert_eq!(document.records(), 3 + 20 + 7 + 9);
    for car in document.data() {
        assert_eq!(document.many(&car.colors).count(), 5);
        assert!(document.many(&car.colors).all(|color| color.cars.keys().len() == 3));
        assert!(document.one(&car.make).is_some() && document.one(&car.size).is_some());
    }
}

#[test]
fn overlapping_documents_follow_the_one_child_that_they_share() {
    let store = store_with(Shape::Family, &overlapping(0));
    store.put(1, Shape::Family, overlapping(1).as_bytes()).expect("the document is valid");
    assert_eq!(store.client.documents().records(), 2 * RECORDS_OF_OVERLAPPING - 1);
    store.put(0, Shape::Child, shared_child("Zoe").as_bytes()).expect("the document is valid");
    for number in [0, 1] {
        let document = store.client.cached(&GetFamily(number)).expect("it was stored");
        assert_eq!(document.records(), RECORDS_OF_OVERLAPPING);
        let child = document.get(&ChildId(SHARED_CHILD.into())).expect("the document shows it");
        assert_eq!(child.child_name, Field::Value(Arc::from("Zoe")));
    }
}

#[test]
fn generated_documents_are_the_same_in_each_run() {
    assert_eq!((family(0..50), overlapping(7)), (family(0..50), overlapping(7)));
}
