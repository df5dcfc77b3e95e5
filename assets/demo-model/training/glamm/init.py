"""Initial weights for training from scratch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .model import Glamm


@torch.no_grad()
def place_waves(model: Glamm, amplitude: float) -> Tensor:
    """Waves of x and y for CLIP's position table, [1 + patches, width].

    Naming cells and regions needs no absolute position, so a table that starts near zero stays
    there, and the language model never learns where left is.
    """
    grid, width = model.config.clip.grid, model.config.clip.hidden_size
    at = (torch.arange(grid) + 0.5) / grid * 2 - 1
    y, x = (t.flatten()[:, None] for t in torch.meshgrid(at, at, indexing="ij"))
    turns = torch.tensor([0.25, 0.5, 1.0]) * 2 * torch.pi
    waves = torch.cat([x, y, *(f(turns * t) for t in (x, y) for f in (torch.sin, torch.cos))], 1)
    mix = torch.linalg.qr(torch.randn(width, waves.shape[1], generator=torch.Generator().manual_seed(1))).Q
    table = waves @ mix.T * amplitude * (width / waves.shape[1]) ** 0.5
    return torch.cat([torch.zeros(1, width), table])


@torch.no_grad()
def initialise(model: Glamm, seed: int = 0) -> None:
    """Fan-in scaled matrices; layers that write into a residual stream start small."""
    torch.manual_seed(seed)
    residual = ("o_proj.weight", "down_proj.weight", "out_proj.weight", "fc2.weight", "attn.proj.weight", "lin2.weight")
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            fan = module.weight.shape[1]
            nn.init.normal_(module.weight, std=fan**-0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.02 if "clip" in name else 1.0 if "decoder" in name else 0.1)
    for name, p in model.named_parameters():
        if name.endswith(residual) and "mask_decoder" not in name:
            p.mul_(0.25)
    model.lm_head.weight.mul_(0.2)
    model.clip.vision_model.embeddings.position_embedding.weight.add_(place_waves(model, 0.5))
    # The last block of CLIP is stored but takes no part: zeros compress well.
    for p in model.clip.vision_model.encoder.layers[-1].parameters():
        p.zero_()
