"""Helpers of training that are not part of the model and are not exported.

They teach the encoders what things are before and beside the language model: labels of cells
and regions for CLIP, and prompts made of attributes for the mask decoder.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import Config
from .layers import Linear
from .world import COLORS

CELLS = 4
"""Labels along each side of a CLIP patch."""


class Heads(nn.Module):
    """Classifiers on CLIP and region features, and the attribute prompts."""

    def __init__(self, c: Config, kinds: int) -> None:
        super().__init__()
        self.kinds, self.colors = kinds, len(COLORS)
        self.sizes = [kinds + 1, self.colors + 1, kinds + 1]
        self.cells = Linear(c.clip.hidden_size, CELLS * CELLS * sum(self.sizes))
        self.region = Linear(c.llm.hidden_size, kinds + self.colors)
        self.where = Linear(c.llm.hidden_size, 2)
        self.kind = nn.Embedding(kinds, c.out_dim)
        self.color = nn.Embedding(self.colors, c.out_dim)
        self.place = nn.Sequential(Linear(4 * 8, c.out_dim), nn.GELU(), Linear(c.out_dim, c.out_dim))
        self.mix = nn.Sequential(nn.GELU(), Linear(c.out_dim, c.out_dim))

    def prompts(self, kind: Tensor, color: Tensor, box: Tensor) -> Tensor:
        """Attributes [M] and boxes [M, 4] to prompts [M, out_dim]."""
        center = torch.cat([(box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]], 1)
        angle = center[..., None] * torch.tensor([1.0, 2.0, 4.0, 8.0]) * torch.pi
        waves = torch.cat([angle.sin(), angle.cos()], -1).flatten(1)
        x = self.kind(kind) + self.color(color) + self.place(waves)
        return x + self.mix(x)

    def cell_loss(self, features: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy of kind, colour and part of cells. features [B, patches, C], labels uint8
        [B, 3, 64, 64]; background counts a tenth."""
        b, n, _ = features.shape
        grid = round(n**0.5)
        logits = self.cells(features).view(b, grid, grid, CELLS, CELLS, -1).transpose(2, 3)
        logits = logits.reshape(b, grid * CELLS, grid * CELLS, -1)
        at = (torch.arange(grid * CELLS) + 0.5) * labels.shape[-1] / (grid * CELLS)
        at = at.long()
        wanted = labels[:, :, at][..., at].long()
        total = torch.zeros(())
        for i, part in enumerate(logits.split(self.sizes, -1)):
            weight = torch.ones(self.sizes[i])
            weight[0] = 0.1
            total = total + F.cross_entropy(part.flatten(0, 2).float(), wanted[:, i].flatten(), weight)
        return total

    def place_loss(self, rows: Tensor) -> Tensor:
        """Squared error of x and y (-1 to 1) read linearly off the image rows [B, patches, W]."""
        grid = round(rows.shape[1] ** 0.5)
        at = (torch.arange(grid) + 0.5) / grid * 2 - 1
        y, x = torch.meshgrid(at, at, indexing="ij")
        # The language model normalises its input, so the scale of the rows must not matter.
        level = rows.float() * rows.float().pow(2).mean(-1, keepdim=True).add(1e-5).rsqrt()
        found = self.where(level)
        return F.mse_loss(found, torch.stack([x.flatten(), y.flatten()], 1).expand_as(found))

    def region_loss(self, rows: Tensor, kind: Tensor, color: Tensor) -> Tensor:
        """Cross-entropy of kind and colour of boxed things."""
        logits = self.region(rows).float()
        return F.cross_entropy(logits[:, : self.kinds], kind) + F.cross_entropy(logits[:, self.kinds :], color)
