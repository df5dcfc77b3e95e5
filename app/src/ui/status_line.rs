//! The status line: the picture, the pointer, the encoding, the speed.

use egui::{Align, Button, Layout, Ui};

use super::{Shown, text};
use crate::action::{Action, ExportAction};
use crate::state::State;
use crate::state::exporting::ExportProgress;
use crate::state::keeping::Busy;
use crate::state::session::{Encoding, ModelStatus};
use crate::theme;

/// Whether the model is taking in the picture on the canvas.
pub(super) fn is_encoding(state: &State) -> bool {
    let current = state.ui.current.and_then(|image| state.session.encodings.get(&image));
    current == Some(&Encoding::Waiting)
}

/// Less room than this is left free rather than filled with the beginning of a word.
const LEAST: f32 = 60.0;

/// What goes on at the right, and in what that leaves, where one is.
pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui) {
    let mut stop = false;
    let line = |ui: &Ui, words: String, room: f32| {
        text::cut_line(ui.ctx(), words, theme::small_font(), shown.tokens.text_faint, room)
    };
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 22.0;
        if shown.state.session.exporting.as_ref().is_some_and(|export| !export.stop.is_cancelled()) {
            let words = line(ui, "Stop".to_owned(), f32::INFINITY);
            stop = ui.add(Button::new(words).small()).on_hover_text("Stop the export").clicked();
        }
        for words in right(shown.state) {
            ui.label(line(ui, words, f32::INFINITY));
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            for words in left(shown.state) {
                let room = ui.available_width();
                if room >= LEAST {
                    ui.label(line(ui, words, room));
                }
            }
        });
    });
    if stop {
        shown.send(Action::Export(ExportAction::Stop));
    }
}

/// From right to left.
fn right(state: &State) -> Vec<String> {
    let session = &state.session;
    let exporting = session.exporting.as_ref().map(ExportProgress::words);
    let busy = session.keeping.busy.as_ref().map(Busy::words);
    let speed = session.tokens_per_second.map(self::speed);
    exporting.into_iter().chain(busy).chain(speed).collect()
}

fn left(state: &State) -> Vec<String> {
    let Some(picture) = state.picture() else { return vec!["No picture".to_owned()] };
    let (width, height) = picture.size;
    let mut texts = vec![format!("{} · {width} × {height}", shortened(&picture.name))];
    if let Some((x, y)) = state.ui.pointer {
        let found = state.ui.hovered.first().and_then(|mask| state.find_mask(*mask));
        let phrase = found.map_or_else(String::new, |found| format!(" · {}", found.name));
        texts.push(format!("x {} y {}{phrase}", x.floor(), y.floor()));
    }
    texts.extend(state.segmenting().map(|doing| format!("{doing} …")));
    match state.session.encodings.get(&picture.id) {
        Some(Encoding::Done(timings)) => {
            texts.push(format!("image encoded in {}", duration(timings.total().as_secs_f64())));
        }
        Some(Encoding::Waiting) if matches!(state.session.model, ModelStatus::Ready(_)) => {
            texts.push("encoding the image …".to_owned());
        }
        Some(Encoding::Failed(_)) => texts.push("the image could not be encoded".to_owned()),
        _ => {}
    }
    texts
}

/// A long name without its middle.
fn shortened(name: &str) -> String {
    const LONGEST: usize = 44;
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= LONGEST {
        return name.to_owned();
    }
    let half = LONGEST / 2;
    let (start, end) = (&chars[..half], &chars[chars.len() - half..]);
    start.iter().chain(&['…']).chain(end).collect()
}

/// Seconds, in a unit that suits them.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.0} ms", seconds * 1000.0) } else { format!("{seconds:.1} s") }
}

/// Tokens a second, where they are few with a digit more.
pub(super) fn speed(tokens_per_second: f64) -> String {
    let digits = usize::from(tokens_per_second < 9.95);
    format!("{tokens_per_second:.digits$} tokens/s")
}
