//! How the window behaves as a program among others: every command by the keyboard, names for screen
//! readers, what is remembered, other scripts, contrast and scale, rest when nothing happens.

use std::collections::BTreeSet;
use std::path::Path;

use egui::{Event, ImeEvent, Key, Modifiers, Vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use glamm::action::{Action, BatchAction, ExportAction, KeepingAction};
use glamm::command::Command;
use glamm::state::inspection::MaskView;
use glamm::state::keeping::{LeaveAnswer, PathPurpose, PathQuestion};
use glamm::state::ui_state::Appearance;
use glamm::storage::{Recoverable, StorageEvent};
use glamm::system::preferences::Preferences;
use glamm::system::surroundings::Remembered;

use super::describe;
use super::stage::{Setup, Stage, nothing_around};

/// A window that remembers in `directory`.
fn remembering(directory: &Path, setup: &Setup) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let remembered = Remembered::load(Some(directory.to_owned()));
    let mut surroundings = nothing_around(folder.path());
    surroundings.remembered = remembered;
    Stage::among(setup, surroundings, folder, None)
}

fn ctrl(stage: &mut Stage, key: Key) {
    stage.window.key_press_modifiers(Modifiers::COMMAND, key);
    stage.settle();
}

fn type_text(stage: &mut Stage, text: &str) {
    stage.window.event(Event::Text(text.to_owned()));
    stage.settle();
}

#[test]
fn the_palette_finds_and_runs_commands_by_the_keyboard() {
    let mut stage = Stage::new(&Setup::default());
    ctrl(&mut stage, Key::K);
    type_text(&mut stage, "hicontr");
    stage.window.get_by_label("Command: High contrast");
    stage.window.key_press(Key::Enter);
    stage.settle();
    let state = stage.window.state().state();
    assert!(state.ui.shell.high_contrast && state.ui.shell.palette.is_none());

    stage.window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    stage.settle();
    type_text(&mut stage, "zoom");
    stage.window.key_press(Key::ArrowDown);
    stage.settle();
    assert_eq!(stage.window.state().state().ui.shell.palette.as_ref().unwrap().chosen, 1);
    stage.window.key_press(Key::Escape);
    stage.settle();
    assert!(stage.window.state().state().ui.shell.palette.is_none());
}

#[test]
fn a_question_mark_lists_the_keys_but_can_be_written() {
    let mut stage = Stage::new(&Setup::default());
    let is_open = |stage: &Stage| stage.window.state().state().ui.shortcuts_open;
    let press = |stage: &mut Stage| {
        stage.window.key_press_modifiers(Modifiers::SHIFT, Key::Questionmark);
        stage.settle();
    };
    press(&mut stage);
    assert!(is_open(&stage));
    press(&mut stage);
    assert!(!is_open(&stage));
    stage.window.get_by_label("Question").focus();
    stage.settle();
    press(&mut stage);
    assert!(!is_open(&stage), "it is text there");
    stage.window.key_press(Key::F1);
    stage.settle();
    assert!(is_open(&stage));
}

#[test]
fn what_was_chosen_is_there_the_next_time() {
    let directory = tempfile::tempdir().unwrap();
    let mut stage = remembering(directory.path(), &Setup::default());
    stage.settle();
    stage.press("Skip the tour");
    ctrl(&mut stage, Key::K);
    type_text(&mut stage, "view light");
    stage.window.key_press(Key::Enter);
    stage.settle();
    stage.window.key_press_modifiers(Modifiers::COMMAND | Modifiers::ALT, Key::Plus);
    stage.settle();
    assert!(stage.window.ctx.zoom_factor() > 1.05);
    drop(stage);

    let (written, complaint) = Preferences::load(directory.path());
    assert_eq!((written.appearance, written.tour_seen, complaint), (Appearance::Light, true, None));
    let mut stage = remembering(directory.path(), &Setup::default());
    stage.settle();
    assert_eq!(stage.window.state().state().ui.appearance, Appearance::Light);
    assert!(stage.window.ctx.zoom_factor() > 1.05);
    assert_eq!(stage.window.state().state().ui.shell.tour, None);
}

#[test]
fn how_pictures_are_looked_at_is_there_the_next_time() {
    let directory = tempfile::tempdir().unwrap();
    let mut stage = remembering(directory.path(), &Setup::default());
    stage.settle();
    stage.press("Skip the tour");
    let chosen = [
        Command::KeepZoom,
        Command::ToggleMap,
        Command::ToggleLoupe,
        Command::ToggleEncoderFrames,
        Command::ShowTokens,
        Command::ShowLog,
    ];
    // The map is there to begin with.
    let begins = |command| Some(command == Command::ToggleMap);
    for command in chosen {
        assert_eq!(command.is_chosen(stage.window.state().state()), begins(command), "{command:?}");
        let ctx = stage.window.ctx.clone();
        stage.window.state_mut().act(&ctx, Action::Command(command));
    }
    stage.settle();
    drop(stage);
    let mut stage = remembering(directory.path(), &Setup::default());
    stage.settle();
    for command in chosen {
        let now = command.is_chosen(stage.window.state().state());
        assert_eq!(now, begins(command).map(|chosen| !chosen), "{command:?}");
    }
}

