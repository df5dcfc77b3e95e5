//! Caption and phrases of a grounded reply as the official evaluation script for grounded
//! conversation generation (GCG) takes them out of the text. Called by the evaluation.

use super::tokenizer::is_python_space;

/// The reply without markers: everything of the form `<…>` and every `[SEG]` removed, white space
/// collapsed, quotes and blanks trimmed off the ends.
pub fn gcg_caption(reply: &str) -> String {
    let mut kept = String::with_capacity(reply.len());
    let mut rest = reply;
    while let Some((before, behind)) = rest.split_once('<') {
        let Some((_, after)) = behind.split_once('>') else { break };
        kept.push_str(before);
        rest = after;
    }
    kept.push_str(rest);
    let kept = kept.replace("[SEG]", "");
    let words: Vec<&str> = kept.split(is_python_space).filter(|word| !word.is_empty()).collect();
    words.join(" ").trim_matches('\'').trim_matches(is_python_space).to_owned()
}

/// What stands between each `<p>` and the next `</p>`, trimmed.
pub fn gcg_phrases(reply: &str) -> Vec<String> {
    let mut phrases = Vec::new();
    let mut rest = reply;
    while let Some((phrase, after)) = rest.split_once("<p>").and_then(|(_, behind)| behind.split_once("</p>"))
    {
        phrases.push(phrase.trim_matches(is_python_space).to_owned());
        rest = after;
    }
    phrases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_replies_are_taken_as_the_script_takes_them() {
        let check = |reply: &str, caption: &str, phrases: &[&str]| {
            assert_eq!(gcg_caption(reply), caption, "{reply}");
            assert_eq!(gcg_phrases(reply), phrases, "{reply}");
        };
        check("<p> a cat </p> [SEG] on <p>it</p>[SEG].</s>", "a cat on it.", &["a cat", "it"]);
        check("'<p> a <p> b </p> c", "a b c", &["a <p> b"]);
        check("a < b <p> c </p>", "a c", &["c"]);
        check("</p> a <p> b", "a b", &[]);
        check("a <p", "a <p", &[]);
    }
}
