//! Masks of clicks and boxes, and questions about a place: a click or a box goes to the pixel
//! decoder, and what comes back becomes a mask, or a region that is asked about.

use std::sync::Arc;

use egui::Pos2;
use glamm_engine::protocol::{CancelToken, EngineCommand, ImageId, JobId, JobRequest, Task};
use glamm_engine::vision::{Click, MaskCandidates, MaskPrompt, PixelBox};

use crate::action::{Effect, Offer};
use crate::canvas::picking;
use crate::document::{Edit, GroundedMask, MaskEdit, MaskId, Question, RegionTag, bracketed};
use crate::notice::Tone;
use crate::prompts::REGION;
use crate::state::State;
use crate::state::session::{AfterSegmentation, Segmentation};
use crate::state::ui_state::{Tab, Tool};

/// Share of the picture's shorter side that a box around a place takes where nothing is found there.
const BOX_AROUND_PLACE: f32 = 0.2;

/// The model's own estimate of a mask's IoU from which on the box around it means something.
const SURE: f32 = 0.5;

impl Offer {
    /// In the order of the menu.
    pub const ALL: [Self; 4] = [Self::WhatIsThis, Self::Describe, Self::Segment, Self::FindAlike];

    /// On the button.
    pub fn label(self) -> &'static str {
        match self {
            Self::WhatIsThis => "What is this?",
            Self::Describe => "Describe this region",
            Self::Segment => "Segment this",
            Self::FindAlike => "Find more like this",
        }
    }

    /// What is asked about the region, in the place of [`REGION`]; `None` where nothing is asked.
    fn prompt(self) -> Option<&'static str> {
        match self {
            Self::WhatIsThis => Some("What is in {region}?"),
            Self::Describe => Some(
                "Can you provide me with a detailed description of the region in the picture marked by {region}?",
            ),
            Self::Segment => None,
            Self::FindAlike => Some("Please segment everything that looks like the object in {region}."),
        }
    }

    /// Whether it could be done now: one question is answered at a time.
    pub fn is_enabled(self, state: &State) -> bool {
        match self {
            Self::Segment => state.ui.current.is_some_and(|image| state.why_not_look(image).is_none()),
            Self::WhatIsThis | Self::Describe | Self::FindAlike => state.why_not_ask().is_none(),
        }
    }
}

impl State {
    /// Does one of the things that a click on the picture offers.
    pub(super) fn take_offer(
        &mut self,
        offer: Offer,
        at: Pos2,
        mask: Option<MaskId>,
        now: f64,
        out: &mut Vec<Effect>,
    ) {
        self.ui.offered_at = None;
        if self.picture().is_none() || !offer.is_enabled(self) {
            return;
        }
        let under = mask.or_else(|| self.mask_under(at)).and_then(|id| self.grounded(id));
        let click = Click { x: at.x.floor(), y: at.y.floor(), positive: true };
        match (offer.prompt(), under) {
            (Some(_), Some((_, words))) if offer == Offer::FindAlike && !words.is_empty() => {
                let question = format!("Please segment all the {} in this image.", without_article(&words));
                self.ask_now(&question, now, out);
            }
            (Some(prompt), Some((mask, words))) => {
                let bounds = picking::bounding_box(&mask).unwrap_or_else(|| self.box_around(at));
                self.ask_about(bounds, words, prompt, now, out);
            }
            (Some(prompt), None) => self.segment(vec![click], None, AfterSegmentation::Ask(prompt), out),
            (None, _) => self.segment(vec![click], None, AfterSegmentation::AddMask(String::new()), out),
        }
    }

    /// Whether there is something that `take_offer_here` would be about.
    pub fn offers_here(&self) -> bool {
        let region = self.ui.selected_region.and_then(|tag| self.picture()?.region(tag));
        region.is_some() || self.inspected_mask().is_some() || self.ui.pointer.is_some()
    }

    /// Does one of these things with the selected region or mask, or else with the place under the pointer.
    pub(super) fn take_offer_here(&mut self, offer: Offer, now: f64, out: &mut Vec<Effect>) {
        let Some(picture) = self.picture() else { return };
        let region = self.ui.selected_region.and_then(|tag| picture.region(tag)).map(|region| region.tag);
        let mask = self.inspected_mask().map(|mask| (mask.id, picking::bounding_box(mask)));
        match (region, mask, self.ui.pointer) {
            (Some(tag), ..) => {
                if let Some(prompt) = offer.prompt() {
                    self.ask_about_region(tag, prompt, now, out);
                }
            }
            (None, Some((mask, Some(bounds))), _) => {
                let middle = egui::pos2(0.5 * (bounds.x0 + bounds.x1), 0.5 * (bounds.y0 + bounds.y1));
                self.take_offer(offer, middle, Some(mask), now, out);
            }
            (None, _, Some((x, y))) => self.take_offer(offer, egui::pos2(x, y), None, now, out),
            (None, _, None) => {}
        }
    }

