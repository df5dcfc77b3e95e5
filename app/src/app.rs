//! The window as eframe sees it: wiring between the state, the engine, the loader and the panels.
//!
//! `logic` hands what came from outside to [`State::update`]; `ui` shows the panels and hands what
//! the user did; both carry out the effects. Nothing else happens here.

use std::path::PathBuf;

use crossbeam::channel::{Receiver, Sender, bounded};
use egui::{Context, Event, Modifiers, ThemePreference, Ui, ViewportCommand};
use glamm_engine::protocol::{EngineCommand, ModelSpec};

use crate::command::Command;
use crate::dialogs;
use crate::engine_link::EngineLink;
use crate::gpu;
use crate::loader::Loader;
use crate::models::desk::ModelDesk;
use crate::render;
use crate::render::textures::Textures;
use crate::surroundings::Surroundings;
use crate::theme::{self, Tokens};
use crate::ui::{self, Shown};
use crate::ui_state::Appearance;
use crate::update::{Action, Effect, State};

/// Results of the loader and of dialogs that may wait for the next frame.
const RESULTS: usize = 256;

/// The application.
pub struct App {
    state: State,
    engine: EngineLink,
    loader: Loader,
    desk: ModelDesk,
    results: Receiver<Action>,
    results_sender: Sender<Action>,
    textures: Textures,
    /// In pixels, where the GPU says.
    largest_window: Option<u32>,
}

impl App {
    /// Opens the window's contents and starts the engine and the loader.
    ///
    /// # Errors
    /// Where the system has no threads to give.
    pub fn new(
        cc: &eframe::CreationContext<'_>,
        model: ModelSpec,
        picture: Option<PathBuf>,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let ctx = cc.egui_ctx.clone();
        let engine = EngineLink::spawn(move || ctx.request_repaint())?;
        Ok(Self::with_engine(cc, engine, Surroundings::from_env(), model, picture)?)
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
        theme::install(&cc.egui_ctx);
        if let Some(render_state) = &cc.wgpu_render_state {
            render::mask::install(render_state);
        }
        let largest_window = cc.wgpu_render_state.as_ref().map(gpu::tame);
        let (results_sender, results) = bounded(RESULTS);
        let ctx = cc.egui_ctx.clone();
        let loader = Loader::start(&results_sender, move || ctx.request_repaint())?;
        let ctx = cc.egui_ctx.clone();
        let textures = Textures::start(move || ctx.request_repaint())?;
        let ctx = cc.egui_ctx.clone();
        let desk = ModelDesk::start(surroundings, move || ctx.request_repaint())?;
        let (state, effects) = State::start(model, picture);
        let mut app = Self { state, engine, loader, desk, results, results_sender, textures, largest_window };
        app.carry_out(&cc.egui_ctx, effects);
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
        let wake = || {
            let ctx = ctx.clone();
            move || ctx.request_repaint()
        };
        match effect {
            Effect::Engine(command) => self.engine.send(command),
            Effect::Load { image, source } => self.loader.load(image, source),
            Effect::AskForPictures => {
                dialog_failed(dialogs::ask_for_pictures(self.results_sender.clone(), wake()))
            }
            Effect::AskForModelFolder => {
                dialog_failed(dialogs::ask_for_model_folder(self.results_sender.clone(), wake()))
            }
            Effect::AskForModelFile => {
                dialog_failed(dialogs::ask_for_model_file(self.results_sender.clone(), wake()))
            }
            Effect::Models(task) => self.desk.begin(task).map(Action::Models),
            Effect::ForgetPicture(image) => {
                self.textures.forget(image);
                None
            }
            Effect::FocusQuestion => {
                ctx.memory_mut(|m| m.request_focus(ui::question_id()));
                None
            }
            Effect::FocusRegionName => {
                ctx.memory_mut(|m| m.request_focus(ui::region_name_id()));
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
            Effect::Quit => {
                ctx.send_viewport_cmd(ViewportCommand::Close);
                None
            }
        }
    }

    /// Dropped files, pasted pictures, shortcuts.
    fn input(&mut self, ctx: &Context) {
        let (dropped, events) = ctx.input(|i| (i.raw.dropped_files.clone(), i.events.clone()));
        if !dropped.is_empty() {
            let paths = dropped.iter().map(|file| file.path().to_path_buf()).collect();
            self.act(ctx, Action::OpenFiles(paths));
        }
        let typing = ctx.egui_wants_keyboard_input();
        for event in events {
            match event {
                Event::PasteImage(image) => self.act(ctx, Action::OpenPasted(image)),
                Event::Paste(text) if !typing => {
                    if let Some(path) = pasted_path(&text) {
                        self.act(ctx, Action::OpenFiles(vec![path]));
                    }
                }
                _ => {}
            }
        }
        for command in Command::ALL {
            let Some(shortcut) = command.info().shortcut else { continue };
            let busy = self.state.ui.gesture.is_some() || self.state.ui.is_modal();
            let covered = self.state.ui.is_modal() && !command.works_over_modals();
            let hidden =
                typing && !command.works_while_typing() || command == Command::Stop && busy || covered;
            if !hidden && command.is_enabled(&self.state) && consume(ctx, shortcut) {
                self.act(ctx, Action::Command(command));
            }
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
        self.input(ctx);
        if let Some(largest) = self.largest_window {
            gpu::limit_window(ctx, largest);
        }
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        let mut shown = Shown {
            state: &self.state,
            tokens: Tokens::of(&ctx),
            textures: &mut self.textures,
            now: ctx.input(|i| i.time),
            actions: Vec::new(),
            hovered: None,
            pointer: None,
        };
        ui::show(&mut shown, ui);
        let Shown { mut actions, hovered, pointer, .. } = shown;
        let changed = (hovered, pointer) != (self.state.ui.hovered, self.state.ui.pointer);
        if changed {
            actions.push(Action::Hover { mask: hovered, pointer });
        }
        if !actions.is_empty() {
            ctx.request_repaint();
        }
        for action in actions {
            self.act(&ctx, action);
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

impl Drop for App {
    /// The engine thread is joined: what it is doing must end first.
    fn drop(&mut self) {
        if let Some(job) = &self.state.session.job {
            job.cancel.cancel();
        }
        // Where the queue is full the handle's own end does it.
        let _ = self.engine.send(EngineCommand::Shutdown);
    }
}

fn dialog_failed(started: std::io::Result<()>) -> Option<Action> {
    started.err().map(|error| Action::Failed(format!("The file dialog could not be opened: {error}")))
}

/// A file named by pasted text: a path, or the URI that file managers copy.
fn pasted_path(text: &str) -> Option<PathBuf> {
    let line = text.lines().next()?.trim();
    let path = PathBuf::from(line.strip_prefix("file://").unwrap_or(line).replace("%20", " "));
    (path.is_absolute() && path.is_file()).then_some(path)
}

/// Whether a shortcut was pressed. A key without modifiers must be pressed without any.
fn consume(ctx: &Context, shortcut: egui::KeyboardShortcut) -> bool {
    ctx.input_mut(|i| {
        if shortcut.modifiers == Modifiers::NONE && !i.modifiers.is_none() {
            return false;
        }
        i.consume_shortcut(&shortcut)
    })
}
