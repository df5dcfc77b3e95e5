//! Parity of the language model with the official implementation: every recorded stage from the
//! recorded input of that stage.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests")]
#![expect(clippy::cast_possible_truncation, missing_docs, unreachable_pub, reason = "tests")]

mod recorded;

use candle_core::{IndexOp, Tensor};
use glamm_engine::model::layers::uninterrupted;
use glamm_engine::text::conversation::{Prompt, PromptToken};
use recorded::{RELATIVE, Recorded, Table, relative};

#[test]
fn parity_input_ids_of_every_conversation() {
    let recorded = Recorded::open();
    let tokenizer = recorded.model().tokenizer;
    for case in &recorded.manifest.cases {
        let prompt = Prompt::new(&tokenizer, &recorded.turns(case)).unwrap();
        let ids: Vec<i64> = prompt.tokens.iter().map(|token| token.id().map_or(-200, i64::from)).collect();
        assert_eq!(ids, case.input_ids, "{}", case.id);
        assert_eq!(prompt.tokens.iter().filter(|token| **token == PromptToken::Image).count(), 1);
    }
}

#[test]
fn parity_input_embeddings() {
    let recorded = Recorded::open();
    let model = recorded.model();
    let mut table = Table::default();
    for case in &recorded.manifest.cases {
        let image = recorded.image_tensors(case)["mm_projector_out"].squeeze(0).unwrap();
        let maps = recorded.region_maps(case, &model.glamm);
        let slots = recorded.slots(case, image.dim(0).unwrap());
        let rows = model.glamm.embed(&slots, &image, Some(&maps)).unwrap();
        table.add("inputs_embeds", case, relative(&rows, &recorded.tensors(case)["inputs_embeds"]), RELATIVE);
    }
    table.finish();
}

#[test]
fn parity_hidden_states_and_logits() {
    let recorded = Recorded::open();
    let model = recorded.model();
    let llm = &model.glamm.llm;
    let mut table = Table::default();
    for case in &recorded.manifest.cases {
        let tensors = recorded.tensors(case);
        let embeddings = &tensors["inputs_embeds"];
        let layer0 = llm.block(0, embeddings).unwrap();
        table.add("llm_layer0_out", case, relative(&layer0, &tensors["llm_layer0_out"]), RELATIVE);
        let hidden = llm.forward(embeddings, &mut llm.new_cache(), &mut uninterrupted).unwrap();
        let expected = &tensors["last_hidden_state"];
        table.add("last_hidden_state", case, relative(&hidden, expected), RELATIVE);

        let last = case.input_ids.len() - 1 + model.config.global_encoder.patches() - 1;
        let logits = llm.logits(&expected.i(last..).unwrap()).unwrap();
        let first = relative(&logits.i(0).unwrap(), &tensors["logits_last_prompt_position"]);
        table.add("logits_last_prompt_position", case, first, RELATIVE);
        if let Some(steps) = tensors.get("logits_generated_steps") {
            table.add("logits_generated_steps", case, relative(&logits, steps), RELATIVE);
        }
        if !case.argmax_ids_along_the_forced_tokens.is_empty() {
            let ids: Vec<u32> = logits.argmax(1).unwrap().to_vec1().unwrap();
            assert_eq!(ids, case.argmax_ids_along_the_forced_tokens, "{}", case.id);
        }
    }
    table.finish();
}

#[test]
fn parity_seg_states_and_their_projection() {
    let recorded = Recorded::open();
    let model = recorded.model();
    let mut table = Table::default();
    for case in recorded.manifest.cases.iter().filter(|case| !case.seg.is_empty()) {
        let tensors = recorded.tensors(case);
        let rows: Vec<u32> = case.seg.iter().map(|seg| seg.feeding_index_in_expanded as u32).collect();
        let rows = Tensor::new(rows, &candle_core::Device::Cpu).unwrap();
        let hidden = tensors["last_hidden_state"].index_select(&rows, 0).unwrap();
        table.add("seg_hidden", case, relative(&hidden, &tensors["seg_hidden"]), RELATIVE);
        let projected = model.glamm.text_projection.forward(&tensors["seg_hidden"]).unwrap();
        table.add("seg_pred_embedding", case, relative(&projected, &tensors["seg_pred_embedding"]), RELATIVE);
    }
    table.finish();
}

#[test]
fn parity_of_the_cache_with_recomputing_everything() {
    let recorded = Recorded::open();
    let model = recorded.model();
    let llm = &model.glamm.llm;
    let mut table = Table::default();
    for case in &recorded.manifest.cases {
        let tensors = recorded.tensors(case);
        let (embeddings, expected) = (&tensors["inputs_embeds"], &tensors["last_hidden_state"]);
        let prompt = embeddings.dim(0).unwrap() - (case.answer_ids.len() - 1);
        let mut cache = llm.new_cache();
        let mut steps = vec![embeddings.i(..prompt / 2).unwrap(), embeddings.i(prompt / 2..prompt).unwrap()];
        steps.extend((prompt..embeddings.dim(0).unwrap()).map(|row| embeddings.i(row..=row).unwrap()));
        let hidden: Vec<Tensor> =
            steps.iter().map(|step| llm.forward(step, &mut cache, &mut uninterrupted).unwrap()).collect();
        let hidden = Tensor::cat(&hidden, 0).unwrap();
        table.add("last_hidden_state, step by step", case, relative(&hidden, expected), RELATIVE);
    }
    table.finish();
}
