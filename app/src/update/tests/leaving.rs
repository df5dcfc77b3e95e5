//! What is begun on a picture or in a conversation, and goes on, ends or waits when another is shown.

use super::*;
use crate::action::Inspect;
use crate::document::{MaskEdit, Settings};
use crate::state::inspection::Brush;
use crate::state::keeping::Writing;
use crate::state::ui_state::LibraryView;
use glamm_engine::vision::{Click, MaskPrompt};

/// Asks and has it answered with [`reply`].
fn exchange(state: &mut State, question: &str) -> ExchangeId {
    let job = ask(state, question).id;
    answer(state, job);
    state.conversation().unwrap().head().unwrap()
}

/// A mask made of a click, which is looked at.
fn clicked_mask(state: &mut State, image: ImageId) -> MaskId {
    let id = state.session.fresh_mask();
    let points = vec![Click { x: 3.0, y: 4.0, positive: true }];
    let mut candidates = mask(16);
    candidates.prompt = Some(MaskPrompt::Places { points, region: None });
    let mask = Box::new(GroundedMask::new(id, candidates));
    state.update(Action::Edit(Edit::AddMask { image, mask }), 1.0);
    state.update(Action::TogglePin(id), 1.0);
    id
}

fn run(state: &mut State, command: Command) -> Vec<Effect> {
    state.update(Action::Command(command), 2.0)
}

fn begin_to_edit(state: &mut State, id: ExchangeId, words: &str) {
    state.update(Action::EditQuestion(id), 1.0);
    state.update(Action::SetEditing(words.to_owned()), 1.0);
}

fn edited(state: &State) -> Option<&str> {
    state.shown_editing().map(|editing| editing.draft.as_str())
}

#[test]
fn a_tool_takes_the_place_of_the_brush() {
    let (mut state, image) = with_picture();
    let mask = clicked_mask(&mut state, image);
    let other = open_beside(&mut state, image);
    let with_tool = |state: &mut State, action| {
        state.update(Action::Inspect(Inspect::Brush(Some(Brush::Paint))), 1.0);
        assert!(state.held_brush().is_some());
        state.update(action, 1.0);
        assert_eq!(state.held_brush(), None);
        state.ui.tool
    };
    for (command, tool) in [
        (Command::BoxTool, Tool::Box),
        (Command::PointTool, Tool::Point),
        (Command::SelectTool, Tool::Select),
    ] {
        assert_eq!(with_tool(&mut state, Action::Command(command)), tool);
    }
    assert_eq!(with_tool(&mut state, Action::PromptMask(Some(mask))), Tool::Point);
    assert_eq!(state.ui.prompted, Some(mask));
    assert_eq!(with_tool(&mut state, Action::Prompt(SUGGESTED[2].clone())), Tool::Box);
    assert!(state.ui.prompt_awaiting_region.is_some() && state.ui.prompted.is_none());
    with_tool(&mut state, Action::SelectPicture(other));
    state.update(Action::SelectPicture(image), 1.0);
    assert_eq!(state.held_brush(), None, "it was put down with the picture");
}

#[test]
fn a_question_in_other_words_waits_where_it_is() {
    let (mut state, first) = with_picture();
    let second = open_beside(&mut state, first);
    let id = exchange(&mut state, "What?");
    begin_to_edit(&mut state, id, "Where");
    state.update(Action::SelectPicture(second), 1.0);
    assert_eq!(edited(&state), None);
    assert!(state.would_lose());
    state.update(Action::SelectPicture(first), 1.0);
    assert_eq!(edited(&state), Some("Where"));
    run(&mut state, Command::NewConversation);
    assert_eq!(edited(&state), None);
    run(&mut state, Command::PreviousConversation);
    assert_eq!(edited(&state), Some("Where"));
    run(&mut state, Command::EditQuestion);
    assert_eq!(edited(&state), Some("Where"), "it is gone on with");
    state.update(Action::ClosePicture(first), 1.0);
    assert_eq!(state.snapshot().going_on.edited, None);
    run(&mut state, Command::Undo);
    assert_eq!(edited(&state), Some("Where"));
}

#[test]
fn words_for_a_question_that_is_gone_become_the_draft() {
    let (mut state, image) = with_picture();
    let id = exchange(&mut state, "What?");
    begin_to_edit(&mut state, id, "Where");
    state.update(Action::Command(Command::DeleteQuestion), 2.0);
    assert_eq!((state.ui.editing.clone(), state.ui.draft(image)), (None, "Where"));
    exchange(&mut state, "And?");
    assert_eq!(edited(&state), None, "the next question has the same number");
}

