//! What the user looks at of a mask, and what was found out about masks: the state behind the
//! inspector. Changed by `update` alone, never undone.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use glamm_engine::protocol::{ImageId, JobId, TokenRecord};
use glamm_engine::vision::{FeatureMaps, MaskLogits};

use crate::document::{EditedMask, GroundedMask, MaskId};
use crate::palette::{phrase_color, place_apart_from};
use crate::state::State;
use crate::study::{
    CandidateKey, CleanUp, Compared, Comparison, Curves, PaintedKey, PixelsKey, Same, Shape, Stroke, Truth,
};

/// How the selected mask is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MaskView {
    /// Tint and outline.
    #[default]
    Overlay,
    /// Outline alone.
    Outline,
    /// The picture inside, nothing outside.
    CutOut,
    /// The logits as colours.
    Heat,
    /// Lines of equal logits.
    Contours,
    /// What would change sides were the threshold moved by one logit.
    Band,
}

impl MaskView {
    /// All of them, with what their buttons say.
    pub const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Overlay, "Overlay", "Tint and outline"),
        (Self::Outline, "Outline", "The outline alone"),
        (Self::CutOut, "Cut-out", "The picture inside the mask, nothing outside"),
        (Self::Heat, "Heat", "The pixel decoder's logits as colours"),
        (Self::Contours, "Contours", "Lines of equal logits"),
        (Self::Band, "Band", "What would change sides if the threshold moved by one logit"),
    ];

    /// Whether it shows logits, which a mask from a file has none of.
    pub fn needs_logits(self) -> bool {
        matches!(self, Self::Heat | Self::Contours | Self::Band)
    }
}

/// A map over the picture, in false colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    /// The global encoder's features.
    Global,
    /// The grounding encoder's features.
    Grounding,
    /// What the selected mask looked at in one head of one attention.
    Attention {
        /// From 0; the last one follows all blocks.
        layer: usize,
        /// From 0.
        head: usize,
    },
}

/// What the selected mask is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rival {
    /// Another mask of the picture.
    Mask(MaskId),
    /// The mask at this place among those that were read from a file.
    Truth(usize),
}

/// The brush in the hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brush {
    /// Adds to the mask.
    Paint,
    /// Takes from it.
    Erase,
}

/// What is looked at.
#[derive(Debug)]
pub struct Inspection {
    /// The mask in the inspector.
    pub selected: Option<MaskId>,
    /// How it is drawn.
    pub view: MaskView,
    /// Where the slider is while it is being moved.
    pub threshold: Option<f32>,
    /// The map over the picture.
    pub layer: Option<Layer>,
    /// What the mask is compared with.
    pub rival: Option<Rival>,
    /// Whether the loupe follows the pointer.
    pub loupe: bool,
    /// Whether what the encoders saw is drawn.
    pub encoder_frames: bool,
    /// The brush, if one is in the hand.
    pub brush: Option<Brush>,
    /// Its radius, in pixels of the picture.
    pub brush_radius: f32,
    /// The stroke being made.
    pub stroke: Option<Stroke>,
}

impl Default for Inspection {
    fn default() -> Self {
        Self {
            selected: None,
            view: MaskView::default(),
            threshold: None,
            layer: None,
            rival: None,
            loupe: false,
            encoder_frames: false,
            brush: None,
            brush_radius: 8.0,
            stroke: None,
        }
    }
}

/// Curves of so many candidates are kept, and counts of so many painted masks.
const MAX_CURVES: usize = 256;
/// Maps of so many masks are kept.
const MAX_MAPS: usize = 8;
/// Thresholds of a mask whose logits were not looked through yet.
const USUAL_THRESHOLDS: (f32, f32) = (-8.0, 8.0);

/// Whose maps: of a picture, and of what a candidate of a mask on it looked at.
pub type MapsKey = (ImageId, Option<CandidateKey>);

/// Something that the study thread was asked for.
#[derive(Debug, Clone)]
pub enum Found<T> {
    /// It is being worked on.
    Asked,
    /// It is there.
    There(Arc<T>),
    /// It could not be done, and why. Not asked for again before the user wants it.
    Failed(String),
}

impl<T> Found<T> {
    /// What was found, if it is there.
    pub fn there(&self) -> Option<&Arc<T>> {
        if let Self::There(found) = self { Some(found) } else { None }
    }

    /// Why there is nothing.
    pub fn failure(&self) -> Option<&str> {
        if let Self::Failed(why) = self { Some(why) } else { None }
    }
}

