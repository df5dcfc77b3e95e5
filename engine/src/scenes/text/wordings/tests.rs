//! What must hold of every list of wordings.

use std::collections::HashSet;

use super::*;

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| !(letter.is_alphanumeric() || "<>{}'".contains(letter)))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

#[test]
fn held_out_wordings_are_not_among_those_of_training() {
    let training: HashSet<&str> = ALL.iter().flat_map(|list| list.training).copied().collect();
    for list in ALL {
        assert!(list.training.len() >= 8 && list.held_out.len() >= 3, "{list:?}");
        assert!(list.held_out.iter().all(|text| !training.contains(text)), "{list:?}");
    }
}

#[test]
fn held_out_wordings_use_words_known_from_training() {
    let known: HashSet<String> =
        ALL.iter().flat_map(|list| list.training).flat_map(|text| words(text)).collect();
    for text in ALL.iter().flat_map(|list| list.held_out) {
        for word in words(text) {
            assert!(known.contains(&word), "`{word}` in `{text}`");
        }
    }
}

#[test]
fn all_wordings_of_a_question_have_the_same_gaps() {
    let gaps = |text: &str| {
        let mut found: Vec<String> = words(text).filter(|word| word.starts_with(['{', '<'])).collect();
        found.sort();
        found
    };
    for list in ALL {
        let expected = gaps(list.training[0]);
        for text in list.training.iter().chain(list.held_out) {
            assert_eq!(gaps(text), expected, "{text}");
        }
    }
}
