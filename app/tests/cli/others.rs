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
        command.args([
            "eval",
            "scenes",
            "--count=2",
            "--seed=3",
            "--threads",
            threads,
            "--precision=f32",
            "--model",
        ]);
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
        ("click_miou", "place_count"),
        ("click_best_miou", "place_count"),
        ("three_clicks_miou", "place_count"),
        ("box_miou", "place_count"),
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
fn fewer_bits_are_compared_with_more() {
    let mut command = glamm();
    command.args([
        "eval",
        "agreement",
        "--count=2",
        "--seed=3",
        "--precision=q8_0",
        "--against=f32",
        "--model",
    ]);
    let document = json(command.arg(golden("glamm-tiny")));
    assert_eq!(document["scenes"], 2);
    assert!(document["tokens"].as_u64().unwrap() > 0);
    assert!(document["box_masks"].as_u64().unwrap() >= 2, "a box for each thing: {document}");
    let iou = document["box_mask_iou"].as_f64().unwrap();
    assert!((0.9..1.0).contains(&iou), "eight bits change a little: {iou}");
}

#[test]
fn a_benchmark_measures_every_part() {
    let rows = "decode,prefill,grounding-encoder,global-encoder,region-encoder,pixel-decoder,pixel-decoder-8,\
                turn,follow-ups,demo-reply";
    let bench = || {
        let mut command = glamm();
        command
            .args(["bench", "--runs=1", "--only", rows, "--precision=f32", "--model"])
            .arg(golden("glamm-tiny"));
        command
    };
    let document = json(&mut bench());
    let found = document["rows"].as_array().unwrap();
    assert_eq!(found.iter().map(|row| row["row"].as_str().unwrap()).collect::<Vec<_>>().join(","), rows);
    for row in found {
        assert!(row["wall_ms"].as_f64().unwrap() > 0.0, "{row}");
        #[cfg(unix)]
        assert!(row["processor_ms"].as_f64().unwrap() > 0.0, "{row}");
        assert_eq!((&row["runs"], &row["note"]), (&1.into(), &Value::Null));
    }
    // What memory is measured with, half a gigabyte, is none of the model's.
    #[cfg(target_os = "linux")]
    assert!((1 << 20..400 << 20).contains(&document["peak_memory_bytes"].as_u64().unwrap()), "{document}");
    let machine = &document["machine"];
    for rate in ["read_gb_s", "floats_gop_s"] {
        assert!(machine[rate][0].as_f64().unwrap() > 0.0, "{machine}");
    }
    assert!(stdout(&mut bench()).contains("prefill"));
}

#[test]
fn a_benchmark_computes_with_as_many_threads_as_asked() {
    for threads in [1, 2] {
        let mut command = glamm();
        command.args(["bench", "--runs=1", "--only=pixel-decoder", "--threads", &threads.to_string()]);
        let document = json(command.arg("--precision=f32").arg("--model").arg(golden("glamm-tiny")));
        assert_eq!(document["machine"]["threads"], threads);
    }
    fails(glamm().args(["bench", "--threads=2", "--model=/nowhere/at-all"]), 4, &["/nowhere/at-all"]);
}

#[test]
fn prescribed_replies_have_their_length_and_later_turns_remember() {
    let mut command = glamm();
    command
        .args(["bench", "--runs=1", "--only=turn,follow-ups", "--precision=f32", "--model"])
        .arg(golden("glamm-tiny"));
    let document = json(&mut command);
    let what = document["rows"][0]["what"].as_str().unwrap();
    assert!(what.starts_with("whole turn, 60 new tokens, "), "{what}");
    let turns = document["rows"][1]["follow_ups"].as_array().unwrap();
    assert_eq!(turns.len(), 20);
    assert_eq!(turns[0]["cached_tokens"], 0);
    let count = |turn: &Value, key: &str| turn[key].as_u64().unwrap();
    let new = |turn: &Value| count(turn, "prompt_tokens") - count(turn, "cached_tokens");
    for pair in turns.windows(2) {
        assert!(count(&pair[1], "cached_tokens") > count(&pair[0], "prompt_tokens"), "{}", pair[1]);
        assert_eq!(new(&pair[1]), new(&turns[1]), "a later turn costs no more");
    }
}
