//! What the window shows: what the user made (`document`, with the ways back), what is going on, and how
//! the user looks at it. Changed by `update` alone, read by `ui`.

pub mod exporting;
pub mod inspection;
pub mod keeping;
pub mod session;
pub mod shell;
pub mod ui_state;
mod visible;

use std::sync::Arc;

use crate::canvas::view::View;
use crate::document::{Conversation, Document, History, Picture};
use crate::state::session::Session;
use crate::state::ui_state::UiState;

pub use visible::{ListedMask, VisibleMask};

/// Everything the window shows.
#[derive(Debug)]
pub struct State {
    /// What the user made, and the ways back.
    pub history: History,
    /// What is going on.
    pub session: Session,
    /// How the user looks at it.
    pub ui: UiState,
}

impl State {
    /// What is open.
    pub fn document(&self) -> &Document {
        self.history.present()
    }

    /// The picture on the canvas.
    pub fn picture(&self) -> Option<&Arc<Picture>> {
        self.document().picture(self.ui.current?)
    }

    /// The conversation that is shown.
    pub fn conversation(&self) -> Option<&Arc<Conversation>> {
        let picture = self.picture()?;
        let chosen = self.ui.conversations.get(&picture.id).and_then(|id| picture.conversation(*id));
        chosen.or(picture.conversations.last())
    }

    /// How the current picture lies on the canvas.
    pub fn view(&self) -> Option<View> {
        let picture = self.picture()?;
        let ui = &self.ui;
        let view = View::new(ui.view(picture.id), ui.canvas, picture.size, ui.pixels_per_point);
        Some(view.on_pixels())
    }
}
