//! What is fetched beside a model.

use glamm_engine::models::{self, Target};

use super::*;

const GLAMM: &str = "MBZUAI/GLaMM-GCG";

/// What the hub was asked for while the published model was fetched.
fn asked_for(world: &World) -> Vec<String> {
    let target = Target::parse("gcg", "main").unwrap();
    models::pull(&target, &world.settings, &DownloadControl::default(), &mut |_| ()).unwrap();
    world.hub.seen().into_iter().map(|seen| seen.what).collect()
}

#[test]
fn a_vision_tower_that_is_complete_is_not_asked_for() {
    let world = World::new();
    let clip = models::catalogue::CLIP;
    world.hub.put(GLAMM, CONFIG, format!(r#"{{"mm_vision_tower":"{clip}"}}"#));
    world.hub.put(GLAMM, WEIGHTS, weights());
    world.hub.put(clip, CONFIG, "{}");
    world.hub.put(clip, "pytorch_model.bin", "tower");
    let asked = asked_for(&world);
    assert!(asked.iter().any(|what| what == clip), "it is not here: {asked:?}");
    let asked = asked_for(&world);
    assert!(asked.iter().any(|what| what == GLAMM), "{asked:?}");
    assert!(!asked.iter().any(|what| what == clip || what == "pytorch_model.bin"), "{asked:?}");
}
