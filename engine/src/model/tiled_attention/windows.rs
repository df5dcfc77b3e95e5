//! Attention of SAM's image encoder: over the whole grid or in windows of it, with decomposed
//! relative positions. Windows are places in the grid: the grid is never cut and joined. A window that
//! reaches beyond it meets padding there, whose keys and values are the biases of the product.

use std::ops::Range;

use candle_core::{Device, Result, Tensor};

use super::{Factors, KeyGrid, Look, Place, Processor, VECTOR, WIDEST_HEAD, lies_in_vectors, put};
use crate::model::elementwise::{self, numbers};
use crate::model::scattered::Scattered;

/// The largest square there is room for.
const LARGEST_SIDE: usize = 128;

/// A square that is attended over.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct Square<'a> {
    /// Its side; where that is less than the grid's, squares are windows side by side.
    pub(in crate::model) side: usize,
    /// Vectors for the vertical distance of a query and a key, `[2 side - 1, width]`.
    pub(in crate::model) rel_pos_h: &'a Tensor,
    /// Of the horizontal distance.
    pub(in crate::model) rel_pos_w: &'a Tensor,
    /// What is multiplied.
    pub(in crate::model) factors: Factors,
    /// Query, key and value of padding, `[3 · heads · width]`.
    pub(in crate::model) padding: &'a Tensor,
}

/// Attention of `heads` in squares of a grid: `[1, h, w, heads · width]`, of queries, keys and values
/// `qkv` `[1, h, w, 3 · heads · width]`. `None` where it is to be had from the tensor library alone.
pub(in crate::model) fn attend_in_windows(
    qkv: &Tensor,
    heads: usize,
    square: Square<'_>,
) -> Result<Option<Tensor>> {
    let (batch, h, w, all) = qkv.dims4()?;
    let (width, side) = (all / 3 / heads, square.side);
    let tables = [square.rel_pos_h, square.rel_pos_w];
    let ours = [qkv, square.padding].into_iter().chain(tables).all(elementwise::is_ours);
    let Some(processor) = Processor::fastest(square.factors) else { return Ok(None) };
    if batch != 1 || side > LARGEST_SIDE || width > WIDEST_HEAD || !ours || !lies_in_vectors(qkv) {
        return Ok(None);
    }
    let mut mixed = vec![0f32; h * w * heads * width];
    let [vertical, horizontal] = tables;
    let distances = |table| Ok::<_, candle_core::Error>(Distances::new(&numbers(table)?, side, width));
    let (qkv, padding) = (numbers(qkv)?, numbers(square.padding)?);
    let grid = Grid {
        qkv: &qkv,
        padding: &padding,
        positions: [distances(vertical)?, distances(horizontal)?],
        sizes: (h, w),
        heads,
        width,
        side,
        result: Scattered::new(&mut mixed),
    };
    let windows = h.div_ceil(side) * w.div_ceil(side);
    processor.run(windows * heads, (side * side).min(h * w), &|index| grid.window(index));
    drop(grid);
    Tensor::from_vec(mixed, (1, h, w, heads * width), &Device::Cpu).map(Some)
}

/// What all windows share.
struct Grid<'a> {
    qkv: &'a [f32],
    padding: &'a [f32],
    /// Vertical and horizontal.
    positions: [Distances; 2],
    sizes: (usize, usize),
    heads: usize,
    width: usize,
    side: usize,
    result: Scattered<'a>,
}

impl Grid<'_> {
    /// Every window has one for each head.
    fn window(&self, index: usize) -> Window<'_> {
        let (window, head) = (index / self.heads, index % self.heads);
        let across = self.sizes.1.div_ceil(self.side);
        let range = |index: usize, size: usize| index * self.side..size.min((index + 1) * self.side);
        Window {
            grid: self,
            head,
            rows: range(window / across, self.sizes.0),
            columns: range(window % across, self.sizes.1),
        }
    }

    /// Query (0), key (1) or value (2) of one head in the numbers of one place.
    fn part<'a>(&self, place: &'a [f32], part: usize, head: usize) -> &'a [f32] {
        &place[(part * self.heads + head) * self.width..][..self.width]
    }

    fn place(&self, row: usize, column: usize) -> &[f32] {
        let length = 3 * self.heads * self.width;
        &self.qkv[(row * self.sizes.1 + column) * length..][..length]
    }
}

