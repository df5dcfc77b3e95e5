"""Layers that compute in the type of their input, while their weights stay in float32.

Training runs in bfloat16 by casting the pictures and embeddings once; comparing with golden data
runs in float32. Normalisations accumulate in float32 either way.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _cast(p: Tensor | None, x: Tensor) -> Tensor | None:
    return None if p is None else p.to(x.dtype)


class Linear(nn.Linear):
    """A linear layer."""

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.to(x.dtype), _cast(self.bias, x))


class LayerNorm(nn.LayerNorm):
    """LayerNorm over the last axis."""

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.normalized_shape, _cast(self.weight, x), _cast(self.bias, x), self.eps)


class Conv2d(nn.Conv2d):
    """A convolution."""

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight.to(x.dtype), _cast(self.bias, x))


class GroupNorm(nn.GroupNorm):
    """GroupNorm."""

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, self.num_groups, _cast(self.weight, x), _cast(self.bias, x), self.eps)


def joint(x: Tensor, *layers: nn.Linear) -> Tensor:
    """Several linear layers of one input as one product: outputs side by side."""
    weight = torch.cat([layer.weight for layer in layers]).to(x.dtype)
    bias = None if layers[0].bias is None else torch.cat([layer.bias for layer in layers]).to(x.dtype)
    return F.linear(x, weight, bias)


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """Attention [B, heads, n, d] as plain products: on the CPU their backward pass is several
    times faster than that of the fused kernel with a mask."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if bias is not None:
        scores = scores + bias
    return scores.softmax(-1) @ v