    /// The smallest visible mask that holds the place.
    fn mask_under(&self, at: Pos2) -> Option<MaskId> {
        picking::mask_at(self.visible_masks().iter().map(|visible| &visible.mask), at)
    }

    /// A mask, and what it is called: by the user, or by the words it grounds.
    fn grounded(&self, id: MaskId) -> Option<(GroundedMask, String)> {
        let listed = self.listed_masks().into_iter().find(|listed| listed.mask.id == id)?;
        Some((listed.mask.clone(), listed.words().to_owned()))
    }

    /// Makes a mask of what a region frames.
    pub(super) fn segment_region(&mut self, tag: RegionTag, out: &mut Vec<Effect>) {
        let Some(region) = self.picture().and_then(|picture| picture.region(tag)) else { return };
        let (bounds, name) = (region.bounds, region.name.trim().to_owned());
        self.segment(Vec::new(), Some(bounds), AfterSegmentation::AddMask(name), out);
    }

    /// A click with the Point tool: says what belongs to the mask that is being made and what does
    /// not; the first one begins a mask.
    pub(super) fn click_point(&mut self, click: Click, out: &mut Vec<Effect>) {
        let waiting = self.session.segmentation.as_ref().filter(|s| Some(s.image) == self.ui.current);
        let (mut points, region, after) = match (waiting, self.prompted()) {
            // Clicks that follow each other fast are one prompt.
            (Some(running), _) if !matches!(running.after, AfterSegmentation::Ask(_)) => {
                (running.points.clone(), running.region, running.after.clone())
            }
            (_, Some((mask, points, region))) => (points, region, AfterSegmentation::Refine(mask)),
            _ => (Vec::new(), None, AfterSegmentation::AddMask(String::new())),
        };
        if points.is_empty() && region.is_none() && !click.positive {
            self.session.notify("First click something that belongs to the mask", Tone::Note);
            return;
        }
        points.push(click);
        self.segment(points, region, after, out);
    }

    /// The mask that clicks go to, with the clicks and the box it was made from.
    pub fn prompted(&self) -> Option<(MaskId, Vec<Click>, Option<PixelBox>)> {
        let mask = self.picture()?.mask(self.ui.prompted?)?;
        match &mask.candidates.prompt {
            Some(MaskPrompt::Places { points, region }) => Some((mask.id, points.clone(), *region)),
            _ => None,
        }
    }

    fn segment(
        &mut self,
        points: Vec<Click>,
        region: Option<PixelBox>,
        after: AfterSegmentation,
        out: &mut Vec<Effect>,
    ) {
        let Some(image) = self.ui.current else { return };
        if !self.hand_over(image, out) {
            let why = self.why_not_look(image).unwrap_or("The model cannot take in this picture");
            self.session.notify(format!("There is no mask: {why}"), Tone::Failure);
            return;
        }
        self.session.cancel_segmentation();
        let request = JobRequest {
            id: self.session.fresh_job(),
            image,
            cancel: CancelToken::default(),
            task: Task::Segment { points: points.clone(), region },
        };
        let (id, cancel) = (request.id, request.cancel.clone());
        self.session.segmentation = Some(Segmentation { id, image, cancel, points, region, after });
        out.push(Effect::Engine(EngineCommand::Run(Box::new(request))));
    }

    /// The pixel decoder has answered.
    pub(super) fn segmented(&mut self, job: JobId, masks: MaskCandidates, now: f64, out: &mut Vec<Effect>) {
        let Some(done) = self.session.segmentation.take_if(|running| running.id == job) else { return };
        let image = done.image;
        match done.after {
            AfterSegmentation::AddMask(name) => {
                let id = self.session.fresh_mask();
                let name = (!name.is_empty()).then(|| name.as_str().into());
                let mask = Box::new(GroundedMask { name, ..GroundedMask::new(id, masks) });
                self.edit(&Edit::AddMask { image, mask });
                self.ui.prompted = Some(id);
            }
            AfterSegmentation::Refine(mask) => {
                self.edit(&Edit::Mask { image, mask, change: MaskEdit::Prompt(Arc::new(masks)) });
                self.ui.prompted = Some(mask);
            }
            AfterSegmentation::Ask(prompt) => {
                if self.ui.current != Some(image) {
                    return;
                }
                let at = done.points.first().map_or(Pos2::ZERO, |click| egui::pos2(click.x, click.y));
                let sure = masks.used().predicted_iou >= SURE;
                let mask = GroundedMask::new(MaskId(0), masks);
                let found = picking::bounding_box(&mask).filter(|_| sure);
                let bounds = found.unwrap_or_else(|| self.box_around(at));
                self.ask_about(bounds, String::new(), prompt, now, out);
            }
        }
    }

