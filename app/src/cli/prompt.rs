//! Questions and the boxes they are about: where a question does not say which box it means, the
//! marker is put in. Used by `ask`. (In the window the user sees and places the markers.)

/// Stands for one region in a question.
pub(super) const REGION_MARKER: &str = "<bbox>";

/// Number of region markers in a question.
pub(super) fn region_markers(prompt: &str) -> usize {
    prompt.matches(REGION_MARKER).count()
}

/// Names `boxes` regions in a question that does not say where they are meant: the markers come
/// last, before the final punctuation, as in the questions the models are trained on. A question
/// that has markers is left alone.
pub(super) fn with_region_markers(prompt: &str, boxes: usize) -> String {
    if boxes == 0 || region_markers(prompt) > 0 {
        return prompt.to_owned();
    }
    let words = prompt.trim_end().trim_end_matches(['.', '?', '!']);
    let punctuation = &prompt.trim_end()[words.len()..];
    let markers = match boxes {
        1 => REGION_MARKER.to_owned(),
        _ => format!("{} and {REGION_MARKER}", [REGION_MARKER].repeat(boxes - 1).join(", ")),
    };
    let words = words.trim_end();
    let space = if words.is_empty() { "" } else { " " };
    format!("{words}{space}{markers}{punctuation}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_added_where_the_question_has_none() {
        let check = |prompt, boxes, expected: &str| assert_eq!(with_region_markers(prompt, boxes), expected);
        check("What is this?", 1, "What is this <bbox>?");
        check("Describe", 1, "Describe <bbox>");
        check("Compare these two. ", 2, "Compare these two <bbox> and <bbox>.");
        check("Which is largest?!", 3, "Which is largest <bbox>, <bbox> and <bbox>?!");
        check("?", 1, "<bbox>?");
        check("What is this?", 0, "What is this?");
    }

    #[test]
    fn markers_that_are_there_stay_where_they_are() {
        let prompt = "Is <bbox> red?";
        assert_eq!(with_region_markers(prompt, 2), prompt);
        assert_eq!(region_markers(prompt), 1);
    }
}
