//! A list in one file that several windows read and write, each as a whole: none of them knows what the others
//! have added since it has read the file.

/// What one window knows of the list.
#[derive(Debug)]
pub(crate) struct SharedList<T> {
    /// As it was last read, or last written for this window.
    known: Vec<T>,
}

impl<T> Default for SharedList<T> {
    fn default() -> Self {
        Self { known: Vec::new() }
    }
}

impl<T: Clone> SharedList<T> {
    /// Notes what was read for the window.
    pub(crate) fn was_read(&mut self, list: &[T]) {
        self.known = list.to_vec();
    }

    /// What other windows have added to `in_file`, which is neither in the `list` that is to be written nor was
    /// known before, and so was not taken out of it. `is_same` says what is one entry.
    pub(crate) fn added_elsewhere(
        &mut self,
        in_file: Vec<T>,
        list: &[T],
        is_same: impl Fn(&T, &T) -> bool,
    ) -> Vec<T> {
        let is_in = |entry: &T, list: &[T]| list.iter().any(|other| is_same(entry, other));
        let is_added = |entry: &T| !is_in(entry, list) && !is_in(entry, &self.known);
        let added = in_file.into_iter().filter(is_added).collect();
        self.known = list.to_vec();
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
        assert_eq!(list.added_elsewhere(vec![1, 2, 7], &[1, 2, 3], same), [7]);
        assert_eq!(list.added_elsewhere(vec![1, 2, 3, 7], &[1, 3], same), [7], "2 was taken out here");
        assert!(list.added_elsewhere(vec![1], &[1, 3], same).is_empty(), "it was taken out elsewhere");
    }
}
