"""The official way of a whole grounded turn: `official_turn.py --parts torch_parts.json [--threads N]`.

No cache of keys and values, so each new token computes the whole sequence again, logits of every
position included; the encoders run at every turn; masks are decoded at the end. Real sizes, random
weights, PyTorch on the CPU, in the faster of float32 and bfloat16.

Sixty steps would take half an hour, so three are measured, at the first, the middle and the last length,
and the others lie on the parabola through them. Of the 32 blocks of the language model four are held in
memory, and computed eight times over: 1.6 GB of weights in bfloat16, far more than any cache keeps. Times
of the encoders and of the masks are those that `torch_parts.py` has measured. (The released code also
runs CLIP again for every token; that is left out.) Prints JSON.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import torch
from timing import DTYPES, fused, measure, real_sizes, say, separate
from torch import Tensor

from glamm import llama
from glamm.layers import Linear
from glamm.llama import Layer, RmsNorm, rotary

DISTINCT = 4
PROMPT, NEW_TOKENS, MASKS = 640, 60, 4


class Language:
    """The language model without a cache."""

    def __init__(self, dtype: torch.dtype, distinct: int, depth: int) -> None:
        self.sizes = real_sizes().llm
        self.dtype, self.depth = dtype, depth
        width = self.sizes.hidden_size
        self.layers = [Layer(self.sizes).to(dtype) for _ in range(distinct)]
        self.norm = RmsNorm(width, self.sizes.rms_norm_eps).to(dtype)
        self.lm_head = Linear(width, self.sizes.vocab_size, bias=False).to(dtype)

    def step(self, length: int):
        """One new token at the end of a sequence of this length."""
        x = torch.randn(1, length, self.sizes.hidden_size).to(self.dtype)
        table = tuple(t.to(self.dtype) for t in rotary(torch.arange(length)[None], self.sizes))
        bias = torch.full((length, length), float("-inf")).triu(1).to(self.dtype)[None, None]
        return lambda: self.forward(x, table, bias)

    def forward(self, x: Tensor, table: tuple[Tensor, ...], bias: Tensor) -> int:
        for index in range(self.depth):
            x, _ = self.layers[index % len(self.layers)](x, table, bias, None)
        return int(self.lm_head(self.norm(x))[0, -1].argmax())


def part(parts: dict, row: str) -> float:
    """The faster of both number formats, in milliseconds."""
    return min(found["wall_ms"] for found in parts["rows"] if found["row"] == row)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parts", required=True)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    llama.attend, llama.joint = fused, separate
    parts = json.load(open(args.parts))

    say("which number format is faster, by one block")
    trial = {}
    for name, dtype in DTYPES.items():
        trial[name] = measure(Language(dtype, 1, 1).step(PROMPT), 2)["wall_ms"]
    dtype = min(trial, key=trial.get)

    model = Language(DTYPES[dtype], DISTINCT, real_sizes().llm.num_hidden_layers)
    lengths = [PROMPT, PROMPT + NEW_TOKENS // 2, PROMPT + NEW_TOKENS - 1]
    steps = []
    for length in lengths:
        say(f"a step at {length} positions in {dtype}")
        steps.append(measure(model.step(length), 1, warm=length == PROMPT)["wall_ms"])
    curve = np.polynomial.Polynomial.fit(lengths, steps, 2)
    text = float(sum(curve(PROMPT + i) for i in range(NEW_TOKENS)))

    encoders = part(parts, "global-encoder") + part(parts, "grounding-encoder")
    one, eight = part(parts, "pixel-decoder"), part(parts, "pixel-decoder-8")
    masks = one + (eight - one) * (MASKS - 1) / 7
    print(json.dumps({
        "peer": "official way, PyTorch",
        "dtype": dtype,
        "one_block_ms": trial,
        "lengths": lengths,
        "step_ms": steps,
        "encoders_ms": encoders,
        "text_ms": text,
        "masks_ms": masks,
        "rows": [{"row": "turn", "wall_ms": encoders + text + masks}],
    }, indent=2))


if __name__ == "__main__":
    main()
