//! Masks, and what the user does to them. What the pixel decoder or a file said never changes; beside
//! it stands what the user chose: which candidate, where to cut it, what to call it, and pixels painted
//! by hand.

use std::ops::Range;
use std::sync::Arc;

use glamm_engine::vision::{BinaryMask, MaskCandidates, MaskLogits, MaskPrompt, PixelBox};

use super::EditError;

/// Names one mask for as long as the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaskId(pub u64);

/// Where the pixels of a mask come from.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum MaskSource {
    /// The pixel decoder: logits, cut at the threshold.
    #[default]
    Decoder,
    /// A file: exactly these pixels. Nobody knows logits of it, and the candidates only stand in for them.
    File(Arc<EditedMask>),
}

/// A mask of a reply, or one made on the picture. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct GroundedMask {
    /// Its name.
    pub id: MaskId,
    /// Where its pixels come from.
    pub source: MaskSource,
    /// What the pixel decoder said.
    pub candidates: Arc<MaskCandidates>,
    /// Which of the candidates it is; always one of them.
    pub chosen: usize,
    /// Logits above this are inside; 0 unless the user moved it.
    pub threshold: f32,
    /// Pixels changed by hand; they stand in place of the logits.
    pub edited: Option<Arc<EditedMask>>,
    /// What the user calls it, in place of the phrase.
    pub name: Option<Arc<str>>,
    /// Place in the palette that the user gave it, in place of the phrase's.
    pub hue: Option<usize>,
    /// Whether it is not drawn.
    pub hidden: bool,
    /// Share of the picture it covers, 0 to 1; what decides which of two masks is on top.
    pub coverage: f32,
}

/// A change to one mask.
#[derive(Debug, Clone, PartialEq)]
pub enum MaskEdit {
    /// Take another candidate, cut at 0; what was painted is given up.
    Choose(usize),
    /// Cut the logits elsewhere; what was painted is given up.
    Threshold(f32),
    /// Change pixels by hand.
    Paint {
        /// All pixels after it.
        pixels: Arc<EditedMask>,
        /// What was done, for the menu: "remove specks".
        label: &'static str,
    },
    /// What the pixel decoder says of other clicks, or of another box; what was painted is given up.
    Prompt(Arc<MaskCandidates>),
    /// Back to what the pixel decoder said, or to the pixels of the file.
    Reset,
    /// Call it something; by its phrase where there is nothing.
    Rename(String),
    /// Give it a place in the palette; the phrase's where there is none.
    Recolor(Option<usize>),
    /// Hide or show it.
    Hide(bool),
}

impl GroundedMask {
    /// As the pixel decoder made it.
    pub fn new(id: MaskId, candidates: MaskCandidates) -> Self {
        let chosen = candidates.used_index();
        let coverage = coverage_of_logits(candidates.used(), 0.0);
        Self {
            id,
            source: MaskSource::Decoder,
            candidates: Arc::new(candidates),
            chosen,
            threshold: 0.0,
            edited: None,
            name: None,
            hue: None,
            hidden: false,
            coverage,
        }
    }

    /// The pixels of a file; `stand_in` takes the place of candidates. `None` where it is of another size.
    pub fn from_file(id: MaskId, stand_in: MaskCandidates, pixels: Arc<EditedMask>) -> Option<Self> {
        let fits = stand_in.used().image_size == pixels.size();
        let coverage = pixels.coverage();
        let source = MaskSource::File(pixels);
        fits.then(|| Self { source, coverage, ..Self::new(id, stand_in) })
    }

    /// Whether its pixels come from a file, so that it has no logits, no candidates and no threshold.
    pub fn is_from_file(&self) -> bool {
        matches!(self.source, MaskSource::File(_))
    }

    /// Pixels that count in place of logits: those changed by hand, or else those of the file.
    pub fn painted(&self) -> Option<&Arc<EditedMask>> {
        self.edited.as_ref().or(match &self.source {
            MaskSource::File(pixels) => Some(pixels),
            MaskSource::Decoder => None,
        })
    }

