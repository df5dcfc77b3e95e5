//! What is done to masks and in their inspector.

use std::path::PathBuf;

use glamm_engine::protocol::ImageId;

use crate::document::{MaskEdit, MaskId};
use crate::state::inspection::{Brush, Layer, MaskView, Rival};
use crate::state::ui_state::MaskNaming;
use crate::study::{CleanUp, Stroke};

/// Something that was done in the inspector.
#[derive(Debug, Clone)]
pub enum Inspect {
    /// Look at a mask, or at none.
    Select(Option<MaskId>),
    /// Draw it otherwise.
    View(MaskView),
    /// The threshold is being moved.
    DragThreshold(f32),
    /// The threshold is where it is to be.
    DropThreshold(f32),
    /// Take another candidate.
    Choose(usize),
    /// Change its pixels.
    CleanUp(CleanUp),
    /// Back to what the model or the file said.
    Reset,
    /// Take a brush, or put it down.
    Brush(Option<Brush>),
    /// Another brush.
    BrushRadius(f32),
    /// The brush moves, or its stroke is given up.
    Stroke(Option<Stroke>),
    /// The brush is lifted.
    FinishStroke,
    /// Show a map over the picture, or none.
    Layer(Option<Layer>),
    /// Compare with something, or nothing.
    Compare(Option<Rival>),
    /// Let the user choose a file with masks to compare with.
    AskForTruth,
    /// Such a file was chosen.
    ReadTruth(ImageId, PathBuf),
    /// The panel shows curves that are not there yet.
    NeedCurves,
    /// The panel shows counts of painted pixels that are not there yet.
    NeedShape,
    /// The panel shows a comparison that is not there yet.
    NeedComparison,
    /// Curves, counts or a comparison could not be made: try again.
    TryAgain,
    /// The canvas shows a map that is not there yet.
    NeedMaps,
}

/// Something that was done to masks of the current picture.
#[derive(Debug, Clone, PartialEq)]
pub enum MaskAction {
    /// Change these, in one step.
    Change(Vec<MaskId>, MaskEdit),
    /// Hide all but these, or show all again where that is so already.
    Solo(Vec<MaskId>),
    /// Show all.
    ShowAll,
    /// A name is being written; `None`: no more.
    Name(Option<MaskNaming>),
    /// The name is as it is to be.
    NameWritten(Vec<MaskId>, String),
}
