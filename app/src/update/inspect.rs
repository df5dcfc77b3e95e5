//! What the inspector changes: which mask is looked at and how, what is to be found out about it,
//! and what is done to its pixels.

use std::sync::Arc;

use glamm_engine::protocol::{CancelToken, EngineCommand, FinishReason, JobId, JobRequest, Task};
use glamm_engine::vision::FeatureMaps;

use crate::action::{Effect, Inspect};
use crate::document::{Edit, EditedMask, MaskEdit, MaskId};
use crate::notice::Tone;
use crate::state::State;
use crate::state::inspection::{
    BRUSH_RADII, Brush, Found, Layer, MapsKey, MaskView, PixelChange, Rival, ShownMaps,
};
use crate::state::keeping::PathPurpose;
use crate::state::ui_state::Changed;
use crate::study::{About, CleanUp, Compared, Finding, Other, PixelsKey, Request, Same};

impl State {
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
                    self.tell_of_painted();
                    self.change_mask(MaskEdit::Threshold(threshold));
                }
            }
            Inspect::Choose(candidate) => self.change_mask(MaskEdit::Choose(candidate)),
            Inspect::Reset => self.change_mask(MaskEdit::Reset),
            Inspect::CleanUp(what) => self.clean_up(what, out),
            Inspect::Brush(brush) => {
                self.put_brush_down();
                self.ui.inspection.brush = brush;
            }
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
                    let mask = self.inspected_mask().cloned().map(Box::new);
                    out.push(Effect::Study(Request::ReadTruth { picture, mask, path }));
                }
            }
            Inspect::NeedCurves => self.need_curves(out),
            Inspect::NeedShape => self.need_shape(out),
            Inspect::NeedComparison => self.need_comparison(out),
            Inspect::NeedMaps => self.need_maps(out),
            Inspect::TryAgain => self.session.findings.forget_failures(),
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
            self.ui.tokens_of = None;
        }
        let inspection = &mut self.ui.inspection;
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

    /// Another threshold is about to take the place of pixels that were changed by hand.
    fn tell_of_painted(&mut self) {
        if self.editable_mask().is_some_and(|mask| mask.edited.is_some()) {
            self.session.notify("What was painted was given up; Undo brings it back", Tone::Note);
        }
    }

    /// Moves the threshold of the mask that is looked at, as far as its logits go.
    pub(super) fn move_threshold(&mut self, by: f32, now: f64) {
        let mask = self.editable_mask().filter(|mask| !mask.is_from_file());
        let (Some(image), Some(mask)) = (self.ui.current, mask) else { return };
        let (low, high) = self.session.findings.thresholds(mask);
        let threshold = (mask.threshold + by).clamp(low, high.max(low));
        let (mask, stays) = (mask.id, !differ(mask.threshold, threshold));
        self.ui.inspection.threshold = None;
        if !stays {
            self.tell_of_painted();
            let edit = Edit::Mask { image, mask, change: MaskEdit::Threshold(threshold) };
            self.small_step(Changed::Mask(mask), &edit, now);
        }
    }

    /// Puts the brush down; a stroke that was not let go of is given up.
    pub(super) fn put_brush_down(&mut self) {
        (self.ui.inspection.brush, self.ui.inspection.stroke) = (None, None);
    }

    /// Takes a brush in the hand, or puts it down where it is there already.
    pub(super) fn take_brush(&mut self, brush: Brush, out: &mut Vec<Effect>) {
        let taken = (self.ui.inspection.brush != Some(brush)).then_some(brush);
        self.inspect(Inspect::Brush(taken), out);
    }

    /// Makes what is painted with so many times as wide, by a pixel at least.
    pub(super) fn widen_brush(&mut self, factor: f32, out: &mut Vec<Effect>) {
        let radius = self.ui.inspection.brush_radius;
        let step = (radius * factor).round() - radius;
        let step = if step.abs() < 0.5 { factor.ln().signum() } else { step };
        self.inspect(Inspect::BrushRadius(radius + step), out);
    }

    /// The attention that is shown, and how many layers and heads it has; `None` where none is.
    pub(crate) fn heads(&self) -> Option<([usize; 2], [usize; 2])> {
        let Layer::Attention { layer, head } = self.ui.inspection.layer? else { return None };
        let ShownMaps::There(_, maps) = self.shown_maps() else { return None };
        let attention = maps.attention.as_ref()?;
        Some(([layer, head], [attention.layers, attention.heads]))
    }

    /// Shows the head beside the one that is shown; behind the last of a layer comes the first of the next.
    pub(super) fn step_head(&mut self, by: isize, out: &mut Vec<Effect>) {
        let Some(([layer, head], [layers, heads])) = self.heads() else { return };
        let next = Self::beside(Some(layer * heads + head), by, layers * heads);
        if let Some(next) = next.filter(|_| heads > 0) {
            let shown = Layer::Attention { layer: next / heads, head: next % heads };
            self.inspect(Inspect::Layer(Some(shown)), out);
        }
    }

    /// Deletes the mask that is looked at; those of replies stay.
    pub(super) fn delete_mask(&mut self) {
        if let (Some(image), Some(mask)) = (self.ui.current, self.ui.inspection.selected) {
            self.edit(&Edit::RemoveMask { image, mask });
        }
    }

    fn clean_up(&mut self, what: CleanUp, out: &mut Vec<Effect>) {
        let Some(image) = self.ui.current else { return };
        let Some((mask, of)) = self.editable_mask().map(|mask| (mask.id, PixelsKey::of(mask))) else {
            return;
        };
        let number = self.session.fresh_change();
        self.session.findings.changes.push_back(PixelChange { number, image, mask, of, what });
        self.next_change(out);
    }

    /// Begins the next change of pixels. One at a time, so that each sees what those before it left.
    fn next_change(&mut self, out: &mut Vec<Effect>) {
        while self.session.findings.changing.is_none() {
            let Some(PixelChange { number, image, mask, of, what }) = self.session.findings.changes.front()
            else {
                return;
            };
            let mask = self.document().picture(*image).and_then(|picture| picture.mask(*mask));
            if let Some(mask) = mask.filter(|mask| PixelsKey::of(mask) == *of) {
                let (mask, what) = (Box::new(mask.clone()), what.clone());
                out.push(Effect::Study(Request::CleanUp { number: *number, mask, what }));
                self.session.findings.changing = Some(*number);
            } else {
                self.session.findings.changes.pop_front();
            }
        }
    }

    /// A change of pixels has been worked out, or could not be.
    fn change_ended(&mut self, number: u64, pixels: Option<Arc<EditedMask>>, out: &mut Vec<Effect>) {
        let findings = &mut self.session.findings;
        // Another is being made by now where this one was taken back.
        if findings.changing.take_if(|changing| *changing == number).is_some() {
            let change = findings.changes.pop_front_if(|first| first.number == number);
            if let Some((change, pixels)) = change.zip(pixels) {
                self.make_change(change, pixels);
            }
            self.next_change(out);
        }
    }

    /// Changes a mask's pixels, if they are still those that were looked at; what was asked for meanwhile goes
    /// on from there.
    fn make_change(
        &mut self,
        PixelChange { image, mask, of, what, .. }: PixelChange,
        pixels: Arc<EditedMask>,
    ) {
        let there = self.document().picture(image).and_then(|picture| picture.mask(mask));
        if there.is_none_or(|there| PixelsKey::of(there) != of) {
            return;
        }
        let after = PixelsKey::Painted(Same::of(&pixels));
        let change = MaskEdit::Paint { pixels, label: what.label() };
        if self.edit(&Edit::Mask { image, mask, change }) {
            let waiting = self.session.findings.changes.iter_mut();
            for next in waiting.filter(|next| next.mask == mask && next.of == of) {
                next.of = after.clone();
            }
        }
    }

    /// Takes the last change of pixels back that has not been made yet; whether there was one.
    pub(super) fn take_back_change(&mut self, out: &mut Vec<Effect>) -> bool {
        let findings = &mut self.session.findings;
        let Some(last) = findings.changes.pop_back() else { return false };
        findings.changing.take_if(|changing| *changing == last.number);
        self.next_change(out);
        true
    }

    fn need_curves(&mut self, out: &mut Vec<Effect>) {
        let Some(mask) = self.inspected_mask().filter(|mask| !mask.is_from_file()).cloned() else { return };
        if self.session.findings.expect_curves(Same::of(mask.logits())) {
            out.push(Effect::Study(Request::Curves(Box::new(mask))));
        }
    }

    fn need_shape(&mut self, out: &mut Vec<Effect>) {
        let Some(painted) = self.inspected_mask().and_then(|mask| mask.painted()).cloned() else { return };
        if self.session.findings.expect_shape(Same::of(&painted)) {
            out.push(Effect::Study(Request::Shape(painted)));
        }
    }

    /// What is compared now; something else as soon as the pixels of either mask change.
    pub fn comparison(&self) -> Option<Compared> {
        let rival = self.ui.inspection.rival?;
        let other = match rival {
            Rival::Mask(id) => PixelsKey::of(self.placed_mask(id)?.mask),
            Rival::Truth(place) => PixelsKey::Painted(Same::of(self.truth(place)?)),
        };
        Some([PixelsKey::of(self.inspected_mask()?), other])
    }

    fn truth(&self, place: usize) -> Option<&Arc<EditedMask>> {
        self.session.findings.truths.get(&self.ui.current?)?.get(place).map(|truth| &truth.pixels)
    }

    fn need_comparison(&mut self, out: &mut Vec<Effect>) {
        let (Some(rival), Some(what)) = (self.ui.inspection.rival, self.comparison()) else { return };
        let other = match rival {
            Rival::Mask(id) => self.placed_mask(id).map(|placed| Other::Mask(Box::new(placed.mask.clone()))),
            Rival::Truth(place) => self.truth(place).cloned().map(Other::Truth),
        };
        let (Some(mask), Some(other)) = (self.inspected_mask().cloned(), other) else { return };
        if self.session.findings.compared(&what).is_none() {
            self.session.findings.comparison = Some((what, Found::Asked));
            out.push(Effect::Study(Request::Compare { mask: Box::new(mask), other }));
        }
    }

    /// Whose maps the layer over the picture needs.
    pub fn maps_key(&self) -> Option<MapsKey> {
        let image = self.ui.current?;
        match self.ui.inspection.layer? {
            Layer::Global | Layer::Grounding => Some((image, None)),
            Layer::Attention { .. } => {
                let mask = self.inspected_mask()?;
                mask.candidates.prompt.as_ref()?;
                Some((image, Some(Same::of(mask.logits()))))
            }
        }
    }

    fn need_maps(&mut self, out: &mut Vec<Effect>) {
        let Some(key) = self.maps_key() else { return };
        let findings = &self.session.findings;
        let failed = findings.no_maps.as_ref() == Some(&key);
        if findings.maps(&key).is_some()
            || findings.mapping.is_some()
            || failed
            || !self.hand_over(key.0, out)
        {
            return;
        }
        let of_mask = self.inspected_mask().filter(|_| key.1.is_some());
        let mask = of_mask.and_then(|mask| Some((mask.candidates.prompt.clone()?, mask.chosen)));
        let id = self.session.fresh_job();
        let image = key.0;
        self.session.findings.mapping = Some((id, key));
        let task = Task::Features { mask };
        let request = JobRequest { id, image, cancel: CancelToken::default(), task };
        out.push(Effect::Engine(EngineCommand::Run(Box::new(request))));
    }

    /// The study thread has found something.
    pub(super) fn studied(&mut self, finding: Finding, out: &mut Vec<Effect>) {
        let findings = &mut self.session.findings;
        match finding {
            Finding::Curves(key, curves) => findings.keep_curves(key, Found::There(curves)),
            Finding::Shape(key, shape) => findings.keep_shape(key, Found::There(shape)),
            Finding::Cleaned(number, pixels) => self.change_ended(number, Some(pixels), out),
            Finding::Compared(what, comparison) => findings.keep_comparison(&what, Found::There(comparison)),
            Finding::Truths { image, truths: Ok(truths) } => {
                findings.truths.insert(image, truths);
                if self.ui.current == Some(image) {
                    self.ui.inspection.rival = Some(Rival::Truth(0));
                }
            }
            Finding::Truths { truths: Err(message), .. } => self.session.notify(message, Tone::Failure),
            // Where these are missed, it is said, and they can be asked for again.
            Finding::Failed(About::Curves(key), why) => findings.keep_curves(key, Found::Failed(why)),
            Finding::Failed(About::Shape(key), why) => findings.keep_shape(key, Found::Failed(why)),
            Finding::Failed(About::Compare(what), why) => findings.keep_comparison(&what, Found::Failed(why)),
            Finding::Failed(About::CleanUp(number), why) => {
                self.session.notify(why, Tone::Failure);
                self.change_ended(number, None, out);
            }
            Finding::Failed(About::ReadTruth(_), why) => self.session.notify(why, Tone::Failure),
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
            self.session.notify(format!("The maps could not be made: {message}"), Tone::Failure);
        }
        true
    }
}

/// Whether one threshold cuts elsewhere than the other.
fn differ(one: f32, other: f32) -> bool {
    (one - other).abs() > 0.0
}
