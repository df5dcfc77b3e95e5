//! Parts of the full-size model that take many rows, each alone, with random weights, without a
//! checkpoint of 17 GB. `cargo bench --bench encoders [PART …] [-- --times N]`; every part prints the median
//! of its times and the processor time that went into them.
#![expect(clippy::print_stdout, reason = "the result")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;
use glamm_engine::model::config::GlammConfig;
use glamm_engine::model::global_encoder::GlobalEncoder;
use glamm_engine::model::grounding_encoder::GroundingEncoder;
use glamm_engine::model::layers::uninterrupted;
use glamm_engine::model::llm::Llama;
use glamm_engine::model::matrix::{Format, Matrix, PackedMatrix};
use glamm_engine::model::pixel_decoder::PixelDecoder;
use glamm_engine::model::region_encoder::RegionEncoder;
use glamm_engine::model::source::{MatrixSource, Source};

/// Uniform noise of the variance that weights have after initialisation.
struct Noise;

impl Noise {
    fn tensor(shape: &Shape) -> Result<Tensor> {
        let inputs: usize = shape.dims().iter().skip(1).product();
        let scale = (3.0 / inputs.max(1) as f32).sqrt();
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let values: Vec<f32> = (0..shape.elem_count())
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                scale * ((state >> 40) as f32 / (1u32 << 23) as f32 - 1.0)
            })
            .collect();
        Tensor::from_vec(values, shape.clone(), &Device::Cpu)
    }
}

impl SimpleBackend for Noise {
    fn get(&self, shape: Shape, _: &str, _: candle_nn::Init, _: DType, _: &Device) -> Result<Tensor> {
        Self::tensor(&shape)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("the shape of {name} is not known")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

/// Matrices in one format.
struct Packed(Format);

impl MatrixSource for Packed {
    fn matrix(&self, _: &str, (rows, columns): (usize, usize)) -> Result<Option<Matrix>> {
        let matrix = PackedMatrix::pack(&Noise::tensor(&(rows, columns).into())?, self.0)?;
        Ok(Some(Matrix::Packed(Arc::new(matrix))))
    }
}

fn weights(format: Option<Format>) -> Source<'static> {
    let tensors = VarBuilder::from_backend(Box::new(Noise), DType::F32, Device::Cpu);
    match format {
        Some(format) => Source::new(tensors, Arc::new(Packed(format))),
        None => tensors.into(),
    }
}

fn noise(shape: impl Into<Shape>) -> Result<Tensor> {
    let shape = shape.into();
    let inputs: usize = shape.dims().iter().skip(1).product();
    Noise::tensor(&shape)?.affine((inputs as f64 / 3.0).sqrt(), 0.0)
}

/// Processor time of this process, all threads together.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
    Duration::from_millis(10 * ticks)
}

struct Bench {
    parts: Vec<String>,
    times: usize,
}

impl Bench {
    fn wants(&self, name: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|part| name.contains(part.as_str()))
    }

    fn measure(&self, name: &str, mut work: impl FnMut() -> Result<()>) -> Result<()> {
        if !self.wants(name) {
            return Ok(());
        }
        work()?;
        let busy = processor_time();
        let mut times = Vec::new();
        for _ in 0..self.times {
            let start = Instant::now();
            work()?;
            times.push(start.elapsed());
        }
        let busy = processor_time().saturating_sub(busy).as_secs_f64() / self.times as f64;
        times.sort();
        let median = times[times.len() / 2].as_secs_f64();
        println!("{name:40} {:9.1} ms  processor {:9.1} ms", 1e3 * median, 1e3 * busy);
        Ok(())
    }
}

