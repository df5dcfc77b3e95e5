//! Branches, copies, settings, prompts.

use super::*;
use crate::notice::Tone;
use crate::prompts::Prompt;
use crate::state::ui_state::LibraryView;
use crate::system::shared_list::Elsewhere;

/// Asks and has it answered with [`reply`].
fn exchange(state: &mut State, question: &str) -> ExchangeId {
    let job = ask(state, question).id;
    answer(state, job);
    state.conversation().unwrap().head().unwrap()
}

fn sent(effects: &[Effect]) -> &JobRequest {
    match effects {
        [Effect::Engine(EngineCommand::Run(request))] => request,
        other => panic!("not asked, but {other:?}"),
    }
}

#[test]
fn replies_are_copied_in_their_colours() {
    let (mut state, _) = with_picture();
    exchange(&mut state, "What?");
    let id = exchange(&mut state, "And?");
    let mut copied = |format| match state.update(Action::CopyReply(id, format), 0.0).pop() {
        Some(Effect::Copy(copied)) => copied,
        other => panic!("{other:?}"),
    };
    assert_eq!(copied(ReplyFormat::Text), Copied::Text("a house.".to_owned()));
    assert_eq!(copied(ReplyFormat::Markdown), Copied::Text("**a house**.".to_owned()));
    let Copied::Html { html, text } = copied(ReplyFormat::Html) else { panic!("no HTML") };
    assert_eq!(text, "a house.");
    assert!(html.contains(&crate::palette::phrase_color(1).hex()), "the colour on the picture: {html}");
}

#[test]
fn another_reply_stands_beside_the_first() {
    let (mut state, _) = with_picture();
    let first = exchange(&mut state, "What?");
    let effects = state.update(Action::Regenerate(first), 1.0);
    let request = sent(&effects).clone();
    assert!(state.shown_exchanges().is_empty(), "while it comes, what it takes the place of is out of sight");
    assert_eq!(turns(&request).len(), 1);
    // Stopped before the first word: nothing is left of it, and no draft.
    let (job, reason) = (request.id, FinishReason::Cancelled);
    let stats = JobStats::default();
    event(
        &mut state,
        EngineEvent::JobFinished { job, reason, reply: Reply::default(), tokens: Arc::default(), stats },
    );
    assert_eq!(state.shown_exchanges()[0].id, first);
    assert_eq!(state.ui.draft(request.image), "");
    let effects = state.update(Action::Regenerate(first), 1.0);
    let job = sent(&effects).id;
    answer(&mut state, job);
    let conversation = state.conversation().unwrap();
    assert_eq!(conversation.branches(first).len(), 2);
    assert_ne!(conversation.head(), Some(first));
    assert!(state.update(Action::Continue(first), 1.0).is_empty(), "it is finished");
}

/// A reply that was cut, and is going on.
fn going_on() -> (State, JobRequest, ExchangeId) {
    let (mut state, _) = with_picture();
    let job = ask(&mut state, "What?").id;
    answer_until(&mut state, job, FinishReason::TokenLimit);
    let id = state.conversation().unwrap().head().unwrap();
    let effects = state.update(Action::Continue(id), 1.0);
    let request = sent(&effects).clone();
    (state, request, id)
}

/// The rest of a reply that goes on: another phrase with its mask.
fn end(state: &mut State, job: JobId) {
    let grounding = Grounding { span: 9..15 };
    event(state, EngineEvent::TextGenerated { job, text: " A tree.".to_owned() });
    event(state, EngineEvent::MaskReady { job, index: 1, grounding: grounding.clone(), masks: mask(16) });
    let mut reply = reply();
    reply.text.push_str(" A tree.");
    reply.groundings.push(grounding);
    let (reason, stats) = (FinishReason::EndOfSequence, JobStats::default());
    event(state, EngineEvent::JobFinished { job, reason, reply, tokens: Arc::default(), stats });
}

#[test]
fn masks_can_be_changed_while_their_reply_goes_on() {
    let (mut state, request, id) = going_on();
    let first = state.listed_masks()[0].mask.id;
    state.update(Action::TogglePin(first), 1.0);
    let change = |change| Action::Mask(crate::action::MaskAction::Change(vec![first], change));
    state.update(change(crate::document::MaskEdit::Recolor(Some(5))), 1.0);
    assert_eq!((state.listed_masks()[0].hue, state.inspected().unwrap().hue), (5, 5), "seen at once");
    assert!(state.inspected().unwrap().is_editable);
    state.update(change(crate::document::MaskEdit::Hide(true)), 1.0);
    assert!(state.visible_masks().is_empty());
    let kept = state.snapshot().unfinished.unwrap().exchange;
    assert!(kept.masks[0].as_ref().unwrap().hidden, "and so it is kept");
    end(&mut state, request.id);
    let shown = state.shown_exchanges();
    assert_eq!((shown.len(), shown[0].id), (1, id));
    let masks: Vec<_> = shown[0].masks.iter().flatten().map(|m| (m.hidden, m.hue)).collect();
    assert_eq!(masks, [(true, Some(5)), (false, None)]);
    state.update(Action::Command(Command::Undo), 2.0);
    assert_eq!(state.listed_masks().len(), 1);
    assert!(state.listed_masks()[0].mask.hidden, "only the rest of the reply is undone");
}

