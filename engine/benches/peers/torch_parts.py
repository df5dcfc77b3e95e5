"""PyTorch's side of the encoders and of the pixel decoder: `torch_parts.py [--threads N] [--runs N] [--only …]`.

Real sizes, random weights, on the CPU, in float32 and bfloat16, weights converted once before. The model
is the one that trains the demo model (`assets/demo-model/training/glamm`), which has the released
checkpoint's modules; attention is computed in whichever is faster here of plain products and PyTorch's
fused kernel. In float32, three times slower for the large encoders, these run once without warming up.
Prints JSON.
"""

from __future__ import annotations

import argparse
import json

import torch
from timing import DTYPES, fused, measure, real_sizes, say, separate
from torch import Tensor

from glamm import clip, layers, sam_encoder
from glamm.mask_decoder import GroundingEncoder
from glamm.region import RegionEncoder

ROWS = ["global-encoder", "pixel-decoder", "pixel-decoder-8", "region-encoder", "grounding-encoder"]
LONG = {"region-encoder", "grounding-encoder"}


def faster_attention(block: torch.nn.Module, x: Tensor) -> str:
    """Which way of computing attention is taken for SAM's blocks."""
    times = {}
    for name, attend in {"plain": layers.attend, "fused": fused}.items():
        sam_encoder.attend = attend
        times[name] = measure(lambda: block(x), 2)["wall_ms"]
    best = min(times, key=times.get)
    sam_encoder.attend = {"plain": layers.attend, "fused": fused}[best]
    return best


class Parts:
    """The parts in one number format."""

    def __init__(self, dtype: torch.dtype, rows: list[str]) -> None:
        torch.manual_seed(0)
        c = self.config = real_sizes()
        self.dtype = dtype
        clip.attend, clip.joint = fused, separate
        self.attention = None
        if "global-encoder" in rows:
            self.clip = clip.Clip(c.clip).to(dtype)
            width, language = c.clip.hidden_size, c.llm.hidden_size
            self.projector = torch.nn.Sequential(
                layers.Linear(width, language), torch.nn.GELU(), layers.Linear(language, language)
            ).to(dtype)
        if "region-encoder" in rows:
            self.region = RegionEncoder(c.region).to(dtype)
        if {"grounding-encoder", "pixel-decoder", "pixel-decoder-8"} & set(rows):
            depth = c.sam.encoder_depth
            if "grounding-encoder" not in rows:
                c.sam.encoder_depth = 0
            self.sam = GroundingEncoder(c.sam).to(dtype)
            c.sam.encoder_depth = depth
        if "grounding-encoder" in rows:
            x = self.noise(1, c.sam.grid, c.sam.grid, c.sam.encoder_embed_dim)
            self.attention = faster_attention(self.sam.image_encoder.blocks[7], x)

    def noise(self, *shape: int) -> Tensor:
        return torch.randn(*shape).to(self.dtype)

    def work(self, row: str):
        """What a row does once."""
        c, size = self.config, self.config.sam.image_size
        if row == "global-encoder":
            pixels = self.noise(1, 3, c.clip.image_size, c.clip.image_size)
            last = c.state_index(c.select_layer)
            return lambda: self.projector(self.clip.vision_model(pixels, last)[last][:, 1:])
        if row == "grounding-encoder":
            pixels = self.noise(1, 3, size, size)
            return lambda: self.sam.image_encoder(pixels)
        if row == "region-encoder":
            states = [self.noise(1, 1 + c.image_tokens, c.clip.hidden_size) for _ in c.region.level_layers]
            corners = torch.linspace(0.1, 0.5, 4)[:, None]
            boxes = torch.cat([corners, corners, corners + 0.3, corners + 0.25], 1)
            return lambda: self.region(states, boxes, torch.zeros(4, dtype=torch.long))
        masks = 8 if row == "pixel-decoder-8" else 1
        image = self.noise(1, c.sam.prompt_embed_dim, c.sam.grid, c.sam.grid).expand(masks, -1, -1, -1)
        prompts = self.noise(masks, 1, c.sam.prompt_embed_dim)
        return lambda: self.decode(image, prompts)

    def decode(self, image: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """All candidates of each mask, as SAM computes them."""
        encoder, sizes = self.sam.prompt_encoder, self.config.sam
        dense = encoder.no_mask_embed.weight[:, :, None, None]
        positions = encoder.pe_layer(sizes.grid).to(self.dtype)
        return self.sam.mask_decoder(image + dense, positions, prompts, 1 + sizes.num_multimask_outputs)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default=",".join(ROWS))
    parser.add_argument("--dtypes", default="bf16,f32")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows = args.only.split(",")
    found = []
    for name in args.dtypes.split(","):
        for row in rows:
            say(f"torch {name} {row}")
            parts = Parts(DTYPES[name], [row])
            once = name == "f32" and row in LONG
            times = measure(parts.work(row), 1 if once else args.runs, warm=not once)
            found.append({"row": row, "dtype": name, "attention": parts.attention} | times)
            del parts
    print(json.dumps({"peer": "PyTorch", "version": torch.__version__, "threads": args.threads, "rows": found}, indent=2))


if __name__ == "__main__":
    main()
