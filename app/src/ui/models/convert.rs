//! Writing a model into one file, its matrices in fewer bits.

use egui::{RichText, Ui, vec2};
use glamm_engine::models::ModelEntry;
use glamm_engine::precision::Precision;
use glamm_engine::size::ByteSize;

use super::super::Shown;
use super::super::widgets::{Kind, bar, button, button_if};
use super::{download, note, section, send};
use crate::models::{Conversion, Listing, ManagerAction, converted_path, need};
use crate::theme;

/// What models are converted to.
const CHOICES: [Precision; 5] =
    [Precision::F16, Precision::Q8_0, Precision::Q6K, Precision::Q5K, Precision::Q4K];

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui, listing: &Listing, entry: &ModelEntry) {
    let state = shown.state;
    if let Some(conversion) = &state.session.library.conversion {
        section(shown, ui, "One-file copy");
        if conversion.name == entry.name {
            running(shown, ui, conversion);
        } else {
            note(shown, ui, "Another model is being converted; one at a time.");
        }
        return;
    }
    // Blocks are not taken apart again.
    let Some((directory, free)) = listing.own.as_ref().filter(|_| entry.needs.len() > 1) else { return };
    section(shown, ui, "One-file copy");
    note(shown, ui, "All of the model in one GGUF file that opens in seconds and takes less memory.");
    let quantisation = state.ui.models.quantisation;
    ui.horizontal_wrapped(|ui| {
        for precision in CHOICES {
            let kind = if precision == quantisation { Kind::Chosen } else { Kind::Plain };
            if button(ui, shown.tokens, precision.name(), kind).clicked() {
                send(shown, ManagerAction::Quantisation(precision));
            }
        }
    });
    let bytes = need(entry, quantisation).map_or(0, |need| need.weight_bytes);
    let out = converted_path(directory, entry, quantisation);
    note(shown, ui, &format!("About {} in {}", ByteSize(bytes), out.display()));
    let room = free.is_none_or(|free| free >= bytes);
    let label = format!("Convert to {quantisation}");
    let response = button_if(room, ui, shown.tokens, &label, Kind::Plain);
    if response.clicked() {
        send(shown, ManagerAction::Convert(entry.name.clone()));
    }
    if !room {
        response.on_disabled_hover_text("There is not enough room on the disk");
    }
}

fn running(shown: &mut Shown<'_>, ui: &mut Ui, conversion: &Conversion) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 8.0), egui::Sense::hover());
    let share = conversion.done_bytes as f64 / conversion.total_bytes.max(1) as f64;
    bar(ui, shown.tokens, rect, share as f32);
    let text = RichText::new(summary(conversion, share, shown.now - conversion.began_at));
    ui.label(text.font(theme::label_font()).color(shown.tokens.text_soft));
    if button_if(!conversion.stopping, ui, shown.tokens, "Cancel conversion", Kind::Plain).clicked() {
        send(shown, ManagerAction::CancelConversion);
    }
}

fn summary(conversion: &Conversion, share: f64, seconds: f64) -> String {
    if conversion.stopping {
        return "Stopping …".to_owned();
    }
    if conversion.total_bytes == 0 {
        return "Opening the model …".to_owned();
    }
    let (done, total) = (ByteSize(conversion.done_bytes), ByteSize(conversion.total_bytes));
    // The first seconds say little.
    let left = (seconds > 3.0 && share > 0.0)
        .then(|| format!(" · {} left", download::time_left((seconds / share - seconds) as u64)));
    format!("{done} of {total} to {}{}", conversion.precision, left.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_share() {
        let mut conversion = Conversion {
            name: "a".to_owned(),
            precision: Precision::Q4K,
            out: "a-q4k.gguf".into(),
            done_bytes: 0,
            total_bytes: 0,
            began_at: 0.0,
            stopping: false,
        };
        assert_eq!(summary(&conversion, 0.0, 1.0), "Opening the model …");
        (conversion.done_bytes, conversion.total_bytes) = (4_000_000_000, 16_000_000_000);
        assert_eq!(summary(&conversion, 0.25, 2.0), "4.0 GB of 16.0 GB to q4k");
        assert_eq!(summary(&conversion, 0.25, 60.0), "4.0 GB of 16.0 GB to q4k · 3 min left");
    }
}
