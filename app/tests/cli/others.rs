//! `glamm scenes`, `glamm eval`, `glamm bench`, and what the binary says of itself.

use std::fs;

use serde_json::Value;

use super::{fails, glamm, golden, json, stdout};

#[test]
fn help_tells_the_exit_codes() {
    let help = stdout(glamm().arg("--help"));
    for word in ["ask", "scenes", "eval", "bench", "models", "selftest", "Exit codes", "130"] {
        assert!(help.contains(word), "{word}");
    }
    assert!(stdout(glamm().arg("--version")).starts_with("glamm "));
}

#[test]
fn scenes_come_out_the_same_each_time() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for directory in [&one, &two] {
        let told = stdout(glamm().args(["scenes", "--count=3", "--seed=5", "--out"]).arg(directory.path()));
        assert!(told.starts_with("3 images, "), "{told}");
    }
    let read = |directory: &tempfile::TempDir, name: &str| fs::read(directory.path().join(name)).unwrap();
    for name in ["annotations.json", "conversations.jsonl", "images/000002.png"] {
        assert!(read(&one, name) == read(&two, name), "{name}");
    }
    let annotations: Value = serde_json::from_slice(&read(&one, "annotations.json")).unwrap();
    assert_eq!(annotations["images"].as_array().unwrap().len(), 3);
    let picture = image::open(one.path().join("images/000000.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (256, 256));
}

#[test]
fn scenes_that_cannot_be_written_are_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    fails(
        glamm().args(["scenes", "--count=1", "--seed=0", "--out"]).arg(file.join("x")),
        7,
        &["cannot write"],
    );
}

#[test]
fn an_evaluation_counts_what_it_asks() {
    let evaluate = |threads: &str| {
        let mut command = glamm();
        command.args(["eval", "scenes", "--count=2", "--seed=3", "--threads", threads, "--model"]);
        let mut document = json(command.arg(golden("glamm-tiny")));
        for key in ["seconds", "threads"] {
            document.as_object_mut().unwrap().remove(key).unwrap();
        }
        document
    };
    let document = evaluate("1");
    assert_eq!(document["gcg_count"], 2);
    for (share, count) in [
        ("gcg_miou", "gcg_count"),
        ("gcg_ap50", "gcg_objects"),
        ("gcg_recall", "gcg_objects"),
        ("refseg_ciou", "refseg_count"),
        ("refseg_giou", "refseg_count"),
        ("region_accuracy", "region_count"),
        ("qa_accuracy", "qa_count"),
        ("absent_accuracy", "absent_count"),
    ] {
        let value = document[share].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&value), "{share} is {value}");
        assert!(document[count].as_u64().unwrap() > 0, "{count}");
    }
    assert_eq!(document, evaluate("2"), "threads change nothing");
}

#[test]
fn a_benchmark_measures_every_part() {
    let document = json(glamm().args(["bench", "--runs=1", "--model"]).arg(golden("glamm-tiny")));
    for key in [
        "load_ms",
        "global_encoder_ms",
        "grounding_encoder_ms",
        "image_encoding_ms",
        "time_to_first_token_ms",
        "prefill_tokens_per_second",
        "follow_up_time_to_first_token_ms",
    ] {
        assert!(document[key].as_f64().unwrap() > 0.0, "{key}");
    }
    assert!(document["follow_up_cached_tokens"].as_u64() >= document["prompt_tokens"].as_u64());
    #[cfg(target_os = "linux")]
    assert!(document["peak_memory_bytes"].as_u64().unwrap() > 1_000_000);
    assert!(
        stdout(glamm().args(["bench", "--runs=1", "--model"]).arg(golden("glamm-tiny"))).contains("prefill")
    );
}
