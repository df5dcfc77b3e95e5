//! The export dialog, and what is imported.

use std::path::{Path, PathBuf};

use super::{Effect, State};
use crate::document::{Edit, Origin};
use crate::export::import::{Imported, ImportedPicture, as_document_mask};
use crate::export::{ExportRequest, Exported, Format, Planned, plan};
use crate::exporting::{ExportDialog, ExportProgress};
use crate::keeping::{PathPurpose, typed_path};
use crate::session::Tone;
use crate::storage::StorageJob;

/// What the user does in the export dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportAction {
    /// Take a format, or leave it.
    Toggle(Format),
    /// All pictures, or the one on the canvas.
    AllPictures(bool),
    /// Where to is typed.
    Folder(String),
    /// Where to is to be chosen.
    AskFolder,
    /// Write the files.
    Start,
    /// Close the dialog.
    Close,
}

impl State {
    pub(super) fn open_export_dialog(&mut self) {
        let folder = self.suggested_export_folder().to_string_lossy().into_owned();
        let all_pictures = self.document().pictures().len() > 1 && self.session.keeping.file.is_some();
        self.session.export = Some(ExportDialog { formats: vec![Format::Overlay], all_pictures, folder });
    }

    /// Beside the session or the picture.
    fn suggested_export_folder(&self) -> PathBuf {
        let of_picture = || match &self.picture()?.origin {
            Origin::File(path) => Some(path.clone()),
            Origin::Scene { .. } | Origin::Clipboard => None,
        };
        let beside = self.session.keeping.file.clone().or_else(of_picture);
        let beside = beside.map(|path| std::path::absolute(&path).unwrap_or(path));
        let named = |path: PathBuf| {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            path.with_file_name(format!("{stem}-export"))
        };
        let home = || std::env::home_dir().unwrap_or_default().join("glamm-export");
        beside.map_or_else(home, named)
    }

    pub(super) fn export_action(&mut self, action: ExportAction, out: &mut Vec<Effect>) {
        let Some(dialog) = &mut self.session.export else { return };
        match action {
            ExportAction::Toggle(format) => {
                if dialog.formats.contains(&format) {
                    dialog.formats.retain(|chosen| *chosen != format);
                } else {
                    dialog.formats.push(format);
                    dialog.formats.sort_by_key(|format| Format::ALL.iter().position(|other| other == format));
                }
            }
            ExportAction::AllPictures(all) => dialog.all_pictures = all,
            ExportAction::Folder(text) => dialog.folder = text,
            ExportAction::AskFolder => self.ask_for_path(PathPurpose::ExportFolder, out),
            ExportAction::Close => self.session.export = None,
            ExportAction::Start => {
                let Some(request) = self.export_request() else { return };
                self.session.export = None;
                self.session.exporting = Some(ExportProgress { done: 0, total: 0 });
                let snapshot = Box::new(self.snapshot());
                out.push(Effect::Storage(StorageJob::Export { snapshot, request }));
            }
        }
    }

    /// What the dialog asks for, where that can be done.
    pub fn export_request(&self) -> Option<ExportRequest> {
        let dialog = self.session.export.as_ref()?;
        let folder = typed_path(&dialog.folder);
        let only = if dialog.all_pictures { None } else { Some(self.ui.current?) };
        let ready = !dialog.formats.is_empty() && folder.is_absolute();
        ready.then(|| ExportRequest { formats: dialog.formats.clone(), only, out: folder })
    }

    /// The files that the dialog would write.
    pub fn planned_export(&self) -> Vec<Planned> {
        let Some(dialog) = &self.session.export else { return Vec::new() };
        let only = if dialog.all_pictures { None } else { self.ui.current };
        let request = ExportRequest { formats: dialog.formats.clone(), only, out: PathBuf::new() };
        plan(self.document(), &request)
    }

    pub(super) fn exported(&mut self, folder: &Path, result: Result<Exported, String>) {
        self.session.exporting = None;
        match result {
            Ok(Exported { files, problems }) if problems.is_empty() => {
                let text = format!("{} files were written to {}", files.len(), folder.display());
                self.session.notify(text, Tone::Note);
            }
            Ok(Exported { files, problems }) => {
                let text = format!(
                    "{} files were written to {}, without {}",
                    files.len(),
                    folder.display(),
                    problems.join("; ")
                );
                self.session.notify(text, Tone::Failure);
            }
            Err(message) => self.session.notify(message, Tone::Failure),
        }
    }

    pub(super) fn imported(&mut self, path: &Path, result: Result<Imported, String>) {
        let imported = match result {
            Ok(imported) => imported,
            Err(message) => return self.session.notify(message, Tone::Failure),
        };
        let (mut boxes, mut masks, pictures) = (0, 0, imported.pictures.len());
        let mut edits = Vec::new();
        for ImportedPicture { image, boxes: found_boxes, masks: found_masks } in imported.pictures {
            boxes += found_boxes.len();
            masks += found_masks.len();
            let mut made = Vec::new();
            for (mask, label) in &found_masks {
                made.extend(as_document_mask(self.session.fresh_mask(), mask, label));
            }
            edits.push(Edit::Import { image, boxes: found_boxes, masks: made });
        }
        self.ui.small_step = None;
        self.history.apply_all(&edits);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut text = format!("{boxes} boxes and {masks} masks for {pictures} pictures came from {name}");
        if !imported.problems.is_empty() {
            text = format!("{text}. Left out: {}", imported.problems.join("; "));
        }
        let tone = if imported.problems.is_empty() { Tone::Note } else { Tone::Failure };
        self.session.notify(text, tone);
    }
}