    /// What the pixel decoder said of the chosen candidate.
    pub fn logits(&self) -> &Arc<MaskLogits> {
        self.candidates.all().get(self.chosen).unwrap_or_else(|| self.candidates.used())
    }

    /// Width and height of its picture.
    pub fn size(&self) -> (u32, u32) {
        self.logits().image_size
    }

    /// Whether the pixel is in the mask.
    pub fn holds(&self, x: u32, y: u32) -> bool {
        match self.painted() {
            Some(painted) => painted.holds(x, y),
            None => self.logits().logit_at(x, y).is_some_and(|logit| logit > self.threshold),
        }
    }

    /// All its pixels: painted ones, or those of the chosen candidate above the threshold. Takes a
    /// while on a large picture.
    pub fn pixels(&self) -> BinaryMask {
        match self.painted() {
            Some(painted) => painted.to_binary(),
            None => self.logits().threshold(self.threshold),
        }
    }

    /// Whether its pixels are others than those that the model or the file gave.
    pub fn is_changed(&self) -> bool {
        match &self.source {
            MaskSource::File(pixels) => self.edited.as_ref().is_some_and(|edited| edited != pixels),
            MaskSource::Decoder => {
                self.edited.is_some() || self.chosen != self.candidates.used_index() || self.threshold != 0.0
            }
        }
    }

    /// Whether it was made of clicks or a box, and other clicks change it.
    pub fn is_of_places(&self) -> bool {
        matches!(self.candidates.prompt, Some(MaskPrompt::Places { .. }))
    }

    /// A word for people where its pixels are others than those that the model or the file gave.
    pub fn change(&self) -> Option<&'static str> {
        match (&self.edited, self.is_changed()) {
            (Some(_), true) => Some("edited"),
            (None, true) => Some("changed"),
            (_, false) => None,
        }
    }

    pub(crate) fn apply(&mut self, edit: &MaskEdit) -> Result<(), EditError> {
        match edit {
            MaskEdit::Choose(_) | MaskEdit::Threshold(_) if self.is_from_file() => {
                return Err(EditError::NoLogits);
            }
            MaskEdit::Choose(index) => {
                let known = *index < self.candidates.all().len();
                (self.chosen, self.threshold) = (known.then_some(*index).ok_or(EditError::UnknownMask)?, 0.0);
                self.edited = None;
            }
            MaskEdit::Threshold(threshold) => {
                self.threshold = if threshold.is_finite() { *threshold } else { 0.0 };
                self.edited = None;
            }
            MaskEdit::Paint { pixels, .. } => {
                if pixels.size != self.size() {
                    return Err(EditError::UnknownMask);
                }
                self.edited = Some(Arc::clone(pixels));
            }
            MaskEdit::Prompt(candidates) => {
                if candidates.used().image_size != self.size() {
                    return Err(EditError::UnknownMask);
                }
                (self.chosen, self.threshold) = (candidates.used_index(), 0.0);
                self.candidates = Arc::clone(candidates);
                (self.source, self.edited) = (MaskSource::Decoder, None);
            }
            MaskEdit::Reset => {
                (self.chosen, self.threshold) = (self.candidates.used_index(), 0.0);
                self.edited = None;
            }
            MaskEdit::Rename(name) => {
                let name = name.trim();
                self.name = (!name.is_empty()).then(|| name.into());
            }
            MaskEdit::Recolor(hue) => self.hue = *hue,
            MaskEdit::Hide(hidden) => self.hidden = *hidden,
        }
        self.coverage = match self.painted() {
            Some(painted) => painted.coverage(),
            None => coverage_of_logits(self.logits(), self.threshold),
        };
        Ok(())
    }
}

