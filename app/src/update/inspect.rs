//! What the inspector changes: which mask is looked at and how, what is to be found out about it,
//! and what is done to its pixels.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;

use glamm_engine::protocol::{
    CancelToken, EngineCommand, FinishReason, ImageId, JobId, JobRequest, Task, TokenRecord,
};
use glamm_engine::vision::FeatureMaps;

use super::{Effect, ListedMask, State};
use crate::document::{Edit, GroundedMask, MaskEdit, MaskId};
use crate::inspection::{Brush, Layer, MapsKey, MaskView, Rival};
use crate::keeping::PathPurpose;
use crate::study::{CleanUp, Finding, Other, Request, Stroke};
use crate::ui_state::Changed;

/// Radii of the brush, in pixels of the picture.
pub const BRUSH_RADII: std::ops::RangeInclusive<f32> = 1.0..=200.0;

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
    /// Back to what the model said.
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
    /// The panel shows a comparison that is not there yet.
    NeedComparison,
    /// The canvas shows a map that is not there yet.
    NeedMaps,
}

/// The mask that the inspector shows.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The mask.
    pub mask: GroundedMask,
    /// Its place in the palette.
    pub hue: usize,
    /// What it is called: by the user, or the phrase.
    pub name: String,
    /// Place of its `[SEG]` in the reply, and the record of it, where they are known.
    pub token: Option<(usize, TokenRecord)>,
    /// Whether it can be changed: not before its reply has ended.
    pub is_editable: bool,
}

impl State {
    /// The mask that the inspector shows, if it is one of the current picture.
    pub fn inspected(&self) -> Option<Inspected> {
        self.find_mask(self.ui.inspection.selected?)
    }

    /// A mask that is shown somewhere, with all that is known of it.
    pub fn find_mask(&self, id: MaskId) -> Option<Inspected> {
        let all = self.listed_masks();
        let listed = all.into_iter().find(|listed| listed.mask.id == id)?;
        let name = listed.title();
        let ListedMask { mask, hue, reply, .. } = listed;
        let exchanges = self.shown_exchanges();
        let token = reply.and_then(|reply| exchanges.get(reply)).and_then(|exchange| {
            let is_it = |mask: &Option<GroundedMask>| mask.as_ref().is_some_and(|mask| mask.id == id);
            let index = exchange.masks.iter().position(is_it)?;
            let (at, token) = exchange.tokens.iter().enumerate().find(|(_, t)| t.grounding == Some(index))?;
            Some((at, token.clone()))
        });
        let is_editable = self.picture().is_some_and(|picture| picture.mask(id).is_some());
        Some(Inspected { mask, hue, name, token, is_editable })
    }

    pub(super) fn inspect(&mut self, what: Inspect, out: &mut Vec<Effect>) {
        let inspection = &mut self.ui.inspection;
        match what {
            Inspect::Select(mask) => self.select_mask(mask),
            Inspect::View(view) => inspection.view = view,
            Inspect::DragThreshold(threshold) => inspection.threshold = Some(threshold),
            Inspect::DropThreshold(threshold) => {
                inspection.threshold = None;
                // Let go where it was, it leaves what was painted.
                if self.editable_mask().is_some_and(|mask| differ(mask.threshold, threshold)) {
                    self.change_mask(MaskEdit::Threshold(threshold));
                }
            }
            Inspect::Choose(candidate) => self.change_mask(MaskEdit::Choose(candidate)),
            Inspect::Reset => self.change_mask(MaskEdit::Reset),
            Inspect::CleanUp(what) => self.clean_up(what, out),
            Inspect::Brush(brush) => (inspection.brush, inspection.stroke) = (brush, None),
            Inspect::BrushRadius(radius) => {
                inspection.brush_radius = radius.clamp(*BRUSH_RADII.start(), *BRUSH_RADII.end());
            }
            Inspect::Stroke(stroke) => inspection.stroke = stroke,
            Inspect::FinishStroke => {
                if let Some(stroke) = inspection.stroke.take() {
                    self.clean_up(CleanUp::Stroke(stroke), out);
                }
            }
            Inspect::Layer(layer) => {
                inspection.layer = layer;
                self.session.findings.no_maps = None;
            }
            Inspect::Compare(rival) => inspection.rival = rival,
            Inspect::AskForTruth => {
                if let Some(image) = self.ui.current.filter(|_| !self.session.dialog_open) {
                    self.ask_for_path(PathPurpose::OpenMask(image), out);
                }
            }
            Inspect::ReadTruth(image, path) => {
                if let Some(picture) = self.document().picture(image).cloned() {
                    let mask = self.inspected().map(|inspected| Box::new(inspected.mask));
                    out.push(Effect::Study(Request::ReadTruth { picture, mask, path }));
                }
            }
            Inspect::NeedCurves => self.need_curves(out),
            Inspect::NeedComparison => self.need_comparison(out),
            Inspect::NeedMaps => self.need_maps(out),
        }
    }