#[test]
fn a_reply_that_went_on_is_kept_where_its_beginning_was_undone() {
    let (mut state, request, _) = going_on();
    state.update(Action::Command(Command::Undo), 1.0);
    assert!(state.conversation().unwrap().is_empty());
    end(&mut state, request.id);
    let shown = state.shown_exchanges();
    assert_eq!((shown.len(), shown[0].parent, shown[0].reply.text.as_str()), (1, None, "a house. A tree."));
    assert_eq!(shown[0].masks.iter().flatten().count(), 2);
}

#[test]
fn a_reply_follows_what_is_left_of_what_it_followed() {
    let (mut state, _) = with_picture();
    let first = exchange(&mut state, "What?");
    exchange(&mut state, "And?");
    let job = ask(&mut state, "And then?").id;
    state.update(Action::Command(Command::Undo), 1.0);
    assert_eq!(state.shown_exchanges().iter().map(|e| e.id).collect::<Vec<_>>(), [first]);
    answer(&mut state, job);
    let shown = state.shown_exchanges();
    assert_eq!(shown.iter().map(|e| e.question.text.as_str()).collect::<Vec<_>>(), ["What?", "And then?"]);
    assert_eq!(shown[1].parent, Some(first));
    assert_eq!(state.session.notices[0].tone, Tone::Note);
    let notices = state.session.notices.len();
    exchange(&mut state, "And?");
    assert_eq!(state.session.notices.len(), notices, "nothing is said where nothing was undone");
}

#[test]
fn a_reply_without_a_place_is_not_lost_in_silence() {
    let (mut state, _) = with_picture();
    exchange(&mut state, "What?");
    state.update(Action::Command(Command::NewConversation), 1.0);
    let job = ask(&mut state, "Is it round?").id;
    state.update(Action::Command(Command::Undo), 1.0);
    answer(&mut state, job);
    assert_eq!(state.picture().unwrap().conversations.len(), 1);
    let notice = state.session.notices.last().unwrap();
    assert!(notice.tone == Tone::Failure && notice.text.contains("“Is it round?”"), "{}", notice.text);
}

#[test]
fn tokens_of_any_reply_can_be_listed() {
    let (mut state, _) = with_picture();
    let first = exchange(&mut state, "What?");
    let second = exchange(&mut state, "And?");
    let listed = |state: &State| state.reply_with_tokens().unwrap().id;
    assert_eq!(listed(&state), second);
    state.update(Action::ShowTokens(first), 1.0);
    assert_eq!((listed(&state), state.ui.tab), (first, Tab::Tokens));
    let of_second = state.listed_masks()[1].mask.id;
    state.update(Action::TogglePin(of_second), 1.0);
    assert_eq!(listed(&state), second, "a mask that is looked at comes with its own");
    state.update(Action::ShowTokens(first), 1.0);
    let third = exchange(&mut state, "And then?");
    state.update(Action::TogglePin(of_second), 1.0);
    assert_eq!(listed(&state), third);
    state.update(Action::ShowTokens(first), 1.0);
    state.update(Action::Command(Command::NewConversation), 1.0);
    assert!(state.reply_with_tokens().is_none(), "of another conversation");
}

#[test]
fn settings_are_one_change_and_belong_to_the_conversation() {
    let (mut state, _) = with_picture();
    state.update(Action::Command(Command::ChatSettings), 0.0);
    let mut settings = state.ui.chat_settings.clone().unwrap();
    for length in [8, 9, 10] {
        settings.max_new_tokens = length;
        state.update(Action::SetChatSettings(Some(settings.clone())), 0.0);
    }
    state.update(Action::SetChatSettings(None), 0.0);
    let request = ask(&mut state, "What?");
    let Task::Converse { max_new_tokens, .. } = request.task else { panic!("another task") };
    assert_eq!(max_new_tokens, 10);
    answer(&mut state, request.id);
    state.update(Action::Command(Command::NewConversation), 0.0);
    assert_eq!(state.conversation().unwrap().settings.max_new_tokens, 10, "the next one begins with them");
    for label in ["new conversation", "reply", "chat settings"] {
        assert_eq!(state.history.undoable().unwrap().label, label);
        state.update(Action::Command(Command::Undo), 0.0);
    }
    assert_eq!(state.conversation().unwrap().settings, crate::document::Settings::default());
}