impl MaskEdit {
    /// What "Undo …" is followed by in the menu.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Choose(_) => "choose candidate",
            Self::Threshold(_) => "move threshold",
            Self::Paint { label, .. } => label,
            Self::Prompt(_) => "refine mask",
            Self::Reset => "reset mask",
            Self::Rename(_) => "rename mask",
            Self::Recolor(_) => "recolour mask",
            Self::Hide(true) => "hide mask",
            Self::Hide(false) => "show mask",
        }
    }
}

/// Share of the picture that logits above the threshold cover, measured at the middle of every grid
/// cell that shows the picture.
fn coverage_of_logits(mask: &MaskLogits, threshold: f32) -> f32 {
    let cells = |content: usize| {
        let exact = content as f32 * mask.side as f32 / mask.frame.max(1) as f32;
        (exact.round() as usize).clamp(1, mask.side.max(1))
    };
    let (columns, rows) = (cells(mask.content.0), cells(mask.content.1));
    let lines = mask.logits.chunks(mask.side.max(1)).take(rows);
    let inside: usize = lines.map(|row| row.iter().take(columns).filter(|&&v| v > threshold).count()).sum();
    inside as f32 / (columns * rows) as f32
}

/// A mask painted by hand, at the size of its picture; small in memory, so that every step of
/// painting can be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedMask {
    /// Width and height.
    size: (u32, u32),
    /// Row-major numbers of the pixels at which the outside and the inside change places, rising; the
    /// first pixel is outside unless the first number is 0.
    changes: Vec<u32>,
}

impl From<&BinaryMask> for EditedMask {
    fn from(mask: &BinaryMask) -> Self {
        let mut changes = Vec::new();
        let mut inside = false;
        for (at, &pixel) in (0..).zip(mask.pixels()) {
            if pixel != inside {
                changes.push(at);
                inside = pixel;
            }
        }
        Self { size: (mask.width(), mask.height()), changes }
    }
}

impl EditedMask {
    /// Width and height.
    pub fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Whether the pixel is in the mask; `false` outside the picture.
    pub fn holds(&self, x: u32, y: u32) -> bool {
        let (width, height) = self.size;
        let at = u64::from(y) * u64::from(width) + u64::from(x);
        x < width && y < height && self.changes.partition_point(|&change| u64::from(change) <= at) % 2 == 1
    }

    /// All pixels.
    pub fn to_binary(&self) -> BinaryMask {
        let (width, height) = self.size;
        let mut changes = self.changes.iter().copied().peekable();
        let (mut at, mut inside) = (0u32, false);
        BinaryMask::from_fn(width, height, |_, _| {
            if changes.next_if_eq(&at).is_some() {
                inside = !inside;
            }
            at = at.wrapping_add(1);
            inside
        })
    }

    /// Logits that are roughly this mask. Every mask has candidates; these take their place where nobody knows
    /// any, for readers of sessions that know of no painted pixels.
    pub(crate) fn stand_in(&self) -> MaskLogits {
        const SIDE: u32 = 64;
        let (width, height) = self.size;
        let frame = width.max(height);
        let cell = |at: u32| (u64::from(at) * 2 + 1) * u64::from(frame) / u64::from(SIDE * 2);
        let sample = |place: u32| {
            let (x, y) = (cell(place % SIDE) as u32, cell(place / SIDE) as u32);
            if self.holds(x, y) { 8.0 } else { -8.0 }
        };
        MaskLogits {
            side: SIDE as usize,
            logits: (0..SIDE * SIDE).map(sample).collect(),
            frame: frame as usize,
            content: (width as usize, height as usize),
            image_size: self.size,
            predicted_iou: 0.0,
        }
    }

    /// Bytes that it takes.
    pub(crate) fn memory(&self) -> u64 {
        size_of_val(self.changes.as_slice()) as u64
    }

    /// Number of pixels in the mask.
    pub fn area(&self) -> u64 {
        self.runs().map(|run| run.end - run.start).sum()
    }

