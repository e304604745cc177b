use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Add(u32, Vec<u32>),
    SetInputs(u32, Vec<u32>),
    ForgetInputs(u32),
    Remove(u32),
    Renumber,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let tagged = || (0..12_u32, prop::collection::vec(0..5_u32, 0..4));
    let step = prop_oneof![
        6 => tagged().prop_map(|(line, tags)| Step::Add(line, tags)),
        1 => tagged().prop_map(|(line, tags)| Step::SetInputs(line, tags)),
        1 => (0..12_u32).prop_map(Step::ForgetInputs),
        4 => (0..12_u32).prop_map(Step::Remove),
        1 => Just(Step::Renumber),
    ];
    prop::collection::vec(step, 0..60)
}

/// Each line with its tags.
type Naive = BTreeMap<u32, Vec<u32>>;

fn renumber(index: &mut TagIndex, naive: &mut Naive) {
    let mut moved = vec![NONE; 12];
    let old = std::mem::take(naive);
    for (new, (line, tags)) in (0..).zip(old) {
        moved[line as usize] = new;
        naive.insert(new, tags);
    }
    index.renumber(&moved);
}

fn add(naive: &mut Naive, line: u32, mut tags: Vec<u32>, replaces: bool) {
    if replaces {
        naive.remove(&line);
    }
    tags.sort_unstable();
    tags.dedup();
    if !tags.is_empty() {
        naive.entry(line).or_insert(tags);
    }
}

proptest! {
    #[test]
    fn it_knows_what_a_naive_one_knows(steps in steps()) {
        let (mut index, mut naive) = (TagIndex::default(), Naive::new());
        // Whether a line gets new tags with each write.
        let mut replaces = false;
        for step in steps {
            match step {
                Step::Add(line, tags) => {
                    index.add(line, &tags);
                    add(&mut naive, line, tags, replaces);
                }
                Step::SetInputs(line, tags) => {
                    index.set_inputs(line, &tags);
                    replaces = true;
                    add(&mut naive, line, tags, replaces);
                }
                Step::ForgetInputs(line) => {
                    index.forget_inputs(line);
                    add(&mut naive, line, Vec::new(), replaces);
                }
                Step::Remove(line) => {
                    index.remove(line);
                    naive.remove(&line);
                }
                Step::Renumber => renumber(&mut index, &mut naive),
            }
            for tag in 0..5 {
                let mut found: Vec<u32> = index.lines(tag).collect();
                found.sort_unstable();
                let known = naive.iter().filter(|(_, tags)| tags.contains(&tag));
                prop_assert_eq!(found, known.map(|(&line, _)| line).collect::<Vec<_>>());
            }
            prop_assert_eq!(index.len(), naive.values().map(Vec::len).sum::<usize>());
            let tags = (0..5).filter(|tag| naive.values().any(|tags| tags.contains(tag)));
            prop_assert_eq!(index.firsts.len(), tags.count());
        }
        prop_assert!(index.nodes.len() <= 12 * 3, "vacant nodes are used again");
    }
}