#[test]
fn a_title_that_is_half_written_is_kept() {
    let (mut state, first) = with_picture();
    let second = open_beside(&mut state, first);
    let title = |state: &State| state.document().picture(first).unwrap().conversations[0].title.clone();
    exchange(&mut state, "What?");
    run(&mut state, Command::RenameConversation);
    state.update(Action::SetRenaming(Some("Doo".to_owned())), 1.0);
    run(&mut state, Command::ShowMasks);
    run(&mut state, Command::RenameConversation);
    assert_eq!(state.ui.renaming.as_deref(), Some("Doo"), "it is gone on with");
    state.update(Action::SetRenaming(Some("Doors".to_owned())), 1.0);
    state.update(Action::SelectPicture(second), 1.0);
    assert_eq!((title(&state), state.ui.renaming.clone()), ("Doors".to_owned(), None));
    state.update(Action::SelectPicture(first), 1.0);
    run(&mut state, Command::RenameConversation);
    state.update(Action::SetRenaming(Some("Windows".to_owned())), 1.0);
    run(&mut state, Command::NewConversation);
    assert_eq!(title(&state), "Windows");
}

#[test]
fn a_closed_picture_comes_back_with_what_was_asked() {
    let (mut state, first) = with_picture();
    open_beside(&mut state, first);
    let free = Viewpoint::Free { scale: 3.0, center: pos2(25.0, 40.0) };
    state.update(Action::SetView(free), 1.0);
    let failed = ask(&mut state, "Too long").id;
    let error = Arc::new(EngineError::Disconnected);
    event(&mut state, EngineEvent::JobFailed { job: failed, error });
    state.update(Action::SetDraft("And".to_owned()), 1.0);
    run(&mut state, Command::ClosePicture);
    assert!(state.snapshot().drafts.is_empty() && !state.writing().is_beyond(&Writing::default()));
    run(&mut state, Command::Undo);
    assert_eq!((state.ui.draft(first), state.ui.view(first)), ("And", free));
    assert_eq!(state.shown_failure().unwrap().asked.question.text, "Too long");
}

#[test]
fn the_question_of_a_reply_that_closing_stops_goes_back() {
    let (mut state, first) = with_picture();
    open_beside(&mut state, first);
    let finish = |state: &mut State, job| {
        let (reason, reply) = (FinishReason::Cancelled, Reply::default());
        let stats = JobStats::default();
        event(state, EngineEvent::JobFinished { job, reason, reply, tokens: Arc::default(), stats });
    };
    let request = ask(&mut state, "What?");
    run(&mut state, Command::ClosePicture);
    assert!(request.cancel.is_cancelled());
    finish(&mut state, request.id);
    run(&mut state, Command::Undo);
    load(&mut state, first);
    assert_eq!(state.ui.draft(first), "What?");

    let id = exchange(&mut state, "What?");
    begin_to_edit(&mut state, id, "Where?");
    state.update(Action::SendEditing, 1.0);
    let job = state.session.job.as_ref().unwrap().id;
    run(&mut state, Command::ClosePicture);
    finish(&mut state, job);
    run(&mut state, Command::Undo);
    assert_eq!((edited(&state), state.ui.draft(first)), (Some("Where?"), ""));
}

#[test]
fn closing_another_picture_leaves_this_one_alone() {
    let (mut state, first) = with_picture();
    let mask = clicked_mask(&mut state, first);
    let second = open_beside(&mut state, first);
    state.update(Action::PromptMask(Some(mask)), 1.0);
    state.update(Action::Inspect(Inspect::DragThreshold(0.5)), 1.0);
    state.update(Action::ClosePicture(second), 1.0);
    assert!(state.is_refining() && state.ui.inspection.threshold.is_some());
    state.update(Action::Prompt(SUGGESTED[2].clone()), 1.0);
    state.update(Action::ClosePicture(first), 1.0);
    let ui = &state.ui;
    assert!(
        ui.prompt_awaiting_region.is_none() && ui.prompted.is_none() && ui.inspection.threshold.is_none()
    );
}

#[test]
fn escape_is_for_the_reply_where_the_edited_question_is_out_of_sight() {
    let (mut state, _) = with_picture();
    let first = exchange(&mut state, "What?");
    let second = exchange(&mut state, "And?");
    begin_to_edit(&mut state, second, "And then?");
    assert!(state.is_covered());
    state.update(Action::Regenerate(first), 2.0);
    assert!(!state.is_covered() && state.shown_editing().is_none(), "while the reply comes");
    let job = state.session.job.as_ref().unwrap().id;
    answer(&mut state, job);
    assert!(!state.is_covered(), "it stands on another branch");
    run(&mut state, Command::PreviousBranch);
    assert_eq!(edited(&state), Some("And then?"));
}

