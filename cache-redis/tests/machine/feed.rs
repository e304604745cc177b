use cache_client::shared::machine::Access;
use cache_client::shared::protocol::{Field, tag_bucket};

use super::*;

const NANOSECOND: Duration = Duration::from_nanos(1);

#[test]
fn a_client_marks_everything_before_it_uses_the_tier_for_the_first_time() {
    let mut machine = Machine::new(OWN, MAX_LAG);
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Origin);
    assert_eq!(machine.handle(Event::FeedConnected), [Action::Open]);
    let actions = machine.handle(Event::Opened { sent: seconds(1), opened: opened(at(10)) });
    assert_eq!(actions, [Action::InvalidateAll, Action::Extend, wait_after(10)]);
    assert_eq!(machine.access(&post(1), &[], seconds(3)), Access::Read);
    assert_eq!(machine.access(&post(1), &[], seconds(3) + NANOSECOND), Access::Origin);
}

#[test]
fn what_an_answer_has_said_before_the_feed_is_followed_is_not_forgotten() {
    // The answer to `Open` is from before the drop, and comes after that of the drop.
    let first_drop_before_opened = |position: Position| {
        let mut machine = Machine::new(OWN, MAX_LAG);
        machine.handle(Event::FeedConnected);
        let action = machine.handle(Event::Drop { marks: vec![mark(1)], is_committed: false });
        let [Action::Send { drop, .. }] = action[..] else { panic!("{action:?}") };
        machine.handle(Event::Acknowledged { at: seconds(2), drop, position });
        machine.handle(Event::Committed { drop });
        machine.handle(Event::Opened { sent: seconds(1), opened: opened(at(10)) });
        machine
    };
    let mut machine = first_drop_before_opened(at(11));
    assert_eq!(machine.access(&post(1), &[], seconds(2)), Access::Ask);
    assert!(!machine.is_hit(&post(1), &envelope(at(10)), seconds(2)));
    machine.handle(read(seconds(2), vec![item(11, OWN, mark(1))], at(11)));
    assert_eq!(machine.access(&post(1), &[], seconds(2)), Access::Read);

    let machine = first_drop_before_opened(Position { epoch: epoch(2), number: 1 });
    assert_eq!(machine.access(&post(1), &[], seconds(2)), Access::Origin, "the epoch is in doubt");
    let machine = first_drop_before_opened(at(10));
    assert_eq!(machine.access(&post(1), &[], seconds(2)), Access::Read);
}

#[test]
fn an_entry_marks_what_it_names_and_extends_the_time_from_when_the_read_was_sent() {
    let mut machine = following();
    let actions = machine.handle(read(seconds(1), vec![item(11, OTHER, mark(1))], at(11)));
    assert_eq!(actions, [Action::Invalidate(vec![mark(1)]), Action::Extend, wait_after(11)]);
    assert_eq!(machine.fresh_until(None), Some(seconds(3)));
    assert_eq!(machine.fresh_until(Some(seconds(2))), Some(seconds(4)), "a load that began later");
    assert!(machine.has_applied(at(11)) && !machine.has_applied(at(12)));
}

#[test]
fn a_read_without_entries_extends_the_time_if_nothing_was_dropped() {
    let mut machine = following();
    assert_eq!(machine.handle(read(seconds(1), vec![], at(10))), [Action::Extend, wait_after(10)]);
    assert_eq!(machine.fresh_until(None), Some(seconds(3)));
}

#[test]
fn a_drop_right_after_an_empty_read_is_read_at_once_and_is_no_gap() {
    let mut machine = following();
    assert_eq!(machine.handle(read(seconds(1), vec![], at(11))), [read_after(10)]);
    assert_eq!(machine.fresh_until(None), Some(seconds(2)), "the time is not extended");
    let actions = machine.handle(read(seconds(1), vec![item(11, OTHER, mark(1))], at(11)));
    assert_eq!(actions, [Action::Invalidate(vec![mark(1)]), Action::Extend, wait_after(11)]);
}

