//! What lies over the window, and the views of the inspector, as they look: dark and light, in high
//! contrast.

use egui::{Event, Key, Rect, Theme, Vec2};
use egui_kittest::SnapshotResults;
use egui_kittest::kittest::Queryable as _;
use glamm::command::Command;
use glamm::inspection::{MaskView, Rival};
use glamm::log::KeepLines;
use glamm::update::Inspect;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::stage::{Setup, Stage};
use crate::{Action, describe, options};

/// Small, so that the pictures are.
const SMALL: Vec2 = Vec2::new(900.0, 600.0);

fn run(stage: &mut Stage, command: Command) {
    act(stage, Action::Command(command));
}

fn act(stage: &mut Stage, action: Action) {
    let ctx = stage.window.ctx.clone();
    stage.window.state_mut().act(&ctx, action);
    stage.settle();
}

/// The same view in both appearances, compared with the pictures of this name.
fn in_both(name: &str, show: impl Fn(&mut Stage)) {
    let mut results = SnapshotResults::new();
    for (theme, appearance) in [(Theme::Dark, "dark"), (Theme::Light, "light")] {
        let mut stage = Stage::new(&Setup { size: SMALL, theme, scale: 1.0 });
        show(&mut stage);
        stage.window.remove_cursor();
        stage.settle();
        stage.window.snapshot_options(format!("{name}_{appearance}"), &options());
        results.extend_harness(&mut stage.window);
    }
}

#[test]
fn snapshots_of_the_palette() {
    in_both("palette", |stage| {
        run(stage, Command::ShowPalette);
        stage.window.event(Event::Text("mask".to_owned()));
        stage.settle();
        stage.window.key_press(Key::ArrowDown);
        stage.settle();
    });
}

#[test]
fn snapshots_of_the_tour() {
    in_both("tour", |stage| {
        run(stage, Command::ShowTour);
        stage.press("Next");
    });
}

#[test]
fn snapshots_of_the_about_box() {
    in_both("about", |stage| run(stage, Command::ShowAbout));
}

#[test]
fn snapshots_of_the_shortcuts() {
    in_both("shortcuts", |stage| run(stage, Command::ShowShortcuts));
}

#[test]
fn snapshots_of_the_log() {
    in_both("log", |stage| {
        glamm::log::clear();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(KeepLines), || {
            tracing::info!(target: "glamm_engine::worker", precision = "f32", "the model is ready");
            tracing::warn!(target: "glamm::storage", "a picture was left out");
            tracing::error!(target: "glamm::loader", "the file is damaged");
        });
        run(stage, Command::ShowLog);
        // The times are others every time.
        let line = stage.window.get_by_label_contains("the model is ready").rect();
        let times = Rect::from_min_size(line.min, Vec2::new(80.0, 3.5 * line.height()));
        stage.window.mask(times);
    });
}

/// With the disc's phrase pinned, and what is to be seen of it there.
fn inspecting(theme: Theme) -> Stage {
    let mut stage = Stage::new(&Setup { size: SMALL, theme, scale: 1.0 });
    describe(&mut stage);
    stage.press("Phrase: a large green disc");
    stage.wait("the curves", |stage| {
        let state = stage.window.state().state();
        let mask = state.inspected().unwrap().mask;
        state.session.findings.curves((mask.id, mask.chosen)).is_some()
    });
    stage
}

#[test]
fn snapshots_of_the_views_of_a_mask() {
    let mut results = SnapshotResults::new();
    for (view, theme, name) in [
        (MaskView::Contours, Theme::Dark, "contours_dark"),
        (MaskView::Band, Theme::Light, "band_light"),
        (MaskView::CutOut, Theme::Dark, "cut_out_dark"),
    ] {
        let mut stage = inspecting(theme);
        act(&mut stage, Action::Inspect(Inspect::View(view)));
        stage.window.remove_cursor();
        stage.settle();
        stage.window.snapshot_options(name, &options());
        results.extend_harness(&mut stage.window);
    }
}

#[test]
fn snapshot_of_a_comparison_with_the_loupe() {
    let mut stage = inspecting(Theme::Light);
    let other = stage.window.state().state().listed_masks()[0].mask.id;
    act(&mut stage, Action::Inspect(Inspect::Compare(Some(Rival::Mask(other)))));
    stage.wait("the comparison", |stage| {
        let found = &stage.window.state().state().session.findings.comparison;
        found.as_ref().is_some_and(|(_, found)| found.is_some())
    });
    run(&mut stage, Command::ToggleLoupe);
    let edge = stage.on_screen(59.5, 60.0);
    stage.window.hover_at(edge);
    stage.settle();
    stage.window.snapshot_options("comparison_light", &options());
}

#[test]
fn snapshot_in_high_contrast() {
    let mut stage = Stage::new(&Setup { size: SMALL, ..Setup::default() });
    run(&mut stage, Command::ToggleContrast);
    describe(&mut stage);
    stage.press("Phrase: a red square");
    stage.window.remove_cursor();
    stage.settle();
    stage.window.snapshot_options("contrast_dark", &options());
}
