//! How long a frame takes with 50 masks over a picture of 24 megapixels: lying still, while it is
//! zoomed and moved, and while a reply streams. `cargo bench --workspace --bench frames`.
//!
//! "window" is all that the program itself does for a frame (input, state, layout, uploads), "processor"
//! what of it the processor worked; "drawn" adds tessellation, the GPU and reading the frame back, and says
//! something of the GPU only where there is one.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a benchmark")]
#![expect(dead_code, reason = "the stage has more to offer than is measured")]

#[path = "../tests/window/looks.rs"]
mod looks;
#[path = "../tests/window/script.rs"]
mod script;
#[path = "../tests/window/stage.rs"]
mod stage;
mod timing;

use std::time::Instant;

use egui::{Event, Vec2};
use glamm_engine::protocol::EngineEvent;
use glamm_engine::vision::BinaryMask;
use image::{Rgb, RgbImage};

use script::Line;
use stage::{Setup, Stage};

const SIZE: (u32, u32) = (6000, 4000);
const MASKS: u32 = 50;

/// A disc at a place of its own; the logits are at a quarter of the mask's size, so this is small.
fn mask(place: u32) -> BinaryMask {
    let (columns, rows) = (10, MASKS / 10);
    let (width, height) = (1024, 1024 * SIZE.1 / SIZE.0);
    let x = (place % columns) as f32 + 0.5;
    let y = (place / columns) as f32 + 0.5;
    let (cx, cy) = (x * width as f32 / columns as f32, y * height as f32 / rows as f32);
    BinaryMask::from_fn(width, height, |x, y| {
        let (dx, dy) = (x as f32 - cx, y as f32 - cy);
        dx * dx + dy * dy < 90.0 * 90.0
    })
}

/// A frame as the window does it, and as it is drawn.
fn measure(stage: &mut Stage, what: &str, mut before: impl FnMut(&mut Stage, usize)) {
    timing::window(stage, what, &mut before);
    timing::drawn(stage, what, before);
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.bmp");
    RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| Rgb([x as u8, y as u8, (x ^ y) as u8])).save(&path).unwrap();
    let setup = Setup { size: Vec2::new(1600.0, 1000.0), ..Setup::default() };
    let begin = Instant::now();
    let mut stage = Stage::with_picture(&setup, folder, Some(path));
    stage.wait("the picture", |stage| stage.window.state().state().picture().is_some());
    println!("opened in {:.2?}", begin.elapsed());
    stage.settle();
    let parts = (0..MASKS).flat_map(|place| {
        [("there is ".to_owned(), None), (format!("a thing number {place}"), Some(mask(place)))]
    });
    stage.player.lines.push(Line { parts: parts.collect() });
    stage.ask("What is there?");
    stage.player.finish();
    stage.settle();
    assert_eq!(stage.window.state().state().visible_masks().len(), MASKS as usize);

    measure(&mut stage, "still", |_, _| {});
    let middle = stage.window.state().state().ui.canvas.center();
    measure(&mut stage, "zooming", |stage, frame| {
        stage.window.hover_at(middle);
        stage.window.event(Event::Zoom(if frame % 60 < 30 { 1.07 } else { 1.0 / 1.07 }));
    });
    stage.window.event(Event::Zoom(6.0));
    stage.settle();
    measure(&mut stage, "moving at 100 %", |stage, frame| {
        let by = if frame % 60 < 30 { 24.0 } else { -24.0 };
        stage.window.hover_at(middle);
        stage.window.event(Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: Vec2::new(by, by * 0.5),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Trackpad,
            modifiers: egui::Modifiers::NONE,
        });
    });
    stage.ask("Go on");
    let job = stage.player.asked.last().unwrap().id;
    stage.player.send(EngineEvent::JobStarted { job });
    measure(&mut stage, "streaming", |stage, _| {
        stage.player.send(EngineEvent::TextGenerated { job, text: "word ".to_owned() });
    });
}
