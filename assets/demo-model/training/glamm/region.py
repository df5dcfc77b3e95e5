"""Region encoder of GLaMM: levels of CLIP features, fused, and pooled in user boxes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import RegionConfig
from .layers import Conv2d, GroupNorm, LayerNorm, Linear


def _resize(x: Tensor, side: int) -> Tensor:
    if x.shape[-1] == side:
        return x
    return F.interpolate(x, size=(side, side), mode="bilinear", align_corners=True)


def with_coordinates(x: Tensor) -> Tensor:
    """Appends two channels, x then y, each from -1 to 1 with both ends included."""
    b, _, h, w = x.shape
    ys = torch.linspace(-1, 1, h, dtype=x.dtype, device=x.device)[:, None].expand(h, w)
    xs = torch.linspace(-1, 1, w, dtype=x.dtype, device=x.device)[None, :].expand(h, w)
    return torch.cat([x, torch.stack([xs, ys]).expand(b, -1, -1, -1)], 1)


class FuseConv(nn.Module):
    """3x3 convolution, GroupNorm, ReLU."""

    def __init__(self, c: RegionConfig) -> None:
        super().__init__()
        self.conv = Conv2d(c.embed_dims, c.embed_dims, 3, padding=1, bias=False)
        self.gn = GroupNorm(c.gn_groups, c.embed_dims)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.gn(self.conv(x)))


class LevelFusion(nn.Module):
    """Rounds in which each level borrows channels from its neighbours."""

    def __init__(self, c: RegionConfig) -> None:
        super().__init__()
        dims = c.embed_dims
        self.input_conv = nn.ModuleList(Conv2d(dims + 2, dims, 1) for _ in c.strides)
        self.fuse_convs = nn.ModuleList(FuseConv(c) for _ in range(c.num_fuse))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """`maps`: [B, C, h, w] per level, largest (shallowest) first."""
        maps = [conv(with_coordinates(m)) for conv, m in zip(self.input_conv, maps)]
        for fuse in self.fuse_convs:
            maps = [fuse(m) for m in self._borrow(maps)]
        return maps

    @staticmethod
    def _borrow(maps: list[Tensor]) -> list[Tensor]:
        half, quarter = maps[0].shape[1] // 2, maps[0].shape[1] // 4
        out = []
        for i, own in enumerate(maps):
            deeper, shallower = maps[min(i + 1, len(maps) - 1)], maps[max(i - 1, 0)]
            side = own.shape[-1]
            last = _resize(deeper[:, half + quarter :], side)
            third = _resize(shallower[:, half : half + quarter], side)
            out.append(torch.cat([own[:, :half], last, third], 1))
        return out


def roi_weights(low: Tensor, high: Tensor, cells: int, size: int, ratio: int) -> Tensor:
    """One axis of RoIAlign (aligned, average) as a matrix.

    RoIAlign is separable: pooled = Wy @ map @ Wx^T. `low`, `high` [K] are in cells of the map.
    Result [K, cells, size].
    """
    low, high = low - 0.5, high - 0.5
    steps = (torch.arange(cells * ratio, device=low.device, dtype=low.dtype) + 0.5) / ratio
    at = low[:, None] + (high - low)[:, None] / cells * steps
    inside = (at >= -1) & (at <= size)
    at = at.clamp(min=0)
    left = at.floor().clamp(max=size - 1)
    part = torch.where(left >= size - 1, torch.zeros_like(at), at - left)
    index = torch.arange(size, device=low.device, dtype=low.dtype)
    weight = (index == left[..., None]) * (1 - part)[..., None]
    weight = weight + (index == left[..., None] + 1) * part[..., None]
    weight = weight * inside[..., None]
    return weight.view(-1, cells, ratio, size).mean(2)


class RoiHead(nn.Module):
    """RoIAlign on every level, summed, flattened, with an embedding of the box."""

    def __init__(self, c: RegionConfig) -> None:
        super().__init__()
        dims, side = c.embed_dims, c.roi_output_size
        self.c = c
        self.pconvs = nn.ModuleList(Conv2d(dims, dims, 3, padding=1) for _ in c.strides)
        self.pos_embedd = nn.Sequential(
            Linear(4, c.pos_hidden),
            nn.ReLU(),
            LayerNorm(c.pos_hidden),
            Linear(c.pos_hidden, c.inner_dims),
            nn.ReLU(),
            LayerNorm(c.inner_dims),
        )
        self.updims = Linear(c.inner_dims, c.out_dims)
        self.flatten_linear = Linear(dims * side * side, c.inner_dims)

    def pool(self, maps: list[Tensor], boxes: Tensor, image: Tensor) -> list[Tensor]:
        """Pooled features [K, C, n, n] of every level. `boxes` [K, 4] normalised."""
        c, rois = self.c, boxes * self.c.box_scale
        out = []
        for m, stride in zip(maps, c.strides):
            x0, y0, x1, y1 = (rois / stride).unbind(1)
            wy = roi_weights(y0, y1, c.roi_output_size, m.shape[2], c.roi_sampling_ratio)
            wx = roi_weights(x0, x1, c.roi_output_size, m.shape[3], c.roi_sampling_ratio)
            rows = torch.einsum("kih,kchw->kciw", wy.to(m.dtype), m[image])
            out.append(torch.einsum("kjw,kciw->kcij", wx.to(m.dtype), rows))
        return out

    def forward(self, maps: list[Tensor], boxes: Tensor, image: Tensor) -> dict[str, Tensor | list[Tensor]]:
        pooled = self.pool(maps, boxes, image)
        summed = sum(conv(p) for conv, p in zip(self.pconvs, pooled))
        flat = self.flatten_linear(F.relu(summed).flatten(1))
        pos = self.pos_embedd(boxes.to(flat.dtype))
        return {"roi": pooled, "flat": flat, "pos": pos, "out": self.updims(flat + pos)}


class RegionEncoder(nn.Module):
    """Boxes to embeddings in the language model's width."""

    def __init__(self, c: RegionConfig) -> None:
        super().__init__()
        self.mlvl_fuse = LevelFusion(c)
        self.roi_align = RoiHead(c)

    def levels(self, states: list[Tensor]) -> list[Tensor]:
        """Hidden states [B, 1 + n*n, C], shallow first, as maps: 8, 4, 2 and 1 times enlarged."""
        maps = []
        for i, state in enumerate(states):
            b, n, d = state.shape
            side = round((n - 1) ** 0.5)
            grid = state[:, 1:].transpose(1, 2).reshape(b, d, side, side)
            maps.append(_resize(grid, side << (len(states) - 1 - i)))
        return maps

    def stages(self, states: list[Tensor], boxes: Tensor, image: Tensor) -> dict[str, Tensor | list[Tensor]]:
        """Every intermediate value; `image` [K] tells which batch item each box belongs to."""
        fused = self.mlvl_fuse(self.levels(states))
        return {"fused": fused} | self.roi_align(fused, boxes, image)

    def forward(self, states: list[Tensor], boxes: Tensor, image: Tensor) -> Tensor:
        return self.stages(states, boxes, image)["out"]
