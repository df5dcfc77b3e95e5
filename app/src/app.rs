//! The window as eframe sees it: wiring between the state, the engine, the loader and the panels.
//!
//! `logic` hands what came from outside to [`State::update`]; `ui` shows the panels and hands what
//! the user did; both carry out the effects. Nothing else happens here.

mod input;

use std::path::PathBuf;

use crossbeam::channel::{Receiver, Sender, bounded};
use egui::{Context, Id, ThemePreference, Ui, ViewportCommand};
use glamm_engine::protocol::{EngineCommand, ModelSpec};

use crate::action::{Action, Effect, Field, KeepingAction};
use crate::copying::Copied;
use crate::engine_link::EngineLink;
use crate::export::{ExchangeDesk, ExchangeEvent};
use crate::models::desk::ModelDesk;
use crate::pictures::loader::Loader;
use crate::prompts::store::{self, PromptStore, StoreEvent};
use crate::render;
use crate::render::layers::Layers;
use crate::render::textures::Textures;
use crate::state::State;
use crate::state::shell::{ShellAction, WindowPlace};
use crate::state::ui_state::Appearance;
use crate::storage::{Storage, StorageEvent, StorageJob};
use crate::study::Study;
use crate::system::preferences::Keeper;
use crate::system::surroundings::{Remembered, Surroundings};
use crate::system::{clipboard, dialogs, gpu};
use crate::theme::{self, Tokens};
use crate::ui::{self, MessageList, Shown};
use crate::update::Watched;

/// Results of the loader and of dialogs that may wait for the next frame.
const RESULTS: usize = 256;

/// The application.
pub struct App {
    state: State,
    engine: EngineLink,
    /// Before the threads that are waited for at the end: what they report is lost then, and none of them
    /// waits for room.
    results: Receiver<Action>,
    results_sender: Sender<Action>,
    loader: Loader,
    desk: ModelDesk,
    keeper: Keeper,
    storage: Storage,
    exchange: ExchangeDesk,
    watched: Watched,
    title: String,
    textures: Textures,
    layers: Layers,
    study: Study,
    /// In pixels, where the GPU says.
    largest_window: Option<u32>,
    messages: MessageList,
    prompts: Option<PromptStore>,
    /// The text field that had the keyboard when the last frame was drawn.
    wrote_in: Option<Id>,
    /// Whether Escape was pressed for what is on the canvas.
    escape_on_canvas: bool,
}

impl App {
    /// Opens the window's contents and starts the engine and the loader.
    ///
    /// # Errors
    /// Where the system has no threads to give.
    pub fn new(
        cc: &eframe::CreationContext<'_>,
        surroundings: Surroundings,
        model: ModelSpec,
        picture: Option<PathBuf>,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let engine = EngineLink::spawn(waker(&cc.egui_ctx))?;
        let mut app = Self::with_engine(cc, engine, surroundings, model, picture)?;
        if let Some(path) = store::default_path() {
            app.keep_prompts_in(&cc.egui_ctx, path)?;
        }
        Ok(app)
    }

    /// Reads the user's own prompts from this file, and keeps them there.
    ///
    /// # Errors
    /// Where the system has no threads to give.
    pub fn keep_prompts_in(&mut self, ctx: &Context, path: PathBuf) -> std::io::Result<()> {
        self.prompts = Some(PromptStore::start(path, self.reporter(ctx, prompts_kept))?);
        Ok(())
    }

    /// [`Self::new`] with an engine that is there already, and other surroundings.
    ///
    /// # Errors
    /// Where the system has no threads to give.
    pub fn with_engine(
        cc: &eframe::CreationContext<'_>,
        engine: EngineLink,
        surroundings: Surroundings,
        model: ModelSpec,
        picture: Option<PathBuf>,
    ) -> std::io::Result<Self> {
        let ctx = &cc.egui_ctx;
        let largest_window = prepare(cc);
        let (results_sender, results) = bounded(RESULTS);
        let Surroundings { models, remembered, data } = surroundings;
        let Remembered { directory, preferences, complaint } = remembered;
        let (state, effects) = State::start(model, picture);
        let mut app = Self {
            state,
            engine,
            results,
            loader: Loader::start(reporter(ctx, &results_sender, Action::Loader))?,
            desk: ModelDesk::start(models, waker(ctx))?,
            keeper: Keeper::start(
                directory,
                preferences.clone(),
                reporter(ctx, &results_sender, Action::Failed),
            )?,
            storage: Storage::start(data.as_deref(), reporter(ctx, &results_sender, stored))?,
            exchange: ExchangeDesk::start(reporter(ctx, &results_sender, exchanged))?,
            study: Study::start(reporter(ctx, &results_sender, Action::Studied))?,
            results_sender,
            watched: Watched::default(),
            title: String::new(),
            textures: Textures::start(waker(ctx))?,
            layers: Layers::default(),
            largest_window,
            messages: MessageList::default(),
            prompts: None,
            wrote_in: None,
            escape_on_canvas: false,
        };
        app.storage.send(StorageJob::LookAround);
        let remembered = app.state.remember(&preferences);
        app.carry_out(ctx, remembered);
        app.carry_out(ctx, effects);
        if let Some(complaint) = complaint {
            app.act(ctx, Action::Failed(complaint));
        }
        Ok(app)
    }