/// A change of a mask's pixels that was asked for and has not been made yet.
#[derive(Debug, Clone)]
pub struct PixelChange {
    /// Its name in answers.
    pub number: u64,
    /// On which picture.
    pub image: ImageId,
    /// Of which mask.
    pub mask: MaskId,
    /// The pixels that it changes; where the mask has others by then, it is given up.
    pub of: PixelsKey,
    /// What is to be done.
    pub what: CleanUp,
}

/// What was found out.
#[derive(Debug, Default)]
pub struct Findings {
    curves: HashMap<CandidateKey, Found<Curves>>,
    shapes: HashMap<PaintedKey, Found<Shape>>,
    /// Maps that are there, the newest last.
    maps: VecDeque<(MapsKey, Arc<FeatureMaps>)>,
    /// The job that makes maps, and whose.
    pub mapping: Option<(JobId, MapsKey)>,
    /// Maps that could not be made; not asked for again.
    pub no_maps: Option<MapsKey>,
    /// Changes of pixels that were asked for, in order.
    pub changes: VecDeque<PixelChange>,
    /// The number of the one being made, which is the first of them unless that was taken back.
    pub changing: Option<u64>,
    /// The comparison asked for last, and what came of it.
    pub comparison: Option<(Compared, Found<Comparison>)>,
    /// What each picture's masks ought to be, from the file that was read last.
    pub truths: HashMap<ImageId, Vec<Truth>>,
}

impl Findings {
    /// The curves of a candidate, if they are there.
    pub fn curves(&self, of: &Arc<MaskLogits>) -> Option<&Arc<Curves>> {
        self.curves.get(&Same::of(of))?.there()
    }

    /// Why a candidate has no curves, where they could not be made.
    pub fn no_curves(&self, of: &Arc<MaskLogits>) -> Option<&str> {
        self.curves.get(&Same::of(of))?.failure()
    }

    /// Thresholds, lowest and highest, that a mask is looked at with: the range of its logits, once its curves
    /// are there. Its own is always among them.
    pub fn thresholds(&self, of: &GroundedMask) -> (f32, f32) {
        let curves = self.curves(of.logits());
        let (low, high) = curves.map_or(USUAL_THRESHOLDS, |curves| (curves.first, curves.last()));
        (low.min(of.threshold), high.max(of.threshold))
    }

    /// Notes that curves are being made; `false` where they are there, on their way, or could not be made.
    pub fn expect_curves(&mut self, of: CandidateKey) -> bool {
        expect(&mut self.curves, of)
    }

    /// What was counted of pixels, if it was asked for.
    pub fn shape(&self, of: &Arc<EditedMask>) -> Option<&Found<Shape>> {
        self.shapes.get(&Same::of(of))
    }

    /// Notes that pixels are being counted; `false` where that was asked for already.
    pub fn expect_shape(&mut self, of: PaintedKey) -> bool {
        expect(&mut self.shapes, of)
    }

    /// Takes what was counted, or why it could not be.
    pub fn keep_shape(&mut self, of: PaintedKey, shape: Found<Shape>) {
        self.shapes.insert(of, shape);
    }

    /// Takes curves, or why there are none.
    pub fn keep_curves(&mut self, of: CandidateKey, curves: Found<Curves>) {
        self.curves.insert(of, curves);
    }

    /// What came of a comparison, if it is the one that was asked for last.
    pub fn compared(&self, what: &Compared) -> Option<&Found<Comparison>> {
        self.comparison.as_ref().filter(|(of, _)| of == what).map(|(_, found)| found)
    }

    /// Takes a comparison, or why there is none, if it is the one that was asked for last.
    pub fn keep_comparison(&mut self, what: &Compared, found: Found<Comparison>) {
        if let Some((_, place)) = self.comparison.as_mut().filter(|(of, _)| of == what) {
            *place = found;
        }
    }

    /// Forgets what could not be done, so that it is asked for again.
    pub fn forget_failures(&mut self) {
        self.curves.retain(|_, curves| curves.failure().is_none());
        self.shapes.retain(|_, shape| shape.failure().is_none());
        self.comparison.take_if(|(_, found)| found.failure().is_some());
    }

    /// Maps, if they are there.
    pub fn maps(&self, key: &MapsKey) -> Option<&Arc<FeatureMaps>> {
        self.maps.iter().find(|(of, _)| of == key).map(|(_, maps)| maps)
    }

