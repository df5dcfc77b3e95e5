//! The window around the work: its size and place, its scale and contrast, and what lies over it for a
//! moment: command palette, tour, log, about. Changed by `update` alone.

use serde::{Deserialize, Serialize};

use crate::command::search::Palette;

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

/// Where a window was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WindowPlace {
    /// Left and top of its frame in points, where the system tells.
    pub position: Option<[f32; 2]>,
    /// Width and height inside its frame in points.
    pub size: [f32; 2],
    /// Whether it filled the screen.
    pub maximized: bool,
}

/// Panels that are out of sight until they are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct HiddenPanels {
    /// The one with the tabs.
    pub side_panel: bool,
    /// The column of pictures.
    pub filmstrip: bool,
}

/// What lies over the picture or the window where it is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Overlays {
    /// The loupe beside the pointer.
    pub loupe: bool,
    /// What the encoders saw.
    pub encoder_frames: bool,
    /// The log.
    pub log: bool,
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
