//! What is read of other programs' annotations, and what is refused.

use super::*;

/// COCO with a box in each picture of this name, width and height.
fn boxes_in(images: &[(&str, u32, u32)]) -> String {
    let image = |(id, (name, width, height)): (usize, &(&str, u32, u32))| {
        format!(r#"{{"id":{id},"file_name":"{name}","width":{width},"height":{height}}}"#)
    };
    let found: Vec<_> = images.iter().enumerate().map(image).collect();
    let annotation = |id| format!(r#"{{"image_id":{id},"bbox":[1,1,8,8]}}"#);
    let annotations: Vec<_> = (0..images.len()).map(annotation).collect();
    format!(r#"{{"images":[{}],"annotations":[{}]}}"#, found.join(","), annotations.join(","))
}

#[test]
fn pictures_of_another_size_are_left_out_and_said() {
    let document = snapshot().document;
    let file = boxes_in(&[("a scene.jpg", 900, 600), ("a scene.png", SIZE.0, SIZE.1)]);
    let imported = import::parse(file.as_bytes(), &document).unwrap();
    let images: Vec<_> = imported.pictures.iter().map(|picture| picture.image).collect();
    assert_eq!(images, [ImageId(2)]);
    assert!(imported.problems[0].contains("a scene.jpg has 900 × 600 pixels"), "{:?}", imported.problems);
}

#[test]
fn pictures_of_one_name_are_told_apart_by_their_folders_or_not_at_all() {
    let mut document = Document::default();
    for (id, path) in [(1, "/data/left/1.png"), (2, "/data/right/1.png"), (3, "/data/right/images/2.png")] {
        let name = Path::new(path).file_name().unwrap().to_string_lossy().into_owned();
        let picture = Picture::new(ImageId(id), name, Origin::File(path.into()), SIZE);
        document = document.with_picture(Arc::new(picture));
    }
    let found = |name: &str| {
        let file = boxes_in(&[(name, SIZE.0, SIZE.1)]);
        let imported = import::parse(file.as_bytes(), &document).unwrap();
        imported.pictures.first().map(|picture| picture.image.0).ok_or(imported.problems.concat())
    };
    assert_eq!(found("right/1.png"), Ok(2));
    assert_eq!(found("left\\\\1.png"), Ok(1));
    assert_eq!(found("images/1-2.png"), Ok(2), "as it is exported");
    assert_eq!(found("images/1.png"), Ok(1));
    assert_eq!(found("elsewhere/2.png"), Ok(3), "only one is called so");
    assert!(found("1.png").unwrap_err().contains("1.png"));
    assert!(found("3.png").unwrap_err().contains("not open"));
}

#[test]
fn an_open_picture_is_meant_by_one_picture_of_a_file() {
    let picture = Picture::new(ImageId(1), "0.jpg".into(), Origin::File("/data/seq1/0.jpg".into()), SIZE);
    let document = Document::default().with_picture(Arc::new(picture));
    let found = |names: &[&str]| {
        let images: Vec<_> = names.iter().map(|name| (*name, SIZE.0, SIZE.1)).collect();
        let imported = import::parse(boxes_in(&images).as_bytes(), &document).unwrap();
        (
            imported.pictures.iter().map(|picture| picture.boxes.len()).sum::<usize>(),
            imported.problems.concat(),
        )
    };
    for names in [["seq1/0.jpg", "seq2/0.jpg"], ["seq2/0.jpg", "seq1/0.jpg"], ["seq1/0.jpg", "seq1/0.png"]] {
        let (boxes, problems) = found(&names);
        assert_eq!(boxes, 1, "{names:?}");
        assert!(problems.contains("1 pictures that are not open"), "{names:?}: {problems}");
    }
    let (boxes, problems) = found(&["seq2/0.jpg", "seq3/0.jpg"]);
    assert_eq!(boxes, 0, "nobody knows which");
    assert!(problems.contains("seq2/0.jpg, seq3/0.jpg"), "{problems}");
    assert_eq!(found(&["seq1/0.jpg", "seq1/0.jpg"]), (2, String::new()), "one picture in two parts");
    assert_eq!(found(&["seq2/0.jpg"]), (1, String::new()), "only one is called so");
}

#[test]
fn hostile_annotations_are_refused_or_counted() {
    let document = snapshot().document;
    let coco = |annotation: &str| {
        let text = format!(
            r#"{{"images":[{{"id":1,"file_name":"x/a scene.jpg"}}],"categories":[],"annotations":[{annotation}]}}"#
        );
        import::parse(text.as_bytes(), &document)
    };
    for bad in [
        r#"{"image_id":1,"segmentation":{"size":[4000000000,4000000000],"counts":"0"}}"#,
        r#"{"image_id":1,"segmentation":{"size":[60,90],"counts":[1,4294967295,4294967295]}}"#,
        r#"{"image_id":1,"segmentation":{"size":[60,90],"counts":"\u0000~~~~"}}"#,
        r#"{"image_id":1,"segmentation":[[1,2,3]]}"#,
        r#"{"image_id":1,"segmentation":[[0,0,1e300,0,1e300,0]]}"#,
        r#"{"image_id":1,"bbox":[1e39,0,5,5]}"#,
        r#"{"image_id":1,"bbox":[100,100,5,5]}"#,
        r#"{"image_id":1}"#,
    ] {
        let imported = coco(bad).unwrap();
        assert!(imported.pictures.is_empty(), "{bad}");
        assert_eq!(imported.problems.len(), 1, "{bad}");
    }
    for bad in ["", "[]", "{}", r#"{"annotations":[]}"#, r#"{"shapes":[],"version":"5","imagePath":"b.png"}"#]
    {
        assert!(import::parse(bad.as_bytes(), &document).is_err(), "{bad}");
    }
    let box_only = coco(r#"{"image_id":1,"bbox":[80,50,50,50]}"#).unwrap();
    assert_eq!(box_only.pictures[0].boxes[0].0, PixelBox { x0: 80.0, y0: 50.0, x1: 90.0, y1: 60.0 });
}
