//! What [`check`] finds, and that loading agrees with it.

use super::super::check::{Part, Report, Verdict, check};
use super::*;
use crate::protocol::ModelSource;

/// What a check of the copy's files finds.
fn checked(copy: &Copy) -> Report {
    check(&ModelSource::Path(copy.glamm.clone()), &mut |_, _| true).unwrap()
}

#[test]
fn without_the_vision_tower_or_weights_every_tensor_is_listed() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("config.json"), crate::released::GLAMM).unwrap();
    let model = ModelSource::Path(scratch.path().to_owned());
    let report = check(&model, &mut |_, _| true).unwrap();
    let faults: Vec<String> = report.faults().take(3).collect();
    assert_names(&faults[0], &["the vision tower", "is missing", "glamm models pull clip"]);
    assert_names(&faults[1], &["model.safetensors", "is missing"]);
    assert_names(&faults[2], &["tokenizer.model", "is missing"]);
    let all = |part| report.tensors.iter().filter(move |tensor| tensor.part == part);
    for (part, count) in [(Part::Glamm, 900), (Part::Clip, 350)] {
        assert!(all(part).count() > count, "{part:?}: {}", all(part).count());
        assert!(all(part).all(|tensor| tensor.verdict == Verdict::Missing), "{part:?}");
    }

    let copy = Copy::new();
    SHARDS.iter().chain([&INDEX]).for_each(|file| fs::remove_file(copy.glamm.join(file)).unwrap());
    let report = checked(&copy);
    assert_eq!(report.bad_files.len(), 1, "{:?}", report.bad_files);
    assert!(report.tensors.iter().all(|tensor| {
        let wanted = if tensor.part == Part::Clip { Verdict::Good } else { Verdict::Missing };
        tensor.verdict == wanted
    }));
}

#[test]
fn a_check_and_loading_agree() {
    let position_ids = format!("{VISION_PREFIX}embeddings.position_ids");
    let class = format!("{VISION_PREFIX}embeddings.class_embedding");
    let norm = format!("{VISION_PREFIX}post_layernorm.weight");
    let agree = |change: &dyn Fn(&mut HashMap<String, Tensor>)| {
        let copy = Copy::new();
        let mut tensors = reference(&copy.clip.join("pytorch_model.bin"));
        change(&mut tensors);
        fs::remove_file(copy.clip.join("pytorch_model.bin")).unwrap();
        candle_core::safetensors::save(&tensors, copy.clip.join("model.safetensors")).unwrap();
        let (opened, report) = (Checkpoint::open(&copy.glamm), checked(&copy));
        assert_eq!(opened.is_ok(), report.is_good(), "{:?}, {:?}", opened.err(), report.faults().next());
        report.is_good()
    };
    let tensor = |value: f64, dtype| Tensor::full(value, 3, &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
    assert!(agree(&|_| ()));
    // What is not read may be as it likes.
    assert!(agree(&|tensors| drop(tensors.insert(norm.clone(), tensor(f64::NAN, DType::F32)))));
    assert!(agree(&|tensors| drop(tensors.insert(position_ids.clone(), tensor(1.0, DType::U8)))));
    for dtype in [DType::F64, DType::I64, DType::U8] {
        let convert = |tensors: &mut HashMap<String, Tensor>| {
            let other = tensors[&class].to_dtype(dtype).unwrap();
            tensors.insert(class.clone(), other);
        };
        assert!(!agree(&convert), "{dtype:?}");
    }
}
