//! A list in one file that several windows read and write, each as a whole: none of them knows what the others
//! have added since it has read the file. It looks again when the user comes back to it.

use std::path::Path;

use crate::storage::Stamp;

/// What one window knows of the list.
#[derive(Debug)]
pub(crate) struct SharedList<T> {
    /// As the window had it when it was last read or written.
    known: Vec<T>,
    /// How the file was when it was last looked at, if it was not written for this window since.
    seen: Option<Stamp>,
}

/// What other windows have done to the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere<T> {
    /// Entries that were added or changed.
    pub added: Vec<T>,
    /// Entries that were taken out.
    pub gone: Vec<T>,
}

impl<T> Default for SharedList<T> {
    fn default() -> Self {
        Self { known: Vec::new(), seen: None }
    }
}

impl<T: Clone + PartialEq> SharedList<T> {
    /// Notes what was read for the window.
    pub(crate) fn was_read(&mut self, list: &[T]) {
        self.known = list.to_vec();
    }

    /// What other windows have done to the file since; it is only read where it was written meanwhile. The window
    /// is to take it over and to have its list written then: only from there on it is known.
    ///
    /// # Errors
    /// Those of `read`.
    pub(crate) fn look_again<E>(
        &mut self,
        path: &Path,
        read: impl FnOnce() -> Result<Vec<T>, E>,
        is_same: impl Fn(&T, &T) -> bool,
    ) -> Result<Option<Elsewhere<T>>, E> {
        let now = Stamp::of(path);
        if now.is_none() || now == self.seen {
            return Ok(None);
        }
        self.seen = now;
        let in_file = read()?;
        let is_gone = |entry: &&T| !in_file.iter().any(|other| is_same(entry, other));
        let gone: Vec<T> = self.known.iter().filter(is_gone).cloned().collect();
        let added: Vec<T> = in_file.iter().filter(|entry| !self.known.contains(entry)).cloned().collect();
        Ok((!added.is_empty() || !gone.is_empty()).then_some(Elsewhere { added, gone }))
    }

    /// What other windows have added to `in_file`, which is neither in the `list` that is to be written nor was
    /// known before, and so was not taken out of it. `is_same` says what is one entry.
    pub(crate) fn added_elsewhere(
        &mut self,
        in_file: &[T],
        list: &[T],
        is_same: impl Fn(&T, &T) -> bool,
    ) -> Vec<T> {
        let is_in = |entry: &T, list: &[T]| list.iter().any(|other| is_same(entry, other));
        let is_added = |entry: &&T| !is_in(entry, list) && !is_in(entry, &self.known);
        let added = in_file.iter().filter(is_added).cloned().collect();
        self.known = list.to_vec();
        self.seen = None;
        added
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_add_stays_and_what_is_taken_out_goes() {
        let mut list = SharedList::default();
        let same = |a: &i32, b: &i32| a == b;
        list.was_read(&[1, 2]);
        assert_eq!(list.added_elsewhere(&[1, 2, 7], &[1, 2, 3], same), [7]);
        assert_eq!(list.added_elsewhere(&[1, 2, 3, 7], &[1, 3], same), [7], "2 was taken out here");
        assert!(list.added_elsewhere(&[1], &[1, 3], same).is_empty(), "it was taken out elsewhere");
    }

    #[test]
    fn what_others_do_is_found_once_and_nothing_is_read_in_vain() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let mut list = SharedList::default();
        let look = |list: &mut SharedList<_>, in_file: Option<&[(u32, char)]>| {
            let read = || in_file.map(<[_]>::to_vec).ok_or("it was read in vain");
            list.look_again(&path, read, |a, b| a.0 == b.0)
        };
        assert_eq!(look(&mut list, None), Ok(None), "there is no file");
        std::fs::write(&path, "one").unwrap();
        let first = [(1, 'a'), (2, 'b')];
        let found = Elsewhere { added: first.to_vec(), gone: Vec::new() };
        assert_eq!(look(&mut list, Some(&first)), Ok(Some(found)));
        assert_eq!(look(&mut list, None), Ok(None), "as before");
        assert!(list.added_elsewhere(&first, &first, |a, b| a.0 == b.0).is_empty());
        assert_eq!(look(&mut list, Some(&first)), Ok(None), "it was written here");
        std::fs::write(&path, "another").unwrap();
        let found = Elsewhere { added: vec![(2, 'c'), (3, 'd')], gone: vec![(1, 'a')] };
        assert_eq!(look(&mut list, Some(&[(2, 'c'), (3, 'd')])), Ok(Some(found)));
        // The window has not taken it over yet, and adds something itself: what others have added stays.
        let mine = [(1, 'a'), (2, 'b'), (9, 'm')];
        assert_eq!(list.added_elsewhere(&[(2, 'c'), (3, 'd')], &mine, |a, b| a.0 == b.0), [(3, 'd')]);
    }
}
