//! The status line: the picture, the pointer, the encoding, the speed.

use egui::{Align, Layout, RichText, Ui};

use super::Shown;
use crate::document::MaskId;
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
        let faint = |ui: &mut Ui, text: String| {
            ui.label(RichText::new(text).font(theme::small_font()).color(shown.tokens.text_faint));
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
        let phrase = state.ui.hovered.and_then(|mask| phrase_of(state, mask));
        let phrase = phrase.map_or_else(String::new, |words| format!(" · {words}"));
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

/// The words that a mask grounds.
fn phrase_of(state: &State, id: MaskId) -> Option<String> {
    let of = |text: &str, span: &std::ops::Range<usize>| -> String {
        text.chars().skip(span.start).take(span.len()).collect()
    };
    for exchange in state.shown_exchanges() {
        let place = exchange.masks.iter().position(|m| m.as_ref().is_some_and(|m| m.id == id));
        if let Some(grounding) = place.and_then(|place| exchange.reply.groundings.get(place)) {
            return Some(of(&exchange.reply.text, &grounding.span)).filter(|words| !words.is_empty());
        }
    }
    let job = state.shown_job()?;
    let (grounding, _) = job.grounded.iter().find(|(_, m)| m.as_ref().is_some_and(|m| m.id == id))?;
    Some(of(&job.text, &grounding.span)).filter(|words| !words.is_empty())
}
