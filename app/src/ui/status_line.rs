//! The status line: the picture, the pointer, the encoding, the speed.

use egui::{Align, Layout, Ui};

use super::{Shown, text};
use crate::session::{Encoding, ModelStatus};
use crate::theme;
use crate::update::State;

/// Whether the model is taking in the picture on the canvas.
pub(super) fn is_encoding(state: &State) -> bool {
    let current = state.ui.current.and_then(|image| state.session.encodings.get(&image));
    current == Some(&Encoding::Waiting)
}

pub(super) fn show(shown: &Shown<'_>, ui: &mut Ui) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 22.0;
        let faint = |ui: &mut Ui, words: String| {
            ui.label(text::for_widget(ui.ctx(), &words, theme::small_font(), shown.tokens.text_faint));
        };
        for text in left(shown.state) {
            faint(ui, text);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if let Some(exporting) = shown.state.session.exporting {
                faint(ui, format!("Exporting {} of {} …", exporting.done, exporting.total));
            }
            if let Some(busy) = &shown.state.session.keeping.busy {
                faint(ui, busy.clone());
            }
            if let Some(speed) = shown.state.session.tokens_per_second {
                faint(ui, format!("{speed:.0} tokens/s"));
            }
        });
    });
}

fn left(state: &State) -> Vec<String> {
    let Some(picture) = state.picture() else { return vec!["No picture".to_owned()] };
    let (width, height) = picture.size;
    let mut texts = vec![format!("{} · {width} × {height}", shortened(&picture.name))];
    if let Some((x, y)) = state.ui.pointer {
        let found = state.ui.hovered.and_then(|mask| state.find_mask(mask));
        let phrase = found.map_or_else(String::new, |found| format!(" · {}", found.name));
        texts.push(format!("x {} y {}{phrase}", x.floor(), y.floor()));
    }
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