    /// What the window shows.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Does something as if the user had.
    pub fn act(&mut self, ctx: &Context, action: Action) {
        let now = ctx.input(|i| i.time);
        let effects = self.state.update(action, now);
        self.carry_out(ctx, effects);
    }

    fn carry_out(&mut self, ctx: &Context, effects: Vec<Effect>) {
        for effect in effects {
            if let Some(action) = self.perform(ctx, effect) {
                self.act(ctx, action);
            }
        }
    }

    /// Carries out one effect; returns what is to be told to the state where it did not work.
    fn perform(&mut self, ctx: &Context, effect: Effect) -> Option<Action> {
        match effect {
            Effect::Engine(command) => self.engine.send(command),
            Effect::Load { image, source } => self.loader.load(image, source).map(Action::Loader),
            Effect::AskForPath(question) => {
                dialog_failed(dialogs::ask(question, self.reporter(ctx, |action| action)))
            }
            Effect::Storage(job) => self.storage.send(job).map(stored),
            Effect::Exchange(job) => self.exchange.send(job).map(exchanged),
            Effect::Study(request) => self.study.ask(request).map(Action::Studied),
            Effect::Models(task) => self.desk.begin(task).map(Action::Models),
            Effect::ForgetPicture(image) => {
                self.textures.forget(image);
                None
            }
            Effect::Copy(Copied::Text(text)) => {
                ctx.copy_text(text);
                None
            }
            Effect::Copy(Copied::Html { html, text }) => {
                let copied = clipboard::copy_html(html, text, self.reporter(ctx, Action::Failed));
                copied.err().map(|error| Action::Failed(format!("The reply could not be copied: {error}")))
            }
            Effect::KeepPrompts(prompts) => self.prompts.as_ref()?.keep(prompts).map(prompts_kept),
            Effect::Focus(field) => {
                if let Some(id) = self.id_of(field) {
                    ctx.memory_mut(|m| m.request_focus(id));
                }
                None
            }
            Effect::SetAppearance(appearance) => {
                ctx.set_theme(match appearance {
                    Appearance::System => ThemePreference::System,
                    Appearance::Light => ThemePreference::Light,
                    Appearance::Dark => ThemePreference::Dark,
                });
                None
            }
            Effect::SetContrast(high) => {
                theme::set_contrast(ctx, high);
                None
            }
            Effect::SetScale(scale) => {
                ctx.set_zoom_factor(scale);
                None
            }
            Effect::Quit => {
                ctx.send_viewport_cmd(ViewportCommand::Close);
                None
            }
        }
    }

    /// What a text field is called in the window, where it is shown.
    fn id_of(&self, field: Field) -> Option<Id> {
        let ui_state = &self.state.ui;
        match field {
            Field::EditedQuestion => ui_state.editing.as_ref().map(ui::edited_question_id),
            Field::Question => ui_state.current.map(ui::question_id),
            Field::RegionName => Some(ui::region_name_id(ui_state.current?, ui_state.selected_region?)),
        }
    }

