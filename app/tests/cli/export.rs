//! `glamm ask --save` and `glamm export`.

use glamm::export::Format;
use glamm_engine::vision::{BinaryMask, Rle};
use serde_json::Value;

use super::{ask, fails, glamm, golden, json, stdout};

const DESCRIBE: &str = "Could you please give me a detailed description of the image? Please respond with \
                        interleaved segmentation masks for the corresponding parts of the answer.";

#[test]
fn a_saved_question_is_exported() {
    let directory = tempfile::tempdir().unwrap();
    let (session, out) = (directory.path().join("wide.glamm"), directory.path().join("out"));
    let mut command = ask(&golden("images/wide.png"), DESCRIBE);
    let document = json(command.arg("--box=3,4,60,36").arg("--save").arg(&session));
    let formats = Format::ALL.map(Format::name).join(",");
    let listed =
        stdout(glamm().arg("export").arg(&session).args(["--format", &formats]).arg("--out").arg(&out));
    assert!(listed.lines().count() > Format::ALL.len(), "{listed}");
    assert!(listed.lines().all(|file| std::path::Path::new(file).is_file()), "{listed}");

    let coco: Value = serde_json::from_slice(&std::fs::read(out.join("coco-rle.json")).unwrap()).unwrap();
    let phrases = document["phrases"].as_array().unwrap();
    let annotations = coco["annotations"].as_array().unwrap();
    assert_eq!(annotations.len(), phrases.len() + 1, "and the box");
    let mask = |value: &Value| {
        let rle: Rle = serde_json::from_value(value.clone()).unwrap();
        BinaryMask::from_rle(&rle).unwrap()
    };
    for (annotation, phrase) in annotations.iter().zip(phrases) {
        assert_eq!(annotation["phrase"], phrase["text"]);
        let iou = mask(&annotation["segmentation"]).iou(&mask(&phrase["mask"]));
        assert!(iou > 0.99, "sixteen bits a logit are enough: {iou}");
    }
    let again = |more: &[&str]| {
        let mut command = glamm();
        command.arg("export").arg(&session).args(["--format", "coco", "--out"]).arg(&out).args(more);
        command
    };
    fails(&mut again(&[]), 7, &["is there already", "--replace"]);
    stdout(&mut again(&["--replace"]));
    let original = image::open(golden("images/wide.png")).unwrap().to_rgb8();
    assert_eq!(image::open(out.join("images/wide.png")).unwrap().to_rgb8(), original);
}

#[test]
fn what_is_no_session_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (session, out) = (directory.path().join("bad.glamm"), directory.path().join("out"));
    std::fs::write(&session, b"no session").unwrap();
    let mut command = glamm();
    command.arg("export").arg(&session).args(["--format", "coco", "--out"]).arg(&out);
    fails(&mut command, 9, &["bad.glamm", "not a GLaMM session"]);
    assert!(!out.exists());
    let nowhere = directory.path().join("not/there.glamm");
    let mut command = ask(&golden("images/wide.png"), DESCRIBE);
    fails(command.arg("--save").arg(nowhere), 7, &["there.glamm"]);
}
