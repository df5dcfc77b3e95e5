//! The window under test, with a scripted engine and a picture of our own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Event, Modifiers, PointerButton, Pos2, Theme, Vec2, pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use glamm::action::Action;
use glamm::app::App;
use glamm::document::{ConversationEdit, Edit, Exchange, ExchangeId, GroundedMask, MaskId, Question};
use glamm::state::State;
use glamm::system::surroundings::Surroundings;
use glamm_engine::hub::settings::Endpoint;
use glamm_engine::hub::{HubCache, HubSettings};
use glamm_engine::models::Places;
use glamm_engine::protocol::{FinishReason, Grounding, JobStats, ModelSource, ModelSpec, Reply, Sampling};
use glamm_engine::vision::{BinaryMask, MaskCandidates};
use image::{Rgb, RgbImage};

use crate::looks;
use crate::script::Player;

/// The window, its engine, and the folder with its picture.
pub(crate) struct Stage {
    /// The window.
    pub(crate) window: Harness<'static, App>,
    /// The engine.
    pub(crate) player: Player,
    _folder: tempfile::TempDir,
}

/// How a window is set up.
pub(crate) struct Setup {
    /// In points.
    pub(crate) size: Vec2,
    /// Dark or light.
    pub(crate) theme: Theme,
    /// Physical pixels per point.
    pub(crate) scale: f32,
}

impl Default for Setup {
    fn default() -> Self {
        Self { size: Vec2::new(1100.0, 700.0), theme: Theme::Dark, scale: 1.0 }
    }
}

/// Masks of replies that the engine did not play are numbered from here on.
const FIRST_MASK: u64 = 1 << 32;

/// Size of the picture.
pub(crate) const PICTURE: (u32, u32) = (160, 120);

/// A red square on the left, a green disc on the right.
fn picture() -> RgbImage {
    let (square, disc) = (square(), disc());
    RgbImage::from_fn(PICTURE.0, PICTURE.1, |x, y| {
        if square.contains(x, y) {
            Rgb([196, 64, 60])
        } else if disc.contains(x, y) {
            Rgb([70, 150, 84])
        } else {
            Rgb([150, 190, 226 - (y / 2) as u8])
        }
    })
}

/// The square's pixels.
pub(crate) fn square() -> BinaryMask {
    BinaryMask::from_fn(PICTURE.0, PICTURE.1, |x, y| (20..60).contains(&x) && (40..88).contains(&y))
}

/// The disc's pixels.
pub(crate) fn disc() -> BinaryMask {
    BinaryMask::from_fn(PICTURE.0, PICTURE.1, |x, y| {
        let (dx, dy) = (x as f32 - 112.0, y as f32 - 60.0);
        dx * dx + dy * dy < 27.0 * 27.0
    })
}

/// No model but the one that is built in, and a hub that nobody answers for.
pub(crate) fn nothing_around(folder: &Path) -> Surroundings {
    let cache = HubCache::at(folder.join("hub"));
    let places =
        Places { cache: Some(cache.clone()), directory: Some(folder.join("own")), others: Vec::new() };
    let endpoint = Endpoint::parse("http://127.0.0.1:9").unwrap();
    let settings = HubSettings { offline: true, ..HubSettings::new(endpoint, cache) };
    Surroundings::new(places, settings)
}

/// Steps a window with the real engine until something has happened on other threads.
pub(crate) fn wait(window: &mut Harness<'_, App>, what: &str, done: impl Fn(&State) -> bool) {
    let begin = Instant::now();
    while !done(window.state().state()) {
        assert!(begin.elapsed() < Duration::from_mins(2), "waited in vain for {what}");
        assert!(window.state().state().session.failures.is_empty(), "{:?}", window.state().state().session);
        std::thread::sleep(Duration::from_millis(5));
        window.step();
    }
    window.run_steps(6);
}

impl Stage {
    /// Does this as the user does it by some button or key, and waits for what comes of it.
    pub(crate) fn act(&mut self, action: Action) {
        let ctx = self.window.ctx.clone();
        self.window.state_mut().act(&ctx, action);
        self.settle();
    }

    /// Chooses "Rename" in the menu that is open, and writes a name into the field of this label.
    pub(crate) fn rename(&mut self, field: &str, name: &str) {
        self.press("Rename");
        self.window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
        self.window.get_by_label(field).type_text(name);
        self.settle();
        self.window.key_press(egui::Key::Enter);
        self.settle();
    }

    /// A window with the picture open and encoded, and a model ready.
    pub(crate) fn new(setup: &Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let surroundings = nothing_around(folder.path());
        Self::with_shapes(setup, surroundings, folder)
    }

    /// The same among surroundings of the test's own.
    pub(crate) fn with_shapes(setup: &Setup, surroundings: Surroundings, folder: tempfile::TempDir) -> Self {
        let path = folder.path().join("shapes.png");
        picture().save(&path).unwrap();
        let mut stage = Self::among(setup, surroundings, folder, Some(path));
        stage.wait("the picture", |stage| stage.window.state().state().picture().is_some());
        stage.settle();
        stage
    }

    /// A window that was given `path` to open.
    pub(crate) fn with_picture(setup: &Setup, folder: tempfile::TempDir, path: Option<PathBuf>) -> Self {
        let surroundings = nothing_around(folder.path());
        Self::among(setup, surroundings, folder, path)
    }

    /// The same among models of the test's own.
    pub(crate) fn among(
        setup: &Setup,
        surroundings: Surroundings,
        folder: tempfile::TempDir,
        path: Option<PathBuf>,
    ) -> Self {
        let (player, link) = Player::new();
        let model = ModelSpec { source: ModelSource::Path("weights".into()), ..ModelSpec::default() };
        let window = Harness::builder()
            .with_size(setup.size)
            .with_pixels_per_point(setup.scale)
            .with_theme(setup.theme)
            .with_step_dt(1.0 / 60.0)
            .with_max_steps(60)
            .wgpu()
            .build_eframe(|cc| App::with_engine(cc, link, surroundings, model, path).unwrap());
        Self { window, player, _folder: folder }
    }

