//! What is said to the user in passing.

/// Names a message.
pub type NoticeId = u64;

/// A message about something that is neither the model nor a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// For dismissing it.
    pub id: NoticeId,
    /// For people.
    pub text: String,
    /// What it is about, one by one, where it is about several things.
    pub list: Vec<String>,
    /// What kind of message it is.
    pub tone: Tone,
    /// How often the same was said.
    pub times: usize,
}

/// What kind of thing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something to know; it goes by itself after a while.
    Note,
    /// Something went wrong; it stays until it was read.
    Failure,
}

impl Tone {
    /// Of what was done but for these problems.
    pub fn about(problems: &[String]) -> Self {
        if problems.is_empty() { Self::Note } else { Self::Failure }
    }
}
