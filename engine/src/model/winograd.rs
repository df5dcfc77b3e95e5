//! Convolution of 3 × 3, stride 1, padded by 1, after Winograd (Lavin and Gray, 2016, F(4 × 4, 3 × 3)): a
//! tile of 4 × 4 results is 36 products a pair of channels where the sums themselves are 144. Called for
//! the wide convolutions on the CPU in single precision: the region encoder's, the grounding encoder's
//! neck. Results differ from the plain sums in the sixth digit.
#![expect(unsafe_code, reason = "threads write one result, each its own rows")]

use candle_core::{Device, Result, Tensor};

use super::elementwise::{is_ours, numbers};
use super::scattered::Scattered;
use super::threads;

/// Side of a tile of results.
const TILE: usize = 4;
/// Side of what a tile of results is computed from.
const PATCH: usize = 6;
/// Products of a tile.
const PRODUCTS: usize = PATCH * PATCH;
/// Tiles that are computed together, at most: for 1024 channels 31 MB before the products and 31 behind, which
/// the allocator gives again, where it would have the system clear new pages for 32 and more.
const TILES: usize = 208;

/// Weights, transformed: those of a convolution are used for several maps.
pub(super) struct Winograd {
    /// `[36, outputs, inputs]`.
    matrices: Tensor,
    bias: Option<Tensor>,
}

impl Winograd {
    /// Of weights `[outputs, inputs, 3, 3]` and a bias `[outputs]`; `None` where the tensor library is to
    /// convolve: on other devices and in other number formats.
    pub(super) fn new(weight: &Tensor, bias: Option<&Tensor>) -> Result<Option<Self>> {
        let (outputs, inputs, 3, 3) = weight.dims4()? else { return Ok(None) };
        if !is_ours(weight) || !bias.is_none_or(is_ours) {
            return Ok(None);
        }
        let mut matrices = vec![0f32; PRODUCTS * outputs * inputs];
        let rows = Scattered::new(&mut matrices);
        let weight = numbers(weight)?;
        threads::divide(outputs, |range| {
            for output in range {
                let kernels = weight[output * inputs * 9..][..inputs * 9].as_chunks::<9>().0;
                // SAFETY: each output's rows are written once.
                let mut places: [&mut [f32]; PRODUCTS] = std::array::from_fn(|product| unsafe {
                    let start = (product * outputs + output) * inputs;
                    rows.part(start..start + inputs)
                });
                for (input, kernel) in kernels.iter().enumerate() {
                    let transformed = transform_kernel(kernel);
                    places.iter_mut().zip(transformed).for_each(|(place, value)| place[input] = value);
                }
            }
        });
        let matrices = Tensor::from_vec(matrices, (PRODUCTS, outputs, inputs), &Device::Cpu)?;
        Ok(Some(Self { matrices, bias: bias.cloned() }))
    }

    /// `[batch, inputs, h, w]` → `[batch, outputs, h, w]`, in single precision.
    pub(super) fn convolve(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, inputs, h, w) = x.dims4()?;
        let outputs = self.matrices.dim(1)?;
        if inputs != self.matrices.dim(2)? {
            candle_core::bail!("{inputs} channels, not {}", self.matrices.dim(2)?);
        }
        let x = x.contiguous()?;
        let bias = self.bias.as_ref().map(numbers).transpose()?;
        let mut result = vec![0f32; batch * outputs * h * w];
        let (down, across) = (h.div_ceil(TILE), w.div_ceil(TILE));
        let rows_at_once = (TILES / across).clamp(1, down);
        for (x, result) in
            numbers(&x)?.chunks_exact(inputs * h * w).zip(result.chunks_exact_mut(outputs * h * w))
        {
            let result = Scattered::new(result);
            for first in (0..down).step_by(rows_at_once) {
                let strip = Strip { first, rows: rows_at_once.min(down - first), across, size: (h, w) };
                let patches = strip.transform(x, inputs)?;
                let products = self.matrices.matmul(&patches)?;
                strip.join(&numbers(&products)?, (outputs, bias.as_deref()), &result);
            }
        }
        Tensor::from_vec(result, (batch, outputs, h, w), &Device::Cpu)
    }
}

/// Some rows of tiles of a map.
struct Strip {
    first: usize,
    rows: usize,
    across: usize,
    /// Height and width of the map.
    size: (usize, usize),
}

impl Strip {
    fn tiles(&self) -> usize {
        self.rows * self.across
    }

    /// The patches of all tiles of planes `x` `[inputs, h, w]`: `[36, inputs, tiles]`.
    fn transform(&self, x: &[f32], inputs: usize) -> Result<Tensor> {
        let tiles = self.tiles();
        let mut patches = vec![0f32; PRODUCTS * inputs * tiles];
        let parts = Scattered::new(&mut patches);
        let plane = self.size.0 * self.size.1;
        threads::divide(inputs, |range| {
            for input in range {
                // SAFETY: each input's parts are written once.
                let mut places: [&mut [f32]; PRODUCTS] = std::array::from_fn(|product| unsafe {
                    let start = (product * inputs + input) * tiles;
                    parts.part(start..start + tiles)
                });
                self.transform_plane(&x[input * plane..][..plane], &mut places);
            }
        });
        Tensor::from_vec(patches, (PRODUCTS, inputs, tiles), &Device::Cpu)
    }

