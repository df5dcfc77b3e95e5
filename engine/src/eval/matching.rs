//! Which predicted mask stands for which true one. Used by `gcg`.

/// A predicted and a true mask that were taken for the same thing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Index of the prediction.
    pub prediction: usize,
    /// Index of the truth.
    pub truth: usize,
    /// Intersection over union of the two masks, above 0.
    pub iou: f64,
}

/// Pairs predictions with truths, each at most once: always the two that overlap most among those
/// still free, until none overlap. This is `compute_miou` of GLaMM's evaluation of grounded
/// conversation (`eval/gcg/evaluate.py`); of equal overlaps the first prediction, then the first
/// truth is taken, as `numpy.argmax` does.
///
/// `iou[prediction][truth]`, rows of equal length.
pub fn greedy_pairs(iou: &[Vec<f64>]) -> Vec<Pair> {
    let mut candidates: Vec<Pair> = Vec::new();
    for (prediction, row) in iou.iter().enumerate() {
        let overlapping = row.iter().enumerate().filter(|&(_, &iou)| iou > 0.0);
        candidates.extend(overlapping.map(|(truth, &iou)| Pair { prediction, truth, iou }));
    }
    // Stable, so that equal overlaps keep the order of the matrix.
    candidates.sort_by(|a, b| b.iou.total_cmp(&a.iou));

    let mut pairs: Vec<Pair> = Vec::new();
    for candidate in candidates {
        let free = pairs.iter().all(|p| p.prediction != candidate.prediction && p.truth != candidate.truth);
        if free {
            pairs.push(candidate);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(iou: &[&[f64]], expected: &[(usize, usize)]) {
        let matrix: Vec<Vec<f64>> = iou.iter().map(|row| row.to_vec()).collect();
        let pairs: Vec<_> = greedy_pairs(&matrix).iter().map(|p| (p.prediction, p.truth)).collect();
        assert_eq!(pairs, expected);
    }

    #[test]
    fn the_largest_overlap_comes_first_even_where_the_sum_suffers() {
        // The best sum would be 0.8 + 0.7; the greedy rule takes 0.9 and is left with 0.1.
        check(&[&[0.9, 0.8], &[0.7, 0.1]], &[(0, 0), (1, 1)]);
    }

    #[test]
    fn nothing_is_paired_twice_or_without_overlap() {
        check(&[&[0.5], &[0.6], &[0.4]], &[(1, 0)]);
        check(&[&[0.0, 0.0], &[0.3, 0.0]], &[(1, 0)]);
        check(&[], &[]);
        check(&[&[], &[]], &[]);
    }

    #[test]
    fn ties_go_to_the_first() {
        check(&[&[0.5, 0.5], &[0.5, 0.5]], &[(0, 0), (1, 1)]);
    }
}
