//! Parity of the list of tensors that the full-size model expects with the list of the official one,
//! name by name and shape by shape. No weights are needed, and none are allocated.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use glamm_engine::manifest::{TensorSpec, expected_tensors};
use glamm_engine::models::released;

/// The shape under each name.
type Listed = BTreeMap<String, String>;

fn recorded(file: &str) -> Listed {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/public").join(file);
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    assert_eq!(lines.next().unwrap()[..2], ["name", "shape"]);
    lines.map(|cells| (cells[0].to_owned(), cells[1].to_owned())).collect()
}

fn listed(specs: &[TensorSpec]) -> Listed {
    let shape = |spec: &TensorSpec| spec.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
    let listed: Listed = specs.iter().map(|spec| (spec.name.clone(), shape(spec))).collect();
    assert_eq!(listed.len(), specs.len(), "a tensor is listed twice");
    listed
}

#[test]
fn parity_state_dict() {
    let config = released::config().expect("the released configuration");
    let expected = expected_tensors(&config).unwrap();
    assert_eq!(listed(&expected.glamm), recorded("state_dict_fullscope.tsv"));

    // The pipeline runs the vision tower only.
    let mut clip = recorded("state_dict_clip_vit_large_patch14_336.tsv");
    clip.retain(|name, _| name.starts_with("vision_model."));
    assert_eq!(listed(&expected.clip), clip);

    let unused = |specs: &[TensorSpec]| specs.iter().filter(|spec| !spec.is_read()).count();
    assert_eq!(unused(&expected.glamm), 32, "only the frequencies of the rotary embedding");
    assert_eq!(unused(&expected.clip), 16 + 2 + 1, "the last block, the norm behind it, the positions");
    assert_not_allocated();
}

/// In float32 the weights would take 32 GB.
fn assert_not_allocated() {
    if let Ok(status) = fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kilobytes < 1 << 20, "{kilobytes} kB were in use at once");
    }
}
