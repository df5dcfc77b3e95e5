//! Boxes and masks from files of other programs: COCO and LabelMe. `export` is the way there.
//!
//! Files may come from strangers: nothing is decoded before its size is known to be that of an open
//! picture, boxes are cut to it, and what cannot be understood is counted and said.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use glamm_engine::protocol::ImageId;
use glamm_engine::vision::{BinaryMask, MaskCandidates, PixelBox, Rle};
use serde::Deserialize;

use super::labelme::{LabelMeFile, Shape};
use super::named;
use super::open_pictures::{Likeness, NoPicture, Pictures};
use crate::document::{Document, Edit, EditedMask, GroundedMask, MaskEdit, MaskId, Picture};
use crate::storage::StorageError;

/// Larger annotation files are refused.
const MAX_BYTES: u64 = 512 << 20;
/// Objects of one picture.
const MAX_OBJECTS: usize = 5000;

/// What a file says of the open pictures.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    /// For each picture that it knows.
    pub pictures: Vec<ImportedPicture>,
    /// What was left out, for people.
    pub problems: Vec<String>,
}

/// What a file says of one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedPicture {
    /// Which one.
    pub image: ImageId,
    /// Boxes with their labels.
    pub boxes: Vec<(PixelBox, String)>,
    /// Masks with their labels.
    pub masks: Vec<(Arc<EditedMask>, String)>,
}

impl ImportedPicture {
    /// Keeps a mask, in few bytes however large the picture is.
    fn add_mask(&mut self, mask: &BinaryMask, label: &str) {
        self.masks.push((Arc::new(EditedMask::from(mask)), label.to_owned()));
    }
}

/// Reads an annotation file.
///
/// # Errors
/// [`StorageError::Read`], [`StorageError::Import`].
pub fn read(path: &Path, document: &Document) -> Result<Imported, StorageError> {
    let metadata = std::fs::metadata(path).map_err(StorageError::read(path))?;
    let wrong = |reason: String| StorageError::Import { path: path.to_owned(), reason };
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(wrong(format!("it is no file of at most {} MB", MAX_BYTES >> 20)));
    }
    let bytes = std::fs::read(path).map_err(StorageError::read(path))?;
    parse(&bytes, document).map_err(wrong)
}

/// Reads the content of an annotation file.
///
/// # Errors
/// Why it is none.
pub fn parse(bytes: &[u8], document: &Document) -> Result<Imported, String> {
    #[derive(Deserialize)]
    struct Kind {
        annotations: Option<serde::de::IgnoredAny>,
        shapes: Option<serde::de::IgnoredAny>,
    }
    let kind: Kind =
        serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON object: {error}"))?;
    let imported = match kind {
        Kind { annotations: Some(_), .. } => coco(bytes, document)?,
        Kind { shapes: Some(_), .. } => labelme(bytes, document)?,
        Kind { .. } => {
            return Err("it is neither of COCO (`annotations`) nor of LabelMe (`shapes`)".to_owned());
        }
    };
    if imported.pictures.is_empty() && imported.problems.is_empty() {
        return Err("there are no boxes and masks in it".to_owned());
    }
    Ok(imported)
}

/// A mask of a file as the document has masks. `None` where it has no size.
pub fn as_document_mask(id: MaskId, mask: &Arc<EditedMask>, label: &str) -> Option<GroundedMask> {
    let (width, height) = mask.size();
    let stand_in = MaskCandidates::from(Arc::new(mask.stand_in()));
    let mut made = GroundedMask::from_file(id, stand_in, Arc::clone(mask))?;
    made.apply(&MaskEdit::Rename(label.to_owned())).ok()?;
    (width > 0 && height > 0).then_some(made)
}

/// What the pictures get of it, one edit each. The masks are named by nothing yet.
pub fn edits(imported: &Imported) -> Vec<Edit> {
    let edit = |ImportedPicture { image, boxes, masks }: &ImportedPicture| {
        let masks = masks.iter().filter_map(|(mask, label)| as_document_mask(MaskId(0), mask, label));
        Edit::Import { image: *image, boxes: boxes.clone(), masks: masks.collect() }
    };
    imported.pictures.iter().map(edit).collect()
}

