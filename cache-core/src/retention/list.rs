//! Linked lists of numbered elements, so that an element is found, moved and taken out without a search.
//! Plain numbers; the owner knows which element is in which list.

/// No element.
pub(crate) const NONE: u32 = u32::MAX;

/// Neighbours of an element in its list. The outer neighbours of the first and last element are stale and
/// mean nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    prev: u32,
    next: u32,
}

/// An element that can be in one list at a time.
pub(crate) trait Linked {
    fn link(&mut self) -> &mut Link;
}

/// First in, first out.
#[derive(Clone, Debug)]
pub(crate) struct List {
    first: u32,
    last: u32,
    len: usize,
}

impl Link {
    pub(crate) const LOOSE: Self = Self { prev: NONE, next: NONE };

    pub(crate) fn next(self) -> u32 {
        self.next
    }

    pub(crate) fn to(next: u32) -> Self {
        Self { prev: NONE, next }
    }

    /// Gives the neighbours their new numbers.
    pub(crate) fn renumber(&mut self, moved: &[u32]) {
        let at = |number: u32| moved.get(number as usize).copied().unwrap_or(NONE);
        *self = Self { prev: at(self.prev), next: at(self.next) };
    }
}

impl Default for List {
    fn default() -> Self {
        Self { first: NONE, last: NONE, len: 0 }
    }
}

impl List {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn first(&self) -> Option<u32> {
        (self.len > 0).then_some(self.first)
    }

    #[inline]
    pub(crate) fn push_back<T: Linked>(&mut self, number: u32, elements: &mut [T]) {
        elements[number as usize].link().prev = self.last;
        match self.len {
            0 => self.first = number,
            _ => elements[self.last as usize].link().next = number,
        }
        self.last = number;
        self.len += 1;
    }

    /// Takes out an element, which must be in this list.
    #[inline]
    pub(crate) fn remove<T: Linked>(&mut self, number: u32, elements: &mut [T]) {
        let Link { prev, next } = *elements[number as usize].link();
        // A neighbour is written only if necessary: the successor of the first element is not.
        match (number == self.first, number == self.last) {
            (true, true) => {}
            (true, false) => self.first = next,
            (false, true) => self.last = prev,
            (false, false) => {
                elements[prev as usize].link().next = next;
                elements[next as usize].link().prev = prev;
            }
        }
        self.len -= 1;
    }

    /// Moves an element of the list to its end.
    #[inline]
    pub(crate) fn move_back<T: Linked>(&mut self, number: u32, elements: &mut [T]) {
        if number != self.last {
            self.remove(number, elements);
            self.push_back(number, elements);
        }
    }

    /// Returns the elements from first to last. `link_of` gives the link of an element.
    pub(crate) fn iter(&self, link_of: impl Fn(u32) -> Link) -> impl Iterator<Item = u32> {
        let mut next = self.first;
        (0..self.len).map(move |_| {
            let number = next;
            next = link_of(number).next;
            number
        })
    }

    /// Returns the elements from first to last. `next` holds the successor of each.
    pub(crate) fn iter_in(&self, next: &[u32]) -> impl Iterator<Item = u32> {
        self.iter(|number| Link::to(next[number as usize]))
    }

    /// Gives the elements their new numbers.
    pub(crate) fn renumber(&mut self, moved: &[u32]) {
        let at = |number: u32| moved.get(number as usize).copied().unwrap_or(NONE);
        (self.first, self.last) = (at(self.first), at(self.last));
    }
}
