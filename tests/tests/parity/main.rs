//! Parity with the official implementation: every recorded stage from the recorded input of that
//! stage, and the whole way from a picture's file and the user's text. Prints one table: for each
//! stage the worst error.
//!
//! `GLAMM_GOLDEN_DIR` points all of it at another golden set, `GLAMM_TOKENIZER_DIR` the tokenizer's
//! tests at another tokenizer.

mod encoders;
mod end_to_end;
mod inspection;
mod llm;
mod masks;
mod pictures;
mod regions;
mod selftest;
mod tokenizer;

use std::process::ExitCode;

use glamm_tests::table;

fn main() -> ExitCode {
    table::main(&[
        ("parity_selftest", selftest::stages),
        ("parity_tokenizer_encode", tokenizer::encode),
        ("parity_tokenizer_decode", tokenizer::decode),
        ("parity_tokenizer_image_prompts", tokenizer::image_prompts),
        ("parity_tokenizer_prompts", tokenizer::prompts),
        ("parity_tokenizer_replies", tokenizer::replies),
        ("parity_geometry_of_both_preprocessors", pictures::geometry),
        ("parity_prepared_pictures", pictures::prepared),
        ("parity_encoder_inputs", pictures::encoder_inputs),
        ("parity_global_encoder_hidden_states", encoders::global_hidden_states),
        ("parity_global_encoder_features", encoders::global_features),
        ("parity_grounding_encoder_blocks", encoders::grounding_blocks),
        ("parity_grounding_encoder", encoders::grounding_encoder),
        ("parity_region_feature_maps", regions::feature_maps),
        ("parity_region_embeddings", regions::embeddings),
        ("parity_region_encoder_at_real_geometry", regions::real_geometry),
        ("parity_input_ids", llm::input_ids),
        ("parity_hidden_states", llm::hidden_states),
        ("parity_logits", llm::logits),
        ("parity_seg_states", llm::seg_states),
        ("parity_dense_prompts", masks::dense_prompts),
        ("parity_point_and_mask_prompts", masks::point_and_mask_prompts),
        ("parity_pixel_decoder", masks::pixel_decoder),
        ("parity_masks_at_image_size", masks::at_image_size),
        ("parity_binary_masks", masks::binary),
        ("parity_mask_geometry_at_real_sizes", masks::real_geometry),
        ("parity_token_records", inspection::token_records),
        ("parity_masks_of_clicks_and_boxes", inspection::segments),
        ("parity_end_to_end_greedy", end_to_end::greedy),
        ("parity_end_to_end_follow_ups", end_to_end::follow_ups),
        ("parity_end_to_end_along_recorded_tokens", end_to_end::along_recorded_tokens),
        ("parity_end_to_end_engine_thread", end_to_end::engine_thread),
    ])
}
