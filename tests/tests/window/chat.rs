//! Conversations: several about a picture, branches, going on, settings, prompts, copying.

use egui::{Key, Modifiers, Vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use glamm_engine::protocol::{FinishReason, Sampling, Task, Turn};

use crate::about_shapes;
use crate::looking::in_both;
use crate::script::Line;
use crate::stage::{Setup, Stage, disc, square};

fn says(text: &str) -> Line {
    Line::new([(text, None)])
}

/// Asks, and has it answered with these words.
fn exchange(stage: &mut Stage, question: &str, reply: &str) {
    stage.player.lines.push(says(reply));
    stage.ask(question);
    stage.player.finish();
    stage.settle();
}

/// The replies that are shown.
fn replies(stage: &Stage) -> Vec<String> {
    stage.window.state().state().shown_exchanges().iter().map(|e| e.reply.text.clone()).collect()
}

fn task(stage: &Stage) -> (&Option<String>, &[Turn], &Sampling, usize) {
    match &stage.player.asked.last().unwrap().task {
        Task::Converse { system, turns, sampling, max_new_tokens } => {
            (system, turns, sampling, *max_new_tokens)
        }
        other => panic!("{other:?}"),
    }
}

fn last_labelled(stage: &mut Stage, label: &str) {
    let node = stage.window.get_all_by_label(label).last().unwrap();
    node.click();
    stage.window.run_steps(3);
    stage.settle();
}

#[test]
fn a_question_is_answered_again_and_branches_are_switched() {
    let mut stage = Stage::new(&Setup::default());
    exchange(&mut stage, "What is there?", "A square.");
    stage.player.lines.push(says("A red square."));
    stage.press("Answer again");
    assert!(matches!(task(&stage).2, Sampling::Random { .. }), "the most probable words are there already");
    stage.player.finish();
    stage.settle();
    assert_eq!(replies(&stage), ["A red square."]);
    stage.window.get_by_label("2/2");
    exchange(&mut stage, "And beside it?", "A disc.");
    stage.press("Previous branch");
    assert_eq!(replies(&stage), ["A square."]);
    stage.press("Next branch");
    assert_eq!(replies(&stage), ["A red square.", "A disc."], "with what followed there");
    for _ in 0..2 {
        stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        stage.settle();
    }
    assert_eq!(replies(&stage), ["A red square.", "A disc."], "both switches are undone");
}

#[test]
fn a_question_is_asked_in_other_words() {
    let mut stage = Stage::new(&Setup::default());
    exchange(&mut stage, "What is there?", "A square.");
    exchange(&mut stage, "And beside it?", "A disc.");
    stage.window.get_all_by_label("Edit question").next().unwrap().click();
    stage.settle();
    stage.window.get_by_label("Edited question").type_text(" Briefly.");
    stage.settle();
    stage.player.lines.push(says("Shapes."));
    stage.press("Ask in these words");
    assert_eq!(stage.player.question(), "What is there? Briefly.");
    assert_eq!(task(&stage).1.len(), 1, "what came later is another branch");
    stage.player.finish();
    stage.settle();
    assert_eq!(replies(&stage), ["Shapes."]);
    stage.press("Previous branch");
    assert_eq!(replies(&stage), ["A square.", "A disc."]);

    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::E);
    stage.settle();
    stage.window.key_press(Key::Escape);
    stage.settle();
    assert!(stage.window.query_by_label("Edited question").is_none());
}