#[test]
fn a_drop_that_the_feed_does_not_tell_is_a_gap() {
    let mut machine = following();
    machine.handle(read(seconds(1), vec![], at(11)));
    assert_eq!(machine.handle(read(seconds(1), vec![], at(11))), [Action::Open]);
    let actions = machine.handle(Event::Opened { sent: seconds(2), opened: opened(at(11)) });
    assert_eq!(actions, [Action::InvalidateAll, Action::Extend, wait_after(11)]);
}

#[test]
fn a_number_that_is_not_the_next_is_a_gap() {
    let mut machine = following();
    let actions =
        machine.handle(read(seconds(1), vec![item(11, OTHER, mark(1)), item(13, OTHER, mark(3))], at(13)));
    assert_eq!(actions, [Action::Invalidate(vec![mark(1)]), Action::Open]);
    assert_eq!(machine.fresh_until(None), Some(seconds(2)));
}

#[test]
fn an_entry_that_cannot_be_read_is_a_gap() {
    let mut machine = following();
    let foreign = FeedItem { id: id(11), dropped: None };
    assert_eq!(machine.handle(read(seconds(1), vec![foreign], at(10))), [Action::Open]);
}

#[test]
fn a_long_answer_extends_the_time_only_with_its_last_part() {
    let mut machine = following();
    let count = cache_client::shared::machine::FEED_COUNT as u64;
    let items = (11..11 + count).map(|number| item(number, OTHER, mark(1))).collect();
    let actions = machine.handle(read(seconds(1), items, at(11 + count)));
    assert_eq!(actions.last(), Some(&read_after(10 + count)));
    assert_eq!(machine.fresh_until(None), Some(seconds(2)));
    machine.handle(read(seconds(1), vec![item(11 + count, OTHER, mark(1))], at(11 + count)));
    assert_eq!(machine.fresh_until(None), Some(seconds(3)));
}

#[test]
fn after_a_cut_the_feed_is_read_on_from_where_it_was() {
    let mut machine = following();
    machine.handle(Event::FeedEnded);
    machine.handle(Event::FeedConnected);
    let actions = machine.handle(Event::Opened { sent: seconds(1), opened: opened(at(12)) });
    assert_eq!(actions, [read_after(10)]);
    assert_eq!(machine.fresh_until(None), Some(seconds(2)), "nothing is applied yet");
    let items = vec![item(11, OTHER, mark(1)), item(12, OTHER, mark(2))];
    let actions = machine.handle(read(seconds(1), items, at(12)));
    let marks = [mark(1), mark(2)].map(|mark| Action::Invalidate(vec![mark]));
    assert_eq!(actions, [&marks[..], &[Action::Extend, wait_after(12)]].concat());
}

#[test]
fn a_feed_that_was_trimmed_during_a_cut_is_a_gap() {
    for items in [vec![item(12, OTHER, mark(2))], vec![]] {
        let mut machine = following();
        machine.handle(Event::FeedEnded);
        machine.handle(Event::FeedConnected);
        machine.handle(Event::Opened { sent: seconds(1), opened: opened(at(12)) });
        assert_eq!(machine.handle(read(seconds(1), items, at(12))), [Action::Open]);
    }
}

#[test]
fn another_epoch_marks_everything() {
    let other = Position { epoch: epoch(2), number: 10 };
    let mut machine = following();
    assert_eq!(machine.handle(read(seconds(1), vec![], other)), [Action::Open]);
    let actions = machine.handle(Event::Opened { sent: seconds(1), opened: opened(other) });
    assert_eq!(actions, [Action::InvalidateAll, Action::Extend, wait_after(10)]);
    assert!(!machine.is_hit(&post(1), &envelope(at(10)), seconds(1)));
    assert!(machine.is_hit(&post(1), &envelope(other), seconds(1)));
    assert!(!machine.may_fill(&post(1), &envelope(at(10))));
    // Also after a cut, where the feed could be read on.
    machine.handle(Event::FeedEnded);
    machine.handle(Event::FeedConnected);
    let actions = machine.handle(Event::Opened { sent: seconds(2), opened: opened(at(10)) });
    assert_eq!(actions[0], Action::InvalidateAll);
}

