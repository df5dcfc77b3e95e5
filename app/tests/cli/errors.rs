//! Everything that can be wrong with a request has its exit code and one line.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{ask, fails, glamm, golden, text};

fn wide() -> Command {
    ask(&golden("images/wide.png"), "Describe the image.")
}

/// A copy of the golden checkpoint that can be damaged.
fn copied_checkpoint() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in ["glamm-tiny", "clip-tiny"] {
        let target = directory.path().join(name);
        fs::create_dir(&target).unwrap();
        for entry in fs::read_dir(golden(name)).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
        }
    }
    directory
}

fn ask_copy(directory: &Path) -> Command {
    let mut command = glamm();
    command.arg("ask").arg(golden("images/wide.png")).arg("Hello?");
    command.arg("--precision=f32").arg("--model").arg(directory.join("glamm-tiny"));
    command
}

/// What happens to a file of a checkpoint.
type Damage = fn(&Path);

fn cut_in_half(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
}

#[test]
fn the_command_line_itself() {
    for arguments in [&["ask"][..], &["ask", "a.png", "b", "--bogus"], &["eval"], &["scenes", "--count", "0"]]
    {
        let output = glamm().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains("--help"), "{arguments:?}");
    }
}

#[test]
fn a_model_is_not_compared_with_itself() {
    let agreement = |model: &str| {
        let mut command = glamm();
        command.args([
            "eval",
            "agreement",
            "--count",
            "1",
            "--seed",
            "1",
            "--precision",
            "f32",
            "--model",
            model,
        ]);
        command
    };
    fails(&mut agreement("demo"), 2, &["the same", "--reference"]);
    // Not even opened: one file is as it is.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("model.gguf");
    fs::write(&file, "GGUF").unwrap();
    let file = file.display().to_string();
    fails(agreement(&file).args(["--against", "q4k"]), 2, &["the same", "--reference"]);
    fails(agreement("demo").args(["--reference", &file]), 4, &["model.gguf"]);
}

#[test]
fn images() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fails(&mut ask(&path("missing.png"), "What?"), 3, &["cannot read", "missing.png"]);
    fails(&mut ask(directory.path(), "What?"), 3, &["cannot read"]);

    fs::write(path("letter.png"), "Dear Sir or Madam").unwrap();
    fails(&mut ask(&path("letter.png"), "What?"), 3, &["letter.png", "PNG, JPEG"]);
    fs::write(path("empty.jpg"), "").unwrap();
    fails(&mut ask(&path("empty.jpg"), "What?"), 3, &["empty.jpg"]);

    fs::copy(golden("images/wide.png"), path("half.png")).unwrap();
    cut_in_half(&path("half.png"));
    fails(&mut ask(&path("half.png"), "What?"), 3, &["half.png", "damaged"]);

    // The window, too, is not opened for an image that is not there.
    fails(glamm().arg(path("missing.png")), 3, &["missing.png"]);
}

#[test]
fn models() {
    let image = golden("images/wide.png");
    let with = |model: &Path| {
        let mut command = glamm();
        command.arg("ask").arg(&image).arg("What?").arg("--model").arg(model);
        command
    };
    fails(&mut with(Path::new("no-such-model")), 4, &["no-such-model"]);
    let empty = tempfile::tempdir().unwrap();
    fails(&mut with(empty.path()), 4, &["config.json"]);
}

#[test]
fn damaged_checkpoints_name_the_file() {
    let shard = "pytorch_model-00002-of-00002.bin";
    let cases: [(&str, Damage); 5] = [
        (shard, cut_in_half),
        (shard, |path| fs::remove_file(path).unwrap()),
        ("config.json", |path| fs::write(path, "{").unwrap()),
        ("tokenizer.model", cut_in_half),
        ("added_tokens.json", |path| fs::write(path, "[]").unwrap()),
    ];
    for (name, damage) in cases {
        let copy = copied_checkpoint();
        damage(&copy.path().join("glamm-tiny").join(name));
        fails(&mut ask_copy(copy.path()), 4, &[name]);
    }
    let copy = copied_checkpoint();
    cut_in_half(&copy.path().join("clip-tiny/pytorch_model.bin"));
    fails(&mut ask_copy(copy.path()), 4, &["clip-tiny", "pytorch_model.bin"]);
}

