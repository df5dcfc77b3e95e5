//! How probable tokens were at one position. Called by the decode loop for every token.
//!
//! On the CPU that is read off the logits. Logits on another processor stay there: it is asked for the
//! few likeliest, and one copy of ten numbers comes back, which is also what the loop waits for
//! before it can feed the next token.

use candle_core::{DType, Result, Tensor};

/// How probable tokens were at one position, by the softmax of the plain logits.
#[derive(Debug, Clone, PartialEq)]
pub struct Odds {
    /// Of the token that was chosen.
    pub chosen: f32,
    /// The most probable tokens with their probabilities, best first.
    pub likeliest: Vec<(u32, f32)>,
}

impl Odds {
    /// Tokens that are remembered at each position.
    const LIKELIEST: usize = 5;

    /// Of the token `chosen`, from all `logits`.
    pub(super) fn new(logits: &[f32], chosen: u32) -> Self {
        let mut best: Vec<(u32, f32)> = Vec::with_capacity(Self::LIKELIEST + 1);
        for (id, &logit) in (0..).zip(logits) {
            if best.len() < Self::LIKELIEST || best.last().is_some_and(|&(_, worst)| logit > worst) {
                let at = best.partition_point(|&(_, other)| other >= logit);
                best.insert(at, (id, logit));
                best.truncate(Self::LIKELIEST);
            }
        }
        let highest = best.first().map_or(0.0, |&(_, logit)| logit);
        let sum: f32 = logits.iter().map(|logit| (logit - highest).exp()).sum();
        let probability = |logit: f32| (logit - highest).exp() / sum;
        Self {
            chosen: logits.get(chosen as usize).map_or(0.0, |&logit| probability(logit)),
            likeliest: best.into_iter().map(|(id, logit)| (id, probability(logit))).collect(),
        }
    }

    /// The likeliest token and its odds, computed where `logits` `[vocabulary]`, in f32, are.
    ///
    /// # Errors
    /// The tensor library's, also where there are no tokens.
    pub(super) fn of_likeliest(logits: &Tensor) -> Result<(u32, Self)> {
        let lowest = Tensor::full(f32::NEG_INFINITY, 1, logits.device())?;
        // The best are struck out of a copy, one after the other.
        let rest = logits.force_contiguous()?;
        let (mut ids, mut best) = (Vec::new(), Vec::new());
        for _ in 0..Self::LIKELIEST.min(logits.dim(0)?) {
            let id = rest.argmax_keepdim(0)?;
            best.push(rest.gather(&id, 0)?);
            rest.scatter_set(&id, &lowest, 0)?;
            ids.push(id);
        }
        let Some(highest) = best.first() else { candle_core::bail!("a vocabulary without tokens") };
        let sum = logits.broadcast_sub(highest)?.exp()?.sum_keepdim(0)?;
        let probabilities = Tensor::cat(&best, 0)?.broadcast_sub(highest)?.exp()?.broadcast_div(&sum)?;
        // In one copy: ids are whole numbers that f32 holds exactly.
        let ids = Tensor::cat(&ids, 0)?.to_dtype(DType::F32)?;
        let both = Tensor::cat(&[&ids, &probabilities], 0)?.to_vec1::<f32>()?;
        let (ids, probabilities) = both.split_at(both.len() / 2);
        let likeliest: Vec<_> = ids.iter().map(|&id| id as u32).zip(probabilities.iter().copied()).collect();
        let (id, chosen) = likeliest.first().copied().unwrap_or_default();
        Ok((id, Self { chosen, likeliest }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::noise;

    #[test]
    fn both_ways_find_the_same_tokens_equally_probable() {
        for vocabulary in [1, 3, 5, 907] {
            let logits = noise("logits", vocabulary).affine(9.0, 1.0).unwrap();
            let (id, there) = Odds::of_likeliest(&logits).unwrap();
            let here = Odds::new(&logits.to_vec1::<f32>().unwrap(), id);
            assert_eq!(here.likeliest.len(), vocabulary.min(Odds::LIKELIEST));
            assert_eq!(id, here.likeliest[0].0);
            assert!((here.chosen - there.chosen).abs() < 1e-6);
            for (one, other) in here.likeliest.iter().zip(&there.likeliest) {
                assert!(one.0 == other.0 && (one.1 - other.1).abs() < 1e-6, "{one:?} {other:?}");
            }
        }
        assert!(Odds::of_likeliest(&noise("logits", 0)).is_err());
    }

    #[test]
    fn logits_are_left_as_they_were() {
        let logits = noise("logits", 64);
        let before = logits.to_vec1::<f32>().unwrap();
        Odds::of_likeliest(&logits).unwrap();
        assert_eq!(logits.to_vec1::<f32>().unwrap(), before);
    }
}
