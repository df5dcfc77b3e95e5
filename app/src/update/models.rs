//! The model manager: what the user does in it, and what the desk reports.

use std::sync::Arc;

use glamm_engine::hub::DownloadEvent;
use glamm_engine::protocol::{EngineCommand, ModelSource, ModelSpec};
use glamm_engine::size::ByteSize;

use crate::action::Effect;
use crate::models::{self, Conversion, Listing, ManagerAction, ModelNews, ModelTask, TransferStatus};
use crate::notice::Tone;
use crate::state::State;
use crate::state::session::{LoadFailure, ModelStatus};

/// Pictures taken from the engine before another model is loaded; its queue takes no more at once.
const MAX_CLOSED: usize = 24;

impl State {
    pub(super) fn toggle_manager(&mut self, out: &mut Vec<Effect>) {
        self.ui.models.is_open = !self.ui.models.is_open;
        self.ui.models.asked_to_remove = None;
        self.refresh_manager(out);
    }

    /// What is free has changed: an open manager shows it.
    pub(super) fn refresh_manager(&self, out: &mut Vec<Effect>) {
        if self.ui.models.is_open {
            self.look_at_models(out);
        }
    }

    /// Has the desk look at what there is.
    pub(super) fn look_at_models(&self, out: &mut Vec<Effect>) {
        out.push(Effect::Models(ModelTask::Look(self.session.library.opened.clone())));
    }

    pub(super) fn manager_action(&mut self, action: ManagerAction, now: f64, out: &mut Vec<Effect>) {
        let manager = &mut self.ui.models;
        match action {
            ManagerAction::Close => manager.is_open = false,
            ManagerAction::Select(name) => {
                manager.selected = name;
                manager.asked_to_remove = None;
            }
            ManagerAction::Precision(precision) => manager.precision = precision,
            ManagerAction::Device(device) => manager.device = device,
            ManagerAction::Quantisation(precision) => manager.quantisation = precision,
            ManagerAction::Load(spec) => self.load_model(spec, out),
            ManagerAction::Pull(name) => self.pull(name, out),
            ManagerAction::Pause(name) => self.hold(name, TransferStatus::Paused, ModelTask::Pause, out),
            ManagerAction::Resume(name) => self.hold(name, TransferStatus::Asking, ModelTask::Resume, out),
            ManagerAction::Cancel(name) => self.hold(name, TransferStatus::Stopping, ModelTask::Cancel, out),
            ManagerAction::AskToRemove(name) => manager.asked_to_remove = name,
            ManagerAction::Remove(name) => {
                manager.asked_to_remove = None;
                self.remove(name, out);
            }
            ManagerAction::Forget(path) => {
                self.session.library.opened.retain(|opened| *opened != path);
                self.look_at_models(out);
            }
            ManagerAction::Convert(name) => self.convert(name, now, out),
            ManagerAction::CancelConversion => {
                if let Some(conversion) = &mut self.session.library.conversion {
                    conversion.stopping = true;
                    out.push(Effect::Models(ModelTask::CancelConversion));
                }
            }
            ManagerAction::DismissOutcome(name) => {
                self.session.library.outcomes.remove(&name);
            }
        }
    }

    fn remove(&mut self, name: String, out: &mut Vec<Effect>) {
        let library = &mut self.session.library;
        let listed = library.listing.as_ref().and_then(|listing| listing.entry(&name)?.state.path().cloned());
        let Some(path) = listed.filter(|_| library.removing.is_none()) else { return };
        library.removing = Some(name.clone());
        library.outcomes.remove(&name);
        out.push(Effect::Models(ModelTask::Remove { name, path }));
    }

    fn pull(&mut self, name: String, out: &mut Vec<Effect>) {
        let library = &mut self.session.library;
        library.outcomes.remove(&name);
        if !library.transfers.contains_key(&name) {
            library.transfers.insert(name.clone(), models::Transfer::default());
            out.push(Effect::Models(ModelTask::Pull(name)));
        }
    }

    /// Pauses, resumes or ends a download.
    fn hold(
        &mut self,
        name: String,
        status: TransferStatus,
        task: fn(String) -> ModelTask,
        out: &mut Vec<Effect>,
    ) {
        if let Some(transfer) = self.session.library.transfers.get_mut(&name) {
            transfer.status = status;
            (transfer.bytes_per_second, transfer.time_left) = (None, None);
            out.push(Effect::Models(task(name)));
        }
    }

