//! `glamm ask` when all is well.

use std::io::Read;
use std::process::Stdio;

use glamm::palette::phrase_color;
use glamm_engine::vision::{BinaryMask, Rle};
use serde_json::Value;

use super::{ask, fails, glamm, golden, json, stdout};

const DESCRIBE: &str = "Could you please give me a detailed description of the image? Please respond with \
                        interleaved segmentation masks for the corresponding parts of the answer.";
const DESCRIPTION: &str = "A red circle and a blue square on a grey wall.";
const REGION: &str =
    "Can you provide me with a detailed description of the region in the picture marked by <bbox>?";

fn describe() -> std::process::Command {
    ask(&golden("images/wide.png"), DESCRIBE)
}

fn mask_of(phrase: &Value) -> BinaryMask {
    let rle: Rle = serde_json::from_value(phrase["mask"].clone()).unwrap();
    BinaryMask::from_rle(&rle).unwrap()
}

#[test]
fn a_pipe_gets_the_plain_reply_and_nothing_else() {
    assert_eq!(stdout(&mut describe()), format!("{DESCRIPTION}\n"));
}

#[test]
fn phrases_are_colored_where_colors_are_wanted() {
    let colored = stdout(describe().env("CLICOLOR_FORCE", "1").env("COLORTERM", "truecolor"));
    for (index, phrase) in ["A red circle", "a blue square"].into_iter().enumerate() {
        let [r, g, b] = phrase_color(index).array();
        let start = format!("\x1b[1;38;2;{r};{g};{b}m");
        let painted: String =
            colored.split(&start).skip(1).filter_map(|rest| rest.split("\x1b[0m").next()).collect();
        assert_eq!(painted.trim(), phrase, "in {colored:?}");
    }
    let plain = stdout(describe().env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"));
    assert_eq!(plain, format!("{DESCRIPTION}\n"));
}

#[test]
fn the_document_has_tokens_and_candidates() {
    let document = json(&mut describe());
    let tokens = document["tokens"].as_array().unwrap();
    let sum = |token: &Value| -> f64 {
        token["likeliest"].as_array().unwrap().iter().map(|c| c["probability"].as_f64().unwrap()).sum()
    };
    let mut phrases = Vec::new();
    for token in tokens {
        let best = &token["likeliest"][0];
        assert_eq!((&token["id"], &token["text"]), (&best["id"], &best["text"]), "greedy takes the best");
        assert!(sum(token) <= 1.0 + 1e-4);
        assert_eq!(token["text"] == "[SEG]", token["phrase"].is_u64());
        phrases.extend(token["phrase"].as_u64());
    }
    assert_eq!(phrases, [0, 1]);
    for phrase in document["phrases"].as_array().unwrap() {
        let candidates = phrase["candidates"].as_array().unwrap();
        assert_eq!(candidates.len(), 4);
        let used: Vec<&Value> = candidates.iter().filter(|c| c["used"] == true).collect();
        assert_eq!(used.len(), 1);
        assert_eq!((&used[0]["mask"], &used[0]["area"]), (&phrase["mask"], &phrase["area"]));
    }
}

#[test]
fn the_document_says_it_all() {
    let document = json(&mut describe());
    assert_eq!(document["text"], DESCRIPTION);
    assert_eq!(document["finish_reason"], "end_of_sequence");
    assert_eq!(document["prompt"], DESCRIBE);
    assert_eq!((&document["image"]["width"], &document["image"]["height"]), (&200.into(), &120.into()));
    assert!(document["raw"].as_str().unwrap().contains("<p> A red circle </p> [SEG]"));
    assert_eq!(document["model"]["device"], "CPU");

    let phrases = document["phrases"].as_array().unwrap();
    assert_eq!(phrases.len(), 2);
    for (index, (phrase, words)) in phrases.iter().zip(["A red circle", "a blue square"]).enumerate() {
        assert_eq!(phrase["text"], words);
        let [start, end] = [0, 1].map(|at| phrase["span"][at].as_u64().unwrap() as usize);
        let spanned: String = DESCRIPTION.chars().skip(start).take(end - start).collect();
        assert_eq!(spanned, words);
        assert_eq!(phrase["color"], phrase_color(index).hex());

        assert_eq!(phrase["mask"]["size"], serde_json::json!([120, 200]));
        let mask = mask_of(phrase);
        assert_eq!(phrase["area"], mask.area());
        let bounds = mask.bounding_box().unwrap();
        assert_eq!(phrase["box"], serde_json::json!([bounds.x0, bounds.y0, bounds.x1, bounds.y1]));
        let stability = phrase["stability_score"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&stability), "{stability}");
        assert!(phrase["predicted_iou"].is_f64());
    }
    // Recorded with the official implementation.
    let area = phrases[0]["area"].as_u64().unwrap();
    assert!(area.abs_diff(708) <= 2, "{area}");

    let timings = document["timings"].as_object().unwrap();
    for key in [
        "load_ms",
        "image_encoding_ms",
        "global_encoder_ms",
        "grounding_encoder_ms",
        "time_to_first_token_ms",
        "decode_ms",
        "mask_ms",
        "tokens_per_second",
    ] {
        assert!(timings[key].as_f64().unwrap() > 0.0, "{key}");
    }
    assert_eq!(timings["new_tokens"], 22);
}

