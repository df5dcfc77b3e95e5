//! The pictures of the README, taken of the program itself with the model that comes with it.
//! `UPDATE_SCREENSHOTS=1 cargo test --workspace --release --test screenshots` renews those in
//! `assets/screenshots`; otherwise it is tested that the README shows what is there, no more and no
//! less.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use egui::{Event, Modifiers, PointerButton, Pos2, Theme, Vec2, pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use glamm::action::Action;
use glamm::app::App;
use glamm::state::State;
use glamm::state::session::{Encoding, ModelStatus};
use glamm::system::surroundings::Surroundings;
use glamm_engine::hub::settings::Endpoint;
use glamm_engine::hub::{HubCache, HubSettings};
use glamm_engine::models::Places;
use glamm_engine::protocol::ModelSpec;

/// Larger files have no place in a repository.
const MOST_BYTES: u64 = 400_000;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_readme_shows_the_screenshots() {
    let folder = root().join("assets/screenshots");
    if std::env::var_os("UPDATE_SCREENSHOTS").is_some() {
        conversation(Theme::Dark).save(&folder.join("window.png"));
        regions(Theme::Light).save(&folder.join("regions.png"));
    }
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap());
    let mut there = BTreeSet::new();
    for file in files {
        assert!(file.metadata().unwrap().len() < MOST_BYTES, "{file:?} is too large");
        there.insert(file.file_name().into_string().unwrap());
    }
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let shown = readme.split("assets/screenshots/").skip(1);
    let shown: BTreeSet<String> = shown.map(|rest| rest.split_once(')').unwrap().0.to_owned()).collect();
    assert_eq!(shown, there);
}

/// The program with its own model and pictures, nothing played.
struct Program {
    window: Harness<'static, App>,
}

/// A description with masks, and a question about a region on its way.
fn conversation(theme: Theme) -> Program {
    let mut program = Program::start(theme);
    program.press("Describe with masks");
    program.wait("the description", |state| state.session.job.is_none());
    program.window.get_by_label("Box").click();
    program.window.run_steps(4);
    program.drag((143.0, 96.0), (236.0, 194.0));
    program.press("Select");
    program.window.get_by_label("Question").focus();
    program.window.run_steps(2);
    program.window.get_by_label("Question").type_text("What color is the object in [1]?");
    program.window.run_steps(2);
    program.rest();
    program
}

/// Regions with names, one of them selected, close up.
fn regions(theme: Theme) -> Program {
    let mut program = Program::start(theme);
    program.press("Box");
    for (from, to) in
        [((60.0, 106.0), (164.0, 188.0)), ((143.0, 96.0), (236.0, 194.0)), ((80.0, 178.0), (184.0, 222.0))]
    {
        program.drag(from, to);
    }
    program.press("Select");
    program.press("Regions");
    for (number, name) in [(1, "bicycle"), (2, "cat"), (3, "car")] {
        program.window.get_by_label(&format!("Name of region {number}")).focus();
        program.window.run_steps(2);
        program.window.get_by_label(&format!("Name of region {number}")).type_text(name);
        program.window.run_steps(3);
    }
    let near = program.on_screen(pos2(150.0, 160.0));
    program.window.hover_at(near);
    program.window.event(Event::Zoom(1.5));
    program.rest();
    program
}

impl Program {
    fn start(theme: Theme) -> Self {
        let window = Harness::builder()
            .with_size(Vec2::new(1360.0, 850.0))
            .with_theme(theme)
            .with_step_dt(1.0 / 60.0)
            .wgpu()
            .build_eframe(|cc| App::new(cc, surroundings(), ModelSpec::default(), None).unwrap());
        let mut program = Self { window };
        program.wait("the model", |state| matches!(state.session.model, ModelStatus::Ready(_)));
        program.wait("the picture", |state| {
            let encoding = state.ui.current.and_then(|image| state.session.encodings.get(&image));
            state.session.arrivals.is_empty() && matches!(encoding, Some(Encoding::Done(_)))
        });
        let ctx = program.window.ctx.clone();
        program.window.state_mut().act(&ctx, Action::DismissDemoNote);
        program.window.run_steps(4);
        program
    }

    fn press(&mut self, label: &str) {
        self.window.get_by_label(label).click();
        self.window.run_steps(6);
    }

    fn wait(&mut self, what: &str, done: impl Fn(&State) -> bool) {
        let begin = Instant::now();
        while !done(self.window.state().state()) {
            assert!(begin.elapsed() < Duration::from_mins(4), "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(5));
            self.window.step();
        }
        self.window.run_steps(6);
    }

    fn on_screen(&self, place: Pos2) -> Pos2 {
        self.window.state().state().view().unwrap().screen_from_image(place)
    }

    /// Drags from one place of the picture to another.
    fn drag(&mut self, from: (f32, f32), to: (f32, f32)) {
        let (start, end) = (self.on_screen(from.into()), self.on_screen(to.into()));
        let button = |pos, pressed| Event::PointerButton {
            pos,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        };
        self.window.hover_at(start);
        self.window.event(button(start, true));
        for step in 1..=4 {
            self.window.hover_at(start + (end - start) * (step as f32 / 4.0));
            self.window.step();
        }
        self.window.event(button(end, false));
        self.window.run_steps(6);
    }

    /// Without pointer, caret and animation.
    fn rest(&mut self) {
        self.window.remove_cursor();
        self.window.run_steps(30);
    }

    /// Writes what is to be seen.
    fn save(mut self, path: &Path) {
        self.window.render().unwrap().save(path).unwrap();
    }
}

/// No model but the one that is built in, nothing remembered, and a hub that is not asked.
fn surroundings() -> Surroundings {
    let endpoint = Endpoint::parse("http://127.0.0.1:9").unwrap();
    let settings = HubSettings { offline: true, ..HubSettings::new(endpoint, HubCache::at("nowhere")) };
    Surroundings::new(Places::default(), settings)
}
