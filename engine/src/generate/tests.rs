//! Reuse of the context, ends, sampling, cancellation: with random weights, which these things do
//! not depend on.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::model::layers::uninterrupted;
use crate::model::testing::{config, noise, weights};

/// Not in the vocabulary of 40: no reply ends by it.
const NO_END: u32 = 40;

struct Bench {
    model: Glamm,
    image: Tensor,
    maps: Vec<Tensor>,
}

impl Bench {
    fn new() -> Self {
        let model = Glamm::new(&config(), &weights(), &weights().pp("vision_model")).unwrap();
        let global = model.encode_global(&noise("pixels", (1, 3, 8, 8)), &mut uninterrupted).unwrap();
        let maps = model.region_encoder.feature_maps(&global.levels, &mut uninterrupted).unwrap();
        Self { model, image: global.tokens, maps }
    }

    fn context(&self) -> Context {
        Context::new(&self.model.llm)
    }

    fn start<'a>(
        &'a self,
        context: &'a mut Context,
        prompt: &[Slot],
        policy: Policy<'a>,
    ) -> Result<Generation<'a>, EngineError> {
        let image = ImageInput { tokens: &self.image, maps: Some(&self.maps) };
        Generation::start(&self.model, context, (prompt, image), policy, &|| false)
    }

    /// The whole reply, why it ended, and how much of the prompt was reused.
    fn reply(
        &self,
        context: &mut Context,
        prompt: &[Slot],
        policy: Policy<'_>,
    ) -> (Vec<u32>, FinishReason, usize) {
        let mut generation = self.start(context, prompt, policy).unwrap();
        let mut ids = Vec::new();
        loop {
            match generation.next(&|| false).unwrap() {
                Step::Token { id, .. } => ids.push(id),
                Step::End(reason) => return (ids, reason, generation.reused()),
            }
        }
    }
}

fn policy(max_new_tokens: usize, sampling: &Sampling) -> Policy<'_> {
    Policy { end_of_sequence: NO_END, max_new_tokens, sampling, script: &[] }
}

fn tokens(ids: impl IntoIterator<Item = u32>) -> impl Iterator<Item = Slot> {
    ids.into_iter().map(Slot::Token)
}

/// Words, the image's four patches, words, a region, words.
fn prompt() -> Vec<Slot> {
    let mut slots: Vec<Slot> = tokens([1, 5, 9]).collect();
    slots.extend((0..4).map(Slot::Image));
    slots.extend(tokens([7, 7, 8]));
    slots.push(Slot::Region([0.1, 0.2, 0.6, 0.9]));
    slots.extend(tokens([11, 12]));
    slots
}

#[test]
fn a_follow_up_reuses_everything_but_its_own_words() {
    let bench = Bench::new();
    let mut context = bench.context();
    let mut conversation = prompt();
    for turn in 0..4 {
        let before = context.len();
        let (ids, _, reused) = bench.reply(&mut context, &conversation, policy(6, &Sampling::Greedy));
        let fresh = bench.reply(&mut bench.context(), &conversation, policy(6, &Sampling::Greedy));
        assert_eq!((&ids, 0), (&fresh.0, fresh.2), "the context changes nothing but the time");
        assert_eq!(reused, before, "all that was remembered was reused");
        assert_eq!(context.len(), conversation.len() + 5, "all but the last token is remembered");
        conversation.extend(tokens(ids));
        conversation.extend(tokens([2, 2, 20 + turn]));
    }
}

#[test]
fn asking_the_same_again_computes_one_position() {
    let bench = Bench::new();
    let mut context = bench.context();
    let first = bench.reply(&mut context, &prompt(), policy(6, &Sampling::Greedy));
    let again = bench.reply(&mut context, &prompt(), policy(6, &Sampling::Greedy));
    assert_eq!((first.0, prompt().len() - 1), (again.0, again.2));
}

#[test]
fn another_box_is_another_prompt() {
    let bench = Bench::new();
    let mut context = bench.context();
    bench.reply(&mut context, &prompt(), policy(3, &Sampling::Greedy));
    let mut moved = prompt();
    moved[10] = Slot::Region([0.1, 0.2, 0.6, 0.8]);
    let (ids, _, reused) = bench.reply(&mut context, &moved, policy(6, &Sampling::Greedy));
    assert_eq!(reused, 10);
    assert_eq!(ids, bench.reply(&mut bench.context(), &moved, policy(6, &Sampling::Greedy)).0);
}

#[test]
fn a_region_changes_what_is_said_by_its_own_embedding() {
    let bench = Bench::new();
    let image = &bench.image;
    let rows = bench.model.embed(&prompt(), image, Some(&bench.maps)).unwrap();
    let sides = [[0.1, 0.2, 0.6, 0.9]];
    let region = bench.model.region_encoder.forward(&bench.maps, &sides).unwrap();
    let difference = |a: Tensor, b: Tensor| (a - b).unwrap().abs().unwrap().sum_all().unwrap();
    let zero = |difference: Tensor| assert!(difference.to_scalar::<f32>().unwrap() < 1e-6);
    zero(difference(rows.i(10..11).unwrap(), region));
    zero(difference(rows.i(3..7).unwrap(), image.clone()));
    zero(difference(rows.i(11..13).unwrap(), bench.model.llm.embed(&[11, 12]).unwrap()));
    assert!(bench.model.embed(&prompt(), image, None).is_err(), "regions need maps");
}