    /// Pins a mask and looks at it, or lets go of it.
    pub(super) fn toggle_pin(&mut self, mask: MaskId) {
        if self.ui.pinned.remove(&mask) {
            if self.ui.inspection.selected == Some(mask) {
                self.select_mask(None);
            }
        } else {
            self.ui.pinned.insert(mask);
            self.select_mask(Some(mask));
        }
    }

    /// Looks at a mask, or at none.
    pub(super) fn select_mask(&mut self, mask: Option<MaskId>) {
        let inspection = &mut self.ui.inspection;
        if inspection.selected != mask {
            inspection.selected = mask;
            (inspection.threshold, inspection.stroke, inspection.rival) = (None, None, None);
        }
        if mask.is_none() {
            (inspection.brush, inspection.view) = (None, MaskView::default());
            if matches!(inspection.layer, Some(Layer::Attention { .. })) {
                inspection.layer = None;
            }
        }
    }

    fn change_mask(&mut self, change: MaskEdit) {
        if let (Some(image), Some(mask)) = (self.ui.current, self.ui.inspection.selected) {
            self.edit(&Edit::Mask { image, mask, change });
        }
    }

    /// Takes the next of the pixel decoder's masks; after the last comes the first.
    pub(super) fn next_candidate(&mut self, out: &mut Vec<Effect>) {
        let Some(mask) = self.editable_mask() else { return };
        let next = (mask.chosen + 1) % mask.candidates.all().len().max(1);
        self.inspect(Inspect::Choose(next), out);
    }

    /// Moves the threshold of the mask that is looked at, as far as its logits go.
    pub(super) fn move_threshold(&mut self, by: f32, now: f64) {
        let (Some(image), Some(mask)) = (self.ui.current, self.editable_mask()) else { return };
        let (low, high) = self.session.findings.thresholds((mask.id, mask.chosen));
        let threshold = (mask.threshold + by).clamp(low, high.max(low));
        let (mask, stays) = (mask.id, !differ(mask.threshold, threshold));
        self.ui.inspection.threshold = None;
        if !stays {
            let edit = Edit::Mask { image, mask, change: MaskEdit::Threshold(threshold) };
            self.small_step(Changed::Mask(mask), &edit, now);
        }
    }

    /// Takes a brush in the hand, or puts it down where it is there already.
    pub(super) fn take_brush(&mut self, brush: Brush, out: &mut Vec<Effect>) {
        let taken = (self.ui.inspection.brush != Some(brush)).then_some(brush);
        self.inspect(Inspect::Brush(taken), out);
    }

    /// Deletes the mask that is looked at; those of replies stay.
    pub(super) fn delete_mask(&mut self) {
        if let (Some(image), Some(mask)) = (self.ui.current, self.ui.inspection.selected) {
            self.edit(&Edit::RemoveMask { image, mask });
        }
    }

    fn clean_up(&mut self, what: CleanUp, out: &mut Vec<Effect>) {
        if let (Some(image), Some(mask)) = (self.ui.current, self.ui.inspection.selected) {
            self.session.findings.waiting.push_back((image, mask, what));
            self.next_clean_up(out);
        }
    }

    /// Begins the next change of pixels. One at a time, so that each sees what those before it left.
    fn next_clean_up(&mut self, out: &mut Vec<Effect>) {
        while !self.session.findings.cleaning {
            let Some((image, id, what)) = self.session.findings.waiting.pop_front() else { return };
            let mask = self.document().picture(image).and_then(|picture| picture.mask(id)).cloned();
            if let Some(mask) = mask {
                self.session.findings.cleaning = true;
                out.push(Effect::Study(Request::CleanUp { image, mask: Box::new(mask), what }));
            }
        }
    }

    fn need_curves(&mut self, out: &mut Vec<Effect>) {
        let Some(Inspected { mask, .. }) = self.inspected() else { return };
        if self.session.findings.expect_curves((mask.id, mask.chosen)) {
            out.push(Effect::Study(Request::Curves(Box::new(mask))));
        }
    }

    /// What is compared now, by number; another one as soon as either mask changes.
    pub fn comparison_ticket(&self) -> Option<u64> {
        let (mask, other) = self.compared()?;
        let mut hasher = DefaultHasher::new();
        let mut add = |mask: &GroundedMask| {
            (mask.id, mask.chosen, mask.threshold.to_bits()).hash(&mut hasher);
            mask.edited.as_ref().map(|edited| Arc::as_ptr(edited).addr()).hash(&mut hasher);
        };
        add(&mask);
        match &other {
            Other::Mask(other) => add(other),
            Other::Truth(pixels) => Arc::as_ptr(pixels).addr().hash(&mut hasher),
        }
        Some(hasher.finish())
    }