    fn convert(&mut self, name: String, now: f64, out: &mut Vec<Effect>) {
        let library = &mut self.session.library;
        let Some(listing) = library.listing.clone().filter(|_| library.conversion.is_none()) else { return };
        let precision = self.ui.models.quantisation;
        let Some((entry, (directory, _))) = listing.entry(&name).zip(listing.own.as_ref()) else { return };
        let Some(source) = models::source(entry) else { return };
        let bytes = models::need(entry, precision).map_or(0, |need| need.weight_bytes);
        let path = models::converted_path(directory, entry, precision);
        library.outcomes.remove(&name);
        library.conversion = Some(Conversion {
            name: name.clone(),
            precision,
            out: path.clone(),
            done_bytes: 0,
            total_bytes: 0,
            began_at: now,
            stopping: false,
        });
        out.push(Effect::Models(ModelTask::Convert { name, source, precision, bytes, out: path }));
    }

    pub(super) fn model_news(&mut self, news: ModelNews, out: &mut Vec<Effect>) {
        let library = &mut self.session.library;
        match news {
            ModelNews::Listed(listing) => self.listed(listing),
            ModelNews::Download { name, event } => self.downloaded(&name, &event, out),
            ModelNews::Refused { name, reason } => {
                library.transfers.remove(&name);
                library.tell(name, reason, Tone::Failure);
            }
            ModelNews::Removed { name, result } => {
                library.removing = None;
                let (text, tone) = match result {
                    Ok(bytes) => (format!("Removed: {} are free again", ByteSize(bytes)), Tone::Note),
                    Err(reason) => (reason, Tone::Failure),
                };
                library.tell(name, text, tone);
                self.look_at_models(out);
            }
            ModelNews::Converting { done_bytes, total_bytes } => {
                if let Some(conversion) = &mut library.conversion {
                    (conversion.done_bytes, conversion.total_bytes) = (done_bytes, total_bytes);
                }
            }
            ModelNews::Converted(result) => {
                let Some(Conversion { name, out: file, .. }) = library.conversion.take() else { return };
                match result {
                    Ok(Some(bytes)) => {
                        let text = format!("{} was written, {}", file.display(), ByteSize(bytes));
                        library.tell(name, text, Tone::Note);
                    }
                    Ok(None) => {}
                    Err(reason) => library.tell(name, reason, Tone::Failure),
                }
                self.look_at_models(out);
            }
        }
    }

    fn listed(&mut self, listing: Arc<Listing>) {
        let manager = &mut self.ui.models;
        if listing.entry(&manager.selected).is_none() {
            "demo".clone_into(&mut manager.selected);
        }
        if let ModelStatus::Failed(failure) = &mut self.session.model {
            failure.offers = listing.offers(&self.session.spec);
        }
        self.session.library.listing = Some(listing);
    }

    fn downloaded(&mut self, name: &str, event: &DownloadEvent, out: &mut Vec<Effect>) {
        let library = &mut self.session.library;
        let Some(transfer) = library.transfers.get_mut(name) else { return };
        transfer.take(event);
        match event {
            DownloadEvent::Finished(_) => {
                library.transfers.remove(name);
                library.tell(name.to_owned(), "All of it is here.".to_owned(), Tone::Note);
                if !self.ui.models.is_open {
                    self.session.notify(format!("The model {name} is here: load it from Models"), Tone::Note);
                }
            }
            DownloadEvent::Failed(error) => {
                library.transfers.remove(name);
                library.tell(name.to_owned(), error.to_string(), Tone::Failure);
                if !self.ui.models.is_open {
                    self.session
                        .notify(format!("The model {name} could not be fetched: {error}"), Tone::Failure);
                }
            }
            DownloadEvent::Stopped => {
                library.transfers.remove(name);
            }
            _ => return,
        }
        self.look_at_models(out);
    }

    /// Loads a model in place of the present one, which is freed first.
    pub(super) fn load_model(&mut self, spec: ModelSpec, out: &mut Vec<Effect>) {
        self.stop();
        if let ModelSource::Path(path) = &spec.source {
            self.session.library.open(path);
        }
        self.session.spec = spec.clone();
        self.session.model = ModelStatus::loading();
        self.session.unload_due = false;
        self.session.tokens_per_second = None;
        // The engine encodes anew what it has last worked on; that need not be what is on the screen.
        let mut known = self.session.encodings.drain().map(|(image, _)| image);
        out.extend(
            known.by_ref().take(MAX_CLOSED).map(|image| Effect::Engine(EngineCommand::CloseImage(image))),
        );
        self.session.closing.extend(known);
        out.push(Effect::Engine(EngineCommand::LoadModel(spec)));
        if let Some(image) = self.ui.current {
            self.select_picture(image, out);
        }
    }