#[test]
fn a_lost_state_is_another_epoch() {
    let mut machine = following();
    let lost = Event::FeedRead { sent: seconds(1), answer: FeedAnswer { items: vec![], position: None } };
    assert_eq!(machine.handle(lost), [Action::Open]);
}

#[test]
fn a_number_that_has_gone_back_is_a_gap() {
    let mut machine = following();
    assert_eq!(machine.handle(read(seconds(1), vec![], at(9))), [Action::Open]);
    let mut machine = following();
    machine.handle(Event::FeedEnded);
    machine.handle(Event::FeedConnected);
    let actions = machine.handle(Event::Opened { sent: seconds(1), opened: opened(at(9)) });
    assert_eq!(actions[0], Action::InvalidateAll);
}

#[test]
fn what_was_dropped_as_a_whole_before_the_first_position_is_known() {
    let mut machine = Machine::new(OWN, MAX_LAG);
    machine.handle(Event::FeedConnected);
    let wide = vec![(Field::Table("posts".into()), 7), (Field::Tags(tag_bucket(b"x")), 8)];
    machine.handle(Event::Opened { sent: seconds(0), opened: Opened { wide, ..opened(at(10)) } });
    assert!(!machine.is_hit(&post(1), &envelope(at(6)), seconds(1)));
    assert!(machine.is_hit(&post(1), &envelope(at(7)), seconds(1)));
    let tagged = Envelope { tags: vec![tag_bucket(b"x")], ..envelope(at(7)) };
    assert!(!machine.is_hit(&post(1), &tagged, seconds(1)));
    assert!(machine.is_hit(&post(1), &Envelope { number: 8, ..tagged }, seconds(1)));
}

#[test]
fn wide_drops_of_the_feed_make_older_values_unusable() {
    for wide in [Mark::Table("posts".into()), Mark::All] {
        let mut machine = following();
        machine.handle(read(seconds(0), vec![item(11, OTHER, wide)], at(11)));
        assert!(!machine.is_hit(&post(1), &envelope(at(10)), seconds(1)));
        assert!(machine.is_hit(&post(1), &envelope(at(11)), seconds(1)));
    }
}

/// A value that is read without a look at the state could be older than what this client has answered.
#[test]
fn values_are_asked_for_while_the_feed_is_behind_what_was_seen() {
    let mut machine = following();
    machine.handle(Event::Seen { at: seconds(1), position: at(11) });
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Ask);
    assert!(!machine.is_hit(&post(1), &envelope(at(10)), seconds(1)));
    machine.handle(read(seconds(1), vec![item(11, OTHER, mark(2))], at(11)));
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Read);
}

#[test]
fn values_are_asked_for_after_a_load_of_its_own_until_the_feed_was_read_after_it() {
    let mut machine = following();
    machine.handle(Event::LoadedAlone { at: seconds(1) });
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Ask);
    machine.handle(read(seconds(1) - NANOSECOND, vec![], at(10)));
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Ask);
    machine.handle(read(seconds(1), vec![], at(10)));
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Read);
}

#[test]
fn an_answer_of_another_epoch_stops_the_use_of_the_tier_until_the_feed_was_read_after_it() {
    let mut machine = following();
    machine.handle(Event::Seen { at: seconds(1), position: Position { epoch: epoch(2), number: 0 } });
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Origin);
    assert!(!machine.may_fill(&post(1), &envelope(at(10))));
    // This may have been answered before.
    machine.handle(read(seconds(1) - NANOSECOND, vec![], at(10)));
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Origin);
    // It was a late answer of an epoch before this one.
    machine.handle(read(seconds(1), vec![], at(10)));
    assert_eq!(machine.access(&post(1), &[], seconds(1)), Access::Read);
}