#[test]
fn a_reply_that_was_cut_goes_on() {
    let mut stage = Stage::new(&Setup::default());
    stage.player.lines.push(Line::new([("It shows ", None), ("a red square", Some(square()))]));
    stage.ask("What is there?");
    stage.player.finish_with(FinishReason::TokenLimit);
    stage.settle();
    stage.press("Continue reply");
    let begun = task(&stage).1.last().unwrap().reply.clone();
    assert_eq!(begun.as_deref(), Some("It shows <p> a red square </p> [SEG]"));
    stage.window.get_by_label("Phrase: a red square");
    assert_eq!(stage.window.state().state().visible_masks().len(), 1, "its mask stays meanwhile");
    stage.player.lines.push(Line::new([
        ("It shows ", None),
        ("a red square", Some(square())),
        (" and ", None),
        ("a disc", Some(disc())),
    ]));
    stage.player.finish();
    stage.settle();
    assert_eq!(replies(&stage), ["It shows a red square and a disc"]);
    assert!(stage.window.query_by_label("Continue reply").is_none());
    let state = stage.window.state().state();
    assert_eq!(state.shown_exchanges()[0].stats.new_tokens, 48, "of both parts");
    assert_eq!(state.history.undoable().unwrap().label, "continued reply");
}

#[test]
fn only_the_last_reply_can_go_on() {
    let mut stage = Stage::new(&Setup::default());
    stage.player.lines.push(says("It shows"));
    stage.ask("What is there?");
    stage.player.finish_with(FinishReason::Cancelled);
    stage.settle();
    let offers = |stage: &mut Stage| {
        stage.window.get_by_label("It shows").click_secondary();
        stage.settle();
        stage.window.get_by_label("Delete question and what follows");
        let entries = stage.window.get_all_by_label("Answer again").count();
        let found = stage.window.query_all_by_label("Continue reply").count();
        stage.window.key_press(Key::Escape);
        stage.settle();
        (entries > 1, found)
    };
    assert_eq!(offers(&mut stage), (true, 2), "below it, and in its menu");
    exchange(&mut stage, "And beside it?", "A disc.");
    assert_eq!(offers(&mut stage), (true, 0));
}

#[test]
fn there_are_several_conversations_about_a_picture() {
    let mut stage = Stage::new(&Setup::default());
    exchange(&mut stage, "What is there?", "A square.");
    stage.press("New conversation");
    assert_eq!(replies(&stage), [] as [String; 0]);
    exchange(&mut stage, "Anything green?", "A disc.");
    assert_eq!(task(&stage).1.len(), 1);
    stage.press("Conversation: Anything green?");
    stage.press("What is there?");
    assert_eq!(replies(&stage), ["A square."]);

    stage.window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::R);
    stage.settle();
    stage.window.get_by_label("Name of the conversation").type_text("Shapes");
    stage.settle();
    stage.window.key_press(Key::Enter);
    stage.settle();
    stage.press("Conversation: Shapes");
    stage.press("Delete conversation");
    assert_eq!(replies(&stage), ["A disc."]);
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    stage.settle();
    stage.window.get_by_label("Conversation: Shapes");
}

#[test]
fn settings_hold_from_the_next_question_on() {
    let mut stage = Stage::new(&Setup::default());
    stage.press("Chat settings");
    stage.press("Drawn at random");
    stage.window.get_by_label("Text of the system prompt").focus();
    stage.settle();
    stage.window.get_by_label("Text of the system prompt").type_text("Be brief.");
    stage.settle();
    in_both(&mut stage, "chat_settings");
    stage.press("Chat settings");
    let state = stage.window.state().state();
    assert_eq!(state.ui.chat_settings, None, "closed");
    assert_eq!(state.history.undoable().unwrap().label, "chat settings");
    stage.player.lines.push(says("A square."));
    stage.ask("What is there?");
    let (system, _, sampling, _) = task(&stage);
    assert_eq!(system.as_deref(), Some("Be brief."));
    assert!(matches!(sampling, Sampling::Random { top_p: Some(_), .. }));
    stage.player.finish();
    stage.settle();
    for _ in 0..2 {
        stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        stage.settle();
    }
    let settings = &stage.window.state().state().conversation().unwrap().settings;
    assert_eq!((&settings.system, &settings.sampling), (&None, &Sampling::Greedy), "one step, undone");
}

