"""What people click and frame: prompts for the pixel decoder, and what each of them may mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .data import Data
from .mask_decoder import BOX_END, BOX_START

WHOLE, PART, GROUP = range(3)
LIKELY = torch.tensor([0.7, 0.2, 0.1])
"""How likely a click means the whole object, a part of it, or it and its like that touch it."""
LEAST_AREA = 12
"""Cells of a mask from which on it is asked for."""


@dataclass
class Things:
    """M clicked things, each on a picture."""

    images: np.ndarray
    """[M] numbers of the pictures."""
    places: Tensor
    """[M, 2] of the first click, 0 to 1 over the picture."""
    meanings: Tensor
    """uint8 [M, 3, 128, 128]: what the click may mean, in the order of `LIKELY`."""
    share: Tensor
    """[M, 3]: how likely each is; 0 where there is no such thing."""
    meant: Tensor
    """uint8 [M, 1, 128, 128]: one of them, as likely as it is."""


def draw_things(data: Data, images: np.ndarray, generator: torch.Generator) -> Things:
    """A thing on every picture, half of the time clicked on one of its parts."""
    kept, objects, clicked = [], [], []
    for image in images:
        rows = data.ann_of[image]
        large = [r for r in rows if data.mask(np.array([r])).sum() >= LEAST_AREA]
        whole = [r for r in large if not data.ann["part"][r]]
        if not whole:
            continue
        row = choose(whole, generator)
        parts = [p for p in large if data.ann["owner"][p] == row]
        on_part = parts and torch.rand((), generator=generator) < 0.5
        kept.append(image)
        objects.append((row, parts))
        clicked.append(choose(parts, generator) if on_part else row)
    cells = draw_cells(torch.from_numpy(data.mask_stack(np.asarray(clicked))), generator)
    meanings = torch.zeros(len(kept), 3, 128, 128, dtype=torch.uint8)
    for m, (row, parts) in enumerate(objects):
        meanings[m, WHOLE] = torch.from_numpy(data.mask(np.array([row])))
        for part in torch.from_numpy(data.mask_stack(np.asarray(parts, np.int64))):
            if part.flatten()[cells[m]]:
                meanings[m, PART] = part
        group = touching(data, row)
        if len(group) > 1:
            meanings[m, GROUP] = torch.from_numpy(data.mask(group))
    share = LIKELY * meanings.flatten(2).any(2)
    share = share / share.sum(1, keepdim=True)
    which = torch.multinomial(share, 1, generator=generator)
    meant = meanings[torch.arange(len(kept))[:, None], which]
    return Things(np.asarray(kept), inside(cells, generator), meanings, share, meant)


def choose(rows: list[int], generator: torch.Generator) -> int:
    """One of them."""
    return int(rows[int(torch.randint(len(rows), (1,), generator=generator))])


def touching(data: Data, row: int) -> np.ndarray:
    """The row and all of its kind that touch it, or one that does, and so on."""
    same = data.ann_of[data.ann["image"][row]]
    same = same[(data.ann["kind"][same] == data.ann["kind"][row]) & ~data.ann["part"][same]]
    masks = torch.from_numpy(data.mask_stack(same)).float()
    found = torch.from_numpy(same == row)
    while True:
        near = F.max_pool2d(masks[found].amax(0, keepdim=True), 3, 1, 1)
        more = (masks * near).flatten(1).any(1)
        if (more == found).all():
            return same[found.numpy()]
        found = more


def draw_cells(maps: Tensor, generator: torch.Generator) -> Tensor:
    """A marked cell of every map [M, 128, 128], rather deep inside than at the edge: [M]."""
    marked = maps.float()
    # A row, then a column: the same mean of 9 × 9 cells, several times faster.
    near = F.avg_pool2d(marked[:, None], (1, 9), 1, (0, 4))
    deep = F.avg_pool2d(near, (9, 1), 1, (4, 0))[:, 0] ** 2 * marked
    return torch.multinomial(deep.flatten(1), 1, generator=generator)[:, 0]


def inside(cells: Tensor, generator: torch.Generator) -> Tensor:
    """A place in each of these cells, [M, 2] from 0 to 1, x before y."""
    corner = torch.stack([cells % 128, cells // 128], 1)
    return (corner + torch.rand(corner.shape, generator=generator)) / 128


def correct(logits: Tensor, wanted: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Clicks where masks are wrong: places [M, 2] and kinds [M], for low-resolution logits [M, h, w]
    and uint8 [M, 128, 128]. Where nothing is wrong, a click on what is right."""
    up = F.interpolate(logits[:, None], wanted.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
    wrong = (up > 0) != (wanted > 0)
    perfect = ~wrong.flatten(1).any(1)
    wrong[perfect] = wanted[perfect] > 0
    cells = draw_cells(wrong, generator)
    kinds = wanted.flatten(1).gather(1, cells[:, None])[:, 0].long()
    return inside(cells, generator), kinds


def frame(masks: Tensor, amount: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Corners of roughly drawn boxes around masks uint8 [M, 128, 128]: places [M, 2, 2], kinds [M, 2].
    Each side is off by a share of the box's own size."""
    ends = []
    for axis in (1, 2):
        there = masks.amax(axis).float()
        ends.append((there.argmax(1), 128 - there.flip(1).argmax(1)))
    (x0, x1), (y0, y1) = ends
    box = torch.stack([x0, y0, x1, y1], 1) / 128
    size = (box[:, 2:] - box[:, :2]).repeat(1, 2)
    box = (box + amount * size * torch.randn(box.shape, generator=generator)).clamp(0, 1)
    return box.view(-1, 2, 2), torch.tensor([BOX_START, BOX_END]).expand(len(box), 2)
