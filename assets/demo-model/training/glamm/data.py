"""Training data mapped into memory, and batches of packed conversations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .text import IMAGE


@dataclass
class Batch:
    """B pictures, each with several conversations behind one image prefix."""

    images: Tensor
    """[B] numbers of the pictures."""
    clip: Tensor
    """uint8 [B, S, S, 3]."""
    sam: Tensor
    """uint8 [B, S, S, 3]."""
    labels: Tensor
    """uint8 [B, 3, 64, 64]: object kind, colour, part kind, each plus one."""
    ids: Tensor
    """[B, L] ids; places of the image hold 0."""
    positions: Tensor
    """[B, L]."""
    segment: Tensor
    """[B, L]: 0 the prefix, then 1, 2, ... per conversation, -1 padding."""
    target: Tensor
    """[T, 3]: batch item, place whose state predicts, id to predict."""
    weight: Tensor
    """[T] of the targets."""
    seg: Tensor
    """[M, 2]: batch item, place of the state that feeds the `[SEG]`."""
    masks: Tensor
    """uint8 [M, 128, 128]."""
    rows: Tensor
    """[M] annotation row of the mask, -1 where it is a union."""
    box_at: Tensor
    """[K, 2]: batch item, place of the `<bbox>`."""
    boxes: Tensor
    """[K, 4] normalised."""


class Data:
    """A prepared data set."""

    def __init__(self, folder: Path) -> None:
        cache = folder / "cache"
        self.clip, self.sam, self.labels, self.masks = (
            np.load(cache / f"{n}.npy", mmap_mode="r") for n in ("clip", "sam", "labels", "masks")
        )
        self.ann = dict(np.load(cache / "annotations.npz"))
        self.talk = dict(np.load(cache / "conversations.npz"))
        self.names = [str(n) for n in self.ann["names"]]
        n = len(self.clip)
        # Rows of annotations and of conversations of every picture.
        self.ann_of = _groups(self.ann["image"], n)
        self.talk_of = _groups(self.talk["image"], n)
        prefix = list(self.talk["prefix"])
        self.image_at = prefix.index(IMAGE)
        self.prefix = prefix

    def __len__(self) -> int:
        return len(self.clip)

    def mask(self, rows: np.ndarray) -> np.ndarray:
        """The union of annotation rows, uint8 [128, 128]."""
        bits = np.bitwise_or.reduce(self.masks[rows], axis=0)
        return np.unpackbits(bits).reshape(128, 128)

    def mask_stack(self, rows: np.ndarray) -> np.ndarray:
        """The masks of annotation rows, uint8 [M, 128, 128]."""
        return np.unpackbits(self.masks[rows], axis=1).reshape(-1, 128, 128)

    def span(self, name: str, i: int) -> slice:
        """Range of a flattened list that belongs to entry i."""
        end = self.talk[f"{name}_end"]
        return slice(int(end[i - 1]) if i else 0, int(end[i]))


def _groups(image: np.ndarray, n: int) -> list[np.ndarray]:
    order = np.argsort(image, kind="stable")
    return np.split(order, np.searchsorted(image[order], np.arange(1, n)))


SHARE = {1: 0.4}
"""How often a conversation of a task (by number, see `prepare.py`) is considered, where not
always: plain captions are long and teach nothing that grounded ones do not."""


class Packer:
    """Builds batches: picks conversations of each picture until its row is full."""

    def __init__(self, data: Data, length: int, image_tokens: int, max_masks: int, seed: int) -> None:
        self.d, self.length, self.max_masks = data, length, max_masks
        self.rng = np.random.default_rng(seed)
        at = data.image_at
        self.prefix = np.asarray(data.prefix[:at] + [0] * image_tokens + data.prefix[at + 1 :])
        self.order = np.empty(0, np.int64)

    def next(self, count: int) -> Batch:
        """The next `count` pictures of a shuffled order."""
        if len(self.order) < count:
            self.order = np.concatenate([self.order, self.rng.permutation(len(self.d))])
        images, self.order = self.order[:count], self.order[count:]
        return self.pack(images)

    def pack(self, images: np.ndarray) -> Batch:
        """A batch of these pictures."""
        n, length = len(self.prefix), self.length
        ids = np.zeros((len(images), length), np.int64)
        positions = np.zeros_like(ids)
        segment = np.full_like(ids, -1)
        lists: dict[str, list] = {k: [] for k in ("target", "weight", "seg", "masks", "rows", "box_at", "boxes")}
        for b, image in enumerate(images):
            ids[b, :n], positions[b, :n], segment[b, :n] = self.prefix, np.arange(n), 0
            at, masks = n, 0
            for number, talk in enumerate(self.rng.permutation(self.d.talk_of[image])):
                if self.rng.random() > SHARE.get(int(self.d.talk["task"][talk]), 1.0):
                    continue
                span, segs = self.d.span("ids", talk), self.d.span("seg", talk)
                size = span.stop - span.start - 1  # the last </s> is predicted, not fed
                if at + size > length or masks + segs.stop - segs.start > self.max_masks:
                    continue
                masks += segs.stop - segs.start
                ids[b, at : at + size] = self.d.talk["ids"][span][:-1]
                positions[b, at : at + size] = n + np.arange(size)
                segment[b, at : at + size] = number + 1
                self._note(lists, b, at, talk)
                at += size
        images = np.asarray(images)
        t = torch.from_numpy
        return Batch(
            t(images),
            *(t(np.asarray(x[images])) for x in (self.d.clip, self.d.sam, self.d.labels)),
            ids=t(ids),
            positions=t(positions),
            segment=t(segment),
            target=t(np.asarray(lists["target"], np.int64).reshape(-1, 3)),
            weight=t(np.asarray(lists["weight"], np.float32)),
            seg=t(np.asarray(lists["seg"], np.int64).reshape(-1, 2)),
            masks=t(np.asarray(lists["masks"], np.uint8).reshape(-1, 128, 128)),
            rows=t(np.asarray(lists["rows"], np.int64)),
            box_at=t(np.asarray(lists["box_at"], np.int64).reshape(-1, 2)),
            boxes=t(np.asarray(lists["boxes"], np.float32).reshape(-1, 4)),
        )

    def _note(self, lists: dict[str, list], b: int, at: int, talk: int) -> None:
        d, span = self.d, self.d.span("ids", talk)
        ids, reply = d.talk["ids"][span], d.talk["reply"][span]
        said = np.flatnonzero(reply)
        # Short replies hold as much to learn as long ones.
        weight = float(np.clip(14 / len(said), 0.7, 3.0))
        lists["target"] += [(b, at + i - 1, int(ids[i])) for i in said]
        lists["weight"] += [weight] * len(said)
        segs = d.span("seg", talk)
        for k in range(segs.start, segs.stop):
            rows = d.talk["seg_rows"][d.span("seg_rows", k)]
            lists["seg"].append((b, at + int(d.talk["seg_at"][k]) - 1))
            lists["masks"].append(d.mask(rows))
            lists["rows"].append(int(rows[0]) if len(rows) == 1 else -1)
        for k in range(d.span("box", talk).start, d.span("box", talk).stop):
            lists["box_at"].append((b, at + int(d.talk["box_at"][k])))
            lists["boxes"].append(d.talk["box"][k])
