//! Lines of one shard by the tags of their keys. Knows tags by their hashes alone, and lines by their numbers.

#[cfg(test)]
mod tests;

use hashbrown::HashTable;

use crate::hash_index::spread;
use crate::retention::list::NONE;

/// Two sets of linked lists over one arena: the lines of each tag, and the tags of each line. So the time to
/// add or remove a line depends on the number of its tags, not on the number of their lines.
#[derive(Default)]
pub(super) struct TagIndex {
    /// The first node of each tag. Tags whose hashes are equal share a list.
    firsts: HashTable<u32>,
    nodes: Vec<TagNode>,
    /// Nodes that are in no list.
    vacant: Vec<u32>,
    /// Whether the tags of a line change: with each write it gets new ones.
    replaces: bool,
    /// First node of each line, by line number. Shorter than the list of lines if the last lines have no
    /// tags.
    of_line: Vec<u32>,
}

/// Says that a line has a tag.
#[derive(Clone, Copy)]
struct TagNode {
    tag: u32,
    line: u32,
    /// In the list of the tag.
    previous: u32,
    next: u32,
    /// The next one in the list of the line.
    sibling: u32,
}

impl TagIndex {
    /// Adds a line under its tags, unless it is there.
    pub(super) fn add(&mut self, line: u32, tags: &[u32]) {
        self.forget_inputs(line);
        if self.first_of(line) != NONE {
            return;
        }
        if self.of_line.len() <= line as usize {
            self.of_line.resize(line as usize + 1, NONE);
        }
        for (at, &tag) in tags.iter().enumerate() {
            if !tags[..at].contains(&tag) {
                self.link(line, tag);
            }
        }
    }

    /// Adds a line under the tags of its key and the numbers of its inputs, in place of those that it had.
    pub(super) fn set_inputs(&mut self, line: u32, tags: &[u32]) {
        self.replaces = true;
        self.add(line, tags);
    }

    /// Takes a line out of all lists, if tags of lines change.
    pub(super) fn forget_inputs(&mut self, line: u32) {
        if self.replaces {
            self.remove(line);
        }
    }

    /// Takes a line out of the lists of all its tags.
    pub(super) fn remove(&mut self, line: u32) {
        let mut number = self.first_of(line);
        if number == NONE {
            return;
        }
        self.of_line[line as usize] = NONE;
        while number != NONE {
            let sibling = self.nodes[number as usize].sibling;
            self.unlink(number);
            number = sibling;
        }
    }

    /// Returns the lines that have a tag with this hash.
    pub(super) fn lines(&self, tag: u32) -> impl Iterator<Item = u32> {
        let mut number = self.first(tag).unwrap_or(NONE);
        std::iter::from_fn(move || {
            let node = self.nodes.get(number as usize)?;
            number = node.next;
            Some(node.line)
        })
    }

    /// Gives the lines their new numbers, which ascend from 0; [`NONE`] for lines that are gone.
    pub(super) fn renumber(&mut self, moved: &[u32]) {
        let old = std::mem::take(self);
        self.replaces = old.replaces;
        for (line, &new) in moved.iter().enumerate() {
            let tags: Vec<u32> = old.tags(line).collect();
            if new != NONE {
                self.add(new, &tags);
            }
        }
    }

    /// Returns the number of tags of all lines together.
    pub(super) fn len(&self) -> usize {
        self.nodes.len() - self.vacant.len()
    }

    fn tags(&self, line: usize) -> impl Iterator<Item = u32> {
        let mut number = self.of_line.get(line).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let node = self.nodes.get(number as usize)?;
            number = node.sibling;
            Some(node.tag)
        })
    }

    fn first_of(&self, line: u32) -> u32 {
        self.of_line.get(line as usize).copied().unwrap_or(NONE)
    }

    fn first(&self, tag: u32) -> Option<u32> {
        self.firsts.find(spread(tag), |&number| self.nodes[number as usize].tag == tag).copied()
    }

    /// Puts a line first in the list of a tag.
    fn link(&mut self, line: u32, tag: u32) {
        let sibling = self.of_line[line as usize];
        let node = TagNode { tag, line, previous: NONE, next: self.first(tag).unwrap_or(NONE), sibling };
        let number = self.occupy(node);
        self.of_line[line as usize] = number;
        match node.next {
            NONE => {
                let nodes = &self.nodes;
                let hash = |&number: &u32| spread(nodes[number as usize].tag);
                self.firsts.insert_unique(spread(tag), number, hash);
            }
            next => {
                self.nodes[next as usize].previous = number;
                self.replace_first(tag, next, number);
            }
        }
    }

    fn unlink(&mut self, number: u32) {
        let TagNode { tag, previous, next, .. } = self.nodes[number as usize];
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        }
        match (previous, next) {
            (NONE, NONE) => {
                if let Ok(first) = self.firsts.find_entry(spread(tag), |&first| first == number) {
                    first.remove();
                }
            }
            (NONE, next) => self.replace_first(tag, number, next),
            (previous, next) => self.nodes[previous as usize].next = next,
        }
        self.vacant.push(number);
    }

    fn replace_first(&mut self, tag: u32, old: u32, new: u32) {
        if let Some(first) = self.firsts.find_mut(spread(tag), |&first| first == old) {
            *first = new;
        }
    }

    fn occupy(&mut self, node: TagNode) -> u32 {
        if let Some(number) = self.vacant.pop() {
            self.nodes[number as usize] = node;
            return number;
        }
        self.nodes.push(node);
        u32::try_from(self.nodes.len() - 1).expect("a shard has fewer tags than 32 bits can number")
    }
}
