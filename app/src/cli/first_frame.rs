//! `glamm dev first-frame`: opens the window as usual, says on stdout when it has shown its first frame
//! and when the model can be asked, and closes it. `glamm bench` starts this to measure the start.

use egui::{Context, Ui, ViewportCommand, Visuals};
use glamm_engine::protocol::ModelSpec;

use super::error::CliError;
use super::terminal::{ColorMode, ReplyPrinter};
use crate::app::App;
use crate::state::session::ModelStatus;
use crate::system::window::{self, WindowOptions};

/// The first frame was handed to the screen, and input is looked at again.
pub(super) const FIRST_FRAME: &str = "first frame";
/// Questions can be answered.
pub(super) const MODEL_READY: &str = "model ready";

/// Runs the command.
///
/// # Errors
/// [`CliError::Window`].
pub(super) fn run() -> Result<(), CliError> {
    let options = WindowOptions { image: None, model: ModelSpec::default() };
    window::open(options, |app| Box::new(Watched { app, frames: 0 })).map_err(CliError::Window)
}

/// The application, looked at from outside.
struct Watched {
    app: App,
    /// Frames begun.
    frames: usize,
}

impl eframe::App for Watched {
    fn logic(&mut self, ctx: &Context, frame: &mut eframe::Frame) {
        if self.frames == 1 {
            // The frame before this one was presented.
            say(FIRST_FRAME);
        }
        self.app.logic(ctx, frame);
        let model = &self.app.state().session.model;
        if self.frames == 0 || matches!(model, ModelStatus::Loading(_)) {
            return;
        }
        if matches!(model, ModelStatus::Ready(_)) {
            say(MODEL_READY);
        }
        ctx.send_viewport_cmd(ViewportCommand::Close);
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        self.frames += 1;
        self.app.ui(ui, frame);
        ui.ctx().request_repaint();
    }

    fn clear_color(&self, visuals: &Visuals) -> [f32; 4] {
        self.app.clear_color(visuals)
    }
}

/// Whoever listens may have gone.
fn say(line: &str) {
    let mut printer = ReplyPrinter::new(std::io::stdout().lock(), ColorMode::Plain);
    let _ = printer.write(line).and_then(|()| printer.finish());
}
