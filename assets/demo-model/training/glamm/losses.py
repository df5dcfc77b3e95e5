"""One training step's losses: encoders apart (stage 1), and everything together (stage 2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .data import Batch, Data
from .heads import Heads
from .llama import bias_of
from .mask_losses import mask_losses
from .model import Glamm
from .preprocess import clip_pixels, sam_pixels

DTYPE = torch.bfloat16
Terms = dict[str, Tensor]


def clip_input(batch_images: Tensor, dtype: torch.dtype = DTYPE) -> Tensor:
    """Normalised pixels in the training type."""
    return clip_pixels(batch_images).to(dtype)


def sam_input(batch_images: Tensor, dtype: torch.dtype = DTYPE) -> Tensor:
    """Normalised pixels in the training type."""
    return sam_pixels(batch_images, batch_images.shape[1]).to(dtype)


def pick_rows(data: Data, images: Tensor, each: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """`each` annotation rows of every picture (with repeats), and the batch item of each."""
    rows, item = [], []
    for b, image in enumerate(images.tolist()):
        own = torch.from_numpy(data.ann_of[image])
        if len(own):
            rows.append(own[torch.randint(len(own), (each,), generator=generator)])
            item += [b] * each
    return torch.cat(rows), torch.tensor(item)


def jitter(box: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Boxes with each side moved by a share of the box's own size."""
    size = (box[:, 2:] - box[:, :2]).repeat(1, 2)
    return (box + amount * size * torch.randn(box.shape, generator=generator)).clamp(0, 1)


def attributes(data: Data, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Kind, colour and box of annotation rows."""
    r = rows.numpy()
    kind, color, box = data.ann["kind"][r], data.ann["color"][r], data.ann["box"][r]
    return torch.from_numpy(kind).long(), torch.from_numpy(color).long(), torch.from_numpy(box).float()


def clip_terms(
    model: Glamm, heads: Heads, data: Data, states: list[Tensor], labels: Tensor, chosen: tuple[Tensor, Tensor]
) -> Terms:
    """Cells and boxed things named from CLIP's features."""
    rows, item = chosen
    kind, color, box = attributes(data, rows)
    selected = states[model.config.state_index(model.config.select_layer)]
    regions = model.region_rows(states, box, item)
    return {
        "cells": heads.cell_loss(selected[:, 1:], labels),
        "regions": heads.region_loss(regions, kind, color),
    }


def grounding_terms(
    model: Glamm, heads: Heads, data: Data, embedding: Tensor, chosen: tuple[Tensor, Tensor], box: Tensor
) -> Terms:
    """Masks from prompts made of attributes; `box` is what the prompt says of the place."""
    rows, item = chosen
    kind, color, _ = attributes(data, rows)
    prompts = heads.prompts(kind, color, box).to(DTYPE)
    logits, iou = model.model.grounding_encoder.decode(embedding[item], prompts[:, None])
    wanted = torch.from_numpy(data.mask_stack(rows.numpy()))
    bce, dice, iou_error, found = mask_losses(logits[:, 0], wanted, iou[:, 0])
    return {"bce": bce, "dice": dice, "iou_error": iou_error, "iou": found}


def together(model: Glamm, heads: Heads, data: Data, b: Batch) -> tuple[Terms, list[Tensor], Tensor]:
    """Language and mask losses of packed conversations; also CLIP's states and SAM's embedding."""
    states = model.clip_states(clip_input(b.clip))
    embedding = model.model.grounding_encoder.image_encoder(sam_input(b.sam))
    rows = model.image_rows(states)
    hidden = read(model, data, b, states, rows)
    logits = model.lm_head(hidden[b.target[:, 0], b.target[:, 1]]).float()
    each = F.cross_entropy(logits, b.target[:, 2], reduction="none")
    with torch.no_grad():
        right = (logits.argmax(-1) == b.target[:, 2]).float().mean()
    terms = {"ce": (each * b.weight).sum() / b.weight.sum(), "right": right, "place": heads.place_loss(rows)}
    prompts = model.seg_prompts(hidden[b.seg[:, 0], b.seg[:, 1]])
    logits, iou = model.model.grounding_encoder.decode(embedding[b.seg[:, 0]], prompts[:, None])
    bce, dice, iou_error, found = mask_losses(logits[:, 0], b.masks, iou[:, 0])
    terms |= {"bce": bce, "dice": dice, "iou_error": iou_error, "iou": found}
    known = b.rows >= 0
    with torch.no_grad():
        wanted = heads.prompts(*attributes(data, b.rows[known]))
    terms["pull"] = F.mse_loss(prompts[known].float(), wanted)
    return terms, states, embedding


def read(model: Glamm, data: Data, b: Batch, states: list[Tensor], rows: Tensor) -> Tensor:
    """The language model's states [B, L, W] at packed conversations, in the type of the image rows."""
    x, at = F.embedding(b.ids, model.model.embed_tokens.weight).to(rows.dtype), data.image_at
    x = torch.cat([x[:, :at], rows, x[:, at + rows.shape[1] :]], 1)
    if len(b.boxes):
        regions = model.region_rows(states, b.boxes, b.box_at[:, 0])
        x = x.index_put((b.box_at[:, 0], b.box_at[:, 1]), regions)
    return model.llm_train(x, b.positions, packing_bias(b.segment, rows.dtype))


def packing_bias(segment: Tensor, dtype: torch.dtype) -> Tensor:
    """Each conversation sees the prefix and itself, backwards only: [B, 1, L, L]."""
    length = segment.shape[1]
    q, k = segment[:, :, None], segment[:, None, :]
    allowed = ((k == 0) | (k == q)) & torch.ones(length, length, dtype=torch.bool).tril()
    return bias_of(allowed, dtype)[:, None]