#[test]
fn open_settings_go_for_the_next_question() {
    let limit = |effects: &[Effect]| match effects {
        [Effect::Engine(EngineCommand::Run(request))] => match request.task {
            Task::Converse { max_new_tokens, .. } => max_new_tokens,
            _ => panic!("{request:?}"),
        },
        other => panic!("not asked, but {other:?}"),
    };
    for asks in [
        Action::Command(Command::Ask),
        Action::Command(Command::AskAgain),
        Action::Regenerate(ExchangeId(1)),
        Action::Continue(ExchangeId(1)),
        Action::SendEditing,
    ] {
        let (mut state, _) = with_picture();
        let job = ask(&mut state, "What?").id;
        answer_until(&mut state, job, FinishReason::TokenLimit);
        if matches!(asks, Action::Command(Command::AskAgain)) {
            let job = ask(&mut state, "And?").id;
            event(&mut state, EngineEvent::JobFailed { job, error: Arc::new(EngineError::Disconnected) });
        }
        begin_to_edit(&mut state, ExchangeId(1), "Where?");
        state.update(Action::SetDraft("And then?".to_owned()), 1.0);
        run(&mut state, Command::ChatSettings);
        let settings = Settings { max_new_tokens: 7, ..Settings::default() };
        state.update(Action::SetChatSettings(Some(settings)), 1.0);
        let label = format!("{asks:?}");
        assert_eq!(limit(&state.update(asks, 2.0)), 7, "{label}");
        assert_eq!(state.ui.chat_settings, None);
    }
}

#[test]
fn another_answer_is_drawn_anew_where_the_last_one_was_deleted() {
    use glamm_engine::protocol::Sampling;
    let (mut state, _) = with_picture();
    let settings = Settings {
        sampling: Sampling::Random { temperature: 1.0, top_p: None, seed: 40 },
        ..Settings::default()
    };
    state.update(Action::SetChatSettings(Some(settings)), 1.0);
    let seed = |state: &State| match state.session.job.as_ref().unwrap().asked.sampling {
        Sampling::Random { seed, .. } => seed,
        Sampling::Greedy => panic!("not drawn"),
    };
    let job = ask(&mut state, "What?").id;
    assert_eq!(seed(&state), 40, "as it was set");
    answer(&mut state, job);
    let mut seen = vec![40];
    for end in [Command::DeleteQuestion, Command::Undo, Command::Undo, Command::ShowMasks] {
        state.update(Action::Regenerate(ExchangeId(1)), 2.0);
        seen.push(seed(&state));
        let job = state.session.job.as_ref().unwrap().id;
        answer(&mut state, job);
        run(&mut state, end);
    }
    assert_eq!(seen, [40, 41, 42, 43, 44]);
}

#[test]
fn what_belongs_to_the_chat_is_shown_there() {
    type IsOpen = fn(&State) -> bool;
    let opens: [(Command, IsOpen); 4] = [
        (Command::PromptLibrary, |state| state.ui.library == LibraryView::Open),
        (Command::ChatSettings, |state| state.ui.chat_settings.is_some()),
        (Command::RenameConversation, |state| state.ui.renaming.is_some()),
        (Command::EditQuestion, |state| state.shown_editing().is_some()),
    ];
    for (command, is_open) in opens {
        let (mut state, _) = with_picture();
        exchange(&mut state, "What?");
        for _ in 0..2 {
            run(&mut state, Command::ShowMasks);
            run(&mut state, Command::ToggleSidePanel);
            run(&mut state, command);
            assert!(is_open(&state), "{command:?}");
            assert_eq!((state.ui.tab, state.ui.shell.hidden.side_panel), (Tab::Chat, false), "{command:?}");
        }
    }
    let (mut state, _) = with_picture();
    for command in [Command::PromptLibrary, Command::ChatSettings] {
        run(&mut state, command);
        run(&mut state, command);
    }
    assert!(state.ui.library == LibraryView::Closed && state.ui.chat_settings.is_none(), "they are in sight");
}

#[test]
fn a_threshold_beyond_the_usual_ones_is_not_pulled_back() {
    let (mut state, image) = with_picture();
    let mask = clicked_mask(&mut state, image);
    let change = MaskEdit::Threshold(12.0);
    state.update(Action::Edit(Edit::Mask { image, mask, change }), 1.0);
    let threshold = |state: &State| state.inspected_mask().unwrap().threshold;
    let before = state.history.undoable();
    run(&mut state, Command::RaiseThreshold);
    assert_eq!(state.history.undoable(), before, "there is nothing above it");
    run(&mut state, Command::LowerThreshold);
    assert!((threshold(&state) - 11.75).abs() < 1e-6);
}
