//! The window around the work: its size and place, its scale and contrast, and what lies over it for a
//! moment: command palette, tour, log, about. Changed by `update` alone.

use crate::command::search::Palette;
use crate::system::preferences::{HiddenPanels, WindowPlace};

/// Steps of the tour.
pub const TOUR_STEPS: usize = 3;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Shell {
    /// Size of everything, 1 as designed.
    pub scale: f32,
    /// Whether colours are further apart.
    pub high_contrast: bool,
    /// Where the window is, once the system has said so.
    pub window: Option<WindowPlace>,
    /// Width of the panel at the right in points, once it was laid out.
    pub side_panel: Option<f32>,
    /// Height of the inspector in points, once it was laid out.
    pub inspector: Option<f32>,
    /// Which panels are out of sight.
    pub hidden: HiddenPanels,
    /// The command palette, where it is open.
    pub palette: Option<Palette>,
    /// The step of the tour that is shown.
    pub tour: Option<usize>,
    /// Whether the log is open.
    pub log_open: bool,
    /// Whether the box with version and licences is open.
    pub about_open: bool,
}

impl Default for Shell {
    fn default() -> Self {
        Self {
            scale: 1.0,
            high_contrast: false,
            window: None,
            side_panel: None,
            inspector: None,
            hidden: HiddenPanels::default(),
            palette: None,
            tour: None,
            log_open: false,
            about_open: false,
        }
    }
}

/// What the user or the system does to it.
#[derive(Debug, Clone, PartialEq)]
pub enum ShellAction {
    /// The window was moved or sized.
    Placed(WindowPlace),
    /// The panel at the right has this width now.
    SidePanel(f32),
    /// The inspector has this height now.
    Inspector(f32),
    /// The command palette was typed in.
    PaletteText(String),
    /// A command of the palette was chosen, by its place.
    PaletteChoose(usize),
    /// A command of the palette was taken.
    PaletteRun(crate::command::Command),
    /// The palette was closed.
    ClosePalette,
    /// The next step of the tour, or its end.
    NextStep,
    /// The tour was left.
    EndTour,
    /// The log was closed.
    CloseLog,
    /// The box with version and licences was closed.
    CloseAbout,
}
