//! Parity of the vision side with the official implementation: picture preparation, global
//! encoder, projector, region encoder, grounding encoder, pixel decoder, masks at image size.
//! Every stage starts from the recorded input of that stage.

#[path = "parity_vision/encoders.rs"]
mod encoders;
#[path = "parity_vision/masks.rs"]
mod masks;
#[path = "parity_vision/pictures.rs"]
mod pictures;
#[path = "parity_vision/regions.rs"]
mod regions;

use std::process::ExitCode;

use glamm_tests::table::{self, Outcome, Trial};

fn main() -> ExitCode {
    let tests: [(&str, fn() -> Outcome); 17] = [
        ("parity_geometry_of_both_preprocessors", pictures::geometry),
        ("parity_prepared_pictures", pictures::prepared),
        ("parity_encoder_inputs", pictures::encoder_inputs),
        ("parity_global_encoder_hidden_states", encoders::global_hidden_states),
        ("parity_global_encoder_features", encoders::global_features),
        ("parity_projector", encoders::projector),
        ("parity_grounding_encoder_blocks", encoders::grounding_blocks),
        ("parity_grounding_encoder", encoders::grounding_encoder),
        ("parity_region_feature_maps", regions::feature_maps),
        ("parity_region_embeddings", regions::embeddings),
        ("parity_region_encoder_at_real_geometry", regions::real_geometry),
        ("parity_dense_prompts", masks::dense_prompts),
        ("parity_point_and_mask_prompts", masks::point_and_mask_prompts),
        ("parity_pixel_decoder", masks::pixel_decoder),
        ("parity_masks_at_image_size", masks::at_image_size),
        ("parity_binary_masks", masks::binary),
        ("parity_mask_geometry_at_real_sizes", masks::real_geometry),
    ];
    table::main(tests.into_iter().map(|(name, test)| Trial::test(name, test)).collect())
}
