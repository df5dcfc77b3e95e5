//! A small data set is written and read back.

use serde_json::Value;

use super::*;
use crate::scenes::Kind;
use crate::vision::{BinaryMask, Rle};

fn read(directory: &Path) -> (Value, Vec<Value>) {
    let annotations = fs::read_to_string(directory.join("annotations.json")).unwrap();
    let conversations = fs::read_to_string(directory.join("conversations.jsonl")).unwrap();
    let lines = conversations.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (serde_json::from_str(&annotations).unwrap(), lines)
}

#[test]
fn what_is_written_is_the_scene() {
    let directory = tempfile::tempdir().unwrap();
    let selection = Selection { first_seed: 40, count: 3, examination: false };
    let mut seen = Vec::new();
    let summary = export(directory.path(), selection, |done| seen.push(done)).unwrap();
    assert_eq!(seen, [1, 2, 3]);
    let (coco, conversations) = read(directory.path());
    let annotations = coco["annotations"].as_array().unwrap();
    assert_eq!((summary.images, summary.annotations), (3, annotations.len() as u64));
    assert_eq!(summary.conversations, conversations.len() as u64);
    let mut remaining = annotations.iter();
    for (index, image) in coco["images"].as_array().unwrap().iter().enumerate() {
        let scene = generate(40 + index as u64);
        assert_eq!(image["seed"], 40 + index);
        let path = directory.path().join("images").join(image["file_name"].as_str().unwrap());
        assert_eq!(image::open(path).unwrap().into_rgb8(), scene.image);
        for object in &scene.objects {
            let masks = [&object.mask].into_iter().chain(object.parts.iter().map(|part| &part.mask));
            for (place, mask) in masks.enumerate() {
                let record = remaining.next().unwrap();
                let segmentation: Rle = serde_json::from_value(record["segmentation"].clone()).unwrap();
                assert_eq!(BinaryMask::from_rle(&segmentation).unwrap(), *mask);
                assert_eq!(record["area"], mask.area());
                let category = &coco["categories"][record["category_id"].as_u64().unwrap() as usize - 1];
                if place == 0 {
                    assert_eq!(category["name"], object.kind.name());
                    assert_eq!(record["attributes"]["color"], object.color.name());
                } else {
                    assert_eq!(category["name"], object.parts[place - 1].kind.name());
                    assert!(record["attributes"]["part_of"].is_u64());
                }
            }
        }
    }
    assert!(remaining.next().is_none());
}

#[test]
fn targets_and_phrases_name_annotations_of_their_image() {
    let directory = tempfile::tempdir().unwrap();
    let selection = Selection { first_seed: 90, count: 5, examination: true };
    export(directory.path(), selection, |_| {}).unwrap();
    let (coco, conversations) = read(directory.path());
    let mut checked = 0;
    for conversation in &conversations {
        for turn in conversation["turns"].as_array().unwrap() {
            let phrases = turn["phrases"].as_array().unwrap();
            let named = phrases.iter().map(|phrase| &phrase["annotation_ids"]);
            for ids in turn["targets"].as_array().unwrap().iter().chain(named) {
                for id in ids.as_array().unwrap() {
                    let annotation = &coco["annotations"][id.as_u64().unwrap() as usize - 1];
                    assert_eq!(annotation["id"], *id);
                    assert_eq!(annotation["image_id"], conversation["image_id"]);
                    checked += 1;
                }
            }
            for phrase in
                phrases.iter().filter(|phrase| phrase["annotation_ids"].as_array().unwrap().len() == 1)
            {
                let span = phrase["span"][0].as_u64().unwrap() as usize
                    ..phrase["span"][1].as_u64().unwrap() as usize;
                let id = phrase["annotation_ids"][0].as_u64().unwrap() as usize;
                let category = &coco["categories"]
                    [coco["annotations"][id - 1]["category_id"].as_u64().unwrap() as usize - 1];
                let words = &turn["visible"].as_str().unwrap()[span];
                assert!(words.contains(category["name"].as_str().unwrap()), "{words} {category}");
            }
        }
    }
    assert!(checked > 20);
}

#[test]
fn categories_are_numbered_from_one_in_order() {
    let all = categories();
    assert_eq!((all[0].id, all[0].name), (1, "house"));
    assert!(all.iter().zip(1..).all(|(category, id)| category.id == id));
    assert_eq!(all.iter().filter(|it| it.supercategory == "object").count(), Kind::ALL.len());
}

#[test]
fn a_directory_that_cannot_be_made_is_named_in_the_error() {
    let directory = tempfile::tempdir().unwrap();
    let occupied = directory.path().join("file");
    fs::write(&occupied, "").unwrap();
    let selection = Selection { first_seed: 1, count: 1, examination: false };
    let error = export(&occupied, selection, |_| {}).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
}