#[test]
fn files_show_the_masks_of_the_document() {
    let directory = tempfile::tempdir().unwrap();
    let (overlay, masks) = (directory.path().join("overlay.png"), directory.path().join("deep/masks"));
    let document = json(describe().arg("--overlay").arg(&overlay).arg("--masks-dir").arg(&masks));
    let phrases = document["phrases"].as_array().unwrap();

    let image = image::open(golden("images/wide.png")).unwrap().to_rgb8();
    let painted = image::open(&overlay).unwrap().to_rgb8();
    assert_eq!(painted.dimensions(), image.dimensions());
    let mut all = vec![false; 200 * 120];
    for (index, phrase) in phrases.iter().enumerate() {
        let mask = mask_of(phrase);
        let file = image::open(masks.join(format!("mask-{:02}.png", index + 1))).unwrap();
        assert_eq!(file.color(), image::ColorType::L8);
        for (x, y, pixel) in file.to_luma8().enumerate_pixels() {
            assert_eq!(pixel.0[0], if mask.contains(x, y) { 255 } else { 0 });
        }
        all.iter_mut().zip(mask.pixels()).for_each(|(all, inside)| *all |= inside);
    }
    let inside = |x: u32, y: u32| x < 200 && y < 120 && all[(y * 200 + x) as usize];
    let mut touched = 0;
    for (x, y, pixel) in painted.enumerate_pixels() {
        let near = (x.saturating_sub(4)..x + 5).any(|x| (y.saturating_sub(4)..y + 5).any(|y| inside(x, y)));
        if near {
            touched += u32::from(pixel != image.get_pixel(x, y));
        } else {
            assert_eq!(pixel, image.get_pixel(x, y), "{x},{y} is far from every mask");
        }
    }
    assert!(touched as usize > all.iter().filter(|&&inside| inside).count() / 2, "{touched}");
}

#[test]
fn boxes_go_where_the_question_means_them() {
    let image = golden("images/tall.png");
    let marked = json(ask(&image, REGION).args(["--box", "3,4,20,36"]));
    assert_eq!(marked["text"], "A green triangle near the top.");
    assert_eq!(marked["boxes"], serde_json::json!([[3.0, 4.0, 20.0, 36.0]]));

    let unmarked = json(ask(&image, "What is this?").args(["--box=3,4,20,36", "--max-new-tokens=1"]));
    assert_eq!(unmarked["prompt"], "What is this <bbox>?");

    let unasked = json(ask(&image, "").args(["--box=3,4,20,36"]));
    assert_eq!((&unasked["prompt"], &unasked["text"]), (&marked["prompt"], &marked["text"]));

    let cut = json(ask(&image, REGION).args(["--box", "-5,100,50,999", "--max-new-tokens=1"]));
    assert_eq!(cut["boxes"], serde_json::json!([[0.0, 100.0, 50.0, 160.0]]));
}

#[test]
fn replies_are_cut_where_told() {
    let document = json(describe().args(["--max-new-tokens", "3"]));
    assert_eq!(document["finish_reason"], "token_limit");
    assert_eq!(document["timings"]["new_tokens"], 3);
}

