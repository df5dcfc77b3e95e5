//! `glamm dev fabricate` and `glamm models check`: a synthetic checkpoint, and what can be wrong with one.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::{fails, glamm, golden, stdout, text};

/// A checkpoint with the sizes of the golden one.
pub(super) fn fabricated(format: &str) -> (TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("twin");
    let told = stdout(
        glamm()
            .args(["dev", "fabricate", "--seed=7", "--format", format, "--config"])
            .arg(golden("glamm-tiny/config.json"))
            .arg("--out")
            .arg(&out),
    );
    assert!(told.contains("tensors"), "{told}");
    (scratch, out)
}

/// The document that the check prints, and the exit code.
fn checked(directory: &Path) -> (Value, i32, String) {
    let output = glamm().args(["models", "check", "--json"]).arg(directory).output().unwrap();
    let document = serde_json::from_slice(&output.stdout).unwrap();
    (document, output.status.code().unwrap(), text(&output.stderr))
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// Faults that one change must lead to: exactly these counts, and these words on stderr.
#[track_caller]
fn expect(directory: &Path, counts: &[(&str, u64)], words: &[&str]) {
    let (document, code, complaint) = checked(directory);
    assert_eq!(code, if words.is_empty() { 0 } else { 4 }, "{complaint}");
    assert_eq!(document["good"], words.is_empty());
    for verdict in ["missing", "unexpected", "wrong_shape", "wrong_type", "not_finite", "damaged"] {
        let expected = counts.iter().find(|(name, _)| *name == verdict).map_or(0, |(_, count)| *count);
        assert_eq!(document["counts"][verdict], expected, "{verdict}: {complaint}");
    }
    assert!(words.iter().all(|word| complaint.contains(word)), "{complaint} should have {words:?}");
    assert!(complaint.lines().count() <= 1, "{complaint}");
}

#[test]
fn a_fabricated_checkpoint_is_good_in_both_formats() {
    for format in ["bin", "safetensors"] {
        let (_scratch, directory) = fabricated(format);
        expect(&directory, &[], &[]);
        let table = stdout(glamm().args(["models", "check"]).arg(&directory));
        assert!(table.contains("model.embed_tokens.weight") && table.contains("607×64"), "{table}");
        assert!(table.ends_with("0 missing, 0 unexpected, 0 of wrong shape, 0 of wrong type, 0 not finite, 0 damaged; 0 bad files\n"));
    }
}

#[test]
fn sizes_that_the_configuration_does_not_have() {
    let (_scratch, directory) = fabricated("bin");
    let config = directory.join("config.json");
    edit(&config, "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 2");
    expect(&directory, &[("unexpected", 10)], &[]);
    edit(&config, "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 4");
    expect(&directory, &[("missing", 9)], &["9 faults", "model.layers.3.", "missing"]);
    edit(&config, "\"num_hidden_layers\": 4", "\"num_hidden_layers\": 3");
    edit(&config, "\"intermediate_size\": 176", "\"intermediate_size\": 180");
    expect(&directory, &[("wrong_shape", 9)], &["model.layers.0.mlp.", "wrong shape"]);
}

#[test]
fn damaged_files() {
    let (_scratch, directory) = fabricated("bin");
    let shard = directory.join("pytorch_model-00002-of-00002.bin");
    let whole = fs::read(&shard).unwrap();
    let mut bytes = whole.clone();
    bytes[whole.len() / 2] ^= 1;
    fs::write(&shard, &bytes).unwrap();
    expect(&directory, &[("damaged", 1)], &["1 faults", "00002-of-00002.bin", "checksum"]);

    fs::write(&shard, &whole[..whole.len() / 2]).unwrap();
    let (document, code, complaint) = checked(&directory);
    assert_eq!(code, 4);
    assert!(document["counts"]["missing"].as_u64().unwrap() > 10);
    assert!(
        complaint.contains("00002-of-00002.bin is damaged: it is truncated: it ends inside tensor model.")
    );
    fs::remove_file(&shard).unwrap();
    let (document, ..) = checked(&directory);
    assert!(document["bad_files"][0].as_str().unwrap().contains("00002-of-00002.bin is missing"));

    fs::write(&shard, &whole).unwrap();
    fs::write(directory.join("tokenizer.model"), "").unwrap();
    let (_, code, complaint) = checked(&directory);
    assert!(code == 4 && complaint.contains("tokenizer.model"), "{complaint}");
    // Names as everywhere else.
    let (document, code, _) = checked(Path::new("demo"));
    assert_eq!((&document["directory"], &document["good"], code), (&"demo".into(), &true.into(), 0));
    fails(glamm().args(["models", "check", "nonsense"]), 4, &["nonsense", "glamm models list"]);
    fs::remove_file(directory.join("config.json")).unwrap();
    fails(glamm().args(["models", "check"]).arg(&directory), 4, &["config.json", "missing"]);
}

#[test]
fn numbers_that_are_none_and_wrong_types() {
    let (_scratch, directory) = fabricated("safetensors");
    let shard = directory.join("model-00001-of-00002.safetensors");
    let whole = fs::read(&shard).unwrap();
    let mut bytes = whole.clone();
    let last = bytes.len() - 2;
    // Infinite as bfloat16.
    bytes[last..].copy_from_slice(&0x7f80_u16.to_le_bytes());
    fs::write(&shard, &bytes).unwrap();
    expect(&directory, &[("not_finite", 1)], &["not finite (1 numbers)"]);

    let header = 8 + u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
    let text = String::from_utf8(whole[8..header].to_vec()).unwrap();
    let text = text.replacen("\"BF16\"", "\"I16\" ", 1);
    fs::write(&shard, [&whole[..8], text.as_bytes(), &whole[header..]].concat()).unwrap();
    expect(&directory, &[("wrong_type", 1)], &["wrong type"]);
}

#[test]
fn fabricating_overwrites_nothing_and_is_no_command_for_users() {
    let (_scratch, directory) = fabricated("bin");
    let again = |config: &str| {
        let mut command = glamm();
        command.args(["dev", "fabricate", "--config", config, "--out"]).arg(&directory);
        command
    };
    fails(&mut again("demo"), 7, &["not empty"]);
    fails(&mut again("no-such-file.json"), 4, &["no-such-file.json", "missing"]);
    assert!(!stdout(glamm().arg("--help")).contains("  dev "));
}
