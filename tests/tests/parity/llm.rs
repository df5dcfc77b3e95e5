//! Language model: hidden states with and without cache, logits, `[SEG]` states.

use candle_core::{Device, IndexOp, Tensor};
use glamm_engine::model::layers::uninterrupted;
use glamm_engine::text::conversation::Prompt;
use glamm_tests::golden::{Golden, Set};
use glamm_tests::table::{EXACT, FLOATS, Outcome, compare, equal};

/// Expanded index of the last prompt position.
fn last_prompt_position(golden: &Golden, prompt_ids: usize) -> usize {
    prompt_ids - 1 + golden.config().global_encoder.patches() - 1
}

/// From the user's text to ids.
pub(crate) fn input_ids(set: Set) -> Outcome {
    let golden = set.open()?;
    let tokenizer = golden.model()?.tokenizer;
    for case in &golden.manifest.cases {
        let prompt = Prompt::new(&tokenizer, &golden.turns(case)?)?;
        let ids: Vec<i64> = prompt.tokens.iter().map(|token| token.id().map_or(-200, i64::from)).collect();
        equal("input_ids", &case.id, &ids, &case.input_ids)?;
    }
    Ok(())
}

/// The first block alone, all blocks in one pass, and in many steps through the cache.
pub(crate) fn hidden_states(set: Set) -> Outcome {
    let golden = set.open()?;
    let llm = golden.model()?.glamm.llm;
    for case in &golden.manifest.cases {
        let recorded = golden.tensors(&case.tensor_file)?;
        let embeddings = recorded.need("inputs_embeds")?;
        let layer0 = llm.block(0, embeddings)?;
        compare("llm_layer0_out", &case.id, &layer0, recorded.need("llm_layer0_out")?, FLOATS)?;

        let want = recorded.need("last_hidden_state")?;
        let whole = llm.forward(embeddings, &mut llm.new_cache(), &mut uninterrupted)?;
        compare("last_hidden_state", &case.id, &whole, want, FLOATS)?;

        let prompt = last_prompt_position(&golden, case.input_ids.len()) + 1;
        let mut cache = llm.new_cache();
        let mut steps = vec![embeddings.i(..prompt / 2)?, embeddings.i(prompt / 2..prompt)?];
        for row in prompt..embeddings.dim(0)? {
            steps.push(embeddings.i(row..=row)?);
        }
        let mut hidden = Vec::new();
        for step in steps {
            hidden.push(llm.forward(&step, &mut cache, &mut uninterrupted)?);
        }
        compare("last_hidden_state, step by step", &case.id, &Tensor::cat(&hidden, 0)?, want, FLOATS)?;
    }
    Ok(())
}

/// From recorded hidden states to logits.
pub(crate) fn logits(set: Set) -> Outcome {
    let golden = set.open()?;
    let llm = golden.model()?.glamm.llm;
    for case in &golden.manifest.cases {
        let recorded = golden.tensors(&case.tensor_file)?;
        let last = last_prompt_position(&golden, case.input_ids.len());
        let logits = llm.logits(&recorded.need("last_hidden_state")?.i(last..)?)?;
        if let Some(want) = recorded.get("logits_last_prompt_position") {
            compare("logits_last_prompt_position", &case.id, &logits.i(0)?, want, FLOATS)?;
        }
        if let Some(want) = recorded.get("logits_generated_steps") {
            compare("logits_generated_steps", &case.id, &logits, want, FLOATS)?;
        }
        let forced = &case.argmax_ids_along_the_forced_tokens;
        if !forced.is_empty() {
            let ids: Vec<u32> = logits.argmax(1)?.to_vec1()?;
            equal("argmax along forced tokens", &case.id, &ids, forced)?;
        }
    }
    Ok(())
}

/// Which state feeds each `[SEG]`, and what it becomes for the pixel decoder.
pub(crate) fn seg_states(set: Set) -> Outcome {
    let golden = set.open()?;
    let model = golden.model()?.glamm;
    let mut compared = 0;
    for case in golden.manifest.cases.iter().filter(|case| !case.seg.is_empty()) {
        let recorded = golden.tensors(&case.tensor_file)?;
        let rows: Vec<u32> = case.seg.iter().map(|seg| seg.feeding_index_in_expanded as u32).collect();
        let rows = Tensor::new(rows, &Device::Cpu)?;
        let states = recorded.need("seg_hidden")?;
        let fed = recorded.need("last_hidden_state")?.index_select(&rows, 0)?;
        compare("seg_hidden", &case.id, &fed, states, EXACT)?;
        let projected = model.text_projection.forward(states)?;
        compare("seg_pred_embedding", &case.id, &projected, recorded.need("seg_pred_embedding")?, FLOATS)?;
        compared += 1;
    }
    golden.check_compared(compared, "[SEG]")
}
