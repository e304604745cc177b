//! Readers of a key while its layer is confirmed or removed.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shuttle::thread;

use crate::erased::AnyValue;
use crate::layer::stack::{LayerId, LayerStacks, LayerStep, Layered};
use crate::{Get, Store, check, number};

const KEY: Get = Get(1);

fn read(store: &Store, stacks: &LayerStacks) -> u64 {
    let Layered { base, folded } =
        stacks.read(&KEY, || store.get(&KEY).map(|value| value as AnyValue), |base| base);
    number(&folded.or(base).unwrap())
}

/// A layer that adds 100.
fn add_layer(stacks: &LayerStacks, layer: u64) -> Arc<AtomicBool> {
    let is_off = Arc::new(AtomicBool::new(false));
    let change = |present: Option<&(dyn Any + Send + Sync)>| -> Option<AnyValue> {
        Some(Arc::new(present?.downcast_ref::<u64>()? + 100))
    };
    let change = Arc::new(change);
    stacks.push(Arc::new(KEY), LayerStep { layer: LayerId(layer), is_off: Arc::clone(&is_off), change });
    is_off
}

#[test]
fn a_confirmed_layer_is_seen_or_what_takes_its_place_and_never_both_or_neither() {
    check(|| {
        let (store, stacks) = (Store::new(), Arc::new(LayerStacks::default()));
        store.insert(KEY, 1);
        let flag = add_layer(&stacks, 1);
        let (reader, seen) = (store.clone(), Arc::clone(&stacks));
        let reading = thread::spawn(move || {
            let values = [(); 4].map(|()| read(&reader, &seen));
            assert!(values.iter().all(|value| [101, 201].contains(value)), "{values:?}");
            assert!(values.is_sorted(), "an old value came back: {values:?}");
        });
        let mut tx = store.begin();
        tx.set(KEY, 201);
        tx.committed_flag(flag);
        tx.commit().unwrap();
        stacks.remove(&KEY, LayerId(1));
        reading.join().unwrap();
        assert_eq!(read(&store, &stacks), 201);
    });
}

#[test]
fn one_that_is_taken_away_leaves_the_other_on_what_is_committed() {
    check(|| {
        let (store, stacks) = (Store::new(), Arc::new(LayerStacks::default()));
        store.insert(KEY, 1);
        let (first, _second) = (add_layer(&stacks, 1), add_layer(&stacks, 2));
        let (reader, seen) = (store.clone(), Arc::clone(&stacks));
        let reading = thread::spawn(move || {
            for _ in 0..3 {
                let value = read(&reader, &seen);
                assert!([201, 101, 202, 102].contains(&value), "{value}");
            }
        });
        let (writer, layers) = (store.clone(), Arc::clone(&stacks));
        let taking = thread::spawn(move || {
            first.store(true, Ordering::Release);
            layers.remove(&KEY, LayerId(1));
        });
        writer.insert(KEY, 2);
        taking.join().unwrap();
        reading.join().unwrap();
        assert_eq!(read(&store, &stacks), 102);
    });
}
