//! Masks as rings of corners, as the formats with polygons have them.

use glamm_engine::vision::BinaryMask;
use glamm_engine::vision::polygons::{Corner, joined};

/// A ring for each part of a mask, holes joined to it by a cut; corners up to `tolerance` pixels off.
pub(super) fn polygons(mask: &BinaryMask, tolerance: f32) -> Vec<Vec<Corner>> {
    let simple = |polygon: glamm_engine::vision::Polygon| {
        let simplified = polygon.simplified(tolerance);
        // What is smaller than the tolerance stays as it is.
        if simplified.outline.len() < 3 { polygon.single_ring() } else { simplified.single_ring() }
    };
    mask.polygons().into_iter().map(simple).collect()
}

/// One ring for all of a mask, for formats that take no more.
pub(super) fn one_ring(mask: &BinaryMask, tolerance: f32) -> Vec<Corner> {
    joined(&polygons(mask, tolerance))
}

/// `x0, y0, x1, y1 …`
pub(super) fn flat(ring: &[Corner]) -> Vec<f32> {
    ring.iter().flat_map(|&(x, y)| [x, y]).collect()
}
