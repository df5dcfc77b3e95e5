//! Checkpoints good and bad. The good one is the tiny checkpoint of the golden data, in the layout of
//! the released ones; the bad ones are made from it, or byte by byte.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use candle_core::pickle::PthTensors;
use candle_core::{DType, Device, Tensor};

use super::tensor_set::TensorSet;
use super::*;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/public")
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_dtype(DType::F32).unwrap().to_vec1().unwrap()
}

/// Every tensor of the golden checkpoint, by the tensor library's own reader.
fn reference() -> HashMap<String, Tensor> {
    let shards =
        ["glamm-tiny/pytorch_model-00001-of-00002.bin", "glamm-tiny/pytorch_model-00002-of-00002.bin"];
    let readers = shards.map(|shard| PthTensors::new(golden().join(shard), None).unwrap());
    let of = |reader: &PthTensors| {
        let names: Vec<String> = reader.tensor_infos().keys().cloned().collect();
        names.into_iter().map(|name| (name.clone(), reader.get(&name).unwrap().unwrap())).collect::<Vec<_>>()
    };
    readers.iter().flat_map(of).collect()
}

fn assert_same(set: &TensorSet, reference: &HashMap<String, Tensor>) {
    assert_eq!(set.names().count(), reference.len());
    for (name, expected) in reference {
        let tensor = set.read(name, DType::F32, &Device::Cpu).unwrap();
        assert_eq!(tensor.dims(), expected.dims(), "{name}");
        assert_eq!(values(&tensor), values(expected), "{name}");
    }
}

#[test]
fn reads_what_the_tensor_library_reads() {
    let checkpoint = Checkpoint::open(&golden().join("glamm-tiny")).unwrap();
    assert_same(&checkpoint.glamm, &reference());
    assert_eq!(checkpoint.tokenizer().unwrap().id_limit(), checkpoint.config().llm.vocab_size);
}
