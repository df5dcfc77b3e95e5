//! What is exported comes back, and other programs read it.
#![expect(clippy::print_stderr, reason = "tests say what they leave out")]

mod importing;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use glamm_engine::protocol::{FinishReason, Grounding, JobStats, Reply, Sampling};
use glamm_engine::vision::{BinaryMask, PixelBox};
use image::{Rgb, RgbImage};

use super::import::{self, as_document_mask};
use super::*;
use crate::document::{
    Conversation, ConversationId, EditedMask, Exchange, ExchangeId, GroundedMask, MaskId, MaskSource, Origin,
    Question, Region, RegionTag, Settings,
};
use crate::pictures::pixels::Pixels;

const SIZE: (u32, u32) = (90, 60);

fn disc() -> BinaryMask {
    // With a hole.
    BinaryMask::from_fn(SIZE.0, SIZE.1, |x, y| {
        (36..400).contains(&((x as i32 - 30).pow(2) + (y as i32 - 28).pow(2)))
    })
}

fn two_parts() -> BinaryMask {
    BinaryMask::from_fn(SIZE.0, SIZE.1, |x, y| (55..65).contains(&x) && y > 40 || x > 75 && y < 20)
}

/// A mask of the pixel decoder that was painted over by hand.
fn painted(id: MaskId, pixels: &Arc<EditedMask>, name: &str) -> Option<GroundedMask> {
    let roughly = as_document_mask(id, pixels, name)?;
    Some(GroundedMask { source: MaskSource::Decoder, edited: Some(Arc::clone(pixels)), ..roughly })
}

const TEXT: &str = "A blue disc and two \"red\" <corners>.";

fn snapshot() -> Snapshot {
    let masks = [(disc(), ""), (two_parts(), "")];
    let spans = [0..11, 16..34];
    let masks = masks
        .iter()
        .zip(0..)
        .map(|((mask, name), id)| painted(MaskId(id), &Arc::new(EditedMask::from(mask)), name));
    let exchange = Exchange {
        id: ExchangeId(1),
        parent: None,
        question: Question { text: "What is <there>?".to_owned(), regions: Vec::new() },
        reply: Reply {
            raw: TEXT.to_owned(),
            text: TEXT.to_owned(),
            groundings: spans.map(|span| Grounding { span }).to_vec(),
        },
        tokens: Arc::new([]),
        masks: masks.collect(),
        first_hue: 0,
        sampling: Sampling::Greedy,
        reason: FinishReason::EndOfSequence,
        stats: JobStats::default(),
    };
    let conversation = Conversation::new(ConversationId(1), Settings::default());
    let conversation = conversation.with_exchanges(vec![Arc::new(exchange)], None).unwrap();
    let mut document = Document::default();
    let mut pixels = HashMap::new();
    for (id, name) in [(1, "a scene.jpg"), (2, "a scene.png")] {
        let mut picture = Picture::new(ImageId(id), name.into(), Origin::Clipboard, SIZE);
        let bounds = PixelBox { x0: 4.0, y0: 5.0, x1: 44.0, y1: 25.0 };
        picture.regions.push(Region { name: "a door".into(), ..Region::new(RegionTag(1), bounds) });
        if id == 1 {
            picture.conversations = vec![Arc::new(conversation.clone())];
        }
        document = document.with_picture(Arc::new(picture));
        let image = RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| Rgb([x as u8, y as u8, 90]));
        pixels.insert(ImageId(id), Arc::new(Pixels::new(Arc::new(image))));
    }
    Snapshot { document, pixels, ..Snapshot::default() }
}

fn export(formats: &[Format], out: &Path) -> Exported {
    let request = ExportRequest { formats: formats.to_vec(), only: None, out: out.to_owned() };
    let snapshot = snapshot();
    let exported = run(&snapshot, &request, &mut |_, _| true).unwrap();
    let mut planned: Vec<_> = plan(&snapshot.document, &request).into_iter().map(|file| file.path).collect();
    let mut written = exported.files.clone();
    planned.sort();
    written.sort();
    assert_eq!(planned, written, "what was announced is what was written");
    assert!(exported.problems.is_empty());
    exported
}

#[test]
fn every_format_is_written_as_announced() {
    let folder = tempfile::tempdir().unwrap();
    let exported = export(&Format::ALL, folder.path());
    assert!(exported.files.iter().all(|file| folder.path().join(file).is_file()));
    assert!(folder.path().join("masks/a-scene/01-A-blue-disc.png").is_file(), "{:?}", exported.files);
    assert!(folder.path().join("images/a-scene-2.png").is_file(), "no two have one name");
    for format in Format::ALL {
        assert_eq!(Format::by_name(format.name()), Some(format));
    }
}

