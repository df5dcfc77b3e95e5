//! One row of input through large matrices in every format, beside plain reading of the same bytes:
//! what of the memory's speed is left when a token is decoded. `cargo bench -p glamm-engine --bench decode`.
//!
//! Both are measured in turns, so that whatever else the machine does falls on both.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a benchmark")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use candle_core::utils::barrier_pool;
use candle_core::{Device, Tensor};
use glamm_engine::model::format::Format;
use glamm_engine::model::matrix::PackedMatrix;

/// Columns of the matrices, as in most of those of full-size GLaMM.
const COLUMNS: usize = 4096;
/// Bytes of a matrix: far more than the caches hold.
const BYTES: usize = 400 << 20;
/// Times that each is measured.
const TIMES: usize = 41;
/// Bytes that a core reads at a time.
const STRETCH: usize = 1 << 19;

fn main() {
    // `cargo bench` adds an argument of its own; names of formats choose among them.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    println!("{:<6} {:>14} {:>14} {:>8}", "format", "product, GB/s", "reading, GB/s", "ratio");
    let formats = Format::ALL.into_iter();
    for format in formats.filter(|f| wanted.is_empty() || wanted.iter().any(|name| name == f.name())) {
        let rows = BYTES / format.bytes(COLUMNS);
        let length = format.bytes(rows * COLUMNS);
        // Scales and elements that are small numbers in every format.
        let bytes = Arc::new(vec![0x11u8; length]);
        let matrix = PackedMatrix::map(bytes.clone(), 0..length, (rows, COLUMNS), format).expect("it fits");
        let x = Tensor::randn(0f32, 1.0, (1, COLUMNS), &Device::Cpu).expect("a row of input");
        let (mut products, mut readings) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            products.push(seconds(|| drop(black_box(matrix.multiply(&x).expect("it works")))));
            readings.push(seconds(|| read(&bytes)));
        }
        let [product, reading] = [products, readings].map(|times| length as f64 / median(times) / 1e9);
        println!("{:<6} {product:>14.1} {reading:>14.1} {:>8.2}", format.name(), product / reading);
    }
}

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Reads everything once, on all cores.
fn read(bytes: &[u8]) {
    let stretches: Vec<&[u8]> = bytes.chunks(STRETCH).collect();
    barrier_pool().execute_chunked(stretches.len(), |range| {
        for stretch in &stretches[range] {
            black_box(parity(stretch));
        }
    });
}

/// All whole words of eight bytes taken together.
fn parity(bytes: &[u8]) -> u64 {
    bytes.as_chunks().0.iter().fold(0, |parity, word| parity ^ u64::from_le_bytes(*word))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
