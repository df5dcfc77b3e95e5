//! Labels for training YOLO to segment (docs.ultralytics.com, "Instance segmentation datasets"): for
//! each picture a text file with a line for each mask, `class x0 y0 x1 y1 …`, coordinates as shares of
//! width and height. A mask of several parts is one ring, joined by cuts without width. Read back with
//! the parser of `ultralytics` in the tests.

use std::fmt::Write as _;

use super::annotations::{Categories, Object};
use super::rings::one_ring;
use crate::document::Picture;

/// Corners may be so many pixels off: fewer corners train as well.
const TOLERANCE: f32 = 0.75;

/// The file of a picture. Boxes become rings of four corners.
pub(super) fn labels(picture: &Picture, objects: &[Object], categories: &Categories) -> String {
    let (width, height) = (picture.size.0 as f32, picture.size.1 as f32);
    let mut text = String::new();
    for object in objects {
        let ring = match (object.binary(), object.region) {
            (Some(mask), _) => one_ring(&mask, TOLERANCE),
            (None, Some(b)) => vec![(b.x0, b.y0), (b.x1, b.y0), (b.x1, b.y1), (b.x0, b.y1)],
            (None, None) => continue,
        };
        if ring.len() < 3 {
            continue;
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", categories.number(&object.category));
        for (x, y) in ring {
            let _ = write!(text, " {:.6} {:.6}", x / width, y / height);
        }
        text.push('\n');
    }
    text
}

/// `data.yaml`: where the pictures are, beside it, and what the classes are called.
pub(super) fn data(categories: &Categories) -> String {
    let mut text = String::from("train: images\nval: images\nnames:\n");
    for (number, name) in categories.names().enumerate() {
        // A JSON string is a YAML string, whatever is in it.
        let _ = writeln!(text, "  {number}: {}", serde_json::Value::from(name));
    }
    text
}
