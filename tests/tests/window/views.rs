//! What lies over the window, and the views of the inspector, as they look: dark and light, in high
//! contrast, and crowded in a small window.

use std::time::Duration;

use egui::{Event, Key, Modifiers, Vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use glamm::action::Inspect;
use glamm::command::Command;
use glamm::state::inspection::{MaskView, Rival};
use glamm::system::log;
use tracing::Level;

use crate::inspector::pinned;
use crate::looking::in_both;
use crate::script::Line;
use crate::stage::{Setup, Stage, disc, square};
use crate::{Action, describe};

/// The smallest window there is, in points.
fn small() -> Setup {
    Setup { size: Vec2::new(900.0, 600.0), ..Setup::default() }
}

fn run(stage: &mut Stage, command: Command) {
    stage.act(Action::Command(command));
}

/// A small window in which this command was given.
fn after(command: Command) -> Stage {
    let mut stage = Stage::new(&small());
    run(&mut stage, command);
    stage.window.remove_cursor();
    stage.settle();
    stage
}

#[test]
fn snapshots_of_the_palette() {
    let mut stage = after(Command::ShowPalette);
    stage.window.event(Event::Text("mask".to_owned()));
    stage.settle();
    stage.window.key_press(Key::ArrowDown);
    stage.settle();
    in_both(&mut stage, "palette");
}

#[test]
fn snapshots_of_the_tour() {
    let mut stage = after(Command::ShowTour);
    stage.press("Next");
    stage.window.remove_cursor();
    in_both(&mut stage, "tour");
}

#[test]
fn snapshots_of_the_about_box() {
    in_both(&mut after(Command::ShowAbout), "about");
}

#[test]
fn snapshots_of_the_shortcuts() {
    in_both(&mut after(Command::ShowShortcuts), "shortcuts");
}

/// The lines are those of the whole process: nothing else may look at them meanwhile.
#[test]
fn snapshots_of_the_log() {
    log::clear();
    let mut stage = after(Command::ShowLog);
    in_both(&mut stage, "log_empty");
    let long = "the file is damaged: after 12 of 48 rows there is nothing more, though the header says that all \
                of them are there";
    for (milliseconds, level, target, text) in [
        (12, Level::DEBUG, "glamm::render::textures", "a tile was cut out  level 2"),
        (1_480, Level::INFO, "glamm_engine::worker", "the model is ready  precision f32"),
        (75_003, Level::WARN, "glamm::storage", "a picture was left out"),
        (3_600_250, Level::ERROR, "glamm::pictures::loader", long),
    ] {
        let (target, text) = (target.to_owned(), text.to_owned());
        log::keep(log::Line { at: Duration::from_millis(milliseconds), level, target, text });
    }
    stage.settle();
    let error = stage.window.get_by_label_contains("the file is damaged").rect();
    let warning = stage.window.get_by_label_contains("a picture was left out").rect();
    assert!(error.height() > 1.9 * warning.height(), "it goes on below");
    assert!((error.left() - warning.left()).abs() < 0.5, "behind the same edge");
    for said in ["DEBUG", "INFO", "WARN", "ERROR"] {
        stage.window.get_by_label_contains(said);
    }
    in_both(&mut stage, "log");
    for number in 0..200 {
        let (target, level) = ("glamm::storage".to_owned(), Level::INFO);
        let text = format!("number {number}, {}", if number % 3 == 0 { long } else { "which is short" });
        log::keep(log::Line { at: Duration::from_secs(4000), level, target, text });
    }
    stage.settle();
    assert_eq!(numbers_in_sight(&stage).last(), Some(&199));
    let over = stage.window.get_by_label_contains("number 199").rect().center();
    stage.window.hover_at(over);
    for _ in 0..8 {
        let before = numbers_in_sight(&stage);
        stage.window.event(Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: Vec2::new(0.0, 60.0),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers: Modifiers::NONE,
        });
        stage.window.run_steps(30);
        let after = numbers_in_sight(&stage);
        assert!(after[0] < before[0] && after.contains(&before[0]), "{before:?}, then {after:?}");
    }
    stage.press("Close the log");
    assert!(stage.window.query_by_label("Clear").is_none());
    log::clear();
}

