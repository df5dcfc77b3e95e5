"""Tells what PyTorch reads in two fabricated checkpoints, one of .bin files and one of .safetensors.

Run by the test `pytorch_reads_the_same`: compare_with_torch.py TORCH_DIR SAFETENSORS_DIR. Checks that the
files, the indexes and every tensor of the two agree, then prints a line for each tensor: its name, type,
shape and the CRC-32 of its bytes. Needs torch and safetensors.
"""

import json
import pathlib
import sys
import zlib

import torch
from safetensors.torch import load_file


def load(directory, single, load_one):
    index = directory / f"{single}.index.json"
    if not index.exists():
        return load_one(directory / single)
    index = json.loads(index.read_text())
    found = {}
    for shard in sorted(set(index["weight_map"].values())):
        tensors = load_one(directory / shard)
        assert all(index["weight_map"][name] == shard for name in tensors), shard
        found |= tensors
    assert found.keys() == index["weight_map"].keys()
    total = sum(tensor.numel() * tensor.element_size() for tensor in found.values())
    assert total == index["metadata"]["total_size"], total
    return found


def tell(prefix, pickled, safe):
    assert pickled.keys() == safe.keys(), pickled.keys() ^ safe.keys()
    for name, tensor in pickled.items():
        assert tensor.dtype == safe[name].dtype and torch.equal(tensor, safe[name]), name
        data = tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        dtype = {torch.float32: "f32", torch.bfloat16: "bf16", torch.int64: "i64"}[tensor.dtype]
        print(f"{prefix}{name}\t{dtype}\t{list(tensor.shape)}\t{zlib.crc32(data):08x}")


def load_pickled(path):
    return torch.load(path, weights_only=True, map_location="cpu")


here, there = map(pathlib.Path, sys.argv[1:])
for folder in [pathlib.Path(), *(entry.relative_to(here) for entry in here.iterdir() if entry.is_dir())]:
    prefix = "" if folder == pathlib.Path() else f"{folder}/"
    tell(
        prefix,
        load(here / folder, "pytorch_model.bin", load_pickled),
        load(there / folder, "model.safetensors", load_file),
    )