#[test]
fn prompts_are_kept_and_asked() {
    let mut stage = Stage::new(&Setup::default());
    stage.window.get_by_label("Question").focus();
    stage.window.run_steps(2);
    stage.window.get_by_label("Question").type_text("Is it round?");
    stage.settle();
    stage.press("Prompt library");
    stage.press("Keep the question as a prompt");
    in_both(&mut stage, "prompt_library");
    assert_eq!(stage.window.state().state().session.prompts.len(), 1);
    stage.window.get_by_label("Is it round?").click_secondary();
    stage.settle();
    stage.rename("Name of the prompt", "Round?");
    stage.press("Round?");
    assert_eq!(stage.player.question(), "Is it round?");
    stage.player.lines.push(says("No."));
    stage.player.finish();
    stage.settle();
    stage.press("Prompt library");
    stage.press("Remove prompt: Round?");
    assert!(stage.window.state().state().session.prompts.is_empty());
}

#[test]
fn tokens_of_an_older_reply_are_listed() {
    let mut stage = Stage::new(&Setup::default());
    exchange(&mut stage, "What is there?", "A square.");
    exchange(&mut stage, "And beside it?", "A disc.");
    stage.window.get_by_label("A square.").click_secondary();
    stage.window.run_steps(3);
    stage.settle();
    stage.press("Show tokens");
    stage.window.get_by_label_contains("tokens of “What is there?”");
}

#[test]
fn thousands_of_messages_are_scrolled() {
    let mut stage = Stage::new(&Setup::default());
    stage.fill_conversation(2000);
    stage.settle();
    stage.window.get_by_label("Reply 2000: a word or two about the picture, and so on.");
    assert!(stage.window.query_by_label_contains("Reply 1900:").is_none(), "only what is seen is laid out");
    let chat = stage.window.get_by_label_contains("Reply 2000:").rect().center();
    let first = |stage: &Stage| {
        let nodes = stage.window.get_all_by_label_contains("Reply ");
        nodes.map(|node| (node.rect().top(), node.accesskit_node().value().unwrap())).collect::<Vec<_>>()
    };
    stage.window.hover_at(chat);
    for _ in 0..12 {
        let before = first(&stage);
        stage.window.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: Vec2::new(0.0, 90.0),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers: Modifiers::NONE,
        });
        stage.window.run_steps(30);
        let after = first(&stage);
        // What is seen before and after has moved by what the wheel turned, whatever came in above.
        let moved: Vec<f32> = before
            .iter()
            .filter_map(|(top, label)| Some(after.iter().find(|(_, other)| other == label)?.0 - top))
            .collect();
        assert!(!moved.is_empty() && moved.iter().all(|by| (by - 90.0).abs() < 2.0), "{moved:?}");
    }
}

#[test]
fn masks_of_hundreds_of_messages_are_selected() {
    let mut stage = Stage::new(&Setup::default());
    stage.fill_with_masks(300);
    stage.settle();
    last_labelled(&mut stage, "Phrase: a red square");
    let state = stage.window.state().state();
    let masks = state.listed_masks();
    let selected = state.inspected().unwrap();
    assert_eq!((masks.len(), selected.mask.id), (600, masks[598].mask.id));
    assert_eq!((selected.name.as_str(), selected.hue, selected.is_editable), ("a red square", 600, true));
    assert_eq!(state.find_mask(masks[1].mask.id).unwrap().name, "a large green disc");
}

#[test]
fn snapshots_of_branches() {
    let mut stage = Stage::new(&Setup::default());
    for _ in 0..2 {
        stage.player.lines.push(about_shapes());
    }
    stage.ask("What is there?");
    stage.player.finish_with(FinishReason::TokenLimit);
    stage.settle();
    stage.press("Answer again");
    stage.player.finish_with(FinishReason::TokenLimit);
    stage.settle();
    exchange(&mut stage, "And beside a_very_long_word_without_any_blank_that_must_wrap?", "A house.");
    last_labelled(&mut stage, "Edit question");
    in_both(&mut stage, "branches");
}
