//! Answers on the feed's connection.

use cache_core::Moment;

use super::{Action, Applied, FEED_COUNT, Machine, Phase};
use crate::shared::request::{Dropped, FeedAnswer, FeedItem, Opened, Position};

impl Machine {
    pub(super) fn opened(&mut self, sent: Moment, opened: Opened) -> Vec<Action> {
        let Phase::Opening { resumes } = self.phase else { return Vec::new() };
        self.phase = Phase::Reading { promised: opened.position.number };
        let own = self.applied.filter(|own| own.position.epoch == opened.position.epoch);
        if let Some(own) = own.filter(|own| resumes && own.position.number <= opened.position.number) {
            return vec![Action::Read { after: own.last, wait: false }];
        }
        if own.is_none() {
            self.wide.clear();
            self.seen = 0;
            self.drops.forget_settled();
        }
        for (field, number) in opened.wide {
            let last = self.wide.entry(field).or_default();
            *last = number.max(*last);
        }
        self.applied = Some(Applied { position: opened.position, last: opened.last });
        // The answer may have been on its way for longer than these.
        for (at, position) in std::mem::take(&mut self.seen_early) {
            self.see(at, position);
        }
        self.lookups.note_all(opened.position.number);
        self.extend(sent);
        vec![Action::InvalidateAll, Action::Extend, Action::Read { after: opened.last, wait: true }]
    }

    pub(super) fn feed_read(&mut self, sent: Moment, answer: FeedAnswer) -> Vec<Action> {
        let (Phase::Reading { promised }, Some(before)) = (self.phase, self.applied) else {
            return Vec::new();
        };
        let (is_cut, is_empty) = (answer.items.len() >= FEED_COUNT, answer.items.is_empty());
        let mut actions = Vec::new();
        for item in answer.items {
            match self.apply(item) {
                Ok(action) => actions.extend(action),
                Err(Gap) => {
                    actions.push(self.begin_anew());
                    return actions;
                }
            }
        }
        let own = self.applied.unwrap_or(before);
        let Some(told) = answer.position.filter(|told| told.epoch == own.position.epoch) else {
            actions.push(self.begin_anew());
            return actions;
        };
        let is_behind = !is_cut && own.position.number < promised;
        if is_behind || told.number < own.position.number {
            actions.push(self.begin_anew());
            return actions;
        }
        let is_complete = !is_cut && (!is_empty || told.number == own.position.number);
        if is_complete {
            self.extend(sent);
            actions.push(Action::Extend);
        }
        self.phase = Phase::Reading { promised: promised.max(told.number) };
        actions.push(Action::Read { after: own.last, wait: told.number == own.position.number });
        actions
    }

    /// Everything up to `sent` is applied, in the epoch that the server had then.
    fn extend(&mut self, sent: Moment) {
        self.current_at = self.current_at.max(Some(sent));
        self.doubted = self.doubted.filter(|doubted| *doubted > sent);
    }

    /// Applies the next entry.
    fn apply(&mut self, item: FeedItem) -> Result<Option<Action>, Gap> {
        let own = self.applied.ok_or(Gap)?;
        let Dropped { position, client, marks } = item.dropped.ok_or(Gap)?;
        let next = Position { number: own.position.number + 1, ..own.position };
        if position != next {
            return Err(Gap);
        }
        self.applied = Some(Applied { position, last: item.id });
        self.note(&marks, position.number);
        let is_settled = client == self.id && self.drops.is_settled(position.number);
        Ok((!is_settled).then_some(Action::Invalidate(marks)))
    }
}

/// An entry is missing, unreadable, or of another epoch.
struct Gap;
