"""Free-running figures on held-out scenes.

A quick relative of `glamm eval scenes`, which gives the figures that count: replies are generated
greedily and compared with the `truth` of the exported turns.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .data import Data
from .generate import generate
from .losses import DTYPE, clip_input, sam_input
from .model import Glamm
from .text import Tokenizer, prompt
from .world import COLORS, is_part

NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
Sums = dict[str, list[float]]


@dataclass
class Question:
    """One turn to be answered, with the true replies of the turns before it."""

    image: int
    task: str
    ids: list[int]
    boxes: list[list[float]]
    targets: list[np.ndarray]
    truth: dict[str, Any]
    reply: str


def questions(folder: Path, data: Data, tokenizer: Tokenizer, images: range) -> list[Question]:
    """Every turn about these pictures."""
    coco = json.loads((folder / "annotations.json").read_text())
    number = {image["id"]: i for i, image in enumerate(coco["images"])}
    size = {image["id"]: (image["width"], image["height"]) for image in coco["images"]}
    order = {x["id"]: x for x in coco["annotations"]}
    rows = _rows(order, coco["images"], data)
    out = []
    with (folder / "conversations.jsonl").open() as lines:
        for entry in map(json.loads, lines):
            image = number[entry["image_id"]]
            if image not in images:
                continue
            w, h = size[entry["image_id"]]
            turns: list[tuple[str, str | None]] = []
            boxes: list[list[float]] = []
            for turn in entry["turns"]:
                boxes = boxes + [[b[0] / w, b[1] / h, b[2] / w, b[3] / h] for b in turn["boxes"]]
                ids = tokenizer.encode_prompt(prompt([*turns, (turn["user"], None)]))
                targets = [data.mask(np.asarray([rows[a] for a in t])) for t in turn["targets"]]
                truth = turn["truth"]
                out.append(Question(image, entry["task"], ids, boxes, targets, truth, turn["reply"]))
                turns.append((turn["user"], turn["reply"]))
    return out


def _rows(annotations: dict[int, Any], images: list[Any], data: Data) -> dict[int, int]:
    """Annotation id to row, in the order that `prepare.py` wrote."""
    per_image = defaultdict(list)
    for annotation in annotations.values():
        per_image[annotation["image_id"]].append(annotation)
    ordered = [x for image in images for x in sorted(per_image[image["id"]], key=is_part)]
    return {x["id"]: i for i, x in enumerate(ordered)}


@torch.no_grad()
def evaluate(model: Glamm, data: Data, tokenizer: Tokenizer, asked: list[Question], limit: int = 96) -> Sums:
    """Numerators and denominators of every figure."""
    model.eval()
    sums: Sums = defaultdict(lambda: [0.0, 0.0])
    by_image: dict[int, list[Question]] = defaultdict(list)
    for question in asked:
        by_image[question.image].append(question)
    images = sorted(by_image)
    for start in range(0, len(images), 8):
        group = images[start : start + 8]
        numbers = np.asarray(group)
        states = model.clip_states(clip_input(torch.from_numpy(data.clip[numbers])))
        pictures = model.model.grounding_encoder.image_encoder(sam_input(torch.from_numpy(data.sam[numbers])))
        rows = model.image_rows(states)
        todo = [(b, q) for b, image in enumerate(group) for q in by_image[image]]
        embeds = [_embed(model, data, tokenizer, q, rows[b], states, b) for b, q in todo]
        ids, hidden = generate(model, embeds, limit)
        for (b, question), reply, state in zip(todo, ids, hidden):
            masks = _masks(model, tokenizer, reply, state, pictures[b])
            _score(sums, data, question, tokenizer.decode(reply), masks)
    model.train()
    return dict(sums)


def _embed(
    model: Glamm, data: Data, tokenizer: Tokenizer, q: Question, rows: Tensor, states: list[Tensor], b: int
) -> Tensor:
    at = data.image_at
    ids = torch.tensor(q.ids[:at] + [0] * len(rows) + q.ids[at + 1 :])
    x = F.embedding(ids, model.model.embed_tokens.weight).to(DTYPE)
    x[at : at + len(rows)] = rows
    if q.boxes:
        boxes = torch.tensor(q.boxes, dtype=torch.float32)
        x[ids == tokenizer.bbox] = model.region_rows(states, boxes, torch.full((len(boxes),), b))
    return x


def _masks(model: Glamm, tokenizer: Tokenizer, reply: list[int], state: Tensor, picture: Tensor) -> np.ndarray:
    at = [i for i, token in enumerate(reply) if token == tokenizer.seg]
    if not at:
        return np.zeros((0, 128, 128), bool)
    # The state that predicted `[SEG]` is the one at the token before it.
    prompts = model.seg_prompts(state[at])
    logits, _ = model.model.grounding_encoder.decode(picture.expand(len(at), -1, -1, -1), prompts[:, None])
    up = F.interpolate(logits.float(), (128, 128), mode="bilinear", align_corners=False)[:, 0]
    return (up > 0).numpy()


def _iou(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    return float((a & b).sum()), float((a | b).sum())


def _score(sums: Sums, data: Data, q: Question, reply: str, masks: np.ndarray) -> None:
    def add(name: str, value: float, weight: float = 1.0) -> None:
        sums[name][0] += value
        sums[name][1] += weight

    about = q.truth["about"]
    add(f"right {q.task} {about}", judge(reply, q.truth, data.names))
    wanted = [t.astype(bool) for t in q.targets]
    if about == "grounded" and q.task == "gcg":
        matched = _match(masks, wanted)
        for iou in matched + [0.0] * (len(wanted) - len(matched)):
            add("gcg miou", iou)
            add("gcg recall50", iou >= 0.5)
        add("gcg precision50", sum(i >= 0.5 for i in matched), max(len(masks), 1))
        said, true = phrases(reply), phrases(q.reply)
        add("gcg phrases right", len(set(said) & set(true)), len(set(said)) or 1)
        add("gcg phrases found", len(set(said) & set(true)), len(set(true)) or 1)
    elif wanted:
        for i, t in enumerate(wanted):
            m = masks[i] if i < len(masks) else np.zeros_like(t)
            both, either = _iou(m, t)
            add(f"{q.task} ciou", both, either)
            add(f"{q.task} giou", both / max(either, 1))


def _match(found: np.ndarray, wanted: list[np.ndarray]) -> list[float]:
    """IoU of greedily matched pairs, one to one."""
    pairs = []
    for i, f in enumerate(found):
        for j, w in enumerate(wanted):
            both, either = _iou(f, w)
            pairs.append((both / max(either, 1), i, j))
    out, used_i, used_j = [], set(), set()
    for iou, i, j in sorted(pairs, reverse=True):
        if i not in used_i and j not in used_j and iou > 0:
            used_i.add(i)
            used_j.add(j)
            out.append(iou)
    return out


def phrases(reply: str) -> list[str]:
    """What stands between `<p>` and `</p>`, without article."""
    found = re.findall(r"<p>(.*?)</p>", reply)
    return [re.sub(r"^(a|an|the)\s+", "", p.strip().lower()) for p in found]


def _words(text: str) -> Iterator[str]:
    for marker in ("[SEG]", "</s>", "<p>", "</p>"):
        text = text.replace(marker, " ")
    return iter(re.findall(r"\w+", text.lower()))


def _first(words: list[str], known: list[str]) -> str | None:
    plain = {w: w for w in known} | {f"{w}s": w for w in known}
    return next((plain[w] for w in words if w in plain), None)


def judge(reply: str, truth: dict[str, Any], names: list[str]) -> bool:
    """Whether the reply says what is true, by the first word that could."""
    words, value, about = list(_words(reply)), truth["value"], truth["about"]
    if about == "object":
        return value[0] in words[:12] and _first(words, COLORS) == value[1]
    if about == "color":
        return _first(words, COLORS) == value[0]
    if about == "count":
        number = next((w for w in words if w in NUMBERS or w.isdigit()), None)
        return number in (value[0], NUMBERS[int(value[0])])
    if about == "yes_no":
        return bool(words) and words[0] == value[0]
    if about in ("where", "place"):
        return value[0] in words
    if about == "absent":
        return "[SEG]" not in reply and ("no" in words or "not" in words)
    if about == "segment":
        return "[SEG]" in reply
    return True


def report(sums: Sums) -> str:
    """One line per figure."""
    return "\n".join(f"  {name:28} {a / max(b, 1e-9):.3f}  ({b:.0f})" for name, (a, b) in sorted(sums.items()))
