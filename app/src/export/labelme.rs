//! LabelMe's JSON (github.com/wkentaro/labelme), one for each picture, which lies beside it in
//! `images/`. Each part of a mask is a polygon, parts of one mask have one `group_id`; boxes are
//! rectangles. Read back with the `labelme` package in the tests.

use glamm_engine::vision::PixelBox;
use serde::{Deserialize, Serialize};

use super::Named;
use super::annotations::Object;
use super::rings::polygons;

/// A file of LabelMe, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LabelMeFile {
    pub(crate) version: String,
    #[serde(default)]
    pub(crate) flags: serde_json::Map<String, serde_json::Value>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) image_path: String,
    /// The picture within the file: never written.
    #[serde(skip_deserializing)]
    pub(crate) image_data: Option<String>,
    #[serde(default)]
    pub(crate) image_height: u32,
    #[serde(default)]
    pub(crate) image_width: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "names of the format")]
pub(crate) struct Shape {
    pub(crate) label: String,
    pub(crate) points: Vec<[f32; 2]>,
    #[serde(default)]
    pub(crate) group_id: Option<u64>,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default = "polygon")]
    pub(crate) shape_type: String,
    #[serde(default)]
    pub(crate) flags: serde_json::Map<String, serde_json::Value>,
    /// The pixels within the box of `points`, as a PNG in base64, for the shape `mask`.
    #[serde(default)]
    pub(crate) mask: Option<String>,
}

fn polygon() -> String {
    "polygon".to_owned()
}

/// Written by this version of LabelMe, as far as its readers care.
const VERSION: &str = "5.5.0";
/// Corners may be so many pixels off, so that they can be moved by hand.
const TOLERANCE: f32 = 0.75;

/// The file of a picture.
pub(super) fn file(named: &Named, objects: &[Object]) -> LabelMeFile {
    let mut shapes = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        let shape = |points: Vec<[f32; 2]>, shape_type: &str, group_id| Shape {
            label: object.category.clone(),
            points,
            group_id,
            description: Some(object.phrase.clone()),
            shape_type: shape_type.to_owned(),
            flags: object.change().map(|change| (change.to_owned(), true.into())).into_iter().collect(),
            mask: None,
        };
        if let Some(PixelBox { x0, y0, x1, y1 }) = object.region {
            shapes.push(shape(vec![[x0, y0], [x1, y1]], "rectangle", None));
        }
        let Some(mask) = object.binary() else { continue };
        let parts = polygons(&mask, TOLERANCE);
        let group = (parts.len() > 1).then_some(number as u64 + 1);
        for part in parts {
            shapes.push(shape(part.into_iter().map(|(x, y)| [x, y]).collect(), "polygon", group));
        }
    }
    LabelMeFile {
        version: VERSION.to_owned(),
        flags: serde_json::Map::new(),
        shapes,
        image_path: format!("../{}", named.image_path()),
        image_data: None,
        image_height: named.picture.size.1,
        image_width: named.picture.size.0,
    }
}
