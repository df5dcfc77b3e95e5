//! The export dialog: formats, where to, and what will be written.

use egui::{Align, Id, Layout, Modal, RichText, ScrollArea, TextEdit, Ui, vec2};

use super::widgets::{Kind, button, button_if, check_box, dialog_frame, focus_ring, paragraph, radio};
use super::{Shown, text};
use crate::action::{Action, ExportAction};
use crate::export::{ExportInTheWay, Format};
use crate::theme;
use crate::words::counted;

/// Longer lists are counted.
const MAX_LISTED: usize = 400;
/// Usual width, in points.
const WIDTH: f32 = 760.0;
/// In less, formats and files stand below each other.
const TWO_COLUMNS_FROM: f32 = 600.0;
/// Between the two.
const GAP: f32 = 24.0;
/// Height of the list of files, where it stands beside the formats and where it stands below them.
const LIST: [f32; 2] = [290.0, 120.0];

/// Files in the way that are named.
const NAMED: usize = 6;

pub(super) fn show(shown: &mut Shown<'_>, ui: &Ui) {
    let state = shown.state;
    if let Some(in_the_way) = &state.session.export_in_the_way {
        return replace_question(shown, ui, in_the_way);
    }
    let keeping = &shown.state.session.keeping;
    if shown.state.session.export.is_none() || keeping.path_prompt.is_some() {
        return;
    }
    let frame = dialog_frame(ui);
    let tokens = shown.tokens;
    let room = ui.ctx().content_rect().size() - vec2(90.0, 90.0);
    let width = room.x.min(WIDTH);
    let modal = Modal::new(Id::unique("export")).frame(frame).show(ui.ctx(), |ui| {
        ui.set_width(width);
        // The dialog is as high as what is in it, up to the window's height.
        let area = ScrollArea::vertical().id_salt("export").max_height(room.y).min_scrolled_height(room.y);
        area.show(ui, |ui| {
            ui.label(RichText::new("Export").font(theme::strong_font(18.0)).color(tokens.text));
            ui.add_space(6.0);
            if width >= TWO_COLUMNS_FROM {
                ui.spacing_mut().item_spacing.x = GAP;
                ui.columns(2, |columns| {
                    if let [left, right] = columns {
                        formats(shown, left);
                        preview(shown, right, LIST[0]);
                    }
                });
            } else {
                formats(shown, ui);
                ui.add_space(8.0);
                preview(shown, ui, LIST[1]);
            }
            ui.add_space(10.0);
            place(shown, ui);
        });
    });
    if modal.should_close() {
        send(shown, ExportAction::Close);
    }
}

fn replace_question(shown: &mut Shown<'_>, ui: &Ui, in_the_way: &ExportInTheWay) {
    let ExportInTheWay { request, files, .. } = in_the_way;
    let tokens = shown.tokens;
    let frame = dialog_frame(ui);
    let (title, verb) = match files.len() {
        1 => ("Replace a file?".to_owned(), "Replace it"),
        count => (format!("Replace {count} files?"), "Replace them"),
    };
    let text =
        format!("Files of the same names lie in {}. What is in them will be lost:", request.out.display());
    let modal = Modal::new(Id::unique("export in the way")).frame(frame).show(ui.ctx(), |ui| {
        ui.set_width(440.0);
        ui.label(RichText::new(title).font(theme::strong_font(18.0)).color(tokens.text));
        ui.add_space(6.0);
        paragraph(ui, &text, theme::TEXT, tokens.text_soft);
        ui.add_space(4.0);
        for file in files.iter().take(NAMED) {
            let name = file.strip_prefix(&request.out).unwrap_or(file).display().to_string();
            paragraph(ui, &name, theme::SMALL, tokens.text_faint);
        }
        if files.len() > NAMED {
            paragraph(ui, &format!("and {} more", files.len() - NAMED), theme::SMALL, tokens.text_faint);
        }
        ui.add_space(12.0);
        ui.horizontal(|ui| {
            [(verb, Kind::Plain), ("Cancel", Kind::Primary)]
                .map(|(label, kind)| button(ui, tokens, label, kind).clicked())
        })
        .inner
    });
    let [replace, keep] = modal.inner;
    if replace || keep || modal.should_close() {
        send(shown, ExportAction::Replace(replace));
    }
}

