//! The three configuration files: `config.json`, CLIP's, and CLIP's preprocessor, with zero bytes
//! between them; then the memory that a model of these sizes needs.
#![no_main]

use glamm_engine::model::backend::Backend;
use glamm_engine::model::config::GlammConfig;
use glamm_engine::memory;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    let mut files = data.split('\0');
    let (glamm, clip) = (files.next().unwrap_or_default(), files.next().unwrap_or_default());
    drop(GlammConfig::vision_tower_name(glamm));
    if let Ok(config) = GlammConfig::from_json(glamm, clip, files.next()) {
        drop(memory::needs(&config, Backend::Cpu));
        drop(memory::published_bytes(&config));
    }
});