    /// A model of this source, on the processor that is in use, as precise as the memory allows.
    pub(super) fn spec_of(&self, source: ModelSource) -> ModelSpec {
        ModelSpec { source, device: self.session.spec.device, precision: None }
    }

    /// Gives the model's memory back, or ends its loading.
    pub(super) fn unload_model(&mut self, out: &mut Vec<Effect>) {
        self.stop();
        out.push(Effect::Engine(EngineCommand::UnloadModel));
    }

    /// The model could not be loaded: says why, and looks for what would fit.
    pub(super) fn load_failed(&mut self, message: String, out: &mut Vec<Effect>) {
        let listing = self.session.library.listing.clone();
        let offers = listing.map(|listing| listing.offers(&self.session.spec)).unwrap_or_default();
        self.session.model = ModelStatus::Failed(LoadFailure { message, offers });
        self.look_at_models(out);
    }
}

#[cfg(test)]
mod tests {
    use glamm_engine::error::EngineError;
    use glamm_engine::hub::HubError;
    use glamm_engine::precision::Precision;
    use glamm_engine::protocol::EngineEvent;

    use super::super::Action;
    use super::*;
    use crate::command::Command;
    use crate::models::tests::listing;

    fn state() -> State {
        let (mut state, _) = State::start(ModelSpec::default(), None);
        act(&mut state, Action::Command(Command::ManageModels));
        news(&mut state, ModelNews::Listed(Arc::new(listing())));
        state
    }

    fn act(state: &mut State, action: Action) -> Vec<Effect> {
        state.update(action, 10.0)
    }

    fn manage(state: &mut State, action: ManagerAction) -> Vec<Effect> {
        act(state, Action::Manager(action))
    }

    fn news(state: &mut State, news: ModelNews) -> Vec<Effect> {
        act(state, Action::Models(news))
    }

    fn tasks(effects: Vec<Effect>) -> Vec<ModelTask> {
        let task = |effect| match effect {
            Effect::Models(task) => Some(task),
            _ => None,
        };
        effects.into_iter().filter_map(task).collect()
    }

    fn download(name: &str, event: DownloadEvent) -> ModelNews {
        ModelNews::Download { name: name.to_owned(), event }
    }

    #[test]
    fn a_download_is_begun_once_and_held_as_asked() {
        let mut state = state();
        let gcg = || "gcg".to_owned();
        let begun = tasks(manage(&mut state, ManagerAction::Pull(gcg())));
        assert_eq!(begun, [ModelTask::Pull(gcg())]);
        assert!(tasks(manage(&mut state, ManagerAction::Pull(gcg()))).is_empty());
        let held = tasks(manage(&mut state, ManagerAction::Pause(gcg())));
        assert_eq!(held, [ModelTask::Pause(gcg())]);
        news(&mut state, download("gcg", DownloadEvent::Started { file: 0 }));
        assert_eq!(state.session.library.transfers["gcg"].status, TransferStatus::Paused);
        manage(&mut state, ManagerAction::Resume(gcg()));
        news(&mut state, download("gcg", DownloadEvent::Started { file: 0 }));
        assert_eq!(state.session.library.transfers["gcg"].status, TransferStatus::Fetching(0));
        manage(&mut state, ManagerAction::Cancel(gcg()));
        let looked = tasks(news(&mut state, download("gcg", DownloadEvent::Stopped)));
        assert!(matches!(looked.as_slice(), [ModelTask::Look(_)]));
        assert!(state.session.library.transfers.is_empty() && state.session.library.outcomes.is_empty());
    }

    #[test]
    fn a_download_behind_a_closed_manager_is_told_of() {
        let mut state = state();
        manage(&mut state, ManagerAction::Pull("gcg".to_owned()));
        manage(&mut state, ManagerAction::Close);
        let error = HubError::NoSpace { needed: 17_000_000_000, free: 1_000, directory: "/cache".into() };
        news(&mut state, download("gcg", DownloadEvent::Failed(Arc::new(error))));
        let notice = &state.session.notices[0];
        assert!(notice.tone == Tone::Failure && notice.text.contains("17.0 GB"), "{}", notice.text);
        assert!(state.session.library.outcomes["gcg"].tone == Tone::Failure);
        news(&mut state, download("gcg", DownloadEvent::Stopped));
    }