    /// The pixel decoder could not, or was told to stop; whether the job was one of these.
    pub(super) fn segmentation_ended(&mut self, job: JobId, message: Option<String>) -> bool {
        let ended = self.session.segmentation.take_if(|running| running.id == job).is_some();
        if let Some(message) = message.filter(|_| ended) {
            self.session.notify(format!("There is no mask: {message}"), Tone::Failure);
        }
        ended
    }

    /// Puts a region there and asks about it at once.
    fn ask_about(&mut self, bounds: PixelBox, name: String, prompt: &str, now: f64, out: &mut Vec<Effect>) {
        let Some(picture) = self.picture() else { return };
        let (image, tag) = (picture.id, picture.free_tag());
        let there = picture.regions.iter().find(|region| region.bounds == bounds).map(|region| region.tag);
        if there.is_none() {
            self.edit(&Edit::AddRegion { image, bounds, name });
            self.number_draft();
        }
        self.ask_about_region(there.unwrap_or(tag), prompt, now, out);
    }

    fn ask_about_region(&mut self, tag: RegionTag, prompt: &str, now: f64, out: &mut Vec<Effect>) {
        let Some(image) = self.ui.current else { return };
        self.ui.selected_region = Some(tag);
        let question = prompt.replace(REGION, &bracketed(tag));
        if !self.ask_now(&question, now, out) {
            self.ask_later(image, tag, question);
        }
    }

    /// Another question came in between, and one is answered at a time: this one waits in the draft.
    fn ask_later(&mut self, image: ImageId, tag: RegionTag, question: String) {
        let is_free = self.ui.draft(image).trim().is_empty();
        let what = if is_free { "this one is written below" } else { "ask about it then" };
        let text = format!("Region {} has to wait until the other question is answered: {what}", tag.0);
        self.session.notify(text, Tone::Note);
        if is_free {
            self.ui.drafts.insert(image, question);
        }
    }

    /// Returns whether it could be asked.
    fn ask_now(&mut self, draft: &str, now: f64, out: &mut Vec<Effect>) -> bool {
        let Some(picture) = self.picture() else { return false };
        let (image, question) = (picture.id, Question::from_draft(draft, &picture.regions));
        self.show_tab(Tab::Chat);
        self.ask_next(image, question, now, out)
    }

    /// A box in the middle of which the place is.
    fn box_around(&self, at: Pos2) -> PixelBox {
        let (width, height) = self.picture().map_or((1, 1), |picture| picture.size);
        let half = (width.min(height) as f32 * BOX_AROUND_PLACE * 0.5).ceil();
        PixelBox::from_corners((at.x - half, at.y - half), (at.x + half, at.y + half)).clipped(width, height)
    }

    /// What is to be said of the mask that is on its way: the engine does one thing at a time.
    pub fn segmenting(&self) -> Option<&'static str> {
        self.session.segmentation.as_ref()?;
        let waits = self.session.job.is_some();
        Some(if waits { "The mask waits for the reply to end" } else { "The mask is being made" })
    }

    /// Whether clicks go to a mask that is there already.
    pub fn is_refining(&self) -> bool {
        self.ui.tool == Tool::Point && self.prompted().is_some()
    }

    /// What clicks with the Point tool go to from now on.
    pub(super) fn prompt_mask(&mut self, mask: Option<MaskId>) {
        if mask.is_some() {
            self.set_tool(Tool::Point);
        }
        self.ui.prompted = mask;
    }
}

/// "a red house" is one of the "red house".
fn without_article(words: &str) -> &str {
    let words = words.trim();
    let articles = ["a ", "an ", "the ", "A ", "An ", "The "];
    articles.iter().find_map(|article| words.strip_prefix(article)).unwrap_or(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_are_left_out() {
        for (words, expected) in
            [("a red house", "red house"), ("The sun", "sun"), ("another", "another"), ("", "")]
        {
            assert_eq!(without_article(words), expected);
        }
    }
}