#[test]
fn the_inspector_is_as_high_as_the_last_time() {
    let directory = tempfile::tempdir().unwrap();
    let kept = Preferences { inspector: Some(311.0), tour_seen: true, ..Preferences::default() };
    kept.save(directory.path()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut surroundings = nothing_around(folder.path());
    surroundings.remembered = Remembered::load(Some(directory.path().to_owned()));
    let mut stage = Stage::with_shapes(&Setup::default(), surroundings, folder);
    describe(&mut stage);
    let before = stage.window.state().state().ui.canvas.height();
    stage.press("Phrase: a red square");
    let state = stage.window.state().state();
    assert!((before - state.ui.canvas.height() - 311.0).abs() < 2.0, "{:?}", state.ui.canvas);
    assert_eq!(state.ui.shell.inspector, Some(311.0));
}

#[test]
fn broken_preferences_are_said_and_set_aside() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("preferences.json"), "{ half").unwrap();
    let mut stage = remembering(directory.path(), &Setup::default());
    stage.settle();
    let notices = &stage.window.state().state().session.notices;
    assert!(notices[0].text.contains("preferences.json.broken"), "{notices:?}");
    assert!(directory.path().join("preferences.json.broken").exists());
}

#[test]
fn the_tour_has_three_steps() {
    let directory = tempfile::tempdir().unwrap();
    let mut stage = remembering(directory.path(), &Setup::default());
    stage.settle();
    for (number, button) in [("1 of 3", "Next"), ("2 of 3", "Next"), ("3 of 3", "Begin")] {
        stage.window.get_by_label(number);
        stage.press(button);
    }
    assert!(stage.window.query_by_label("3 of 3").is_none());
}

/// Labels of everything that can be pressed or written into; what has none comes out as its role.
fn controls(stage: &Stage) -> Vec<String> {
    use egui::accesskit::Role;
    let nodes = stage.window.root().children_recursive();
    let named = nodes.filter_map(|node| {
        let node = node.accesskit_node();
        let is_control = matches!(
            node.role(),
            Role::Button
                | Role::CheckBox
                | Role::ComboBox
                | Role::Link
                | Role::MenuItem
                | Role::MultilineTextInput
                | Role::RadioButton
                | Role::Slider
                | Role::SpinButton
                | Role::TextInput
        );
        let name = node.label().or_else(|| node.value()).filter(|name| !name.trim().is_empty());
        is_control.then(|| name.unwrap_or_else(|| format!("?{:?}", node.role())))
    });
    named.collect()
}

fn nameless(stage: &Stage) -> Vec<String> {
    controls(stage).into_iter().filter(|label| label.starts_with('?')).collect()
}

#[test]
fn every_control_has_a_name() {
    let mut stage = Stage::new(&Setup::default());
    assert_eq!(nameless(&stage), [] as [String; 0], "the window");
    for command in [
        Command::ManageModels,
        Command::ShowShortcuts,
        Command::ShowAbout,
        Command::ShowPalette,
        Command::ShowLog,
    ] {
        stage.act(glamm::action::Action::Command(command));
        assert_eq!(nameless(&stage), [] as [String; 0], "{command:?}");
        stage.window.key_press(Key::Escape);
        stage.settle();
    }
}

#[test]
fn every_control_of_the_panels_has_a_name() {
    let mut stage = Stage::new(&Setup { size: Vec2::new(1500.0, 1000.0), ..Setup::default() });
    stage.press("Box");
    stage.drag((88.0, 36.0), (136.0, 84.0));
    describe(&mut stage);
    stage.press("Phrase: a red square");
    for command in [
        Command::NextMask,
        Command::ViewHeat,
        Command::CompareNext,
        Command::ShowRegions,
        Command::ShowMasks,
        Command::ShowTokens,
        Command::ShowChat,
        Command::ChatSettings,
        Command::PromptLibrary,
        Command::EditQuestion,
        Command::RenameConversation,
    ] {
        stage.act(Action::Command(command));
        assert_eq!(nameless(&stage), [] as [String; 0], "{command:?}");
    }
}

