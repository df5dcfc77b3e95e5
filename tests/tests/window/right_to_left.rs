//! Words that run from right to left, in questions, replies, chips and names.

use egui::{Event, Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use glamm::command::Command;

use crate::Action;
use crate::looking::in_both;
use crate::script::Line;
use crate::stage::{Setup, Stage, disc, square};

fn run(stage: &mut Stage, command: Command) {
    stage.act(Action::Command(command));
}

#[test]
fn words_that_run_from_right_to_left_are_asked_and_answered() {
    let mut stage = Stage::new(&Setup::default());
    stage.press("Box");
    stage.drag((88.0, 36.0), (136.0, 84.0));
    stage.press("Select");
    stage.press("Regions");
    stage.window.get_by_label("Name of region 1").focus();
    stage.window.run_steps(2);
    stage.window.get_by_label("Name of region 1").type_text("עיגול ירוק");
    stage.settle();
    run(&mut stage, Command::ShowChat);
    stage.player.lines.push(Line::new([
        ("In Arabic this is ", None),
        ("مربع أحمر", Some(square())),
        (", in Hebrew.", None),
    ]));
    stage.player.lines.push(Line::new([
        ("בתמונה יש ", None),
        ("ריבוע אדום", Some(square())),
        (" משמאל, ולידו ", None),
        ("עיגול ירוק גדול", Some(disc())),
        (" (1 מתוך 2).", None),
    ]));
    stage.ask("מה יש בתמונה?");
    stage.player.finish();
    stage.settle();
    stage.ask("وماذا بالعربية؟");
    stage.player.finish();
    stage.settle();
    stage.window.get_by_label("Question").focus();
    stage.settle();
    stage.window.get_by_label("Question").type_text("האם [1] ירוק?");
    stage.settle();
    let state = stage.window.state().state();
    assert_eq!(state.ui.draft(state.ui.current.unwrap()), "האם [1] ירוק?");
    stage.window.get_by_label("Phrase: ריבוע אדום");
    stage.window.get_by_label("Region עיגול ירוק");
    stage.window.remove_cursor();
    stage.settle();
    in_both(&mut stage, "right_to_left");
}

/// The field keeps the caret and the text together, whichever way the words run.
#[test]
fn right_to_left_words_are_written_and_taken_back() {
    let mut stage = Stage::new(&Setup::default());
    stage.window.get_by_label("Question").focus();
    stage.settle();
    for text in ["שלום ", "עולם", " red"] {
        stage.window.event(Event::Text(text.to_owned()));
        stage.settle();
    }
    let draft = |stage: &Stage| {
        let state = stage.window.state().state();
        state.ui.draft(state.ui.current.unwrap()).to_owned()
    };
    assert_eq!(draft(&stage), "שלום עולם red");
    for _ in 0..5 {
        stage.window.key_press(Key::Backspace);
    }
    stage.settle();
    assert_eq!(draft(&stage), "שלום עול");
    for _ in 0..4 {
        stage.window.key_press(Key::ArrowLeft);
    }
    stage.settle();
    stage.window.event(Event::Text("!".to_owned()));
    stage.settle();
    assert_eq!(draft(&stage), "שלום! עול");
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    stage.window.key_press(Key::Backspace);
    stage.settle();
    assert_eq!(draft(&stage), "");
}

#[test]
fn a_prompt_of_right_to_left_words_is_kept_and_renamed() {
    let mut stage = Stage::new(&Setup::default());
    stage.window.get_by_label("Question").focus();
    stage.settle();
    stage.window.event(Event::Text("מה יש בתמונה?".to_owned()));
    stage.settle();
    stage.press("Prompt library");
    stage.press("Keep the question as a prompt");
    stage.window.get_by_label("מה יש בתמונה?").focus();
    stage.settle();
    for (modifiers, key) in [(Modifiers::SHIFT, Key::F10), (Modifiers::NONE, Key::Enter)] {
        stage.window.key_press_modifiers(modifiers, key);
        stage.settle();
    }
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    stage.window.event(Event::Text("עיגול ירוק".to_owned()));
    stage.settle();
    stage.window.key_press(Key::Enter);
    stage.settle();
    stage.window.remove_cursor();
    stage.settle();
    stage.press("עיגול ירוק");
    assert_eq!(stage.player.question(), "מה יש בתמונה?");
}
