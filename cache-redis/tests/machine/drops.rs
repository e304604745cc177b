use cache_client::shared::machine::{Access, DropId};

use super::*;

/// Begins a drop of a post.
fn begin(machine: &mut Machine, id: u8, is_committed: bool) -> DropId {
    let actions = machine.handle(Event::Drop { marks: vec![mark(id)], is_committed });
    let [Action::Send { drop, marks }] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(*marks, [mark(id)]);
    *drop
}

fn acknowledge(machine: &mut Machine, drop: DropId, number: u64) -> Vec<Action> {
    machine.handle(Event::Acknowledged { at: seconds(1), drop, position: at(number) })
}

/// What the client does with its own entry of the feed.
fn told(machine: &mut Machine, number: u64, id: u8) -> Vec<Action> {
    machine.handle(read(seconds(1), vec![item(number, OWN, mark(id))], at(number)))
}

#[test]
fn an_own_entry_marks_nothing_if_it_was_acknowledged_before_a_commit_that_can_be_seen() {
    let mut machine = following();
    let drop = begin(&mut machine, 1, false);
    acknowledge(&mut machine, drop, 11);
    machine.handle(Event::Committed { drop });
    assert_eq!(told(&mut machine, 11, 1), [Action::Extend, wait_after(11)]);
    // The next one is another.
    assert_eq!(told(&mut machine, 12, 1)[0], Action::Invalidate(vec![mark(1)]));
}

#[test]
fn an_own_entry_marks_nothing_if_its_keys_were_marked_here_before_it_was_acknowledged() {
    let mut machine = following();
    let drop = begin(&mut machine, 1, true);
    assert_eq!(machine.handle(Event::Marked { drop }), []);
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Origin, "the server may have an old value");
    acknowledge(&mut machine, drop, 11);
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Ask);
    assert_eq!(told(&mut machine, 11, 1), [Action::Extend, wait_after(11)]);
    // The next one is another, and so is that of another client with the same number.
    assert_eq!(told(&mut machine, 12, 1)[0], Action::Invalidate(vec![mark(1)]));
    let mut machine = following();
    let drop = begin(&mut machine, 1, true);
    machine.handle(Event::Marked { drop });
    acknowledge(&mut machine, drop, 11);
    let foreign = read(seconds(1), vec![item(11, OTHER, mark(1))], at(11));
    assert_eq!(machine.handle(foreign)[0], Action::Invalidate(vec![mark(1)]));
}

#[test]
fn an_own_entry_marks_if_its_drop_was_told_or_has_failed_before_its_keys_were_marked_here() {
    let invalidate = Action::Invalidate(vec![mark(1)]);
    // Acknowledged before: it was not marked when the server had the drop.
    let mut machine = following();
    let drop = begin(&mut machine, 1, true);
    acknowledge(&mut machine, drop, 11);
    machine.handle(Event::Marked { drop });
    assert_eq!(told(&mut machine, 11, 1)[0], invalidate);
    // Told by the feed before it is acknowledged.
    let mut machine = following();
    let drop = begin(&mut machine, 1, true);
    machine.handle(Event::Marked { drop });
    assert_eq!(told(&mut machine, 11, 1)[0], invalidate);
    acknowledge(&mut machine, drop, 11);
    assert_eq!(told(&mut machine, 12, 1)[0], invalidate);
    // Failed, and sent again from the outbox, perhaps together with others.
    let mut machine = following();
    let drop = begin(&mut machine, 1, true);
    machine.handle(Event::Marked { drop });
    machine.handle(Event::Failed { drop });
    let actions = machine.handle(Event::Retry);
    let [Action::Send { drop: again, .. }] = actions[..] else { panic!("{actions:?}") };
    machine.handle(Event::Marked { drop });
    acknowledge(&mut machine, again, 11);
    assert_eq!(told(&mut machine, 11, 1)[0], invalidate);
}

#[test]
fn any_other_own_entry_marks() {
    let invalidate = Action::Invalidate(vec![mark(1)]);
    // Not committed yet.
    let mut machine = following();
    let drop = begin(&mut machine, 1, false);
    acknowledge(&mut machine, drop, 11);
    assert_eq!(told(&mut machine, 11, 1)[0], invalidate);
    machine.handle(Event::Committed { drop });
    // Committed before it was acknowledged.
    let mut machine = following();
    let drop = begin(&mut machine, 1, true);
    acknowledge(&mut machine, drop, 11);
    assert_eq!(told(&mut machine, 11, 1)[0], invalidate);
    // Given up.
    let mut machine = following();
    let drop = begin(&mut machine, 1, false);
    acknowledge(&mut machine, drop, 11);
    assert_eq!(machine.handle(Event::Abandoned { drop, marks: vec![mark(1)] })[0], invalidate);
    assert_eq!(told(&mut machine, 11, 1)[0], invalidate);
}