#[test]
fn every_control_of_the_dialogs_has_a_name() {
    let mut stage = Stage::new(&Setup::default());
    describe(&mut stage);
    let question = PathQuestion { purpose: PathPurpose::SaveSession, suggested: None };
    let found = Recoverable { folder: "/nowhere".into(), when: std::time::SystemTime::now(), pictures: 2 };
    let recent = StorageEvent::LookedAround { recent: Vec::new(), recoverable: vec![found] };
    let dialogs = [
        ("export", Action::Command(Command::Export), Action::Export(ExportAction::Close)),
        ("run", Action::Command(Command::AskAboutAll), Action::Batch(BatchAction::Prepare(None))),
        ("leave", Action::Command(Command::Quit), Action::Keeping(KeepingAction::Leave(LeaveAnswer::Stay))),
        (
            "path",
            Action::Keeping(KeepingAction::NoDialog(question)),
            Action::Keeping(KeepingAction::TypePath(None)),
        ),
        (
            "replace",
            Action::Keeping(KeepingAction::Storage(StorageEvent::InTheWay("/a.glamm".into()))),
            Action::Keeping(KeepingAction::Replace(false)),
        ),
        (
            "recovery",
            Action::Keeping(KeepingAction::Storage(recent)),
            Action::Keeping(KeepingAction::LeaveRecoverable),
        ),
    ];
    for (name, open, close) in dialogs {
        let before = controls(&stage).len();
        stage.act(open);
        assert!(stage.window.state().state().is_asking(), "{name}");
        assert_eq!(nameless(&stage), [] as [String; 0], "{name}");
        assert!(controls(&stage).len() > before, "{name}: it has buttons");
        stage.act(close);
        assert!(!stage.window.state().state().is_asking(), "{name}");
    }
}

#[test]
fn the_tab_key_reaches_every_button() {
    let mut stage = Stage::new(&Setup::default());
    let mut reached = BTreeSet::new();
    for _ in 0..60 {
        stage.window.key_press(Key::Tab);
        stage.window.run_steps(2);
        let nodes = stage.window.root().children_recursive();
        reached.extend(
            nodes.filter_map(|node| if node.is_focused() { node.accesskit_node().label() } else { None }),
        );
    }
    for label in ["File", "Open…", "Select", "Box", "Fit", "Describe with masks"] {
        assert!(reached.contains(label), "{label} is not among {reached:?}");
    }
}

#[test]
fn masks_are_looked_at_by_the_keyboard_alone() {
    let mut stage = Stage::new(&Setup::default());
    describe(&mut stage);
    stage.window.get_by_label("Phrase: a red square").focus();
    stage.settle();
    stage.window.key_press(Key::Enter);
    stage.settle();
    let looked_at = |stage: &Stage| stage.window.state().state().inspected().map(|inspected| inspected.name);
    assert_eq!(looked_at(&stage).as_deref(), Some("a red square"));
    stage.window.key_press(Key::J);
    stage.settle();
    assert_eq!(
        looked_at(&stage).as_deref(),
        Some("a large green disc"),
        "also while a phrase has the keyboard"
    );
    stage.window.key_press_modifiers(Modifiers::ALT, Key::Num4);
    stage.settle();
    assert_eq!(stage.window.state().state().ui.inspection.view, MaskView::Heat);
    stage.window.key_press(Key::C);
    stage.settle();
    assert_eq!(stage.window.state().state().inspected().unwrap().mask.chosen, 1);

    stage.window.key_press(Key::F4);
    stage.window.key_press(Key::F3);
    stage.settle();
    assert!(
        stage.window.query_by_label("Question").is_none()
            && stage.window.query_by_label("shapes.png").is_none()
    );
    let room = stage.window.state().state().ui.canvas.width();
    assert!(room > 1090.0, "all of the window is the picture's: {room}");
    stage.press("Side panel");
    stage.window.get_by_label("Question").focus();
    stage.settle();
    stage.window.get_by_label("Question").type_text("J");
    stage.settle();
    assert_eq!(looked_at(&stage).as_deref(), Some("a large green disc"), "letters can be written");
}

#[test]
fn an_input_method_writes_into_the_question() {
    let mut stage = Stage::new(&Setup::default());
    stage.window.get_by_label("Question").focus();
    stage.settle();
    for event in [
        ImeEvent::Preedit { text: "にほん".to_owned(), active_range_chars: None },
        ImeEvent::Commit("日本".to_owned()),
    ] {
        stage.window.event(Event::Ime(event));
        stage.settle();
    }
    let state = stage.window.state().state();
    assert_eq!(state.ui.draft(state.ui.current.unwrap()), "日本");
}

#[test]
fn nothing_is_drawn_while_a_drag_is_held_still() {
    let mut stage = Stage::new(&Setup::default());
    stage.press("Box");
    let (from, to) = (stage.on_screen(20.0, 40.0), stage.on_screen(60.0, 88.0));
    stage.window.hover_at(from);
    stage.window.drag_at(from);
    stage.window.step();
    stage.window.hover_at(to);
    stage.settle();
    assert!(stage.window.state().state().ui.gesture.is_some());
    assert!(stage.window.try_run().is_ok(), "the window asks to be drawn for ever");
    stage.window.drop_at(to);
    stage.settle();
    assert_eq!(stage.window.state().state().picture().unwrap().regions.len(), 1);
}

#[test]
fn nothing_is_drawn_while_nothing_happens() {
    let mut stage = Stage::new(&Setup::default());
    stage.settle();
    assert!(stage.window.try_run().is_ok(), "the window asks to be drawn for ever");
}