fn send(shown: &mut Shown<'_>, action: ExportAction) {
    shown.send(Action::Export(action));
}

fn formats(shown: &mut Shown<'_>, ui: &mut Ui) {
    let Some(dialog) = shown.state.session.export.clone() else { return };
    ui.spacing_mut().item_spacing = vec2(8.0, 3.0);
    ui.spacing_mut().interact_size.y = 26.0;
    for format in Format::ALL {
        let chosen = dialog.formats.contains(&format);
        let tick = check_box(ui, shown.tokens, format.label(), chosen);
        if tick.on_hover_text(format.note()).changed() {
            send(shown, ExportAction::Toggle(format));
        }
    }
    ui.add_space(8.0);
    let count = shown.state.document().pictures().len();
    let choices = [(false, "This picture".to_owned()), (true, format!("All pictures ({count})"))];
    for (all, label) in choices {
        if radio(ui, shown.tokens, &label, dialog.all_pictures == all).clicked() {
            send(shown, ExportAction::AllPictures(all));
        }
    }
}

fn preview(shown: &Shown<'_>, ui: &mut Ui, height: f32) {
    let tokens = shown.tokens;
    ui.spacing_mut().item_spacing.x = 8.0;
    let Some(planned) = shown.state.session.export.as_ref().map(|dialog| &dialog.planned) else { return };
    let count = planned.len();
    let heading = match count {
        0 => "Nothing will be written".to_owned(),
        _ => format!("{} will be written", counted(count, "file")),
    };
    ui.label(RichText::new(heading).font(theme::strong_font(theme::LABEL)).color(tokens.text));
    let area = ScrollArea::vertical().id_salt("files").max_height(height).min_scrolled_height(height);
    area.auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.spacing_mut().interact_size.y = 20.0;
        for file in planned.iter().take(MAX_LISTED) {
            ui.horizontal(|ui| {
                // The path may take most of the line, and what is in the file the rest of it.
                let small = |text: String, color, room: f32| {
                    text::cut_line(ui.ctx(), text, theme::small_font(), color, room)
                };
                let width = ui.available_width();
                let path = small(file.path.display().to_string(), tokens.text_soft, 0.68 * width);
                let what = small(file.what.clone(), tokens.text_faint, width - path.size().x - 16.0);
                ui.label(path);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(what));
            });
        }
        if count > MAX_LISTED {
            let more = format!("and {} more", count - MAX_LISTED);
            ui.label(RichText::new(more).font(theme::small_font()).color(tokens.text_faint));
        }
    });
}

fn place(shown: &mut Shown<'_>, ui: &mut Ui) {
    let tokens = shown.tokens;
    let Some(dialog) = shown.state.session.export.clone() else { return };
    let mut folder = dialog.folder.clone();
    ui.horizontal(|ui| {
        ui.label(RichText::new("Folder").size(theme::LABEL).color(tokens.text_soft));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if button(ui, tokens, "Choose…", Kind::Plain).clicked() {
                send(shown, ExportAction::AskFolder);
            }
            let field = TextEdit::singleline(&mut folder).desired_width(f32::INFINITY);
            let field = ui.add(field.id(Id::unique("export folder")));
            focus_ring(ui, &field);
            field.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Export folder"));
        });
    });
    if folder != dialog.folder {
        send(shown, ExportAction::Folder(folder));
    }
    let request = shown.state.export_request();
    if request.is_none() && !dialog.formats.is_empty() {
        paragraph(
            ui,
            "The folder must be given from the root, such as /home/me/export.",
            theme::SMALL,
            tokens.text_faint,
        );
    }
    ui.add_space(10.0);
    ui.horizontal(|ui| {
        if button_if(request.is_some(), ui, tokens, "Write files", Kind::Primary).clicked() {
            send(shown, ExportAction::Start);
        }
        if button(ui, tokens, "Cancel", Kind::Plain).clicked() {
            send(shown, ExportAction::Close);
        }
    });
}