    fn transform_plane(&self, plane: &[f32], places: &mut [&mut [f32]; PRODUCTS]) {
        let (h, w) = self.size;
        let padded = self.across * TILE + 2;
        let mut rows = vec![0f32; PATCH * padded];
        for row in 0..self.rows {
            let top = (self.first + row) * TILE;
            for (index, place) in rows.chunks_exact_mut(padded).enumerate() {
                place.fill(0.0);
                // The map is padded by one at each side.
                if let Some(y) = (top + index).checked_sub(1).filter(|&y| y < h) {
                    place[1..=w].copy_from_slice(&plane[y * w..][..w]);
                }
            }
            for x in 0..padded {
                let column = transform_line(std::array::from_fn(|index| rows[index * padded + x]));
                column.into_iter().enumerate().for_each(|(index, value)| rows[index * padded + x] = value);
            }
            for (index, line) in rows.chunks_exact(padded).enumerate() {
                for tile in 0..self.across {
                    let values = transform_line(std::array::from_fn(|x| line[tile * TILE + x]));
                    for (column, value) in values.into_iter().enumerate() {
                        places[index * PATCH + column][row * self.across + tile] = value;
                    }
                }
            }
        }
    }

    /// The tiles of `products` `[36, outputs, tiles]`, written to their places in planes.
    fn join(&self, products: &[f32], (outputs, bias): (usize, Option<&[f32]>), planes: &Scattered<'_>) {
        let (tiles, (h, w)) = (self.tiles(), self.size);
        let (top, bottom) = (self.first * TILE, h.min((self.first + self.rows) * TILE));
        threads::divide(outputs, |range| {
            for output in range {
                let parts: [&[f32]; PRODUCTS] =
                    std::array::from_fn(|product| &products[(product * outputs + output) * tiles..][..tiles]);
                // SAFETY: each output's rows of the strip are written once.
                let rows = unsafe { planes.part((output * h + top) * w..(output * h + bottom) * w) };
                self.join_plane(&parts, bias.map_or(0.0, |bias| bias[output]), rows);
            }
        });
    }

    fn join_plane(&self, parts: &[&[f32]; PRODUCTS], bias: f32, rows: &mut [f32]) {
        let w = self.size.1;
        for (index, rows) in rows.chunks_mut(TILE * w).enumerate() {
            for tile in 0..self.across {
                let at = index * self.across + tile;
                let columns: [[f32; TILE]; PATCH] =
                    std::array::from_fn(|x| sum_line(std::array::from_fn(|y| parts[y * PATCH + x][at])));
                for (y, row) in rows.chunks_exact_mut(w).enumerate() {
                    let line = sum_line(columns.map(|column| column[y]));
                    let place = &mut row[tile * TILE..w.min((tile + 1) * TILE)];
                    place.iter_mut().zip(line).for_each(|(place, value)| *place = value + bias);
                }
            }
        }
    }
}

/// `Bᵀ d`.
fn transform_line([a, b, c, d, e, f]: [f32; PATCH]) -> [f32; PATCH] {
    let (even, odd) = (e - 4.0 * c, d - 4.0 * b);
    let (outer, inner) = (e - c, 2.0 * (d - b));
    [4.0 * a - 5.0 * c + e, even + odd, even - odd, outer + inner, outer - inner, 4.0 * b - 5.0 * d + f]
}

/// `Aᵀ m`.
fn sum_line([a, b, c, d, e, f]: [f32; PATCH]) -> [f32; TILE] {
    let (near, near_difference) = (b + c, b - c);
    let (far, far_difference) = (d + e, d - e);
    [
        a + near + far,
        near_difference + 2.0 * far_difference,
        near + 4.0 * far,
        near_difference + 8.0 * far_difference + f,
    ]
}

/// `G g Gᵀ`, row by row.
fn transform_kernel(kernel: &[f32; 9]) -> [f32; PRODUCTS] {
    let line = |[a, b, c]: [f32; 3]| {
        let (near, far) = ((a + c) / -6.0, a / 24.0 + c / 6.0);
        [a / 4.0, near - b / 6.0, near + b / 6.0, far + b / 12.0, far - b / 12.0, c]
    };
    let columns: [[f32; PATCH]; 3] = std::array::from_fn(|x| line([kernel[x], kernel[3 + x], kernel[6 + x]]));
    let mut transformed = [0.0; PRODUCTS];
    for (y, place) in transformed.as_chunks_mut::<PATCH>().0.iter_mut().enumerate() {
        *place = line(columns.map(|column| column[y]));
    }
    transformed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::{distance, noise};

    #[test]
    fn convolutions_are_the_library_s() {
        for (batch, h, w) in [(1, 1, 1), (2, 4, 4), (1, 5, 11), (1, 24, 3), (1, 70, 130)] {
            let (x, weight, bias) =
                (noise("x", (batch, 5, h, w)), noise("weight", (7, 5, 3, 3)), noise("b", 7));
            let want = x.conv2d(&weight, 1, 1, 1, 1).unwrap();
            let got = Winograd::new(&weight, None).unwrap().unwrap().convolve(&x).unwrap();
            assert!(distance(&got, &want) < 1e-4, "{}", distance(&got, &want));
            let want = want.broadcast_add(&bias.reshape((1, 7, 1, 1)).unwrap()).unwrap();
            let got = Winograd::new(&weight, Some(&bias)).unwrap().unwrap().convolve(&x).unwrap();
            assert!(distance(&got, &want) < 1e-4);
        }
    }

    #[test]
    fn other_weights_are_left_to_the_library() {
        assert!(Winograd::new(&noise("weight", (2, 2, 1, 1)), None).unwrap().is_none());
        let half = noise("weight", (2, 2, 3, 3)).to_dtype(candle_core::DType::F16).unwrap();
        assert!(Winograd::new(&half, None).unwrap().is_none());
    }
}