/// COCO's file, as far as it is read.
#[derive(Deserialize)]
struct CocoFile {
    images: Vec<CocoImage>,
    annotations: Vec<Annotation>,
    #[serde(default)]
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct CocoImage {
    id: u64,
    file_name: String,
    width: Option<u32>,
    height: Option<u32>,
}

#[derive(Deserialize)]
struct Category {
    id: u64,
    name: String,
}

fn coco(bytes: &[u8], document: &Document) -> Result<Imported, String> {
    let file: CocoFile = serde_json::from_slice(bytes).map_err(|error| format!("it is damaged: {error}"))?;
    let names: HashMap<u64, &str> = file.categories.iter().map(|c| (c.id, c.name.as_str())).collect();
    let (mut imported, mut left_out) = (Imported::default(), LeftOut::default());
    let places = coco_pictures(&file.images, document, &mut imported, &mut left_out);
    for annotation in &file.annotations {
        let Some(&(place, size)) = places.get(&annotation.image_id) else { continue };
        let Some(picture) = imported.pictures.get_mut(place) else { continue };
        let label = annotation.category_id.and_then(|id| names.get(&id).copied()).unwrap_or("object");
        if picture.masks.len() + picture.boxes.len() >= MAX_OBJECTS {
            left_out.beyond += 1;
        } else if !annotation.add_to(picture, size, label) {
            left_out.bad += 1;
        }
    }
    Ok(finish(imported, &left_out))
}

/// Begins with the open pictures that are meant, nothing in them yet: each by the one picture of the file that
/// is most like it, as others of the same name lie in other folders and are not open. By the numbers of the
/// file: the places that they have, and their sizes.
fn coco_pictures(
    images: &[CocoImage],
    document: &Document,
    imported: &mut Imported,
    left_out: &mut LeftOut,
) -> HashMap<u64, (usize, (u32, u32))> {
    let named = named(document, None);
    let pictures = Pictures::of(document, &named);
    // By the numbers of the file, and by those of the document.
    let (mut places, mut known) = (HashMap::new(), HashMap::new());
    for (CocoImage { id, file_name, width, height }, picture) in meant(images, &pictures, left_out) {
        let stated = (width.unwrap_or(picture.size.0), height.unwrap_or(picture.size.1));
        if stated != picture.size {
            left_out.other_sizes.push(other_size(file_name, stated, picture.size));
            continue;
        }
        let place = *known.entry(picture.id).or_insert_with(|| {
            let image = picture.id;
            imported.pictures.push(ImportedPicture { image, boxes: Vec::new(), masks: Vec::new() });
            imported.pictures.len() - 1
        });
        places.insert(*id, (place, picture.size));
    }
    places
}

/// Pictures of the file, each with the open one that it means; the others are noted.
fn meant<'f, 'a>(
    images: &'f [CocoImage],
    pictures: &Pictures<'a>,
    left_out: &mut LeftOut,
) -> Vec<(&'f CocoImage, &'a Picture)> {
    let mut found = Vec::new();
    // Of the pictures of the file that may be an open one: how like those are that are most like it, and their paths.
    let mut most: HashMap<ImageId, (Likeness, HashSet<&str>)> = HashMap::new();
    for image in images {
        match pictures.find(&image.file_name) {
            Ok((picture, likeness)) => {
                found.push((image, picture, likeness));
                let best = most.entry(picture.id).or_insert_with(|| (likeness, HashSet::new()));
                if likeness > best.0 {
                    *best = (likeness, HashSet::new());
                }
                if likeness == best.0 {
                    best.1.insert(&image.file_name);
                }
            }
            Err(NoPicture::NotOpen) => left_out.not_open += 1,
            Err(NoPicture::Ambiguous) => left_out.ambiguous.push(image.file_name.clone()),
        }
    }
    found.retain(|(image, picture, likeness)| match most.get(&picture.id) {
        Some((best, paths)) if likeness == best && paths.len() == 1 => true,
        Some((best, _)) if likeness == best => {
            left_out.rivals.push(image.file_name.clone());
            false
        }
        _ => {
            left_out.not_open += 1;
            false
        }
    });
    found.into_iter().map(|(image, picture, _)| (image, picture)).collect()
}

#[derive(Deserialize)]
struct Annotation {
    image_id: u64,
    category_id: Option<u64>,
    bbox: Option<[f64; 4]>,
    segmentation: Option<Segmentation>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Segmentation {
    Packed(Rle),
    Runs { size: [u32; 2], counts: Vec<u32> },
    Polygons(Vec<Vec<f64>>),
}

impl Annotation {
    /// Adds the mask, or else the box; `false` where neither makes sense.
    fn add_to(&self, picture: &mut ImportedPicture, (width, height): (u32, u32), label: &str) -> bool {
        let fits = |size: [u32; 2]| size == [height, width];
        let mask = match &self.segmentation {
            Some(Segmentation::Packed(runs)) if fits(runs.size) => BinaryMask::from_rle(runs).ok(),
            Some(Segmentation::Runs { size, counts }) if fits(*size) => from_runs(counts, width, height),
            Some(Segmentation::Polygons(rings)) if is_rectangle(rings, self.bbox) => None,
            Some(Segmentation::Polygons(rings)) => BinaryMask::from_rings(rings, width, height),
            Some(_) | None => None,
        };
        if let Some(mask) = mask.filter(|mask| mask.area() > 0) {
            picture.add_mask(&mask, label);
            return true;
        }
        let Some([left, top, across, down]) = self.bbox else { return false };
        let corners = (left as f32, top as f32, (left + across) as f32, (top + down) as f32);
        let Some(bounds) = boxed(corners, (width, height)) else { return false };
        picture.boxes.push((bounds, label.to_owned()));
        true
    }
}

/// A polygon that says no more than the box does.
fn is_rectangle(rings: &[Vec<f64>], bbox: Option<[f64; 4]>) -> bool {
    let ([ring], Some([x, y, w, h])) = (rings, bbox) else { return false };
    let corners = [x, y, x + w, y, x + w, y + h, x, y + h];
    ring.len() == corners.len() && ring.iter().zip(corners).all(|(a, b)| (a - b).abs() < 1e-3)
}

/// The part of a box on the picture.
fn boxed((x0, y0, x1, y1): (f32, f32, f32, f32), (width, height): (u32, u32)) -> Option<PixelBox> {
    let finite = [x0, y0, x1, y1].iter().all(|number| number.is_finite());
    let bounds = PixelBox::from_corners((x0, y0), (x1, y1)).clipped(width, height);
    (finite && bounds.width() >= 1.0 && bounds.height() >= 1.0).then_some(bounds)
}

/// Runs of outside and inside in turn, column by column.
fn from_runs(counts: &[u32], width: u32, height: u32) -> Option<BinaryMask> {
    let all = u64::from(width) * u64::from(height);
    if counts.iter().map(|&count| u64::from(count)).sum::<u64>() != all {
        return None;
    }
    let mut columns = Vec::with_capacity(usize::try_from(all).ok()?);
    for (place, &count) in counts.iter().enumerate() {
        columns.resize(columns.len() + count as usize, place % 2 == 1);
    }
    let at = |x: u32, y: u32| x as usize * height as usize + y as usize;
    Some(BinaryMask::from_fn(width, height, |x, y| columns.get(at(x, y)).copied().unwrap_or(false)))
}

fn labelme(bytes: &[u8], document: &Document) -> Result<Imported, String> {
    let file: LabelMeFile =
        serde_json::from_slice(bytes).map_err(|error| format!("it is damaged: {error}"))?;
    let named = named(document, None);
    let found = Pictures::of(document, &named).find(&file.image_path);
    let (image, size) = match found {
        Ok((picture, _)) => (picture.id, picture.size),
        Err(NoPicture::NotOpen) => return Err(format!("its picture {} is not open", file.image_path)),
        Err(NoPicture::Ambiguous) => {
            return Err(format!("several open pictures may be meant by {}", file.image_path));
        }
    };
    let stated = (file.image_width, file.image_height);
    if stated != (0, 0) && stated != size {
        return Err(other_size("its picture", stated, size));
    }
    let mut picture = ImportedPicture { image, boxes: Vec::new(), masks: Vec::new() };
    // Parts of one mask have one group.
    let mut groups: HashMap<(u64, &str), Vec<Vec<f64>>> = HashMap::new();
    let beyond = file.shapes.len().saturating_sub(MAX_OBJECTS);
    let mut left_out = LeftOut { beyond, ..LeftOut::default() };
    for shape in file.shapes.iter().take(MAX_OBJECTS) {
        match (shape.shape_type.as_str(), shape.group_id) {
            ("polygon", Some(group)) => {
                groups.entry((group, &shape.label)).or_default().push(ring(&shape.points));
            }
            _ if !add_shape(&mut picture, shape, size) => left_out.bad += 1,
            _ => {}
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(key, _)| *key);
    for ((_, label), rings) in groups {
        match BinaryMask::from_rings(&rings, size.0, size.1).filter(|mask| mask.area() > 0) {
            Some(mask) => picture.add_mask(&mask, label),
            None => left_out.bad += 1,
        }
    }
    Ok(finish(Imported { pictures: vec![picture], problems: Vec::new() }, &left_out))
}

fn ring(points: &[[f32; 2]]) -> Vec<f64> {
    points.iter().flatten().map(|&number| f64::from(number)).collect()
}

fn add_shape(picture: &mut ImportedPicture, shape: &Shape, size: (u32, u32)) -> bool {
    let label = shape.label.clone();
    let bounds = match shape.points.as_slice() {
        &[[ax, ay], [bx, by]] => boxed((ax, ay, bx, by), size),
        _ => None,
    };
    let mask = match shape.shape_type.as_str() {
        "rectangle" => {
            let Some(bounds) = bounds else { return false };
            picture.boxes.push((bounds, label));
            return true;
        }
        "polygon" => BinaryMask::from_rings(&[ring(&shape.points)], size.0, size.1),
        "circle" => circle(&shape.points, size),
        "mask" => shape.mask.as_deref().and_then(|png| pasted(png, &shape.points, size)),
        _ => None,
    };
    let Some(mask) = mask.filter(|mask| mask.area() > 0) else { return false };
    picture.add_mask(&mask, &label);
    true
}

/// LabelMe's circle: its middle and a place on it.
fn circle(points: &[[f32; 2]], (width, height): (u32, u32)) -> Option<BinaryMask> {
    let &[[cx, cy], [px, py]] = points else { return None };
    let radius = (px - cx).hypot(py - cy);
    let within = |x: u32, y: u32| (x as f32 + 0.5 - cx).hypot(y as f32 + 0.5 - cy) <= radius;
    radius.is_finite().then(|| BinaryMask::from_fn(width, height, within))
}

/// LabelMe's mask: a PNG of the pixels in the box, whose lower right corner is its last pixel.
fn pasted(png: &str, points: &[[f32; 2]], (width, height): (u32, u32)) -> Option<BinaryMask> {
    let &[[x0, y0], [x1, y1]] = points else { return None };
    boxed((x0, y0, x1 + 1.0, y1 + 1.0), (width, height))?;
    let bytes = STANDARD.decode(png).ok()?;
    let mut reader = image::ImageReader::with_format(std::io::Cursor::new(bytes), image::ImageFormat::Png);
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(width + 1);
    limits.max_image_height = Some(height + 1);
    reader.limits(limits);
    let inside = reader.decode().ok()?.into_luma8();
    let (left, top) = (x0.round() as i64, y0.round() as i64);
    Some(BinaryMask::from_fn(width, height, |x, y| {
        let (Ok(x), Ok(y)) = (u32::try_from(i64::from(x) - left), u32::try_from(i64::from(y) - top)) else {
            return false;
        };
        inside.get_pixel_checked(x, y).is_some_and(|pixel| pixel.0[0] > 0)
    }))
}

fn other_size(picture: &str, stated: (u32, u32), open: (u32, u32)) -> String {
    format!("{picture} has {} × {} pixels, the open one {} × {}", stated.0, stated.1, open.0, open.1)
}

/// What was left out.
#[derive(Debug, Default)]
struct LeftOut {
    /// How many pictures are not open.
    not_open: usize,
    /// Names that several open pictures may have.
    ambiguous: Vec<String>,
    /// Names of which several may be that of one open picture.
    rivals: Vec<String>,
    /// What is to be said of pictures that have another size than the open ones.
    other_sizes: Vec<String>,
    /// How many objects make no sense.
    bad: usize,
    /// How many are beyond what a picture may have.
    beyond: usize,
}

fn finish(mut imported: Imported, left_out: &LeftOut) -> Imported {
    /// So many pictures are named.
    const NAMED: usize = 3;
    imported.pictures.retain(|picture| !picture.boxes.is_empty() || !picture.masks.is_empty());
    let LeftOut { not_open, ambiguous, rivals, other_sizes, bad, beyond } = left_out;
    let mut say = |count: usize, what: String| {
        if count > 0 {
            imported.problems.push(what);
        }
    };
    let some = |all: &[String]| {
        let rest = all.len().saturating_sub(NAMED);
        let more = if rest > 0 { format!(", and {rest} more") } else { String::new() };
        all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ") + &more
    };
    say(*not_open, format!("{not_open} pictures that are not open"));
    say(
        ambiguous.len(),
        format!("pictures by whose names several open ones may be meant: {}", some(ambiguous)),
    );
    say(
        rivals.len(),
        format!("pictures of which only one can be the open one of that name: {}", some(rivals)),
    );
    say(other_sizes.len(), format!("pictures of another size: {}", some(other_sizes)));
    say(*bad, format!("{bad} boxes or masks that make no sense on their picture"));
    say(*beyond, format!("{beyond} boxes or masks beyond the first {MAX_OBJECTS} of a picture"));
    imported
}
