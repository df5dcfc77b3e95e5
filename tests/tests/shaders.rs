//! Every shader is valid WGSL: each file of `shaders/`, put together with the common parts that it
//! asks for, as the pipelines of the application do it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use glamm::render::mask::{INSPECT_SHADER, MASK_SHADER, UNIFORM, views};
use naga::valid::{Capabilities, ValidationFlags, Validator};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shaders")
}

fn wgsl_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "wgsl")).collect();
    files.sort();
    files
}

/// What is wrong with a shader, if anything is.
fn check(source: &str) -> Result<(), String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
    validator.validate(&module).map_err(|error| error.emit_to_string(source))?;
    Ok(())
}

fn validate(name: &str, source: &str) {
    if let Err(error) = check(source) {
        panic!("{name}: {error}");
    }
}

#[test]
fn every_common_part_is_valid() {
    let files = wgsl_files(&folder().join("common"));
    assert!(!files.is_empty());
    for file in files {
        validate(&file.display().to_string(), &fs::read_to_string(&file).unwrap());
    }
}

#[test]
fn every_pass_is_valid() {
    let common: String =
        wgsl_files(&folder().join("common")).iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let files = wgsl_files(&folder());
    assert!(!files.is_empty());
    for file in files {
        let source = format!("{common}\n{}", fs::read_to_string(&file).unwrap());
        validate(&file.display().to_string(), &source);
    }
}

#[test]
fn the_application_composes_the_same() {
    let passes = [("mask", MASK_SHADER), ("inspect", INSPECT_SHADER)];
    for (name, source) in passes {
        validate(name, source);
    }
    for file in wgsl_files(&folder()).into_iter().chain(wgsl_files(&folder().join("common"))) {
        let text = fs::read_to_string(&file).unwrap();
        let used = passes.iter().any(|(_, source)| source.contains(&text));
        assert!(used, "{} is in no pass of the application", file.display());
    }
}

#[test]
fn the_application_and_the_shaders_agree_on_the_uniform() {
    let (fields, size) = UNIFORM;
    for source in [MASK_SHADER, INSPECT_SHADER] {
        let module = naga::front::wgsl::parse_str(source).unwrap();
        let mask = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("Mask"));
        let naga::TypeInner::Struct { members, span } = &mask.unwrap().1.inner else { panic!("a struct") };
        let found: Vec<_> =
            members.iter().map(|m| (m.name.as_deref().unwrap_or_default(), m.offset as usize)).collect();
        assert_eq!(found, fields);
        assert_eq!(*span as usize, size);
    }
}

#[test]
fn the_application_and_the_shaders_agree_on_the_views() {
    let numbers = [
        ("CUT_OUT", views::CUT_OUT),
        ("HEAT", views::HEAT),
        ("CONTOURS", views::CONTOURS),
        ("BAND", views::BAND),
    ];
    for (name, number) in numbers {
        assert!(INSPECT_SHADER.contains(&format!("const {name}: u32 = {number}u;")), "{name}");
    }
}

#[test]
fn a_broken_shader_is_noticed() {
    let broken = "@fragment fn f() -> @location(0) vec4<f32> { return vec3<f32>(1.0); }";
    assert!(check(broken).is_err_and(|error| error.contains("vec3")));
}