fn grounding(bench: &Bench, mut config: GlammConfig) -> Result<()> {
    for (name, format) in [("q8_0", Some(Format::Q8_0)), ("f32", None)] {
        let label = |part: &str| format!("grounding {part} {name}");
        if !["window", "global", "ends"].iter().any(|part| bench.wants(&label(part))) {
            continue;
        }
        (config.grounding.encoder_depth, config.grounding.global_attn_indexes) = (2, vec![1]);
        let encoder = GroundingEncoder::new(&config.grounding, &weights(format))?;
        let x = noise((1, 64, 64, 1280))?;
        bench.measure(&label("window"), || encoder.block(0, &x).map(drop))?;
        bench.measure(&label("global"), || encoder.block(1, &x).map(drop))?;
        let pixels = noise((1, 3, 1024, 1024))?;
        bench.measure(&label("ends"), || {
            encoder.add_positions(&encoder.patch_embed(&pixels)?)?;
            encoder.neck(&x).map(drop)
        })?;
    }
    Ok(())
}

fn global(bench: &Bench, mut config: GlammConfig) -> Result<()> {
    for (name, format) in [("q8_0", Some(Format::Q8_0)), ("f32", None)] {
        let label = |part: &str| format!("clip {part} {name}");
        if !["block", "ends"].iter().any(|part| bench.wants(&label(part))) {
            continue;
        }
        config.select_layer = -2;
        config.region_encoder.level_layers = vec![-2; 4];
        config.global_encoder.num_hidden_layers = 2;
        let encoder = GlobalEncoder::new(&config, &weights(format))?;
        let state = noise((1, 577, 1024))?;
        bench.measure(&label("block"), || encoder.advance(&state, 0, 1).map(drop))?;
        let pixels = noise((1, 3, 336, 336))?;
        bench.measure(&label("ends"), || encoder.embed(&pixels).map(drop))?;
    }
    Ok(())
}

fn region(bench: &Bench, config: &GlammConfig) -> Result<()> {
    if !["region maps", "region boxes"].iter().any(|part| bench.wants(part)) {
        return Ok(());
    }
    let encoder = RegionEncoder::new(&config.region_encoder, &weights(None))?;
    let levels: Vec<Tensor> = (0..4).map(|_| noise((1, 1024, 24, 24))).collect::<Result<_>>()?;
    let maps = || {
        encoder
            .feature_maps(&levels, &mut uninterrupted)
            .map_err(|error| candle_core::Error::Msg(error.to_string()))
    };
    bench.measure("region maps f32", || maps().map(drop))?;
    let maps = encoder.input_maps(&levels)?;
    let boxes = [[0.1, 0.1, 0.5, 0.4], [0.5, 0.5, 0.9, 0.9], [0.0, 0.3, 1.0, 0.8], [0.2, 0.6, 0.3, 0.7]];
    bench.measure("region boxes 4 f32", || encoder.forward(&maps, &boxes).map(drop))
}

fn masks(bench: &Bench, config: &GlammConfig) -> Result<()> {
    if !bench.wants("masks") {
        return Ok(());
    }
    let decoder = PixelDecoder::new(&config.grounding, weights(None).tensors())?;
    let image = noise((1, 256, 64, 64))?;
    for count in [1, 8] {
        let states = noise((count, 256))?;
        bench.measure(&format!("masks {count}"), || decoder.forward(&image, &states).map(drop))?;
    }
    Ok(())
}

fn prompt(bench: &Bench, mut config: GlammConfig) -> Result<()> {
    config.llm.num_hidden_layers = 1;
    for (name, format) in [("q4_k", Format::Q4K), ("q8_0", Format::Q8_0)] {
        let label = format!("prompt block 640 {name}");
        if bench.wants(&label) {
            let llm = Llama::new(&config.llm, &weights(Some(format)))?;
            let x = noise((640, 4096))?;
            bench.measure(&label, || llm.block(0, &x).map(drop))?;
        }
    }
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut bench = Bench { parts: Vec::new(), times: 5 };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--times" => bench.times = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(bench.times),
            "--bench" => {}
            _ => bench.parts.push(argument),
        }
    }
    let config = glamm_engine::models::released::config()?;
    grounding(&bench, config.clone())?;
    global(&bench, config.clone())?;
    region(&bench, &config)?;
    masks(&bench, &config)?;
    prompt(&bench, config)?;
    Ok(())
}