    /// Takes maps; the oldest make room.
    pub fn keep_maps(&mut self, key: MapsKey, maps: Arc<FeatureMaps>) {
        self.maps.retain(|(of, _)| *of != key);
        self.maps.push_back((key, maps));
        if self.maps.len() > MAX_MAPS {
            self.maps.pop_front();
        }
    }

    /// Forgets what another model made of pictures.
    pub fn forget_maps(&mut self) {
        self.maps.clear();
        self.mapping = None;
        self.no_maps = None;
    }
}

/// Notes that something is being found out; `false` where it was asked for already. Of many that are there,
/// room is made.
fn expect<K: Eq + Hash, T>(found: &mut HashMap<K, Found<T>>, key: K) -> bool {
    if found.len() >= MAX_CURVES {
        found.retain(|_, found| matches!(found, Found::Asked));
    }
    let new = !found.contains_key(&key);
    found.entry(key).or_insert(Found::Asked);
    new
}

/// Radii of the brush, in pixels of the picture.
pub const BRUSH_RADII: std::ops::RangeInclusive<f32> = 1.0..=200.0;

/// What is drawn in the place of a mask's tint.
#[derive(Debug, Clone, PartialEq)]
pub enum ShownStudy {
    /// How it differs from another.
    Comparison(Compared),
    /// The mask in a view of its own.
    View(MaskView),
}

/// A map over the picture.
#[derive(Debug, Clone)]
pub enum ShownMaps {
    /// None is known: the mask did not come from a pixel decoder that looked at something.
    Unknown,
    /// It waits for the picture, for this reason.
    Waiting(&'static str),
    /// It is on its way.
    Making,
    /// It could not be made.
    Failed,
    /// Here it is.
    There(MapsKey, Arc<FeatureMaps>),
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

    /// How the mask that the inspector shows is drawn: as the user chose, if that can be.
    pub fn shown_view(&self) -> MaskView {
        let view = self.ui.inspection.view;
        let from_file = self.inspected_mask().is_some_and(GroundedMask::is_from_file);
        if from_file && view.needs_logits() { MaskView::Overlay } else { view }
    }

    /// What is drawn in the place of the tint of the mask that the inspector shows, and explained beside it.
    pub fn shown_study(&self) -> Option<ShownStudy> {
        if self.ui.masks_hidden {
            return None;
        }
        if let Some(compared) = self.comparison() {
            return Some(ShownStudy::Comparison(compared));
        }
        let view = self.shown_view();
        let is_own = !matches!(view, MaskView::Overlay | MaskView::Outline);
        self.inspected_mask().filter(|_| is_own).map(|_| ShownStudy::View(view))
    }

    /// Places in the palette of the mask that the inspector shows and of what it is compared with: their own,
    /// where these can be told apart.
    pub fn compared_hues(&self) -> [usize; 2] {
        let inspection = &self.ui.inspection;
        let hue = |id: MaskId| self.placed_mask(id).map(|placed| placed.hue);
        let own = inspection.selected.and_then(hue).unwrap_or(0);
        let other = match inspection.rival {
            Some(Rival::Mask(id)) => hue(id),
            Some(Rival::Truth(_)) | None => None,
        };
        let other = other.filter(|other| phrase_color(*other) != phrase_color(own));
        [own, other.unwrap_or_else(|| place_apart_from(own))]
    }

    /// The map over the picture, as far as it is there.
    pub fn shown_maps(&self) -> ShownMaps {
        let Some(key) = self.maps_key() else { return ShownMaps::Unknown };
        let findings = &self.session.findings;
        match findings.maps(&key) {
            Some(maps) => ShownMaps::There(key, Arc::clone(maps)),
            None if findings.no_maps.as_ref() == Some(&key) => ShownMaps::Failed,
            None => self.why_not_look(key.0).map_or(ShownMaps::Making, ShownMaps::Waiting),
        }
    }

    /// The same without what stands around it.
    pub fn inspected_mask(&self) -> Option<&GroundedMask> {
        self.placed_mask(self.ui.inspection.selected?).map(|placed| placed.mask)
    }

    /// A mask that is shown somewhere, with all that is known of it.
    pub fn find_mask(&self, id: MaskId) -> Option<Inspected> {
        let placed = self.placed_mask(id)?;
        let token = placed.token_of.and_then(|(exchange, index)| {
            let (at, token) = exchange.tokens.iter().enumerate().find(|(_, t)| t.grounding == Some(index))?;
            Some((at, token.clone()))
        });
        let (hue, name, is_editable) = (placed.hue, placed.title(), placed.is_editable);
        Some(Inspected { mask: placed.mask.clone(), hue, name, token, is_editable })
    }
}
