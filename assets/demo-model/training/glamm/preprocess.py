"""Image preparation, as CLIP's and SAM's own preprocessors do it with Pillow."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
SAM_MEAN = (123.675, 116.28, 103.53)
SAM_STD = (58.395, 57.12, 57.375)


def clip_crop(image: Image.Image, side: int) -> np.ndarray:
    """Shorter side to `side` (bicubic), then the centre: uint8 [side, side, 3]."""
    w, h = image.size
    short = min(w, h)
    size = (side, int(side * h / short)) if w == short else (int(side * w / short), side)
    image = image.resize(size, Image.Resampling.BICUBIC)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return np.asarray(image.crop((left, top, left + side, top + side)))


def sam_resize(image: Image.Image, side: int) -> np.ndarray:
    """Longest side to `side` (bilinear): uint8 [h, w, 3], not padded."""
    w, h = image.size
    scale = side / max(w, h)
    size = (int(w * scale + 0.5), int(h * scale + 0.5))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))


def clip_pixels(crops: Tensor) -> Tensor:
    """uint8 [B, S, S, 3] to normalised [B, 3, S, S]."""
    x = crops.permute(0, 3, 1, 2).float() / 255
    return (x - torch.tensor(CLIP_MEAN).view(3, 1, 1)) / torch.tensor(CLIP_STD).view(3, 1, 1)


def sam_pixels(resized: Tensor, side: int) -> Tensor:
    """uint8 [B, h, w, 3] to normalised, then zero-padded [B, 3, side, side]."""
    x = resized.permute(0, 3, 1, 2).float()
    x = (x - torch.tensor(SAM_MEAN).view(3, 1, 1)) / torch.tensor(SAM_STD).view(3, 1, 1)
    return torch.nn.functional.pad(x, (0, side - x.shape[3], 0, side - x.shape[2]))