    /// Row-major numbers of the pixels inside, as runs that do not touch; a run may go over the end of a row.
    fn runs(&self) -> impl Iterator<Item = Range<u64>> {
        let all = u64::from(self.size.0) * u64::from(self.size.1);
        let end = move |pair: &[u32]| pair.get(1).map_or(all, |&end| u64::from(end));
        self.changes.chunks(2).map(move |pair| u64::from(pair[0])..end(pair))
    }

    /// The pixels inside, as runs within rows: the row, and its columns. As many as there are runs and rows.
    pub fn row_runs(&self) -> impl Iterator<Item = (u32, Range<u32>)> {
        let width = u64::from(self.size.0).max(1);
        self.runs().flat_map(move |run| {
            (run.start / width..run.end.div_ceil(width)).map(move |row| {
                let (from, to) = (row * width, (row + 1) * width);
                let columns = run.start.clamp(from, to) - from..run.end.clamp(from, to) - from;
                (row as u32, columns.start as u32..columns.end as u32)
            })
        })
    }

    /// The smallest box around the mask; `None` where it is empty.
    pub fn bounding_box(&self) -> Option<PixelBox> {
        let mut runs = self.row_runs();
        let (top, first) = runs.next()?;
        let start = (first.start, first.end, top);
        let (left, right, bottom) = runs.fold(start, |(left, right, _), (row, columns)| {
            (left.min(columns.start), right.max(columns.end), row)
        });
        let [x0, y0, x1, y1] = [left, top, right, bottom + 1].map(|at| at as f32);
        Some(PixelBox { x0, y0, x1, y1 })
    }