    /// See [`reporter`].
    fn reporter<E: 'static>(
        &self,
        ctx: &Context,
        wrap: fn(E) -> Action,
    ) -> impl Fn(E) + Clone + Send + use<E> {
        reporter(ctx, &self.results_sender, wrap)
    }

    /// Where the window is, for the next time. Of one that fills the screen the size before that is kept.
    fn look_at_window(&mut self, ctx: &Context) {
        let viewport = ctx.input(|i| i.viewport().clone());
        let shell = &self.state.ui.shell;
        let maximized = viewport.maximized == Some(true) || viewport.fullscreen == Some(true);
        if viewport.minimized == Some(true) {
            return;
        }
        // Points of the system, not of the scaled interface.
        let scale = ctx.zoom_factor();
        let place = match (shell.window, viewport.inner_rect) {
            (Some(before), _) if maximized => WindowPlace { maximized, ..before },
            (_, Some(inner)) => {
                let position = viewport.outer_rect.map(|outer| [outer.min.x * scale, outer.min.y * scale]);
                WindowPlace { position, size: [inner.width() * scale, inner.height() * scale], maximized }
            }
            (_, None) => return,
        };
        if shell.window != Some(place) {
            self.act(ctx, Action::Shell(ShellAction::Placed(place)));
        }
    }

    /// The user comes back to the window: others may have changed what they share.
    fn look_again(&self) {
        if let Some(prompts) = &self.prompts {
            prompts.look();
        }
        // Where too much waits, the next time will do.
        let _ = self.storage.send(StorageJob::LookAgain);
    }

    /// Hands over what is to be kept against a sudden end. A hidden window has no `ui`, but goes on.
    fn keep(&mut self) {
        if let Some(snapshot) = self.state.to_keep(&mut self.watched) {
            self.storage.keep(snapshot);
        }
    }

    /// The window is called after the session.
    fn title(&mut self, ctx: &Context) {
        let title = self.state.title();
        if title != self.title {
            ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        while let Some(action) = self.engine.next() {
            let ended = matches!(action, Action::EngineGone);
            self.act(ctx, action);
            if ended {
                break;
            }
        }
        while let Some(news) = self.desk.next() {
            self.act(ctx, Action::Models(news));
        }
        while let Ok(action) = self.results.try_recv() {
            self.act(ctx, action);
        }
        // While the window is hidden, the events are those of the last time it was shown.
        if ctx.input(|i| i.viewport().visible()) != Some(false) {
            self.input(ctx);
        }
        self.look_at_window(ctx);
        self.keeper.keep(self.state.preferences());
        if let Some(largest) = self.largest_window {
            gpu::limit_window(ctx, largest);
        }
        if ctx.input(|i| i.viewport().close_requested()) && !self.state.session.keeping.may_close() {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.act(ctx, Action::Keeping(KeepingAction::CloseRequested));
        }
        self.title(ctx);
        self.keep();
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        let mut shown = Shown {
            state: &self.state,
            tokens: Tokens::of(ctx.theme(), self.state.ui.shell.high_contrast),
            textures: &mut self.textures,
            layers: &mut self.layers,
            messages: &mut self.messages,
            now: ctx.input(|i| i.time),
            escape: self.escape_on_canvas,
            actions: Vec::new(),
            hovered: Vec::new(),
            pointer: None,
        };
        ui::show(&mut shown, ui);
        self.wrote_in = ctx.memory(egui::Memory::focused).filter(|_| ctx.text_edit_focused());
        let Shown { mut actions, hovered, pointer, .. } = shown;
        if hovered != self.state.ui.hovered || pointer != self.state.ui.pointer {
            actions.push(Action::Hover { masks: hovered, pointer });
        }
        if !actions.is_empty() {
            ctx.request_repaint();
        }
        for action in actions {
            self.act(&ctx, action);
        }
        self.keep();
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

impl Drop for App {
    /// The engine thread is joined, and so are those that write: what they are doing must end first.
    fn drop(&mut self) {
        if let Some(job) = &self.state.session.job {
            job.cancel.cancel();
        }
        if let Some(export) = &self.state.session.exporting {
            export.stop.cancel();
        }
        // A panic, or a desktop that goes away, is no end that anyone has asked for.
        if self.state.session.keeping.may_close() {
            self.storage.end_well();
        }
        // Where the queue is full the handle's own end does it.
        let _ = self.engine.send(EngineCommand::Shutdown);
    }
}

/// Prepares the look, the keyboard and the GPU; the largest side that the window may have in pixels, where
/// the GPU says.
fn prepare(cc: &eframe::CreationContext<'_>) -> Option<u32> {
    theme::install(&cc.egui_ctx);
    // Ctrl and plus make the picture larger, not the interface.
    cc.egui_ctx.options_mut(|options| options.zoom_with_keyboard = false);
    let render_state = cc.wgpu_render_state.as_ref()?;
    render::mask::install(render_state);
    Some(gpu::tame(render_state))
}

/// Has the window look for what came.
fn waker(ctx: &Context) -> impl Fn() + Clone + Send + Sync + use<> {
    let ctx = ctx.clone();
    move || ctx.request_repaint()
}

/// What a thread reports through: puts it among the results, as an action, and wakes the window.
fn reporter<E: 'static>(
    ctx: &Context,
    results: &Sender<Action>,
    wrap: fn(E) -> Action,
) -> impl Fn(E) + Clone + Send + use<E> {
    let (wake, results) = (waker(ctx), results.clone());
    move |event| {
        // The window may have been closed meanwhile.
        let _ = results.send(wrap(event));
        wake();
    }
}

fn stored(event: StorageEvent) -> Action {
    Action::Keeping(KeepingAction::Storage(event))
}

fn exchanged(event: ExchangeEvent) -> Action {
    Action::Keeping(KeepingAction::Exchange(event))
}

fn prompts_kept(event: StoreEvent) -> Action {
    match event {
        StoreEvent::Changed(elsewhere) => Action::PromptsElsewhere(elsewhere),
        StoreEvent::Failed(message) => Action::Failed(message),
    }
}

fn dialog_failed(started: std::io::Result<()>) -> Option<Action> {
    started.err().map(|error| Action::Failed(format!("The file dialog could not be opened: {error}")))
}
