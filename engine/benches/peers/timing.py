"""What the PyTorch peers share: sizes of the real model, one clock, one way to print."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "assets/demo-model/training"))

from glamm import config as sizes  # noqa: E402

FULLSCOPE = ROOT / "engine/src/fabricate/fullscope"
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def real_sizes() -> sizes.Config:
    """Those of the released model."""
    read = lambda name: json.loads((FULLSCOPE / name).read_text())
    return sizes.parse(read("config.json"), read("clip_config.json"))


def measure(work: Callable[[], object], runs: int, warm: bool = True) -> dict:
    """Milliseconds on the clock and on the processor, medians and each."""
    with torch.inference_mode():
        if warm:
            work()
        wall, processor = [], []
        for _ in range(runs):
            begin, used = time.perf_counter(), time.process_time()
            work()
            wall.append((time.perf_counter() - begin) * 1e3)
            processor.append((time.process_time() - used) * 1e3)
    return {
        "wall_ms": round(statistics.median(wall), 3),
        "processor_ms": round(statistics.median(processor), 3),
        "each_wall_ms": [round(ms, 3) for ms in wall],
    }


def fused(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """PyTorch's kernel."""
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def separate(x: Tensor, *linear: torch.nn.Linear) -> Tensor:
    """Products one by one: joining the weights at every call would be a cost of training alone."""
    return torch.cat([layer(x) for layer in linear], -1)


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)
