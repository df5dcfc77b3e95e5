"""SAM's image encoder (ViTDet): windowed blocks, some global, decomposed relative positions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import SamConfig
from .layers import Conv2d, LayerNorm, Linear, attend


class LayerNorm2d(nn.Module):
    """LayerNorm over the channels of [B, C, H, W]."""

    def __init__(self, dims: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dims))
        self.bias = nn.Parameter(torch.zeros(dims))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(
            x.permute(0, 2, 3, 1), self.weight.shape, self.weight.to(x.dtype), self.bias.to(x.dtype), self.eps
        ).permute(0, 3, 1, 2)


class Attention(nn.Module):
    """Attention over a square of `side` x `side` cells."""

    def __init__(self, dims: int, heads: int, side: int) -> None:
        super().__init__()
        self.heads, self.side = heads, side
        self.qkv = Linear(dims, 3 * dims)
        self.proj = Linear(dims, dims)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * side - 1, dims // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * side - 1, dims // heads))
        steps = torch.arange(side)
        self.register_buffer("offsets", steps[:, None] - steps[None, :] + side - 1, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """x [B, side, side, C]."""
        b, side, _, dims = x.shape
        n, head = side * side, dims // self.heads
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, head).permute(2, 0, 3, 1, 4)
        # The relative terms use the query as it is, not the scaled one.
        grid = q.reshape(b, self.heads, side, side, head)
        rel_h = torch.einsum("bnhwc,hkc->bnhwk", grid, self.rel_pos_h[self.offsets].to(grid.dtype))
        rel_w = torch.einsum("bnhwc,wkc->bnhwk", grid, self.rel_pos_w[self.offsets].to(grid.dtype))
        bias = (rel_h[..., :, None] + rel_w[..., None, :]).reshape(b, self.heads, n, n)
        y = attend(q, k, v, bias)
        return self.proj(y.transpose(1, 2).reshape(b, side, side, dims))


class Mlp(nn.Module):
    """Two layers with exact GELU."""

    def __init__(self, dims: int, inner: int) -> None:
        super().__init__()
        self.lin1 = Linear(dims, inner)
        self.lin2 = Linear(inner, dims)

    def forward(self, x: Tensor) -> Tensor:
        return self.lin2(F.gelu(self.lin1(x)))


class Block(nn.Module):
    """A pre-norm block; `window` 0 means global attention."""

    def __init__(self, c: SamConfig, window: int) -> None:
        super().__init__()
        dims = c.encoder_embed_dim
        self.window = window
        self.norm1 = LayerNorm(dims, 1e-6)
        self.attn = Attention(dims, c.encoder_num_heads, window or c.grid)
        self.norm2 = LayerNorm(dims, 1e-6)
        self.mlp = Mlp(dims, int(dims * c.mlp_ratio))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        y = self._windowed(y) if self.window else self.attn(y)
        x = x + y
        return x + self.mlp(self.norm2(x))

    def _windowed(self, x: Tensor) -> Tensor:
        b, side, _, c = x.shape
        w = self.window
        pad = -side % w
        x = F.pad(x, (0, 0, 0, pad, 0, pad))
        n = (side + pad) // w
        x = x.view(b, n, w, n, w, c).transpose(2, 3).reshape(-1, w, w, c)
        x = self.attn(x).view(b, n, n, w, w, c).transpose(2, 3).reshape(b, n * w, n * w, c)
        return x[:, :side, :side]


class PatchEmbed(nn.Module):
    """Patches to channels-last cells."""

    def __init__(self, c: SamConfig) -> None:
        super().__init__()
        self.patch = c.patch_size
        self.proj = Conv2d(3, c.encoder_embed_dim, c.patch_size, c.patch_size)

    def forward(self, x: Tensor) -> Tensor:
        b, _, h, w = x.shape
        p = self.patch
        # The strided convolution written as a matrix product, which is faster on the CPU.
        cells = x.view(b, 3, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5).reshape(b, h // p, w // p, -1)
        weight, bias = self.proj.weight.flatten(1), self.proj.bias
        return F.linear(cells, weight.to(x.dtype), bias.to(x.dtype))


class ImageEncoder(nn.Module):
    """Picture to embedding."""

    def __init__(self, c: SamConfig) -> None:
        super().__init__()
        dims, out = c.encoder_embed_dim, c.prompt_embed_dim
        self.pos_embed = nn.Parameter(torch.randn(1, c.grid, c.grid, dims) * 0.02)
        self.patch_embed = PatchEmbed(c)
        self.blocks = nn.ModuleList(
            Block(c, 0 if i in c.global_attn_indexes else c.window_size) for i in range(c.encoder_depth)
        )
        self.neck = nn.Sequential(
            Conv2d(dims, out, 1, bias=False),
            LayerNorm2d(out),
            Conv2d(out, out, 3, padding=1, bias=False),
            LayerNorm2d(out),
        )

    def stages(self, x: Tensor) -> list[Tensor]:
        """Patch embedding, then the output of every block, all [B, h, w, C]."""
        out = [self.patch_embed(x)]
        x = out[0] + self.pos_embed.to(x.dtype)
        for block in self.blocks:
            x = block(x)
            out.append(x)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3, S, S] to [B, prompt width, h, w]."""
        return self.neck(self.stages(x)[-1].permute(0, 3, 1, 2))