#[test]
fn chance_follows_the_seed() {
    let reply =
        |seed: &str| stdout(describe().args(["--temperature", "9", "--seed", seed, "--max-new-tokens=24"]));
    let first = reply("1");
    assert_eq!(first, reply("1"));
    assert!(["2", "3", "4"].into_iter().any(|seed| reply(seed) != first));
}

#[test]
fn the_built_in_model_needs_nothing_but_the_binary() {
    let directory = tempfile::tempdir().unwrap();
    glamm_engine::scenes::generate(12).image.save(directory.path().join("scene.png")).unwrap();
    let mut command = glamm();
    command.current_dir(directory.path()).env_remove("HOME");
    let document = json(command.args(["ask", "scene.png", DESCRIBE]));
    assert_eq!(document["model"]["name"], "Demo model");
    assert_eq!(document["finish_reason"], "end_of_sequence");
    let phrases = document["phrases"].as_array().unwrap();
    assert!(phrases.iter().any(|phrase| phrase["area"].as_u64() > Some(200)), "{phrases:?}");
    assert!(phrases.iter().all(|phrase| !phrase["text"].as_str().unwrap().is_empty()), "{phrases:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = describe().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(complaint, "");
}

#[test]
fn files_are_written_also_where_nobody_reads() {
    let directory = tempfile::tempdir().unwrap();
    let overlay = directory.path().join("overlay.png");
    let mut child = describe().arg("--overlay").arg(&overlay).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert_eq!(image::open(&overlay).unwrap().width(), 200);
}

#[test]
fn a_trace_shows_every_stage_and_block_inside_what_called_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trace.json");
    stdout(describe().arg("--trace").arg(&file));
    let trace: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let named = |name: &str| events.iter().filter(|event| event["name"] == name).collect::<Vec<_>>();
    for (inner, outer) in [
        ("global encoder block", "global encoder"),
        ("projector", "global encoder"),
        ("patches", "grounding encoder"),
        ("grounding encoder block", "grounding encoder"),
        ("neck", "grounding encoder"),
        ("prefill chunk", "turn"),
        ("language model block", "turn"),
        ("decode step", "turn"),
        ("logits", "decode step"),
        ("mask decode", "turn"),
    ] {
        let (inside, around) = (named(inner), named(outer));
        assert!(!inside.is_empty(), "{inner}");
        let within = |a: &Value, b: &Value| {
            let span = |event: &Value| (event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap());
            let ((a, a_length), (b, b_length)) = (span(a), span(b));
            b <= a && a + a_length <= b + b_length + 1e-3
        };
        for event in inside {
            assert_eq!(event["ph"], "X");
            assert!(around.iter().any(|outer| within(event, outer)), "{inner} outside {outer}: {event}");
        }
    }
    for name in ["preprocess", "load model"] {
        assert_eq!(named(name).len(), 1, "{name}");
    }
    let tracks: std::collections::BTreeSet<_> = events.iter().map(|event| event["tid"].as_u64()).collect();
    assert_eq!(tracks.len(), 1, "one turn, one track");
}

#[test]
fn a_turn_that_fails_leaves_its_trace() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trace.json");
    std::fs::write(&file, "an older one").unwrap();
    let mut command = ask(&golden("images/wide.png"), &"house ".repeat(5000));
    fails(command.arg("--trace").arg(&file), 5, &["tokens, but the model reads at most"]);
    let trace: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    assert!(events.iter().any(|event| event["name"] == "load model"), "{trace}");
}

#[test]
fn the_precision_that_nobody_chose_is_told() {
    let told = |arguments: &[&str]| {
        let mut command = glamm();
        command.arg("ask").arg(golden("images/wide.png")).arg(DESCRIBE).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let tiny = golden("glamm-tiny");
    let tiny = tiny.to_str().unwrap();
    let line = told(&["--model", tiny]);
    assert!(line.starts_with("glamm: glamm-tiny is loaded in ") && line.lines().count() == 1, "{line}");
    assert_eq!(told(&["--model", tiny, "--precision=q8_0"]), "");
    assert_eq!(told(&["--max-new-tokens=1"]), "", "the demo model");
}

#[test]
fn a_trace_that_cannot_be_written_is_told_before_the_model_runs() {
    fails(describe().args(["--trace", "/nowhere/trace.json"]), 7, &["cannot write /nowhere/trace.json"]);
}
