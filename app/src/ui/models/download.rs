//! A download: all of it, each file, and what can be done about it.

use egui::{Grid, RichText, Ui, vec2};
use glamm_engine::models::ModelEntry;
use glamm_engine::size::ByteSize;

use super::super::Shown;
use super::super::widgets::{Kind, bar, button_if};
use super::{note, send};
use crate::models::{ManagerAction, Transfer, TransferStatus};
use crate::theme;

pub(super) fn show(shown: &mut Shown<'_>, ui: &mut Ui, entry: &ModelEntry) {
    let Some(transfer) = shown.state.session.library.transfers.get(&entry.name) else { return };
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 8.0), egui::Sense::hover());
    let share = transfer.bytes_here() as f32 / transfer.bytes().max(1) as f32;
    bar(ui, shown.tokens, rect, share);
    let text = RichText::new(summary(transfer)).font(theme::label_font()).color(shown.tokens.text_soft);
    ui.add(egui::Label::new(text).wrap());
    controls(shown, ui, entry, &transfer.status);
    ui.add_space(4.0);
    files(shown, ui, transfer);
    note(shown, ui, "Closing the window keeps what has come; the download can be resumed at any time.");
}

/// Bytes, speed and time, or why nothing comes.
fn summary(transfer: &Transfer) -> String {
    let bytes = format!("{} of {}", ByteSize(transfer.bytes_here()), ByteSize(transfer.bytes()));
    let file = |index: usize| transfer.files.get(index).map_or("", |file| file.name.as_str());
    match &transfer.status {
        TransferStatus::Asking if transfer.files.is_empty() => "Asking the hub what there is …".to_owned(),
        TransferStatus::Asking => format!("{bytes} · connecting …"),
        TransferStatus::Fetching(_) => {
            let speed = transfer.bytes_per_second.map(|speed| format!(" · {}/s", ByteSize(speed as u64)));
            let left = transfer.time_left.map(|left| format!(" · {} left", time_left(left.as_secs())));
            [bytes, speed.unwrap_or_default(), left.unwrap_or_default()].concat()
        }
        TransferStatus::Checking(index) => {
            format!("{bytes} · reading again what is here of {}", file(*index))
        }
        TransferStatus::Paused => format!("{bytes} · paused"),
        TransferStatus::Waiting(reason) => format!("{bytes} · {reason}"),
        TransferStatus::Stopping => format!("{bytes} · stopping …"),
    }
}

/// Seconds in the largest units that matter.
pub(super) fn time_left(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn controls(shown: &mut Shown<'_>, ui: &mut Ui, entry: &ModelEntry, status: &TransferStatus) {
    let name = || entry.name.clone();
    ui.horizontal(|ui| {
        let enabled = *status != TransferStatus::Stopping;
        if *status == TransferStatus::Paused {
            if button_if(enabled, ui, shown.tokens, "Resume", Kind::Primary).clicked() {
                send(shown, ManagerAction::Resume(name()));
            }
        } else if button_if(enabled, ui, shown.tokens, "Pause", Kind::Plain).clicked() {
            send(shown, ManagerAction::Pause(name()));
        }
        if button_if(enabled, ui, shown.tokens, "Cancel", Kind::Plain).clicked() {
            send(shown, ManagerAction::Cancel(name()));
        }
    });
}

fn files(shown: &Shown<'_>, ui: &mut Ui, transfer: &Transfer) {
    let tokens = shown.tokens;
    ui.spacing_mut().interact_size.y = 16.0;
    Grid::new("files").num_columns(3).spacing([14.0, 5.0]).show(ui, |ui| {
        for file in &transfer.files {
            let done = file.bytes_here >= file.bytes;
            let colour = if done { tokens.text_faint } else { tokens.text_soft };
            let text = |text: String| RichText::new(text).font(theme::small_font()).color(colour);
            ui.label(text(file.name.clone())).on_hover_text(&file.repository);
            let (rect, _) = ui.allocate_exact_size(vec2(120.0, 4.0), egui::Sense::hover());
            bar(ui, tokens, rect, file.bytes_here as f32 / file.bytes.max(1) as f32);
            ui.label(text(if done {
                ByteSize(file.bytes).to_string()
            } else {
                format!("{} of {}", ByteSize(file.bytes_here), ByteSize(file.bytes))
            }));
            ui.end_row();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::FileTransfer;

    #[test]
    fn a_download_is_told_in_a_line() {
        let file = FileTransfer {
            repository: "a/b".to_owned(),
            name: "w.bin".to_owned(),
            bytes: 16_000_000_000,
            bytes_here: 4_000_000_000,
        };
        let mut transfer = Transfer {
            files: vec![file],
            status: TransferStatus::Fetching(0),
            bytes_per_second: Some(50e6),
            time_left: Some(std::time::Duration::from_secs(239)),
        };
        assert_eq!(summary(&transfer), "4.0 GB of 16.0 GB · 50.0 MB/s · 4 min left");
        transfer.status = TransferStatus::Paused;
        assert_eq!(summary(&transfer), "4.0 GB of 16.0 GB · paused");
        transfer.status = TransferStatus::Checking(0);
        assert!(summary(&transfer).ends_with("what is here of w.bin"));
        assert_eq!(summary(&Transfer::default()), "Asking the hub what there is …");
        assert_eq!([59, 61, 3600, 9000].map(time_left), ["59 s", "2 min", "1 h 0 min", "2 h 30 min"]);
    }
}