    #[test]
    fn a_model_is_loaded_as_chosen() {
        let mut state = state();
        let source = ModelSource::Path("/hub/fullscope".into());
        let spec = ModelSpec { source, precision: Some(Precision::Q8_0), ..ModelSpec::default() };
        let effects = manage(&mut state, ManagerAction::Load(spec.clone()));
        let loads = |effect: &Effect| matches!(effect, Effect::Engine(EngineCommand::LoadModel(other)) if *other == spec);
        assert!(effects.iter().any(loads));
        assert!(state.session.library.opened.is_empty(), "it is listed anyway");
        let effects = act(&mut state, Action::OpenModel("/elsewhere".into()));
        assert!(effects.iter().any(|effect| matches!(
            effect,
            Effect::Engine(EngineCommand::LoadModel(ModelSpec { precision: None, .. }))
        )));
        assert_eq!(state.session.library.opened, [std::path::Path::new("/elsewhere")]);
        let looked = tasks(manage(&mut state, ManagerAction::Forget("/elsewhere".into())));
        assert_eq!(looked, [ModelTask::Look(Vec::new())]);
    }

    #[test]
    fn a_failed_load_offers_what_fits() {
        let mut state = state();
        let source = ModelSource::Path("/hub/fullscope".into());
        let spec = ModelSpec { source, precision: Some(Precision::F32), ..ModelSpec::default() };
        manage(&mut state, ManagerAction::Load(spec));
        act(&mut state, Action::Engine(EngineEvent::LoadFailed(Arc::new(EngineError::NoModel))));
        let ModelStatus::Failed(failure) = &state.session.model else { panic!("{:?}", state.session.model) };
        let first = failure.offers[0].spec.clone();
        assert_eq!(first.precision, Some(Precision::F16));
        let effects = manage(&mut state, ManagerAction::Load(first));
        assert!(!effects.is_empty() && state.session.model == ModelStatus::loading());
    }

    #[test]
    fn loading_can_be_stopped_and_a_model_unloaded() {
        let mut state = state();
        assert!(!Command::UnloadModel.is_enabled(&state));
        let effects = act(&mut state, Action::Command(Command::StopLoading));
        assert!(matches!(effects.as_slice(), [Effect::Engine(EngineCommand::UnloadModel)]));
        act(&mut state, Action::Engine(EngineEvent::ModelUnloaded));
        assert_eq!(state.session.model, ModelStatus::Unloaded);
        assert!(!Command::StopLoading.is_enabled(&state));
    }

    #[test]
    fn one_conversion_at_a_time() {
        let mut state = state();
        let begun = tasks(manage(&mut state, ManagerAction::Convert("fullscope".to_owned())));
        let [ModelTask::Convert { precision: Precision::Q4K, out, bytes, .. }] = begun.as_slice() else {
            panic!("{begun:?}")
        };
        assert!(out.ends_with("glamm-fullscope-q4k.gguf") && *bytes > 4_000_000_000);
        assert!(tasks(manage(&mut state, ManagerAction::Convert("demo".to_owned()))).is_empty());
        news(&mut state, ModelNews::Converting { done_bytes: 1, total_bytes: 4 });
        assert_eq!(state.session.library.conversion.as_ref().unwrap().total_bytes, 4);
        let stopped = tasks(manage(&mut state, ManagerAction::CancelConversion));
        assert_eq!(stopped, [ModelTask::CancelConversion]);
        news(&mut state, ModelNews::Converted(Ok(None)));
        let library = &state.session.library;
        assert!(library.conversion.is_none() && library.outcomes.is_empty());
        manage(&mut state, ManagerAction::Convert("fullscope".to_owned()));
        news(&mut state, ModelNews::Converted(Err("the disk is full".to_owned())));
        assert!(state.session.library.outcomes["fullscope"].tone == Tone::Failure);
    }

    #[test]
    fn removing_asks_first() {
        let mut state = state();
        manage(&mut state, ManagerAction::AskToRemove(Some("mine".to_owned())));
        manage(&mut state, ManagerAction::Select("gcg".to_owned()));
        assert_eq!(state.ui.models.asked_to_remove, None, "it was about another one");
        let removed = tasks(manage(&mut state, ManagerAction::Remove("mine".to_owned())));
        let path = "/own/mine.gguf".into();
        assert_eq!(removed, [ModelTask::Remove { name: "mine".to_owned(), path }]);
        assert!(
            tasks(manage(&mut state, ManagerAction::Remove("gcg".to_owned()))).is_empty(),
            "one at a time"
        );
        news(&mut state, ModelNews::Removed { name: "mine".to_owned(), result: Ok(5_000_000_000) });
        assert!(state.session.library.outcomes["mine"].text.contains("5.0 GB"));
        assert_eq!(state.session.library.removing, None);
    }
}