#[test]
fn a_deleted_conversation_takes_its_job_along() {
    let (mut state, _) = with_picture();
    exchange(&mut state, "What?");
    let request = ask(&mut state, "And?");
    state.update(Action::Command(Command::DeleteConversation), 0.0);
    assert!(request.cancel.is_cancelled());
    answer(&mut state, request.id);
    assert!(state.session.job.is_none() && state.conversation().unwrap().is_empty());
    state.update(Action::Command(Command::Undo), 0.0);
    assert_eq!(state.shown_exchanges().len(), 1);
}

#[test]
fn own_prompts_are_kept() {
    let (mut state, _) = with_picture();
    state.update(Action::SetDraft("Is it round?".to_owned()), 0.0);
    let kept = |effects: Vec<Effect>| match effects.into_iter().next() {
        Some(Effect::KeepPrompts(prompts)) => prompts,
        other => panic!("{other:?}"),
    };
    assert_eq!(kept(state.update(Action::KeepPrompt, 0.0)).len(), 1);
    assert_eq!(kept(state.update(Action::KeepPrompt, 0.0)).len(), 1, "once is enough");
    state.update(Action::SetLibrary(LibraryView::Renaming(0)), 0.0);
    for (written, label) in
        [(" Round", "Round"), ("Round ", "Round "), ("Round a", "Round a"), ("Round ", "Round ")]
    {
        let prompts = kept(state.update(Action::RenamePrompt(0, written.to_owned()), 0.0));
        assert_eq!(prompts[0].label, label, "a blank may be followed by a word");
    }
    assert_eq!(kept(state.update(Action::SetLibrary(LibraryView::Open), 0.0))[0].label, "Round");
    assert!(state.update(Action::RenamePrompt(0, " ".to_owned()), 0.0).is_empty());
    assert!(kept(state.update(Action::RemovePrompt(0), 0.0)).is_empty());
    assert!(state.update(Action::RemovePrompt(0), 0.0).is_empty());
}

#[test]
fn what_other_windows_do_to_prompts_is_taken_over() {
    let (mut state, _) = with_picture();
    let prompt = |label: &'static str, text: &'static str| Prompt { label: label.into(), text: text.into() };
    let mut found = |added: &[Prompt], gone: &[Prompt], before: LibraryView| {
        state.ui.library = before;
        let elsewhere = Elsewhere { added: added.to_vec(), gone: gone.to_vec() };
        let kept = state.update(Action::PromptsElsewhere(elsewhere), 0.0).pop();
        let Some(Effect::KeepPrompts(prompts)) = kept else { panic!("{kept:?}") };
        assert_eq!(prompts, state.session.prompts, "so that they are known");
        (prompts.into_iter().map(|prompt| prompt.label).collect::<Vec<_>>(), state.ui.library)
    };
    let [one, two] = [prompt("one", "1"), prompt("two", "2")];
    let (closed, open) = (LibraryView::Closed, LibraryView::Open);
    assert_eq!(found(&[one.clone(), two.clone()], &[], closed), (vec!["one".into(), "two".into()], closed));
    let renaming = LibraryView::Renaming;
    let labels = vec!["zwei".into(), "three".into()];
    assert_eq!(
        found(&[prompt("zwei", "2"), prompt("three", "3")], &[one], renaming(1)),
        (labels, renaming(0)),
        "it has another place"
    );
    assert_eq!(found(&[], &[two], renaming(0)), (vec!["three".into()], open), "it is gone");
}

#[test]
fn settings_stay_with_the_picture_they_were_made_for() {
    let (mut state, first) = with_picture();
    let effects = state.update(Action::OpenFiles(vec!["b.png".into()]), 0.0);
    let second = loaded(&effects);
    load(&mut state, second);
    state.update(Action::SelectPicture(first), 0.0);
    let write = |state: &mut State, length| {
        state.update(Action::Command(Command::ChatSettings), 0.0);
        let settings = state.ui.chat_settings.clone().unwrap();
        let settings = crate::document::Settings { max_new_tokens: length, ..settings };
        state.update(Action::SetChatSettings(Some(settings)), 0.0);
    };
    let length = |state: &State, image| {
        state.document().picture(image).unwrap().conversations[0].settings.max_new_tokens
    };
    let usual = length(&state, second);
    write(&mut state, 7);
    state.update(Action::SelectPicture(second), 0.0);
    assert_eq!((length(&state, first), length(&state, second)), (7, usual));
    assert_eq!(state.ui.chat_settings, None);

    // Undo goes back to the other picture: what was set for this one is what it takes back.
    write(&mut state, 9);
    state.update(Action::Command(Command::Undo), 0.0);
    assert_eq!((length(&state, first), length(&state, second)), (7, usual));
    write(&mut state, 9);
    state.update(Action::ClosePicture(second), 0.0);
    assert_eq!(state.ui.current, Some(first));
    assert_eq!(length(&state, first), 7);
    state.update(Action::Command(Command::Undo), 0.0);
    assert_eq!(length(&state, second), 9, "with what was set before it was closed");
}