    fn coverage(&self) -> f32 {
        let all = u64::from(self.size.0) * u64::from(self.size.1);
        self.area() as f32 / all.max(1) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 4 × 4 grid over a frame of 8, of which the left 8 × 4 shows an image of 16 × 8.
    fn logits(inside: impl Fn(usize, usize) -> f32) -> Arc<MaskLogits> {
        let logits = (0..16).map(|i| inside(i % 4, i / 4)).collect();
        let (content, image_size) = ((8, 4), (16, 8));
        Arc::new(MaskLogits { side: 4, logits, frame: 8, content, image_size, predicted_iou: 1.0 })
    }

    fn mask() -> GroundedMask {
        let left = logits(|x, _| if x < 2 { 1.0 } else { -1.0 });
        let all = logits(|_, _| 2.0);
        let prompt = MaskPrompt::Seg(vec![0.0].into());
        GroundedMask::new(MaskId(1), MaskCandidates::new(vec![left, all], 0, prompt).unwrap())
    }

    #[test]
    fn coverage_leaves_the_padding_out() {
        assert!((mask().coverage - 0.5).abs() < 1e-6);
        let below = logits(|_, y| if y >= 2 { 1.0 } else { -1.0 });
        assert!(coverage_of_logits(&below, 0.0).abs() < 1e-6);
    }

    #[test]
    fn candidates_and_thresholds_change_the_pixels() {
        let mut mask = mask();
        assert!(mask.holds(0, 0) && !mask.holds(15, 0) && !mask.is_changed());
        mask.apply(&MaskEdit::Choose(1)).unwrap();
        assert!(mask.holds(15, 0) && mask.is_changed());
        assert!((mask.coverage - 1.0).abs() < 1e-6);
        mask.apply(&MaskEdit::Threshold(2.5)).unwrap();
        assert!(!mask.holds(15, 0) && mask.pixels().area() == 0);
        assert_eq!(mask.apply(&MaskEdit::Choose(2)), Err(EditError::UnknownMask));
        mask.apply(&MaskEdit::Reset).unwrap();
        assert!(!mask.is_changed());
    }

    #[test]
    fn painted_pixels_stand_in_place_of_logits() {
        let mut mask = mask();
        let painted = BinaryMask::from_fn(16, 8, |x, y| (x + y) % 3 == 0);
        let pixels = Arc::new(EditedMask::from(&painted));
        mask.apply(&MaskEdit::Paint { pixels, label: "brush" }).unwrap();
        assert_eq!(mask.pixels(), painted);
        assert!((0..8).all(|y| (0..16).all(|x| mask.holds(x, y) == painted.contains(x, y))));
        let elsewhere = Arc::new(EditedMask::from(&BinaryMask::empty(3, 3)));
        let edit = MaskEdit::Paint { pixels: elsewhere, label: "brush" };
        assert_eq!(mask.apply(&edit), Err(EditError::UnknownMask));
    }

    #[test]
    fn pixels_of_a_file_are_what_the_mask_goes_back_to() {
        let pixels = BinaryMask::from_fn(16, 8, |x, y| (x + y) % 3 == 0);
        let of_file = Arc::new(EditedMask::from(&pixels));
        let stand_in = MaskCandidates::from(logits(|_, _| 1.0));
        let mut mask = GroundedMask::from_file(MaskId(1), stand_in.clone(), Arc::clone(&of_file)).unwrap();
        assert!(!mask.is_changed() && mask.change().is_none());
        assert_eq!(mask.pixels(), pixels);
        let share = pixels.area() as f32 / 128.0;
        assert!((mask.coverage - share).abs() < 1e-6);
        for edit in [MaskEdit::Choose(0), MaskEdit::Threshold(1.0)] {
            assert_eq!(mask.apply(&edit), Err(EditError::NoLogits));
        }
        let paint = |pixels: &BinaryMask| MaskEdit::Paint {
            pixels: Arc::new(EditedMask::from(pixels)),
            label: "brush",
        };
        mask.apply(&paint(&BinaryMask::empty(16, 8))).unwrap();
        assert_eq!((mask.change(), mask.pixels().area()), (Some("edited"), 0));
        mask.apply(&paint(&pixels)).unwrap();
        assert_eq!(mask.change(), None, "the same pixels again");
        mask.apply(&paint(&BinaryMask::empty(16, 8))).unwrap();
        mask.apply(&MaskEdit::Reset).unwrap();
        assert_eq!(mask.pixels(), pixels);
        assert!((mask.coverage - share).abs() < 1e-6);
        mask.apply(&MaskEdit::Prompt(Arc::new(stand_in.clone()))).unwrap();
        assert!(!mask.is_from_file() && mask.holds(0, 1), "the pixel decoder's now");
        let elsewhere = Arc::new(EditedMask::from(&BinaryMask::empty(3, 3)));
        assert_eq!(GroundedMask::from_file(MaskId(1), stand_in, elsewhere), None);
    }

    #[test]
    fn edited_masks_are_what_was_painted() {
        let shapes: [fn(u32, u32) -> bool; 6] = [
            |_, _| false,
            |_, _| true,
            |x, _| x == 0,
            |x, y| x == 6 && y == 4,
            |x, y| (x * y) % 2 == 0,
            |x, y| y == 1 && x > 3 || y == 2 || y == 3 && x < 2,
        ];
        for shape in shapes {
            let painted = BinaryMask::from_fn(7, 5, shape);
            let edited = EditedMask::from(&painted);
            assert_eq!(edited.to_binary(), painted);
            assert_eq!(edited.area(), painted.area() as u64);
            assert_eq!(edited.bounding_box(), painted.bounding_box());
            let again = BinaryMask::from_fn(7, 5, |x, y| {
                edited.row_runs().any(|(row, columns)| row == y && columns.contains(&x))
            });
            assert_eq!(again, painted);
            assert!(!edited.holds(7, 0) && !edited.holds(0, 5));
        }
    }

    #[test]
    fn names_are_trimmed_and_nothing_is_no_name() {
        let mut mask = mask();
        mask.apply(&MaskEdit::Rename("  door ".into())).unwrap();
        assert_eq!(mask.name.as_deref(), Some("door"));
        mask.apply(&MaskEdit::Rename(" ".into())).unwrap();
        assert_eq!(mask.name, None);
    }
}