    /// Lets the engine answer and the window draw until nothing changes any more.
    pub(crate) fn settle(&mut self) {
        for _ in 0..3 {
            self.player.answer_commands();
            self.window.run_steps(12);
        }
    }

    /// Waits for another thread (the loader).
    pub(crate) fn wait(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !done(self) {
            assert!(begin.elapsed() < Duration::from_mins(1), "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(5));
            self.player.answer_commands();
            self.window.step();
        }
    }

    /// Types a question and presses Ask.
    pub(crate) fn ask(&mut self, question: &str) {
        self.window.get_by_label("Question").focus();
        self.window.run_steps(2);
        self.window.get_by_label("Question").type_text(question);
        self.window.run_steps(2);
        self.press("Ask");
    }

    /// Clicks what has this label.
    pub(crate) fn press(&mut self, label: &str) {
        self.window.get_by_label(label).click();
        self.window.run_steps(3);
        self.settle();
    }

    /// Where a place of the picture is on the screen.
    pub(crate) fn on_screen(&self, x: f32, y: f32) -> Pos2 {
        self.window.state().state().view().unwrap().screen_from_image(pos2(x, y))
    }

    /// Drags from one place of the picture to another.
    pub(crate) fn drag(&mut self, from: (f32, f32), to: (f32, f32)) {
        self.drag_on_screen(self.on_screen(from.0, from.1), self.on_screen(to.0, to.1));
    }

    /// Drags from one place of the screen to another.
    pub(crate) fn drag_on_screen(&mut self, start: Pos2, end: Pos2) {
        self.window.hover_at(start);
        self.window.drag_at(start);
        for step in 1..=4 {
            self.window.hover_at(start + (end - start) * (step as f32 / 4.0));
        }
        self.window.drop_at(end);
        self.window.run_steps(3);
        self.settle();
    }

    /// Presses and lets go of a button at a place of the picture.
    pub(crate) fn click_on_picture(
        &mut self,
        (x, y): (f32, f32),
        button: PointerButton,
        modifiers: Modifiers,
    ) {
        let pos = self.on_screen(x, y);
        self.window.hover_at(pos);
        self.window.step();
        for pressed in [true, false] {
            let event = Event::PointerButton { pos, button, pressed, modifiers };
            self.window.event_modifiers(event, modifiers);
            self.window.step();
        }
        self.settle();
    }

    /// Puts this many short exchanges into the conversation.
    pub(crate) fn fill_conversation(&mut self, count: u32) {
        self.fill(count, |number| {
            let text = format!(
                "Reply {number}: a word or two about the picture{}.",
                match number % 3 {
                    0 => ", of which there is a good deal more to say than fits on a single line of it",
                    1 => "",
                    _ => ", and so on",
                }
            );
            (Reply { raw: text.clone(), text, groundings: Vec::new() }, Vec::new())
        });
    }

    /// The same with two phrases in each reply, and a mask for each.
    pub(crate) fn fill_with_masks(&mut self, count: u32) {
        let shapes = [square(), disc()].map(|shape| looks::candidates(&shape));
        self.fill(count, |number| {
            let text = format!("Reply {number}: a red square to the left of a large green disc.");
            let masks = ["a red square", "a large green disc"].into_iter().zip(&shapes).zip(0..);
            let (groundings, masks) = masks
                .filter_map(|((words, shape), place)| {
                    let from = text.find(words)?;
                    let id = MaskId(FIRST_MASK + 2 * u64::from(number) + place);
                    let mask = GroundedMask::new(id, shape.clone());
                    Some((Grounding { span: from..from + words.len() }, Some(mask)))
                })
                .unzip();
            (Reply { raw: text.clone(), text, groundings }, masks)
        });
    }

    /// The same with one phrase in each reply, and two masks for it.
    pub(crate) fn fill_with_pairs(&mut self, count: u32) {
        let shapes = [square(), disc()].map(|shape| looks::candidates(&shape));
        self.fill(count, |number| {
            let id = |place| MaskId(FIRST_MASK + 2 * u64::from(number) + place);
            let mask =
                |(place, shape): (u64, &MaskCandidates)| Some(GroundedMask::new(id(place), shape.clone()));
            let masks = (0..).zip(&shapes).map(mask).collect();
            let groundings = vec![Grounding { span: 0..10 }; 2];
            let text = "two shapes.".to_owned();
            (Reply { raw: text.clone(), text, groundings }, masks)
        });
    }

    fn fill(&mut self, count: u32, reply: impl Fn(u32) -> (Reply, Vec<Option<GroundedMask>>)) {
        let (image, conversation) = self.window.state().state().shown_place().unwrap();
        let ctx = self.window.ctx.clone();
        for number in 1..=count {
            let (reply, masks) = reply(number);
            let exchange = Exchange {
                id: ExchangeId(number),
                parent: number.checked_sub(1).filter(|&n| n > 0).map(ExchangeId),
                question: Question { text: format!("Question {number}?"), regions: Vec::new() },
                reply,
                tokens: Arc::default(),
                masks,
                first_hue: 2 * number as usize,
                sampling: Sampling::Greedy,
                reason: FinishReason::EndOfSequence,
                stats: JobStats::default(),
            };
            let change = ConversationEdit::Add(Arc::new(exchange));
            let edit = Edit::Conversation { image, conversation, change };
            self.window.state_mut().act(&ctx, Action::Edit(edit));
        }
    }
}