    fn compared(&self) -> Option<(GroundedMask, Other)> {
        let mask = self.inspected()?.mask;
        let other = match self.ui.inspection.rival? {
            Rival::Mask(id) => Other::Mask(Box::new(self.find_mask(id)?.mask)),
            Rival::Truth(place) => {
                let truths = self.session.findings.truths.get(&self.ui.current?)?;
                Other::Truth(Arc::clone(&truths.get(place)?.pixels))
            }
        };
        Some((mask, other))
    }

    fn need_comparison(&mut self, out: &mut Vec<Effect>) {
        let (Some(ticket), Some((mask, other))) = (self.comparison_ticket(), self.compared()) else { return };
        if self.session.findings.comparison.as_ref().is_none_or(|(of, _)| *of != ticket) {
            self.session.findings.comparison = Some((ticket, None));
            out.push(Effect::Study(Request::Compare { ticket, mask: Box::new(mask), other }));
        }
    }

    /// Whose maps the layer over the picture needs.
    pub fn maps_key(&self) -> Option<MapsKey> {
        let image = self.ui.current?;
        match self.ui.inspection.layer? {
            Layer::Global | Layer::Grounding => Some((image, None)),
            Layer::Attention { .. } => {
                let mask = self.inspected()?.mask;
                mask.candidates.prompt.as_ref()?;
                Some((image, Some((mask.id, mask.chosen))))
            }
        }
    }

    fn need_maps(&mut self, out: &mut Vec<Effect>) {
        let Some(key) = self.maps_key() else { return };
        let findings = &self.session.findings;
        if findings.maps(key).is_some() || findings.mapping.is_some() || findings.no_maps == Some(key) {
            return;
        }
        let prompt = self.inspected().and_then(|inspected| inspected.mask.candidates.prompt.clone());
        let mask = key.1.and_then(|(_, candidate)| Some((prompt?, candidate)));
        let id = self.session.fresh_job();
        self.session.findings.mapping = Some((id, key));
        let task = Task::Features { mask };
        let request = JobRequest { id, image: key.0, cancel: CancelToken::default(), task };
        out.push(Effect::Engine(EngineCommand::Run(Box::new(request))));
    }

    /// The study thread has found something.
    pub(super) fn studied(&mut self, finding: Finding, out: &mut Vec<Effect>) {
        let findings = &mut self.session.findings;
        match finding {
            Finding::Curves(key, curves) => findings.keep_curves(key, curves),
            Finding::Cleaned { image, mask, pixels, label } => {
                findings.cleaning = false;
                let change = MaskEdit::Paint { pixels, label };
                self.edit(&Edit::Mask { image, mask, change });
                self.next_clean_up(out);
            }
            Finding::Compared(ticket, comparison) => {
                if let Some((_, found)) = findings.comparison.as_mut().filter(|(of, _)| *of == ticket) {
                    *found = Some(comparison);
                }
            }
            Finding::Truths { image, truths } => match truths {
                Ok(truths) => {
                    findings.truths.insert(image, truths);
                    if self.ui.current == Some(image) {
                        self.ui.inspection.rival = Some(Rival::Truth(0));
                    }
                }
                Err(message) => self.session.notify(message, true),
            },
            Finding::Failed(message) => {
                findings.cleaning = false;
                findings.waiting.clear();
                self.session.notify(message, true);
            }
        }
    }

    /// The engine has made maps.
    pub(super) fn maps_ready(&mut self, job: JobId, maps: Arc<FeatureMaps>) {
        if let Some((_, key)) = self.session.findings.mapping.take_if(|(id, _)| *id == job) {
            self.session.findings.keep_maps(key, maps);
        }
    }

    /// A job for maps has ended without them, and why if that is worth telling. Returns whether it
    /// was one.
    pub(super) fn maps_failed(&mut self, job: JobId, why: Result<FinishReason, String>) -> bool {
        let Some((_, key)) = self.session.findings.mapping.take_if(|(id, _)| *id == job) else {
            return false;
        };
        self.session.findings.no_maps = Some(key);
        if let Err(message) = why {
            self.session.notify(format!("The maps could not be made: {message}"), true);
        }
        true
    }
}

/// Whether one threshold cuts elsewhere than the other.
fn differ(one: f32, other: f32) -> bool {
    (one - other).abs() > 0.0
}