/// One head in one window.
struct Window<'a> {
    grid: &'a Grid<'a>,
    head: usize,
    /// Of the grid; less than the window's side where it reaches beyond.
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Window<'_> {
    /// Row and column of a query in the window: padding asks nothing.
    fn query_place(&self, query: usize) -> (usize, usize) {
        (query / self.columns.len(), query % self.columns.len())
    }

    /// Numbers of a key's place in the grid, or those of padding.
    fn key_place(&self, key: usize) -> &[f32] {
        let (row, column) = (key / self.grid.side, key % self.grid.side);
        if row < self.rows.len() && column < self.columns.len() {
            self.grid.place(self.rows.start + row, self.columns.start + column)
        } else {
            self.grid.padding
        }
    }
}

impl Look for Window<'_> {
    fn queries(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    fn keys(&self) -> KeyGrid {
        KeyGrid { rows: self.grid.side, columns: self.grid.side }
    }

    fn query(&self, index: usize) -> &[f32] {
        let (row, column) = self.query_place(index);
        self.grid.part(self.grid.place(self.rows.start + row, self.columns.start + column), 0, self.head)
    }

    fn key(&self, index: usize) -> &[f32] {
        self.grid.part(self.key_place(index), 1, self.head)
    }

    fn value(&self, index: usize) -> &[f32] {
        self.grid.part(self.key_place(index), 2, self.head)
    }

    /// The query's product with the vector of each vertical and horizontal distance, unscaled.
    fn begin(&self, query: usize, logits: &mut [f32]) {
        let (row, column) = self.query_place(query);
        let query = self.query(query);
        let [vertical, horizontal] = &self.grid.positions;
        let (side, lanes) = (self.grid.side, self.keys().lanes_of_row());
        let (mut down, mut across) = ([0.0; LARGEST_SIDE], [0.0; LARGEST_SIDE]);
        vertical.products(row, query, &mut down[..lanes]);
        horizontal.products(column, query, &mut across[..lanes]);
        across[side..].fill(f32::NEG_INFINITY);
        let (rows, rest) = logits.split_at_mut(side * lanes);
        for (logits, down) in rows.chunks_exact_mut(lanes).zip(down) {
            logits.iter_mut().zip(across).for_each(|(logit, across)| *logit = down + across);
        }
        rest.fill(f32::NEG_INFINITY);
    }

    fn seen(&self, _: usize) -> usize {
        self.keys().keys()
    }

    fn put(&self, query: usize, mixed: impl Iterator<Item = f32>) {
        let (row, column) = self.query_place(query);
        let row = (self.rows.start + row) * self.grid.sizes.1 + self.columns.start + column;
        let (heads, width) = (self.grid.heads, self.grid.width);
        let place: Place<'_> = (&self.grid.result, heads * width, self.head * width);
        put(place, (row, width), mixed);
    }
}

/// Vectors for all distances along one axis.
struct Distances {
    side: usize,
    width: usize,
    /// For each place of a query and each 16 places of keys: each number of their vectors.
    vectors: Vec<[f32; VECTOR]>,
}

impl Distances {
    /// Row `i - j + side - 1` of `table` is for query place i and key place j.
    fn new(table: &[f32], side: usize, width: usize) -> Self {
        let mut vectors = Vec::with_capacity(side * side.div_ceil(VECTOR) * width);
        for query in 0..side {
            for first in (0..side).step_by(VECTOR) {
                vectors.extend((0..width).map(|number| {
                    std::array::from_fn(|lane| match first + lane {
                        key if key < side => table[(query + side - 1 - key) * width + number],
                        _ => 0.0,
                    })
                }));
            }
        }
        Self { side, width, vectors }
    }

    /// Products of a query at `place` with the vectors of its distance to each key.
    fn products(&self, place: usize, query: &[f32], products: &mut [f32]) {
        let of_place = self.side.div_ceil(VECTOR) * self.width;
        let vectors = self.vectors[place * of_place..][..of_place].chunks_exact(self.width);
        for (vectors, products) in vectors.zip(products.as_chunks_mut::<VECTOR>().0) {
            let mut sums = [0.0; VECTOR];
            for (vector, number) in vectors.iter().zip(query) {
                for lane in 0..VECTOR {
                    sums[lane] += vector[lane] * number;
                }
            }
            *products = sums;
        }
    }
}