#[test]
fn one_picture_may_be_enough_and_lost_pictures_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut snapshot = snapshot();
    snapshot.pixels.clear();
    let request = ExportRequest {
        formats: vec![Format::Masks, Format::Overlay],
        only: Some(ImageId(1)),
        out: folder.path().to_owned(),
    };
    let exported = run(&snapshot, &request, &mut |_, _| true).unwrap();
    assert_eq!(exported.files.len(), 2, "masks can be had without the picture");
    assert_eq!(exported.problems.len(), 1);
    let stopped = run(&snapshot, &request, &mut |_, _| false).unwrap();
    assert_eq!(stopped.files.len(), 0);
}

#[test]
fn masks_are_black_and_white_or_numbered() {
    let folder = tempfile::tempdir().unwrap();
    export(&[Format::Masks, Format::Indexed], folder.path());
    let binary = image::open(folder.path().join("masks/a-scene/01-A-blue-disc.png")).unwrap();
    assert_eq!(binary.color(), image::ColorType::L8);
    let expected = disc();
    for (x, y, pixel) in binary.to_luma8().enumerate_pixels() {
        assert_eq!(pixel.0[0], if expected.contains(x, y) { 255 } else { 0 });
    }
    let file = std::io::BufReader::new(fs::File::open(folder.path().join("indexed/a-scene.png")).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    assert_eq!(reader.info().color_type, png::ColorType::Indexed);
    let mut indices = vec![0; (SIZE.0 * SIZE.1) as usize];
    reader.next_frame(&mut indices).unwrap();
    let (first, second) = (disc(), two_parts());
    for (at, index) in indices.iter().enumerate() {
        let (x, y) = (at as u32 % SIZE.0, at as u32 / SIZE.0);
        let wanted = if second.contains(x, y) { 2 } else { u8::from(first.contains(x, y)) };
        assert_eq!(*index, wanted, "{x}, {y}");
    }
}

/// The first picture with the masks of its reply changed.
fn with_masks(change: impl Fn(usize, &mut crate::document::GroundedMask)) -> Snapshot {
    let mut snapshot = snapshot();
    let mut picture = Picture::clone(snapshot.document.picture(ImageId(1)).unwrap());
    let mut number = 0;
    picture.for_each_mask(|mask| {
        change(number, mask);
        number += 1;
    });
    snapshot.document = snapshot.document.without_picture(ImageId(1)).with_picture(Arc::new(picture));
    snapshot
}

/// What is written of the first picture and its reply, in all formats.
fn written(snapshot: &Snapshot) -> (tempfile::TempDir, Exported) {
    let folder = tempfile::tempdir().unwrap();
    let (formats, only, out) = (Format::ALL.to_vec(), Some(ImageId(1)), folder.path().to_owned());
    let exported = run(snapshot, &ExportRequest { formats, only, out }, &mut |_, _| true).unwrap();
    (folder, exported)
}

fn json(folder: &Path, file: &str) -> serde_json::Value {
    serde_json::from_slice(&fs::read(folder.join(file)).unwrap()).unwrap()
}

#[test]
fn captions_have_one_place_for_a_phrase_and_all_its_masks() {
    let mut snapshot = snapshot();
    let mut picture = Picture::clone(snapshot.document.picture(ImageId(1)).unwrap());
    let first = picture.conversations[0].path().next().unwrap();
    let text = " \"a disc\" and a disc".to_owned();
    let groundings = [2..8, 14..20].map(|span| Grounding { span }).to_vec();
    let reply = Reply { raw: text.clone(), text, groundings };
    let exchange = Exchange { reply, ..Exchange::clone(first) };
    let conversation = Conversation::new(ConversationId(1), Settings::default());
    picture.conversations =
        vec![Arc::new(conversation.with_exchanges(vec![Arc::new(exchange)], None).unwrap())];
    snapshot.document = snapshot.document.without_picture(picture.id).with_picture(Arc::new(picture));
    let (folder, _) = written(&snapshot);
    let caption = &json(folder.path(), "grandf.json")[0];
    assert_eq!(caption["caption"], "a disc\" and a disc");
    assert_eq!(caption["groundings"]["a disc"]["token_positives"], serde_json::json!([0, 6]));
    assert_eq!(caption["groundings"]["a disc"]["rle_masks"].as_array().unwrap().len(), 2);
}

/// How often each format has masks: binary files, numbers in the legend, COCO twice, YOLO, LabelMe,
/// phrases of GranD-f, and outlines of the HTML. The box is counted off.
fn counts(folder: &Path) -> [usize; 8] {
    let list = |value: &serde_json::Value| value.as_array().unwrap().len();
    let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let captions = json(folder, "grandf.json");
    let phrases = captions.as_array().unwrap().iter().map(|c| c["groundings"].as_object().unwrap().len());
    let shapes = json(folder, "labelme/a-scene.json");
    let mut labels: Vec<_> =
        shapes["shapes"].as_array().unwrap().iter().map(|s| s["label"].as_str()).collect();
    labels.dedup();
    [
        fs::read_dir(folder.join("masks/a-scene")).map_or(0, Iterator::count),
        list(&json(folder, "indexed/legend.json")[0]["masks"]),
        list(&json(folder, "coco-rle.json")["annotations"]) - 1,
        list(&json(folder, "coco-polygons.json")["annotations"]) - 1,
        text("labels/a-scene.txt").lines().count() - 1,
        labels.len() - 1,
        phrases.sum(),
        text("report.html").matches("<path class=\"m m").count(),
    ]
}

#[test]
fn hidden_masks_are_left_out_of_every_format() {
    let (folder, exported) = written(&with_masks(|_, _| {}));
    assert_eq!(counts(folder.path()), [2; 8]);
    assert!(exported.problems.is_empty());
    let (folder, exported) = written(&with_masks(|number, mask| mask.hidden = number == 0));
    assert_eq!(counts(folder.path()), [1; 8]);
    assert!(exported.problems.is_empty(), "that is as it was meant");
    let (folder, _) = written(&with_masks(|_, mask| mask.hidden = true));
    assert_eq!(counts(folder.path()), [0; 8]);
    assert_eq!(json(folder.path(), "grandf.json"), serde_json::json!([]), "a caption without masks is none");
}

#[test]
fn masks_without_a_pixel_are_in_pictures_and_not_in_annotations() {
    let empty = Arc::new(EditedMask::from(&BinaryMask::empty(SIZE.0, SIZE.1)));
    let snapshot = with_masks(|number, mask| {
        if number == 1 {
            mask.edited = Some(Arc::clone(&empty));
        }
    });
    let (folder, exported) = written(&snapshot);
    assert_eq!(counts(folder.path()), [2, 2, 1, 1, 1, 1, 1, 2]);
    assert_eq!(exported.problems.len(), 1);
    assert!(exported.problems[0].starts_with("1 mask without a pixel"), "{:?}", exported.problems);
    assert!(exported.problems[0].contains("a scene.jpg"));
}

#[test]
fn what_does_not_fit_into_an_indexed_picture_is_said() {
    let mut snapshot = snapshot();
    let mut picture = Picture::clone(snapshot.document.picture(ImageId(1)).unwrap());
    picture.conversations.clear();
    let mask = Arc::new(EditedMask::from(&disc()));
    picture.masks = (0..258).map(|id| as_document_mask(MaskId(id), &mask, "disc").unwrap()).collect();
    snapshot.document = snapshot.document.without_picture(ImageId(1)).with_picture(Arc::new(picture));
    let folder = tempfile::tempdir().unwrap();
    let (formats, only, out) = (vec![Format::Indexed], Some(ImageId(1)), folder.path().to_owned());
    let exported = run(&snapshot, &ExportRequest { formats, only, out }, &mut |_, _| true).unwrap();
    assert_eq!(exported.problems.len(), 1);
    assert!(exported.problems[0].contains("the last 4 masks"), "{:?}", exported.problems);
}

#[test]
fn pictures_without_a_plain_name_are_numbered() {
    let document = ["???.png", "日本.png", "!.jpg", ".png"].into_iter().zip(1..).fold(
        Document::default(),
        |document, (name, id)| {
            document.with_picture(Arc::new(Picture::new(ImageId(id), name.into(), Origin::Clipboard, SIZE)))
        },
    );
    let stems: Vec<_> = named(&document, None).into_iter().map(|named| named.stem).collect();
    assert_eq!(stems, ["picture", "日本", "picture-2", "png"]);
}

#[test]
fn more_objects_than_a_picture_may_have_are_said() {
    let document = snapshot().document;
    let shape = r#"{"label":"a","points":[[1,1],[9,9]],"shape_type":"rectangle"}"#;
    let shapes = vec![shape; 5003].join(",");
    let labelme = format!(r#"{{"version":"5","imagePath":"a scene.jpg","shapes":[{shapes}]}}"#);
    let annotations = vec![r#"{"image_id":1,"bbox":[1,1,8,8]}"#; 5003].join(",");
    let coco =
        format!(r#"{{"images":[{{"id":1,"file_name":"a scene.jpg"}}],"annotations":[{annotations}]}}"#);
    for file in [labelme, coco] {
        let imported = import::parse(file.as_bytes(), &document).unwrap();
        assert_eq!(imported.pictures[0].boxes.len(), 5000);
        assert_eq!(imported.problems, ["3 boxes or masks beyond the first 5000 of a picture"]);
    }
}

#[test]
fn coco_and_labelme_come_back() {
    let folder = tempfile::tempdir().unwrap();
    export(&[Format::Coco, Format::LabelMe], folder.path());
    let document = snapshot().document;
    for (file, exact) in
        [("coco-rle.json", true), ("coco-polygons.json", true), ("labelme/a-scene.json", false)]
    {
        let imported = import::read(&folder.path().join(file), &document).unwrap();
        assert!(imported.problems.is_empty(), "{file}: {:?}", imported.problems);
        let picture = imported.pictures.iter().find(|picture| picture.image == ImageId(1)).unwrap();
        let labels: Vec<&str> = picture.masks.iter().map(|(_, label)| label.as_str()).collect();
        for (mask, label) in [(disc(), "blue disc"), (two_parts(), "two \"red\" <corners")] {
            let at = labels.iter().position(|found| label.starts_with(found) || found.starts_with(label));
            let found = picture.masks[at.unwrap()].0.to_binary();
            if exact {
                assert_eq!(found, mask, "{file}: {label}");
            } else {
                assert!(found.iou(&mask) > 0.93, "{file}: {label}: {}", found.iou(&mask));
            }
        }
        let boxes: Vec<_> = picture.boxes.iter().map(|(bounds, label)| (*bounds, label.as_str())).collect();
        let door = (PixelBox { x0: 4.0, y0: 5.0, x1: 44.0, y1: 25.0 }, "door");
        if file != "coco-rle.json" {
            assert_eq!(boxes, [door], "{file}");
        }
    }
}

#[test]
fn files_that_pictures_come_from_are_never_written_and_others_are_known() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("images")).unwrap();
    let original = folder.path().join("images/a-scene.png");
    fs::write(&original, b"the original").unwrap();
    fs::write(folder.path().join("data.yaml"), b"names: mine").unwrap();
    let mut snapshot = snapshot();
    let mut picture = Picture::clone(snapshot.document.picture(ImageId(1)).unwrap());
    picture.origin = Origin::File(folder.path().join("images/../images/a-scene.png"));
    snapshot.document = snapshot.document.without_picture(ImageId(1)).with_picture(Arc::new(picture));
    let request = ExportRequest { formats: vec![Format::Yolo], only: None, out: folder.path().to_owned() };
    assert_eq!(in_the_way(&snapshot.document, &request), [folder.path().join("data.yaml")]);
    let exported = run(&snapshot, &request, &mut |_, _| true).unwrap();
    assert_eq!(fs::read(&original).unwrap(), b"the original");
    assert!(exported.problems[0].contains("images/a-scene.png"), "{:?}", exported.problems);
    assert_eq!(exported.files.len(), 4, "{:?}", exported.files);
    assert_eq!(in_the_way(&snapshot.document, &request).len(), 4);
}

#[test]
fn an_export_that_is_stopped_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let request = ExportRequest { formats: vec![Format::Overlay], only: None, out: folder.path().to_owned() };
    let exported = run(&snapshot(), &request, &mut |done, _| done < 1).unwrap();
    assert!(exported.stopped && exported.files.len() == 1, "{exported:?}");
}

#[test]
fn boxes_have_the_colours_of_the_window() {
    let document = snapshot().document;
    let objects = objects(document.picture(ImageId(2)).unwrap());
    assert_eq!(objects[0].color, crate::palette::REGION_COLORS[0]);
}

#[test]
fn reports_have_everything_in_them() {
    let folder = tempfile::tempdir().unwrap();
    export(&[Format::Markdown, Format::Html], folder.path());
    let html = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(
        html.contains("two &quot;red&quot; &lt;corners") && !html.contains("<corners"),
        "text stays text"
    );
    assert!(html.contains("data:image/jpeg;base64,") && !html.contains("http"), "nothing from elsewhere");
    assert_eq!(html.matches("<path class=\"m m").count(), 2);
    assert!(html.contains("class=\"p p0\"") && html.contains("body:has(.p1:hover) .m1"));
    let markdown = fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(markdown.contains("**A blue disc**") && markdown.contains("\\<corners"), "{markdown}");
}

#[test]
fn reports_tell_conversations_apart_and_keep_lines() {
    let mut snapshot = snapshot();
    let mut picture = Picture::clone(snapshot.document.picture(ImageId(1)).unwrap());
    let first = picture.conversations[0].path().next().unwrap();
    let text = "1. a blue disc\n2. two corners\n".to_owned();
    let groundings = vec![Grounding { span: 2..14 }];
    let reply = Reply { raw: text.clone(), text, groundings };
    let exchange = Exchange { reply, masks: vec![None], ..Exchange::clone(first) };
    let mut other = Conversation::new(ConversationId(2), Settings::default());
    other.title = "A list".to_owned();
    picture.conversations.push(Arc::new(other.with_exchanges(vec![Arc::new(exchange)], None).unwrap()));
    picture.conversations.push(Arc::new(Conversation::new(ConversationId(3), Settings::default())));
    snapshot.document = snapshot.document.without_picture(picture.id).with_picture(Arc::new(picture));
    let folder = tempfile::tempdir().unwrap();
    let formats = vec![Format::Markdown, Format::Html];
    let request = ExportRequest { formats, only: Some(ImageId(1)), out: folder.path().to_owned() };
    run(&snapshot, &request, &mut |_, _| true).unwrap();
    let markdown = fs::read_to_string(folder.path().join("report.md")).unwrap();
    assert!(markdown.contains("### A list\n\n> What is \\<there\\>?\n\n"), "{markdown}");
    assert!(markdown.contains("\n1\\. **a blue disc**  \n2\\. two corners\n"), "{markdown}");
    assert_eq!(markdown.matches("### ").count(), 2, "nothing was said in the third: {markdown}");
    let html = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(html.contains("<h3>A list</h3>") && html.matches("<h3>").count() == 2);
}

#[test]
fn what_was_edited_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let formats = [Format::Markdown, Format::Html, Format::Coco, Format::LabelMe, Format::Indexed];
    export(&formats, folder.path());
    let written = |file: &str| fs::read_to_string(folder.path().join(file)).unwrap();
    assert!(written("report.md").contains("**A blue disc** (mask edited) and"));
    let html = written("report.html");
    assert!(
        html.contains("<title>A blue disc (edited)</title>") && html.contains("title=\"Its mask is edited\"")
    );
    // Masks that the model gave are as they were.
    let mut snapshot = snapshot();
    let mut picture = Picture::clone(&snapshot.document.pictures()[0]);
    let mut number = 0;
    picture.for_each_mask(|mask| {
        let pixels = mask.edited.take();
        // Those of files are as they were, too.
        if number == 0 {
            mask.source = MaskSource::File(pixels.unwrap());
        }
        number += 1;
    });
    snapshot.document = snapshot.document.without_picture(picture.id).with_picture(Arc::new(picture));
    let plain = tempfile::tempdir().unwrap();
    let request = ExportRequest { formats: formats.to_vec(), only: None, out: plain.path().to_owned() };
    let exported = run(&snapshot, &request, &mut |_, _| true).unwrap();
    let is_text = |file: &&PathBuf| file.extension().is_none_or(|extension| extension != "png");
    let files = exported.files.iter().filter(is_text).map(|file| file.to_str().unwrap());
    for file in files {
        let (edited, plain) = (written(file), fs::read_to_string(plain.path().join(file)).unwrap());
        assert!(!plain.contains("edited"), "{file}");
        // The second picture has no masks.
        assert_eq!(edited.contains("edited"), !file.contains("scene-2"), "{file}");
    }
}

/// Needs Python with pycocotools, labelme, ultralytics, numpy and pillow; `GLAMM_PYTHON` names it.
#[test]
fn other_programs_read_what_was_exported() {
    let Some(python) = std::env::var_os("GLAMM_PYTHON") else {
        return eprintln!("skipped: GLAMM_PYTHON names no interpreter");
    };
    let folder = tempfile::tempdir().unwrap();
    export(&Format::ALL, folder.path());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/export/peers.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    for line in said.lines() {
        eprintln!("{line}");
    }
    for program in ["pycocotools", "labelme", "ultralytics"] {
        assert!(said.contains(&format!("{program}: ")), "{program} has read nothing: {said}\n{complained}");
    }
}
