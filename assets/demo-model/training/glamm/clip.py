"""CLIP vision tower: the global image encoder. Tensor names below `vision_model.`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import ClipConfig
from .layers import LayerNorm, Linear, attend, joint


class Attention(nn.Module):
    """Multi-head self-attention with biases."""

    def __init__(self, c: ClipConfig) -> None:
        super().__init__()
        self.heads = c.num_attention_heads
        self.k_proj = Linear(c.hidden_size, c.hidden_size)
        self.v_proj = Linear(c.hidden_size, c.hidden_size)
        self.q_proj = Linear(c.hidden_size, c.hidden_size)
        self.out_proj = Linear(c.hidden_size, c.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        b, n, d = x.shape
        qkv = joint(x, self.q_proj, self.k_proj, self.v_proj)
        q, k, v = qkv.view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = attend(q, k, v)
        return self.out_proj(y.transpose(1, 2).reshape(b, n, d))


class Mlp(nn.Module):
    """Two layers with the sigmoid approximation of GELU."""

    def __init__(self, c: ClipConfig) -> None:
        super().__init__()
        self.fc1 = Linear(c.hidden_size, c.intermediate_size)
        self.fc2 = Linear(c.intermediate_size, c.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        h = self.fc1(x)
        return self.fc2(h * torch.sigmoid(1.702 * h))


class Layer(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, c: ClipConfig) -> None:
        super().__init__()
        self.self_attn = Attention(c)
        self.layer_norm1 = LayerNorm(c.hidden_size, c.layer_norm_eps)
        self.mlp = Mlp(c)
        self.layer_norm2 = LayerNorm(c.hidden_size, c.layer_norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp(self.layer_norm2(x))


class Embeddings(nn.Module):
    """Class token, patches and positions."""

    def __init__(self, c: ClipConfig) -> None:
        super().__init__()
        self.class_embedding = nn.Parameter(torch.randn(c.hidden_size) * 0.02)
        self.patch_embedding = nn.Conv2d(3, c.hidden_size, c.patch_size, c.patch_size, bias=False)
        self.position_embedding = nn.Embedding(c.grid**2 + 1, c.hidden_size)
        self.patch = c.patch_size

    def forward(self, pixels: Tensor) -> Tensor:
        b, _, h, w = pixels.shape
        p = self.patch
        # The strided convolution written as a matrix product, which is faster on the CPU.
        cells = pixels.view(b, 3, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5).reshape(b, -1, 3 * p * p)
        patches = F.linear(cells, self.patch_embedding.weight.flatten(1).to(cells.dtype))
        first = self.class_embedding.to(patches.dtype).expand(b, 1, -1)
        return torch.cat([first, patches], 1) + self.position_embedding.weight.to(cells.dtype)


class Encoder(nn.Module):
    """The blocks."""

    def __init__(self, c: ClipConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.num_hidden_layers))


class VisionModel(nn.Module):
    """The tower without its final norm, which GLaMM does not use."""

    def __init__(self, c: ClipConfig) -> None:
        super().__init__()
        self.embeddings = Embeddings(c)
        self.pre_layrnorm = LayerNorm(c.hidden_size, c.layer_norm_eps)
        self.encoder = Encoder(c)

    def forward(self, pixels: Tensor, last_state: int) -> list[Tensor]:
        """Hidden states 0 (embeddings) to `last_state`, each [B, 1 + patches, width]."""
        states = [self.pre_layrnorm(self.embeddings(pixels))]
        for layer in self.encoder.layers[:last_state]:
            states.append(layer(states[-1]))
        return states


class Clip(nn.Module):
    """Root of the CLIP checkpoint."""

    def __init__(self, c: ClipConfig) -> None:
        super().__init__()
        self.vision_model = VisionModel(c)