#[test]
fn a_key_is_neither_read_nor_filled_from_the_commit_until_its_drop_is_acknowledged() {
    let mut machine = following();
    let drop = begin(&mut machine, 1, false);
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Read, "nothing was changed here yet");
    machine.handle(Event::Committed { drop });
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Origin);
    assert_eq!(machine.access(&post(2), &[], seconds(1)), Access::Read);
    assert!(!machine.may_fill(&post(1), &envelope(at(10))));
    assert!(!machine.is_hit(&post(1), &envelope(at(10)), seconds(1)));
    acknowledge(&mut machine, drop, 11);
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Ask);
    assert!(machine.may_fill(&post(1), &envelope(at(10))), "the server compares the numbers");
}

#[test]
fn after_a_wide_drop_is_acknowledged_older_values_are_not_used() {
    let mut machine = following();
    let actions =
        machine.handle(Event::Drop { marks: vec![Mark::Table("posts".into())], is_committed: true });
    let [Action::Send { drop, .. }] = actions[..] else { panic!("{actions:?}") };
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Origin);
    acknowledge(&mut machine, drop, 11);
    assert_eq!(
        machine.access(&post(1), &[], seconds(1)),
        Access::Ask,
        "the server knows what the feed has not told yet"
    );
    assert!(!machine.is_hit(&post(1), &envelope(at(10)), seconds(1)));
    machine.handle(read(seconds(1), vec![item(11, OWN, Mark::Table("posts".into()))], at(11)));
    assert!(!machine.is_hit(&post(1), &envelope(at(10)), seconds(1)));
    assert!(machine.is_hit(&post(1), &envelope(at(11)), seconds(1)));
}

#[test]
fn keys_with_a_tag_are_not_asked_for_until_its_drop_is_acknowledged() {
    let mut machine = following();
    let marks = vec![Mark::Tag((*b"x").into())];
    let actions = machine.handle(Event::Drop { marks, is_committed: true });
    let [Action::Send { drop, .. }] = actions[..] else { panic!("{actions:?}") };
    let tags = [cache_client::shared::protocol::tag_bucket(b"x")];
    assert_eq!(machine.access(&post(1), &tags, seconds(1)), Access::Origin);
    assert_eq!(machine.access(&post(2), &[], seconds(1)), Access::Read);
    acknowledge(&mut machine, drop, 11);
    assert_eq!(machine.access(&post(1), &tags, seconds(1)), Access::Ask);
}

#[test]
fn a_drop_that_fails_is_sent_again_first_when_the_feed_is_back() {
    let mut machine = following();
    let first = begin(&mut machine, 1, false);
    machine.handle(Event::FeedEnded);
    machine.handle(Event::Failed { drop: first });
    assert_eq!((machine.waiting(), machine.access(&post(1), &[], seconds(1))), (1, Access::Origin));

    let actions = machine.handle(Event::FeedConnected);
    let [Action::Send { drop, marks }, Action::Open] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(*marks, [mark(1)]);
    assert_ne!(*drop, first);
    // Still blocked until it is acknowledged. A late answer to the first changes nothing.
    assert_eq!(machine.waiting(), 0);
    acknowledge(&mut machine, first, 11);
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Origin);
    acknowledge(&mut machine, *drop, 12);
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Ask);
}

#[test]
fn what_waits_is_sent_in_parts_one_after_the_other() {
    let mut machine = following();
    for id in 0..=255 {
        for table in ["a", "b", "c", "d", "e"] {
            let marks = vec![Mark::Key(Key::new(table, &[id]))];
            let actions = machine.handle(Event::Drop { marks, is_committed: true });
            let [Action::Send { drop, .. }] = actions[..] else { panic!("{actions:?}") };
            machine.handle(Event::Failed { drop });
        }
    }
    assert_eq!(machine.waiting(), 1280);
    let actions = machine.handle(Event::Retry);
    let [Action::Send { drop, marks }] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!((marks.len(), machine.waiting()), (1000, 280));
    assert_eq!(machine.handle(Event::Retry), [], "one part is under way");
    let next = acknowledge(&mut machine, *drop, 11);
    let [Action::Send { marks, .. }] = &next[..] else { panic!("{next:?}") };
    assert_eq!((marks.len(), machine.waiting()), (280, 0));
}

#[test]
fn a_drop_of_very_many_keys_names_their_tables() {
    let mut machine = following();
    let marks = (0..=1000_u32).map(|id| Mark::Key(Key::new("posts", &id.to_be_bytes()))).collect();
    let actions = machine.handle(Event::Drop { marks, is_committed: true });
    let [Action::Send { marks, .. }] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(*marks, [Mark::Table("posts".into())]);
}

#[test]
fn an_acknowledgement_of_another_epoch_is_doubted() {
    let mut machine = following();
    let drop = begin(&mut machine, 1, false);
    let position = Position { epoch: epoch(2), number: 1 };
    machine.handle(Event::Acknowledged { at: seconds(1), drop, position });
    machine.handle(Event::Committed { drop });
    assert_eq!(machine.access(&post(2), &[], seconds(1)), Access::Origin);
    machine.handle(read(seconds(1), vec![], position));
    machine.handle(Event::Opened { sent: seconds(1), opened: opened(position) });
    assert_eq!(machine.access(&post(2), &[], seconds(1)), Access::Read);
}
