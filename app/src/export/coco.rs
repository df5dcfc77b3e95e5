//! COCO's `instances` JSON (cocodataset.org, "Data format"), once with run-length codes, once with
//! polygons. Read back with `pycocotools` in the tests.

use glamm_engine::vision::{BinaryMask, PixelBox, Rle};
use serde::Serialize;

use super::Named;
use super::annotations::{Categories, Object};
use super::rings::{flat, polygons};

#[derive(Debug, Serialize)]
pub(super) struct File<'a> {
    info: Info,
    images: &'a [Image],
    annotations: Vec<Annotation<'a>>,
    categories: Vec<Category<'a>>,
}

#[derive(Debug, Serialize)]
struct Info {
    description: &'static str,
    version: &'static str,
}

#[derive(Debug, Serialize)]
struct Image {
    id: u64,
    file_name: String,
    width: u32,
    height: u32,
}

#[derive(Debug, Serialize)]
struct Category<'a> {
    id: usize,
    name: &'a str,
    supercategory: &'static str,
}

#[derive(Debug, Serialize)]
struct Annotation<'a> {
    id: usize,
    image_id: u64,
    category_id: usize,
    /// Left, top, width, height.
    bbox: [f32; 4],
    area: f64,
    iscrowd: u8,
    segmentation: Segmentation<'a>,
    /// Not of COCO: the words in the reply.
    phrase: &'a str,
    /// Not of COCO either: "edited" or "changed", where the pixels are others than those given.
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Segmentation<'a> {
    RunLengths(&'a Rle),
    Polygons(&'a [Vec<f32>]),
}

#[derive(Debug)]
struct Entry {
    image_id: u64,
    category: String,
    phrase: String,
    change: Option<&'static str>,
    bounds: PixelBox,
    area: f64,
    runs: Rle,
    polygons: Vec<Vec<f32>>,
}

/// Grows with every picture.
#[derive(Debug, Default)]
pub(super) struct Coco {
    images: Vec<Image>,
    entries: Vec<Entry>,
}

impl Coco {
    /// Adds a picture. Masks without pixels are left out: the format has none.
    pub(super) fn add(&mut self, image_id: u64, named: &Named, objects: &[Object]) {
        let (width, height) = named.picture.size;
        self.images.push(Image { id: image_id, file_name: named.image_path(), width, height });
        for object in objects {
            let binary = object.binary().unwrap_or_else(|| match object.region {
                Some(region) => BinaryMask::of_box(region, width, height),
                None => BinaryMask::empty(width, height),
            });
            let Some(around) = binary.bounding_box() else { continue };
            let bounds = object.region.unwrap_or(around);
            let corners = |PixelBox { x0, y0, x1, y1 }| vec![x0, y0, x1, y0, x1, y1, x0, y1];
            let polygons = match object.region {
                Some(region) => vec![corners(region)],
                None => polygons(&binary, 0.0).iter().map(|ring| flat(ring)).collect(),
            };
            let area = if object.region.is_some() { f64::from(bounds.area()) } else { binary.area() as f64 };
            self.entries.push(Entry {
                image_id,
                category: object.category.clone(),
                phrase: object.phrase.clone(),
                change: object.change(),
                bounds,
                area,
                runs: binary.to_rle(),
                polygons,
            });
        }
    }

    /// The file with run-length codes.
    pub(super) fn with_run_lengths<'a>(&'a self, categories: &'a Categories) -> File<'a> {
        self.file(categories, |entry| Segmentation::RunLengths(&entry.runs))
    }

    /// The file with polygons.
    pub(super) fn with_polygons<'a>(&'a self, categories: &'a Categories) -> File<'a> {
        self.file(categories, |entry| Segmentation::Polygons(&entry.polygons))
    }

    fn file<'a>(
        &'a self,
        categories: &'a Categories,
        segmentation: impl Fn(&'a Entry) -> Segmentation<'a>,
    ) -> File<'a> {
        let annotations = self.entries.iter().enumerate().map(|(place, entry)| {
            let PixelBox { x0, y0, .. } = entry.bounds;
            Annotation {
                id: place + 1,
                image_id: entry.image_id,
                category_id: categories.number(&entry.category) + 1,
                bbox: [x0, y0, entry.bounds.width(), entry.bounds.height()],
                area: entry.area,
                iscrowd: 0,
                segmentation: segmentation(entry),
                phrase: &entry.phrase,
                change: entry.change,
            }
        });
        let names = categories.names().enumerate();
        File {
            info: Info { description: "Exported by GLaMM Desktop", version: env!("CARGO_PKG_VERSION") },
            images: &self.images,
            annotations: annotations.collect(),
            categories: names
                .map(|(place, name)| Category { id: place + 1, name, supercategory: "object" })
                .collect(),
        }
    }
}
