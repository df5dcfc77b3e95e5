"""How far masks are from the truth, differentiably and as IoU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def compare(logits: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """BCE, Dice and IoU, each [M, T, K], of every one of T masks with every one of K true ones:
    low-resolution logits [M, T, h, w] and covered shares of cells [M, K, H, W]. The IoU has no gradient."""
    y = wanted.flatten(2).float().mT
    up = F.interpolate(logits.float(), wanted.shape[-2:], mode="bilinear", align_corners=False).flatten(2)
    bce = (F.softplus(up).sum(-1, keepdim=True) - up @ y) / up.shape[-1]
    p, area = up.sigmoid(), y.sum(1, keepdim=True)
    dice = 1 - (2 * (p @ y) + 1) / (p.sum(-1, keepdim=True) + area + 1)
    with torch.no_grad():
        hard, truth = (up > 0).float(), (y >= 0.5).float()
        both = hard @ truth
        iou = both / (hard.sum(-1, keepdim=True) + truth.sum(1, keepdim=True) - both + 1e-6)
    return bce, dice, iou


def mask_losses(logits: Tensor, wanted: Tensor, iou: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """BCE and Dice of low-resolution logits [M, h, w] against uint8 [M, 128, 128], the squared
    error of the predicted IoU [M], and the mean IoU itself."""
    bce, dice, found = (x[:, 0, 0] for x in compare(logits[:, None], wanted[:, None]))
    return bce.mean(), dice.mean(), F.mse_loss(iou.float(), found), found.mean()


def candidate_losses(logits: Tensor, iou: Tensor, wanted: Tensor, share: Tensor) -> dict[str, Tensor]:
    """Of all mask tokens' logits [M, T, h, w] and predicted IoUs [M, T] for prompts that may mean one
    of K masks [M, K, H, W], with probabilities `share` [M, K].

    Token 0 learns what is meant on average. Of the others, the one nearest to each meaning learns that
    one (SAM's way with ambiguous prompts). All IoU predictions learn what to expect. `iou_used` is that of
    the one that the application takes of a single click.
    """
    bce, dice, found = compare(logits, wanted)
    cost = 2 * bce + dice
    possible = (share > 0).float()
    nearest, which = cost[:, 1:].min(1)
    expected = (found * share[:, None]).sum(2)
    best = found[:, 1:].gather(1, which[:, None])[:, 0]
    used = 1 + iou[:, 1:].argmax(1)
    return {
        "first": (cost[:, 0] * share).sum(1).mean(),
        "others": (nearest * possible).sum() / possible.sum(),
        "iou_error": F.mse_loss(iou.float(), expected),
        "iou": (found[:, 0] * share).sum(1).mean(),
        "iou_used": expected[torch.arange(len(used)), used].mean(),
        "iou_best": (best * possible).sum() / possible.sum(),
    }
