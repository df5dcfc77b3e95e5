//! What was written, and could not be answered or was in the way, is not lost.

use super::*;
use crate::document::ConversationId;
use crate::update::Watched;

fn failed(state: &mut State, question: &str, error: EngineError) {
    let job = ask(state, question).id;
    event(state, EngineEvent::JobFailed { job, error: Arc::new(error) });
}

fn too_long() -> EngineError {
    EngineError::Prompt(PromptError::TooLong { tokens: 9, limit: 8 })
}

fn stopped(state: &mut State, job: JobId, text: &str) {
    let reply = Reply { raw: text.to_owned(), text: text.to_owned(), groundings: Vec::new() };
    let (reason, stats) = (FinishReason::Cancelled, JobStats::default());
    event(state, EngineEvent::JobFinished { job, reason, reply, tokens: Arc::default(), stats });
}

#[test]
fn a_question_that_is_too_long_is_written_again_in_a_new_conversation() {
    let (mut state, image) = with_picture();
    let job = ask(&mut state, "What?").id;
    answer(&mut state, job);
    failed(&mut state, "A long question", too_long());
    state.update(Action::Command(Command::NewConversation), 2.0);
    assert_eq!(state.ui.draft(image), "A long question");
    assert!(state.session.failures.is_empty() && state.conversation().unwrap().is_empty());
}

#[test]
fn a_failed_question_gives_way_and_comes_back() {
    let (mut state, image) = with_picture();
    failed(&mut state, "First", EngineError::Disconnected);
    failed(&mut state, "Second", EngineError::Disconnected);
    assert_eq!(state.ui.draft(image), "First", "in the place of the one that was asked since");
    state.update(Action::SetDraft("Third".to_owned()), 2.0);
    state.update(Action::Command(Command::AskAgain), 2.0);
    assert_eq!(state.ui.draft(image), "Third");
    let job = state.session.job.as_ref().unwrap().id;
    event(&mut state, EngineEvent::JobFailed { job, error: Arc::new(EngineError::Disconnected) });
    state.update(Action::SetDraft(String::new()), 2.0);
    state.update(Action::Command(Command::AskAgain), 2.0);
    assert_eq!(state.ui.draft(image), "", "it is the one that is asked");
}

#[test]
fn one_that_is_in_the_conversation_does_not_come_back() {
    let (mut state, image) = with_picture();
    let job = ask(&mut state, "What?").id;
    answer(&mut state, job);
    state.update(Action::Command(Command::AnswerAgain), 2.0);
    let job = state.session.job.as_ref().unwrap().id;
    event(&mut state, EngineEvent::JobFailed { job, error: Arc::new(EngineError::Disconnected) });
    assert_eq!(state.session.failures.len(), 1);
    state.update(Action::Command(Command::NewConversation), 2.0);
    assert_eq!(state.ui.draft(image), "");
}

#[test]
fn a_failed_question_is_kept_and_asked_about() {
    let (mut state, image) = with_picture();
    let mut watched = Watched::default();
    assert!(!state.would_lose());
    assert!(matches!(state.to_keep(&mut watched), Some(None)));
    failed(&mut state, "A long question", EngineError::Disconnected);
    assert!(state.would_lose());
    let kept = state.to_keep(&mut watched).unwrap().unwrap();
    assert_eq!(kept.drafts[&image], "A long question");
    state.update(Action::SetDraft("And?".to_owned()), 2.0);
    assert_eq!(state.snapshot().drafts[&image], "A long question\nAnd?");
    state.update(Action::SetDraft(String::new()), 2.0);
    state.update(Action::Command(Command::AskAgain), 3.0);
    let job = state.session.job.as_ref().unwrap().id;
    answer(&mut state, job);
    assert_eq!(state.snapshot().drafts.get(&image).map_or("", String::as_str), "");
}

#[test]
fn the_rest_of_a_deleted_conversation_does_not_appear_in_the_next() {
    let (mut state, image) = with_picture();
    let job = ask(&mut state, "What?").id;
    answer(&mut state, job);
    state.update(Action::Command(Command::NewConversation), 1.0);
    let request = ask(&mut state, "And?");
    event(&mut state, EngineEvent::TextGenerated { job: request.id, text: "a tr".to_owned() });
    state.update(Action::Command(Command::DeleteConversation), 1.0);
    state.update(Action::Command(Command::NewConversation), 1.0);
    assert_eq!(state.conversation().unwrap().id, ConversationId(2), "the number is free again");
    assert!(state.shown_job().is_none() && state.snapshot().unfinished.is_none());
    stopped(&mut state, request.id, "a tr");
    assert!(state.conversation().unwrap().is_empty() && state.session.job.is_none());
    assert_eq!(state.ui.draft(image), "");
}

#[test]
fn undo_of_a_new_conversation_stops_its_reply() {
    let (mut state, _) = with_picture();
    let job = ask(&mut state, "What?").id;
    answer(&mut state, job);
    state.update(Action::Command(Command::NewConversation), 1.0);
    let request = ask(&mut state, "Is it round?");
    state.update(Action::Command(Command::Undo), 1.0);
    assert!(request.cancel.is_cancelled());
    state.update(Action::Command(Command::NewConversation), 1.0);
    stopped(&mut state, request.id, "It");
    assert!(state.conversation().unwrap().is_empty());
    assert!(state.session.notices.last().unwrap().text.contains("“Is it round?”"));
}

#[test]
fn what_failed_in_a_conversation_goes_with_it() {
    let (mut state, image) = with_picture();
    let job = ask(&mut state, "What?").id;
    answer(&mut state, job);
    state.update(Action::Command(Command::NewConversation), 1.0);
    failed(&mut state, "And?", EngineError::Disconnected);
    state.update(Action::Command(Command::Undo), 1.0);
    assert!(state.session.failures.is_empty());
    assert_eq!(state.ui.draft(image), "And?");
}

#[test]
fn a_prompt_leaves_what_was_written() {
    let (mut state, image) = with_picture();
    let (segment, count) = (&SUGGESTED[1], &SUGGESTED[4]);
    state.update(Action::SetDraft("Look here.".to_owned()), 0.0);
    state.update(Action::Prompt(segment.clone()), 0.0);
    assert_eq!(state.ui.draft(image), "Look here.\nCan you please segment the  in this image?");
    assert_eq!(state.ui.draft_cursor, Some(38));
    state.update(Action::Prompt(count.clone()), 0.0);
    let draft = "Look here.\nHow many  are there in the image?";
    assert_eq!(state.ui.draft(image), draft, "one that nothing was written into gives way");
    state.update(Action::SetDraft(format!("{draft} ")), 0.0);
    state.update(Action::Prompt(segment.clone()), 0.0);
    assert!(state.ui.draft(image).starts_with(draft));
}

#[test]
fn prompts_that_only_write_are_there_during_a_reply() {
    let (mut state, image) = with_picture();
    ask(&mut state, "What?");
    assert!(state.why_not_prompt(&SUGGESTED[0]).is_some(), "it would be asked");
    for place in [1, 2, 4] {
        assert_eq!(state.why_not_prompt(&SUGGESTED[place]), None, "{place}");
    }
    state.update(Action::Prompt(SUGGESTED[1].clone()), 0.0);
    assert!(state.ui.draft(image).contains("segment"));
}
