//! Key sequences, generated before anything is measured, the same for all contestants and in each run.

use fastrand::Rng;

/// Keys in the order of their use. 32 bits each, so that reading them takes little of the processor's caches.
pub struct Keys {
    sequence: Vec<u32>,
}

const SEED: u64 = 0x0BE9_C4A7_11E5_EED5;

impl Keys {
    pub fn uniform(universe: u32, len: usize) -> Self {
        let mut random = Rng::with_seed(SEED);
        Self { sequence: (0..len).map(|_| random.u32(0..universe)).collect() }
    }

    /// Keys outside of `0..universe`: those of the next range of this length.
    pub fn absent(universe: u32, len: usize) -> Self {
        let mut keys = Self::uniform(universe, len);
        keys.sequence.iter_mut().for_each(|key| *key += universe);
        keys
    }

    /// Two alternating sets of keys: no key of an even piece of length `len_of_piece` is in an odd one.
    pub fn uniform_apart(universe: u32, len: usize, len_of_piece: usize) -> Self {
        let mut keys = Self::uniform(universe, len);
        for (number, piece) in keys.sequence.chunks_mut(len_of_piece).enumerate() {
            for key in piece {
                *key = *key & !1 | (number & 1) as u32;
            }
        }
        keys
    }

    /// The key of rank k has a probability proportional to 1/k. Ranks are assigned to keys at random, so that frequent
    /// keys are not next to each other in memory.
    pub fn zipf(universe: u32, len: usize) -> Self {
        Self::zipf_from(universe, len, &mut Rng::with_seed(SEED))
    }

    /// Like [`zipf`](Self::zipf), but with the ranks assigned to other keys, different for each `number`.
    pub fn zipf_again(universe: u32, len: usize, number: usize) -> Self {
        Self::zipf_from(universe, len, &mut Rng::with_seed(!SEED - number as u64))
    }

    fn zipf_from(universe: u32, len: usize, random: &mut Rng) -> Self {
        let mut key_of_rank: Vec<u32> = (0..universe).collect();
        Rng::with_seed(SEED).shuffle(&mut key_of_rank);
        let sequence = (0..len).map(|_| key_of_rank[zipf_rank(universe, random)]).collect();
        Self { sequence }
    }

    pub fn all(&self) -> &[u32] {
        &self.sequence
    }

    /// A piece of the sequence, a different one for each `number` until the pieces repeat.
    pub fn piece(&self, number: usize, len: usize) -> &[u32] {
        let pieces = self.sequence.len() / len;
        let start = number % pieces * len;
        &self.sequence[start..start + len]
    }
}

/// A rank from 0 on, by inverting the integral of 1/x and rejecting what lies between it and the sum of 1/k.
/// (Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete distributions", 1996.)
fn zipf_rank(universe: u32, random: &mut Rng) -> usize {
    let low = 1.5_f64.ln() - 1.0;
    let high = (f64::from(universe) + 0.5).ln();
    loop {
        let area = low + random.f64() * (high - low);
        let rank = area.exp().round().clamp(1.0, f64::from(universe));
        if area >= (rank + 0.5).ln() - 1.0 / rank {
            return rank as usize - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_keys_are_none_of_those_that_are_there() {
        let keys = Keys::absent(100, 1_000);
        assert!(keys.all().iter().all(|key| (100..200).contains(key)));
        assert_eq!(keys.all().len(), 1_000);
    }

    #[test]
    fn pieces_that_are_apart_share_no_key() {
        let keys = Keys::uniform_apart(10, 100, 10);
        for number in 0..20 {
            assert!(keys.piece(number, 10).iter().all(|&key| key < 10 && key as usize % 2 == number % 2));
        }
    }

    #[test]
    fn the_first_rank_of_zipf_is_twice_as_frequent_as_the_second() {
        let mut random = Rng::with_seed(1);
        let mut counts = [0_u32; 1000];
        for _ in 0..1_000_000 {
            counts[zipf_rank(1000, &mut random)] += 1;
        }
        let harmonic: f64 = (1..=1000).map(|rank| 1.0 / f64::from(rank)).sum();
        for rank in [1_u32, 2, 3, 10, 100] {
            let expected = 1e6 / harmonic / f64::from(rank);
            let counted = f64::from(counts[rank as usize - 1]);
            assert!((counted / expected - 1.0).abs() < 0.1, "rank {rank}: {counted} instead of {expected}");
        }
    }
}