/// The numbers of the lines of the log that are in sight, which lie below each other.
fn numbers_in_sight(stage: &Stage) -> Vec<u32> {
    let rows: Vec<_> = stage.window.query_all_by_label_contains("glamm::storage  number").collect();
    for pair in rows.windows(2) {
        let gap = pair[1].rect().top() - pair[0].rect().bottom();
        assert!((gap - 4.0).abs() < 0.5, "{gap}");
    }
    let number = |text: String| text.split([' ', ',']).find_map(|word| word.parse().ok()).unwrap();
    rows.iter().map(|row| number(row.accesskit_node().value().unwrap())).collect()
}

#[test]
fn snapshots_of_a_long_menu() {
    let mut stage = Stage::new(&small());
    describe(&mut stage);
    stage.press("Mask");
    in_both(&mut stage, "menu");
}

fn snapshots_of_view(view: MaskView, name: &str) {
    let mut stage = pinned(&small());
    stage.act(Action::Inspect(Inspect::View(view)));
    stage.window.remove_cursor();
    stage.settle();
    in_both(&mut stage, name);
}

#[test]
fn snapshots_of_contours() {
    snapshots_of_view(MaskView::Contours, "contours");
}

#[test]
fn snapshots_of_the_uncertain_band() {
    snapshots_of_view(MaskView::Band, "band");
}

#[test]
fn snapshots_of_the_outline() {
    snapshots_of_view(MaskView::Outline, "outline");
}

#[test]
fn snapshots_of_the_cut_out() {
    snapshots_of_view(MaskView::CutOut, "cut_out");
}

#[test]
fn snapshots_of_a_comparison_with_the_loupe() {
    let mut stage = pinned(&small());
    let other = stage.window.state().state().listed_masks()[0].mask.id;
    stage.act(Action::Inspect(Inspect::Compare(Some(Rival::Mask(other)))));
    stage.wait("the comparison", |stage| {
        let found = &stage.window.state().state().session.findings.comparison;
        found.as_ref().is_some_and(|(_, found)| found.there().is_some())
    });
    run(&mut stage, Command::ToggleLoupe);
    let edge = stage.on_screen(59.5, 60.0);
    stage.window.hover_at(edge);
    stage.settle();
    in_both(&mut stage, "comparison");
}

#[test]
fn snapshots_in_high_contrast() {
    let mut stage = Stage::new(&small());
    run(&mut stage, Command::ToggleContrast);
    describe(&mut stage);
    stage.press("Phrase: a red square");
    stage.window.remove_cursor();
    stage.settle();
    in_both(&mut stage, "contrast");
}

/// Long phrases, many masks, many messages, regions with long names, all in the smallest window.
#[test]
fn snapshots_of_a_crowded_window() {
    let mut stage = Stage::new(&small());
    stage.press("Box");
    stage.drag((10.0, 10.0), (60.0, 60.0));
    stage.drag((70.0, 30.0), (150.0, 110.0));
    stage.press("Select");
    stage.press("Regions");
    for (number, name) in [(1, "the left one"), (2, "the one on the right, of which nobody knows what it is")]
    {
        stage.window.get_by_label(&format!("Name of region {number}")).focus();
        stage.window.run_steps(2);
        stage.window.get_by_label(&format!("Name of region {number}")).type_text(name);
        stage.window.run_steps(3);
    }
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Num1);
    stage.settle();
    let long = "a very large and slightly weathered green disc that stands in front of everything else";
    let mut parts = vec![("There is ", None), (long, Some(disc())), (" beside ", None)];
    for _ in 0..4 {
        parts.extend([("a small red square", Some(square())), (" and ", None)]);
    }
    let parts = parts.into_iter().map(|(text, mask)| (text.to_owned(), mask)).collect();
    stage.player.lines.push(Line { parts });
    stage.ask("What is in [1] and what is in [2], and how do the two of them go together?");
    stage.player.finish();
    stage.settle();
    stage.window.key_press(Key::J);
    stage.settle();
    assert_eq!(stage.window.state().state().inspected().unwrap().name, long);
    stage.window.remove_cursor();
    stage.settle();
    in_both(&mut stage, "crowded");
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Num3);
    stage.settle();
    in_both(&mut stage, "crowded_masks");
}
