//! How long a frame takes with a conversation of 5,000 messages: lying still, while it is scrolled, and
//! while a reply comes in at 200 tokens a second, a mask with every twelfth; and where every reply has two
//! masks, of which one is selected.
//! `cargo bench --workspace --bench chat`.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a benchmark")]
#![expect(dead_code, reason = "the stage has more to offer than is measured")]

#[path = "../tests/window/looks.rs"]
mod looks;
#[path = "../tests/window/script.rs"]
mod script;
#[path = "../tests/window/stage.rs"]
mod stage;
mod timing;

use egui::{Event, Vec2};
use egui_kittest::kittest::Queryable as _;
use glamm::action::{Action, Inspect};
use glamm_engine::protocol::{EngineEvent, Grounding, JobId};

use stage::{Setup, Stage, disc};

/// A question and its reply are two messages.
const EXCHANGES: u32 = 2500;
/// At 60 frames a second, 200 tokens a second are ten in three frames.
const TOKENS: [usize; 3] = [4, 3, 3];
/// A phrase with a mask at every so many tokens.
const PHRASE: usize = 12;

/// A reply that goes on for ever.
struct Reply {
    job: JobId,
    tokens: usize,
    chars: usize,
    masks: usize,
}

impl Reply {
    fn begin(stage: &mut Stage) -> Self {
        stage.ask("Go on");
        let job = stage.player.asked.last().unwrap().id;
        stage.player.send(EngineEvent::JobStarted { job });
        Self { job, tokens: 0, chars: 0, masks: 0 }
    }

    fn token(&mut self, stage: &Stage) {
        let job = self.job;
        self.tokens += 1;
        if self.tokens.is_multiple_of(PHRASE) {
            let text = "something green ".to_owned();
            let span = self.chars..self.chars + text.chars().count() - 1;
            self.chars = span.end + 1;
            stage.player.send(EngineEvent::PhraseOpened { job });
            stage.player.send(EngineEvent::TextGenerated { job, text });
            stage.player.send(EngineEvent::PhraseClosed { job, span: span.clone() });
            let (index, grounding) = (self.masks, Grounding { span });
            let masks = looks::candidates(&disc());
            stage.player.send(EngineEvent::MaskReady { job, index, grounding, masks });
            self.masks += 1;
        } else {
            self.chars += 5;
            stage.player.send(EngineEvent::TextGenerated { job, text: "word ".to_owned() });
        }
    }
}

fn scroll(stage: &mut Stage, at: egui::Pos2, by: f32) {
    stage.window.hover_at(at);
    stage.window.event(Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: Vec2::new(0.0, by),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Trackpad,
        modifiers: egui::Modifiers::NONE,
    });
}

fn stream(stage: &mut Stage, what: &str) {
    let mut reply = Reply::begin(stage);
    timing::window(stage, what, |stage, frame| {
        for _ in 0..TOKENS[frame % TOKENS.len()] {
            reply.token(stage);
        }
    });
    println!("{:<28} {} tokens, {} masks", "", reply.tokens, reply.masks);
}

fn main() {
    let setup = Setup { size: Vec2::new(1600.0, 1000.0), ..Setup::default() };
    let mut stage = Stage::new(&setup);
    timing::window(&mut stage, "empty, still", |_, _| {});
    stream(&mut stage, "empty, streaming");

    let mut stage = Stage::new(&setup);
    stage.fill_conversation(EXCHANGES);
    stage.settle();
    timing::window(&mut stage, "5,000 messages, still", |_, _| {});
    let messages = stage.window.get_by_label_contains("Reply 2500:").rect().center();
    timing::window(&mut stage, "scrolling by a little", |stage, frame| {
        scroll(stage, messages, if frame % 60 < 30 { 90.0 } else { -90.0 });
    });
    timing::window(&mut stage, "scrolling by pages", |stage, frame| {
        scroll(stage, messages, if frame % 60 < 45 { 4000.0 } else { -12000.0 });
    });
    timing::drawn(&mut stage, "scrolling by pages", |stage, _| scroll(stage, messages, 4000.0));
    stream(&mut stage, "5,000 messages, streaming");

    let mut stage = Stage::new(&setup);
    stage.fill_with_masks(EXCHANGES);
    stage.settle();
    timing::window(&mut stage, "5,000 masks, still", |_, _| {});
    let masks = stage.window.state().state().listed_masks();
    for (what, place) in [("last of 5,000 masks selected", masks.len() - 1), ("first of 5,000 selected", 0)] {
        let ctx = stage.window.ctx.clone();
        let select = Inspect::Select(Some(masks[place].mask.id));
        stage.window.state_mut().act(&ctx, Action::Inspect(select));
        stage.settle();
        timing::window(&mut stage, what, |_, _| {});
    }
    stage.press("Masks");
    timing::window(&mut stage, "5,000 masks, listed", |_, _| {});
}
