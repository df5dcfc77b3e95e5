//! What a mask ought to be, from files: a picture of a mask, or annotations of COCO and LabelMe.

use std::path::Path;
use std::sync::Arc;

use glamm_engine::vision::BinaryMask;

use crate::document::{Document, EditedMask, GroundedMask, Picture};
use crate::export::import;
use crate::words::name_of;

/// A mask from a file, to be compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    /// For people: the file, or what the file calls it.
    pub label: String,
    /// Its pixels.
    pub pixels: Arc<EditedMask>,
}

/// The masks of a file about this picture; never none. The one that is most like `mask` comes first.
///
/// # Errors
/// Why there are none, for people.
pub fn read(path: &Path, picture: &Picture, mask: Option<&GroundedMask>) -> Result<Vec<Truth>, String> {
    let name = name_of(path);
    let is_annotations = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let mut truths = if is_annotations {
        let found = annotated(path, picture)?;
        let truth = |(pixels, label)| Truth { label: format!("{label} ({name})"), pixels };
        found.into_iter().map(truth).collect()
    } else {
        let pixels = Arc::new(EditedMask::from(&painted(path, picture.size)?));
        vec![Truth { label: name, pixels }]
    };
    if let Some(mask) = mask.map(GroundedMask::pixels) {
        let iou = |truth: &Truth| {
            let (both, union) = mask.intersection_and_union(&truth.pixels.to_binary());
            both as f64 / union.max(1) as f64
        };
        let mut ranked: Vec<(f64, Truth)> = truths.into_iter().map(|truth| (iou(&truth), truth)).collect();
        ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        truths = ranked.into_iter().map(|(_, truth)| truth).collect();
    }
    Ok(truths)
}

/// Masks and boxes of COCO or LabelMe; a box stands for all its pixels.
fn annotated(path: &Path, picture: &Picture) -> Result<Vec<(Arc<EditedMask>, String)>, String> {
    let document = Document::default().with_picture(Arc::new(picture.clone()));
    let imported = import::read(path, &document).map_err(|error| error.to_string())?;
    let (width, height) = picture.size;
    let filled = |bounds| Arc::new(EditedMask::from(&BinaryMask::of_box(bounds, width, height)));
    let mut found = Vec::new();
    for about in imported.pictures {
        found.extend(about.masks);
        found.extend(about.boxes.into_iter().map(|(bounds, label)| (filled(bounds), label)));
    }
    if found.is_empty() {
        let why = if imported.problems.is_empty() { String::new() } else { imported.problems.join("; ") };
        let about = format!("{} has no mask of {}", path.display(), picture.name);
        return Err(if why.is_empty() { about } else { format!("{about}: {why}") });
    }
    Ok(found)
}

/// A mask from a picture file: what is brighter than half of the brightest pixel is inside.
fn painted(path: &Path, (width, height): (u32, u32)) -> Result<BinaryMask, String> {
    let image = glamm_engine::vision::load_image(path).map_err(|error| error.to_string())?;
    if image.dimensions() != (width, height) {
        let (w, h) = image.dimensions();
        let name = path.display();
        return Err(format!(
            "{name} is {w} × {h}, but the picture is {width} × {height}: choose a mask of the same size"
        ));
    }
    let brightness = |x, y| image.get_pixel(x, y).0.into_iter().max().unwrap_or(0);
    let brightest = image.as_raw().iter().copied().max().unwrap_or(0);
    Ok(BinaryMask::from_fn(width, height, |x, y| brightness(x, y) > brightest / 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{MaskId, Origin};
    use glamm_engine::protocol::ImageId;

    fn picture(size: (u32, u32)) -> Picture {
        Picture::new(ImageId(1), "a.png".into(), Origin::Clipboard, size)
    }

    #[test]
    fn masks_are_read_from_pictures_of_the_same_size() {
        let folder = tempfile::tempdir().unwrap();
        for (name, inside) in [("full.png", 255u8), ("index.png", 1)] {
            let path = folder.path().join(name);
            let grey = image::GrayImage::from_fn(6, 4, |x, _| image::Luma([if x < 2 { inside } else { 0 }]));
            grey.save(&path).unwrap();
            let truths = read(&path, &picture((6, 4)), None).unwrap();
            assert_eq!((truths.len(), truths[0].label.as_str()), (1, name));
            assert_eq!(truths[0].pixels.to_binary(), BinaryMask::from_fn(6, 4, |x, _| x < 2), "{name}");
            assert!(read(&path, &picture((4, 6)), None).unwrap_err().contains("6 × 4"));
        }
        assert!(read(&folder.path().join("none.png"), &picture((6, 4)), None).is_err());
        let black = folder.path().join("black.png");
        image::GrayImage::new(3, 3).save(&black).unwrap();
        assert_eq!(read(&black, &picture((3, 3)), None).unwrap()[0].pixels.area(), 0);
    }

    #[test]
    fn annotations_are_ranked_by_how_like_the_mask_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let coco = folder.path().join("coco.json");
        let text = r#"{"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "cat"}],
            "annotations": [
                {"image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2]},
                {"image_id": 1, "category_id": 1, "segmentation": [[4, 0, 8, 0, 8, 8, 4, 8]], "bbox": [4, 0, 4, 7]}]}"#;
        std::fs::write(&coco, text).unwrap();
        let labelme = folder.path().join("labelme.json");
        let text = r#"{"version": "5.4.1", "imagePath": "a.png", "shapes": [
            {"label": "dog", "points": [[0, 0], [3, 8]], "shape_type": "rectangle"}]}"#;
        std::fs::write(&labelme, text).unwrap();
        let right = BinaryMask::from_fn(8, 8, |x, _| x >= 5);
        let mask = import::as_document_mask(MaskId(1), &Arc::new(EditedMask::from(&right)), "").unwrap();
        let truths = read(&coco, &picture((8, 8)), Some(&mask)).unwrap();
        let areas: Vec<u64> = truths.iter().map(|truth| truth.pixels.area()).collect();
        assert_eq!(areas, [32, 4], "the half at the right, then the box");
        assert_eq!(truths[0].label, "cat (coco.json)");
        let truths = read(&labelme, &picture((8, 8)), None).unwrap();
        assert_eq!((truths[0].label.as_str(), truths[0].pixels.area()), ("dog (labelme.json)", 24));
        let other = Picture { name: "b.png".into(), ..picture((8, 8)) };
        assert!(read(&coco, &other, None).unwrap_err().contains("not open"));
    }
}
