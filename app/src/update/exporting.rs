//! The export dialog, and what is imported.

use std::path::{Path, PathBuf};

use super::keeping::TOO_MUCH;
use crate::action::{Effect, ExportAction};
use crate::document::{Document, Edit};
use crate::export::{
    ExchangeEvent, ExchangeJob, ExportInTheWay, ExportRequest, Exported, Format, ImportedEdits, plan,
};
use crate::notice::Tone;
use crate::state::State;
use crate::state::exporting::{ExportDialog, ExportProgress};
use crate::state::keeping::{PathPurpose, typed_path};
use crate::storage::{IfThere, Snapshot};
use crate::words::{counted, name_of};

impl State {
    pub(super) fn open_export_dialog(&mut self) {
        let folder = self.suggested_export_folder().to_string_lossy().into_owned();
        let all_pictures = self.document().pictures().len() > 1 && self.session.keeping.file.is_some();
        self.session.export = Some(ExportDialog {
            formats: vec![Format::Overlay],
            all_pictures,
            folder,
            planned: Vec::new(),
            planned_of: Document::default(),
        });
        self.plan_export();
    }

    /// Beside the session or the picture.
    fn suggested_export_folder(&self) -> PathBuf {
        let of_picture = || self.picture()?.origin.file().map(Path::to_owned);
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
        match action {
            ExportAction::Toggle(format) => self.change_export(|dialog| {
                if dialog.formats.contains(&format) {
                    dialog.formats.retain(|chosen| *chosen != format);
                } else {
                    dialog.formats.push(format);
                    dialog.formats.sort_by_key(|format| Format::ALL.iter().position(|other| other == format));
                }
            }),
            ExportAction::AllPictures(all) => self.change_export(|dialog| dialog.all_pictures = all),
            ExportAction::Folder(text) => {
                if let Some(dialog) = &mut self.session.export {
                    dialog.folder = text;
                }
            }
            ExportAction::AskFolder => self.ask_for_path(PathPurpose::ExportFolder, out),
            ExportAction::Close => self.session.export = None,
            ExportAction::Start => {
                if let Some(request) = self.export_request() {
                    self.session.export = None;
                    let snapshot = Box::new(self.snapshot());
                    self.start_export(snapshot, request, IfThere::Ask, out);
                }
            }
            ExportAction::Replace(may) => {
                if let Some(ExportInTheWay { snapshot, request, .. }) = self.session.export_in_the_way.take()
                    && may
                {
                    self.start_export(snapshot, request, IfThere::Replace, out);
                }
            }
            ExportAction::Stop => {
                if let Some(export) = &self.session.exporting {
                    export.stop.cancel();
                }
            }
        }
    }

    /// Changes what is chosen in the dialog, where it is open.
    fn change_export(&mut self, change: impl FnOnce(&mut ExportDialog)) {
        if let Some(dialog) = &mut self.session.export {
            change(dialog);
        }
        self.plan_export();
    }

    /// Notes which files the dialog would write.
    fn plan_export(&mut self) {
        let Some(dialog) = &mut self.session.export else { return };
        let only = if dialog.all_pictures { None } else { self.ui.current };
        let request = ExportRequest { formats: dialog.formats.clone(), only, out: PathBuf::new() };
        dialog.planned = plan(self.history.present(), &request);
        dialog.planned_of = self.history.present().clone();
    }

    /// Plans anew where a reply has come while the dialog is open.
    pub(super) fn keep_export_planned(&mut self) {
        let present = self.history.present();
        if self.session.export.as_ref().is_some_and(|dialog| !dialog.planned_of.is_same(present)) {
            self.plan_export();
        }
    }

    fn start_export(
        &mut self,
        snapshot: Box<Snapshot>,
        request: ExportRequest,
        if_there: IfThere,
        out: &mut Vec<Effect>,
    ) {
        let export = ExportProgress::default();
        let stop = export.stop.clone();
        self.session.exporting = Some(export);
        out.push(Effect::Exchange(ExchangeJob::Export { snapshot, request, if_there, stop }));
    }

    pub(super) fn exchange_event(&mut self, event: ExchangeEvent, out: &mut Vec<Effect>) {
        match event {
            ExchangeEvent::Progressed { done, total } => {
                if let Some(export) = &mut self.session.exporting {
                    (export.done, export.total) = (done, total);
                }
            }
            ExchangeEvent::InTheWay(found) => self.export_in_the_way(found),
            ExchangeEvent::Exported { folder, result } => self.exported(&folder, result),
            ExchangeEvent::Imported { path, result } => {
                self.session.keeping.busy = None;
                self.imported(&path, result);
            }
            ExchangeEvent::Refused(job) => {
                match *job {
                    ExchangeJob::Export { .. } => self.session.exporting = None,
                    ExchangeJob::Import { .. } => self.session.keeping.busy = None,
                }
                self.session.notify(TOO_MUCH, Tone::Failure);
            }
        }
        self.go_on_leaving(out);
    }

    /// Files are in the way. Who has ended the export meanwhile is not asked about them.
    fn export_in_the_way(&mut self, found: ExportInTheWay) {
        let is_wanted = |export: ExportProgress| !export.stop.is_cancelled();
        if self.session.exporting.take().is_some_and(is_wanted) {
            self.session.export_in_the_way = Some(found);
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

    fn exported(&mut self, folder: &Path, result: Result<Exported, String>) {
        self.session.exporting = None;
        let Exported { files, problems, stopped } = match result {
            Ok(exported) => exported,
            Err(message) => return self.session.notify(message, Tone::Failure),
        };
        let mut text = format!("{} written to {}", counted(files.len(), "file"), folder.display());
        if stopped {
            text = format!("The export was stopped: {text}");
        }
        if !problems.is_empty() {
            text = format!("{text}, without {}", problems.join("; "));
        }
        self.session.notify(text, Tone::about(&problems));
    }

    fn imported(&mut self, path: &Path, result: Result<ImportedEdits, String>) {
        let ImportedEdits { mut edits, problems } = match result {
            Ok(imported) => imported,
            Err(message) => return self.session.notify(message, Tone::Failure),
        };
        let (mut boxes, mut masks, pictures) = (0, 0, edits.len());
        for edit in &mut edits {
            if let Edit::Import { boxes: found_boxes, masks: found_masks, .. } = edit {
                boxes += found_boxes.len();
                masks += found_masks.len();
                for mask in found_masks {
                    mask.id = self.session.fresh_mask();
                }
            }
        }
        self.ui.small_step = None;
        self.history.apply_all(&edits);
        let name = name_of(path);
        let boxes = if boxes == 1 { "1 box".to_owned() } else { format!("{boxes} boxes") };
        let (masks, pictures) = (counted(masks, "mask"), counted(pictures, "picture"));
        let mut text = format!("{boxes} and {masks} for {pictures} came from {name}");
        if !problems.is_empty() {
            text = format!("{text}. Left out: {}", problems.join("; "));
        }
        self.session.notify(text, Tone::about(&problems));
    }
}
