//! Counts how many of the recent calls have failed. Plain data of a fixed size; the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

use super::options::Rate;

/// Parts of a window. The oldest part is dropped as a whole.
const PARTS: usize = 10;

/// The calls of the last nine parts of a window and of the current part.
#[derive(Debug)]
pub(crate) struct Window {
    rate: Rate,
    /// The beginning of part 0.
    origin: Instant,
    /// Number of the current part since the origin. Its index is the remainder by the number of parts.
    newest: u64,
    parts: [WindowPart; PARTS],
}

#[derive(Clone, Copy, Debug, Default)]
struct WindowPart {
    calls: u32,
    failures: u32,
}

impl Window {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, origin: now, newest: 0, parts: [WindowPart::default(); PARTS] }
    }

    /// Counts a call. A call that arrives slightly out of order counts as of the newest part.
    pub(crate) fn count(&mut self, is_failure: bool, now: Instant) {
        self.advance(now);
        let part = &mut self.parts[index(self.newest)];
        part.calls = part.calls.saturating_add(1);
        part.failures = part.failures.saturating_add(u32::from(is_failure));
    }

    /// Whether there were enough calls, and too many of them failed.
    pub(crate) fn is_over(&self) -> bool {
        let (calls, failures) = self.sums();
        // Both are far below 2^53.
        calls >= u64::from(self.rate.calls) && failures as f64 >= self.rate.fraction * calls as f64
    }

    /// The calls of the window that ends now, and how many of them have failed.
    pub(crate) fn counts(&mut self, now: Instant) -> (u64, u64) {
        self.advance(now);
        self.sums()
    }

    fn sums(&self) -> (u64, u64) {
        let sum =
            |count: fn(&WindowPart) -> u32| self.parts.iter().map(|part| u64::from(count(part))).sum::<u64>();
        (sum(|part| part.calls), sum(|part| part.failures))
    }

    fn advance(&mut self, now: Instant) {
        self.move_to(part_at(self.rate.window, now.saturating_duration_since(self.origin)));
    }

    fn move_to(&mut self, part: u64) {
        let passed = part.saturating_sub(self.newest).min(PARTS as u64);
        for step in 0..passed {
            self.parts[index(part - step)] = WindowPart::default();
        }
        self.newest = self.newest.max(part);
    }
}

fn part_at(window: Duration, since: Duration) -> u64 {
    let length = (window / PARTS as u32).as_nanos().max(1);
    u64::try_from(since.as_nanos() / length).unwrap_or(u64::MAX)
}

fn index(part: u64) -> usize {
    // The remainder is below the number of parts.
    (part % PARTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All calls so far, and which of them failed.
    struct WindowModel {
        rate: Rate,
        origin: Instant,
        calls: Vec<(Instant, bool)>,
    }

    impl WindowModel {
        fn is_over(&self, now: Instant) -> bool {
            let part = |time: Instant| (time - self.origin).as_millis() / (self.rate.window.as_millis() / 10);
            let recent: Vec<bool> = self
                .calls
                .iter()
                .filter(|(at, _)| part(*at) + 10 > part(now))
                .map(|(_, fails)| *fails)
                .collect();
            let failures = recent.iter().filter(|fails| **fails).count();
            recent.len() >= self.rate.calls as usize
                && failures as f64 >= self.rate.fraction * recent.len() as f64
        }
    }

    #[test]
    fn it_agrees_with_a_list_of_all_calls() {
        let mut random = fastrand::Rng::with_seed(23);
        let mut seen = [0, 0];
        for _ in 0..500 {
            let rate = Rate { fraction: 0.5, calls: random.u32(1..8), window: Duration::from_secs(1) };
            let origin = Instant::now();
            let mut now = origin;
            let mut window = Window::new(rate, origin);
            let mut model = WindowModel { rate, origin, calls: Vec::new() };
            for _ in 0..100 {
                let longest = if random.u8(0..10) == 0 { 3_000 } else { 150 };
                now += Duration::from_millis(random.u64(0..longest));
                let fails = random.bool();
                model.calls.push((now, fails));
                window.count(fails, now);
                assert_eq!(window.is_over(), model.is_over(now));
                seen[usize::from(window.is_over())] += 1;
            }
        }
        assert!(seen[0] > 1_000 && seen[1] > 1_000, "{seen:?}");
    }

    #[test]
    fn a_call_out_of_order_counts_in_the_newest_part() {
        let rate = Rate { fraction: 1.0, calls: 2, window: Duration::from_secs(1) };
        let origin = Instant::now();
        let mut window = Window::new(rate, origin);
        window.count(true, origin + Duration::from_secs(5));
        window.count(true, origin);
        assert!(window.is_over());
    }
}