#[test]
fn a_tensor_that_does_not_fit_is_named() {
    let copy = copied_checkpoint();
    let config = copy.path().join("glamm-tiny/config.json");
    let mut value: serde_json::Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    value["intermediate_size"] = 180.into();
    fs::write(&config, value.to_string()).unwrap();
    fails(&mut ask_copy(copy.path()), 4, &["model.layers.0.mlp", "180", "176", ".bin"]);
}

#[test]
fn questions_and_boxes() {
    let image = golden("images/wide.png");
    for nothing in ["", "  \n"] {
        fails(&mut ask(&image, nothing), 5, &["empty"]);
    }
    fails(&mut ask(&image, "Is <bbox> in <bbox>?"), 5, &["2 <bbox>", "0 boxes"]);
    fails(ask(&image, "Is <bbox> in <bbox>?").args(["--box", "1,1,9,9"]), 5, &["2 <bbox>", "1 box"]);
    let too_many = ["--box=1,1,9,9", "--box=2,2,8,8"];
    fails(ask(&image, "What is <bbox>?").args(too_many), 5, &["<bbox>", "2 boxes"]);
    for (wrong, words) in [
        ("1,2,3", "X0,Y0,X1,Y1"),
        ("1,2,3,x", "X0,Y0,X1,Y1"),
        ("nan,0,9,9", "finite"),
        ("0,0,inf,9", "finite"),
        ("9,0,3,9", "empty"),
        ("3,5,9,5", "empty"),
        ("200,0,220,10", "200 × 120"),
        ("-9,-9,-1,-1", "200 × 120"),
    ] {
        fails(wide().args(["--box", wrong]), 5, &[words]);
    }
}

#[test]
fn devices() {
    fails(wide().args(["--device", "abacus"]), 6, &["abacus", "cpu", "cuda", "metal"]);
    #[cfg(not(feature = "cuda"))]
    fails(wide().args(["--device", "cuda"]), 6, &["CUDA", "--features cuda"]);
    #[cfg(not(feature = "metal"))]
    fails(wide().args(["--device", "metal"]), 6, &["Metal", "--features metal"]);
}

#[test]
fn outputs_are_tried_before_the_model_runs() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("file"), "").unwrap();
    // The model is damaged as well, so that complaining about the output proves the order.
    let copy = copied_checkpoint();
    cut_in_half(&copy.path().join("glamm-tiny/config.json"));

    let overlay = |path: &Path| {
        let mut command = ask_copy(copy.path());
        command.arg("--overlay").arg(path);
        command
    };
    fails(&mut overlay(&path("no/such/out.png")), 7, &["cannot write", "out.png"]);
    fails(&mut overlay(directory.path()), 7, &["cannot write"]);
    fails(&mut overlay(&path("out.docx")), 7, &["out.docx", ".png"]);
    fails(ask_copy(copy.path()).arg("--masks-dir").arg(path("file/masks")), 7, &["cannot write", "masks"]);

    fails(&mut overlay(&path("unused.png")), 4, &["config.json"]);
    assert!(!path("unused.png").exists(), "nothing is left of an output that came to nothing");
}

#[test]
#[cfg(target_os = "linux")]
fn a_window_needs_a_display() {
    let mut window = glamm();
    for variable in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
        window.env_remove(variable);
    }
    fails(&mut window, 1, &["the window", "DISPLAY"]);
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_ends_a_question() {
    use std::os::unix::process::ExitStatusExt;

    // A picture that never comes keeps the program waiting.
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("picture.png");
    assert!(Command::new("mkfifo").arg(&picture).status().unwrap().success());
    // A job in the background of a shell ignores Ctrl-C, and hands that on.
    let asked = ask(&picture, "Describe the image.");
    let mut env = Command::new("env");
    env.arg("--default-signal=INT").arg(asked.get_program()).args(asked.get_args());
    env.envs(asked.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = env.spawn().unwrap();
    // Opens once the program has opened its end.
    let writer = fs::OpenOptions::new().write(true).open(&picture).unwrap();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let status = child.wait().unwrap();
    drop(writer);
    assert_eq!(status.signal(), Some(2), "shells report 130: {status}");
}
