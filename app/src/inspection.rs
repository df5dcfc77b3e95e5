//! What the user looks at of a mask, and what was found out about masks: the state behind the
//! inspector. Changed by `update` alone, never undone.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use glamm_engine::protocol::{ImageId, JobId};
use glamm_engine::vision::FeatureMaps;

use crate::document::MaskId;
use crate::study::{CandidateKey, CleanUp, Comparison, Curves, Stroke, Truth};

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

/// Curves of so many candidates are kept.
const MAX_CURVES: usize = 256;
/// Maps of so many masks are kept.
const MAX_MAPS: usize = 8;
/// Thresholds of a mask whose logits were not looked through yet.
const USUAL_THRESHOLDS: (f32, f32) = (-8.0, 8.0);

/// Whose maps: of a picture, and of what a candidate of a mask on it looked at.
pub type MapsKey = (ImageId, Option<CandidateKey>);

/// What was found out.
#[derive(Debug, Default)]
pub struct Findings {
    /// By candidate; `None` where it is still being worked on.
    curves: HashMap<CandidateKey, Option<Arc<Curves>>>,
    /// Maps that are there, the newest last.
    maps: VecDeque<(MapsKey, Arc<FeatureMaps>)>,
    /// The job that makes maps, and whose.
    pub mapping: Option<(JobId, MapsKey)>,
    /// Maps that could not be made; not asked for again.
    pub no_maps: Option<MapsKey>,
    /// Changes that wait for the one being made, in order.
    pub waiting: VecDeque<(ImageId, MaskId, CleanUp)>,
    /// Whether a change is being made.
    pub cleaning: bool,
    /// The comparison asked for last: its number, and what came of it.
    pub comparison: Option<(u64, Option<Arc<Comparison>>)>,
    /// What each picture's masks ought to be, from the file that was read last.
    pub truths: HashMap<ImageId, Vec<Truth>>,
}

impl Findings {
    /// The curves of a candidate, if they are there.
    pub fn curves(&self, key: CandidateKey) -> Option<&Arc<Curves>> {
        self.curves.get(&key)?.as_ref()
    }

    /// Thresholds, lowest and highest, that a candidate is looked at with: the range of its logits, once its
    /// curves are there.
    pub fn thresholds(&self, key: CandidateKey) -> (f32, f32) {
        self.curves(key).map_or(USUAL_THRESHOLDS, |curves| (curves.first, curves.last()))
    }

    /// Notes that curves are being made; `false` where they are there or on their way.
    pub fn expect_curves(&mut self, key: CandidateKey) -> bool {
        if self.curves.len() >= MAX_CURVES {
            self.curves.retain(|_, curves| curves.is_none());
        }
        let new = !self.curves.contains_key(&key);
        self.curves.entry(key).or_default();
        new
    }

    /// Takes curves.
    pub fn keep_curves(&mut self, key: CandidateKey, curves: Arc<Curves>) {
        self.curves.insert(key, Some(curves));
    }

    /// Maps, if they are there.
    pub fn maps(&self, key: MapsKey) -> Option<&Arc<FeatureMaps>> {
        self.maps.iter().find(|(of, _)| *of == key).map(|(_, maps)| maps)
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