#[test]
fn a_script_is_followed_and_the_model_goes_on_behind_it() {
    let bench = Bench::new();
    let greedy = policy(6, &Sampling::Greedy);
    let (said, ..) = bench.reply(&mut bench.context(), &prompt(), greedy);
    let script: Vec<u32> = said[..3].iter().map(|id| (id + 1) % 30).collect();
    let (scripted, ..) = bench.reply(&mut bench.context(), &prompt(), Policy { script: &script, ..greedy });
    assert_eq!((scripted.len(), &scripted[..3]), (6, &script[..]));
    let told: Vec<Slot> = prompt().into_iter().chain(tokens(script)).collect();
    let (rest, ..) = bench.reply(&mut bench.context(), &told, policy(3, &Sampling::Greedy));
    assert_eq!(scripted[3..], rest);
}

#[test]
fn replies_end_for_four_reasons() {
    let bench = Bench::new();
    let limit = 600;
    let (ids, reason, _) = bench.reply(&mut bench.context(), &prompt(), policy(5, &Sampling::Greedy));
    assert_eq!((ids.len(), reason), (5, FinishReason::TokenLimit));
    let (none, reason, _) = bench.reply(&mut bench.context(), &prompt(), policy(0, &Sampling::Greedy));
    assert_eq!((none.len(), reason), (0, FinishReason::TokenLimit));
    let ends_at_third = Policy { end_of_sequence: ids[2], ..policy(50, &Sampling::Greedy) };
    let (ended, reason, _) = bench.reply(&mut bench.context(), &prompt(), ends_at_third);
    let first = ids.iter().position(|&id| id == ids[2]).unwrap();
    assert_eq!((&ended[..], reason), (&ids[..=first], FinishReason::EndOfSequence));
    let long: Vec<Slot> = tokens((0..limit - 3).map(|i| i % 30)).collect();
    let (ids, reason, _) = bench.reply(&mut bench.context(), &long, policy(50, &Sampling::Greedy));
    assert_eq!((ids.len(), reason), (4, FinishReason::ContextFull));
}

#[test]
fn a_prompt_longer_than_the_context_is_refused_with_its_length() {
    let bench = Bench::new();
    let long: Vec<Slot> = tokens((0..601).map(|_| 3)).collect();
    let mut context = bench.context();
    let Err(EngineError::Prompt(error)) = bench.start(&mut context, &long, policy(1, &Sampling::Greedy))
    else {
        panic!("too long")
    };
    assert_eq!(error, PromptError::TooLong { tokens: 601, limit: 600 });
}

#[test]
fn a_seed_fixes_the_reply_and_another_changes_it() {
    let bench = Bench::new();
    let reply = |seed, top_p, temperature| {
        let sampling = Sampling::Random { temperature, top_p, seed };
        bench.reply(&mut bench.context(), &prompt(), policy(24, &sampling)).0
    };
    assert_eq!(reply(1, None, 1.0), reply(1, None, 1.0));
    assert_ne!(reply(1, None, 1.0), reply(2, None, 1.0));
    assert_eq!(reply(1, Some(0.5), 1.0), reply(1, Some(0.5), 1.0));
    let greedy = bench.reply(&mut bench.context(), &prompt(), policy(24, &Sampling::Greedy)).0;
    assert_eq!(reply(3, Some(1e-6), 1.0), greedy, "the most probable token alone is greedy");
    assert_eq!(reply(3, None, 1e-4), greedy, "so is a very low temperature");
    assert_ne!(reply(3, None, 5.0), greedy);
}

#[test]
fn cancelling_ends_between_tokens_and_inside_a_pass() {
    let bench = Bench::new();
    let mut context = bench.context();
    let mut generation = bench.start(&mut context, &prompt(), policy(50, &Sampling::Greedy)).unwrap();
    assert!(matches!(generation.next(&|| false).unwrap(), Step::Token { .. }));
    assert!(matches!(generation.next(&|| true).unwrap(), Step::End(FinishReason::Cancelled)));
    // Asked once before the pass and once in it.
    let asked = AtomicUsize::new(0);
    let second_time = || asked.fetch_add(1, Ordering::SeqCst) == 1;
    assert!(matches!(generation.next(&second_time).unwrap(), Step::End(FinishReason::Cancelled)));
    assert_eq!(context.len(), prompt().len());

    let image = ImageInput { tokens: &bench.image, maps: Some(&bench.maps) };
    let mut context = bench.context();
    let stopped = Generation::start(
        &bench.model,
        &mut context,
        (&prompt(), image),
        policy(5, &Sampling::Greedy),
        &|| true,
    );
    assert!(matches!(stopped, Err(EngineError::Cancelled)));
    assert!(context.is_empty());
}
