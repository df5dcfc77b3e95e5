"""Turns an exported data set into arrays that training maps into memory:
`python prepare.py DATA_DIR TOKENIZER_DIR`. Writes `DATA_DIR/cache/`.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from glamm.preprocess import clip_crop, sam_resize
from glamm.text import IMAGE_PREFIX, Tokenizer, prompt
from glamm.world import World, decode_mask, is_part

MASK_SIDE = 128
LABEL_SIDE = 64
TASKS = ["gcg", "caption", "region", "refseg", "qa", "dialogue"]


def shrink(mask: Image.Image, side: int) -> np.ndarray:
    """Where at least half of a cell of a lower resolution is covered, bool [side, side]."""
    return np.asarray(mask.reduce(mask.width // side)) >= 128


def picture(job: tuple[Path, list[dict[str, Any]], list[tuple[int, int]], int, int]) -> tuple[np.ndarray, ...]:
    """Both encoders' inputs, the packed masks and the label maps of one picture."""
    file, annotations, labels, clip_side, sam_side = job
    image = Image.open(file).convert("RGB")
    maps = np.zeros((3, LABEL_SIDE, LABEL_SIDE), np.uint8)
    masks = np.zeros((len(annotations), MASK_SIDE * MASK_SIDE // 8), np.uint8)
    for i, annotation in enumerate(annotations):
        mask = Image.fromarray(decode_mask(annotation) * 255)
        masks[i] = np.packbits(shrink(mask, MASK_SIDE))
        covered = shrink(mask, LABEL_SIDE)
        kind, color = labels[i]
        maps[2 if is_part(annotation) else 0][covered] = kind + 1
        maps[1][covered] = color + 1
    return clip_crop(image, clip_side), sam_resize(image, sam_side), masks, maps


class Conversations:
    """Token ids of all conversations behind the shared image prefix, flattened."""

    def __init__(self, tokenizer: Tokenizer, rows: dict[int, int]) -> None:
        self.t, self.rows = tokenizer, rows
        self.prefix = tokenizer.encode_prompt(prompt([("", None)]).split("\n")[0])
        self.skip = len(tokenizer.encode("<im_end>" + IMAGE_PREFIX.split("<im_end>")[1])) - 1
        self.flat: dict[str, list[Any]] = defaultdict(list)

    def add(self, image: int, entry: dict[str, Any], size: tuple[int, int]) -> None:
        """One conversation: ids, which of them are replies, boxes, and `[SEG]` targets."""
        turns, f = entry["turns"], self.flat
        ids, reply = self._tokens(turns)
        boxes = [b for turn in turns for b in turn["boxes"]]
        targets = [t for turn in turns for t in turn["targets"]]
        segs = [i for i, token in enumerate(ids) if token == self.t.seg]
        marks = [i for i, token in enumerate(ids) if token == self.t.bbox]
        if len(segs) != len(targets) or len(marks) != len(boxes):
            raise ValueError(f"{entry['file_name']}: targets or boxes do not match the text")
        f["image"].append(image)
        f["task"].append(TASKS.index(entry["task"]))
        f["ids"] += ids
        f["reply"] += reply
        f["ids_end"].append(len(f["ids"]))
        for at, target in zip(segs, targets):
            f["seg_at"].append(at)
            f["seg_rows"] += [self.rows[a] for a in target]
            f["seg_rows_end"].append(len(f["seg_rows"]))
        f["seg_end"].append(len(f["seg_at"]))
        f["box_at"] += marks
        f["box"] += [[b[0] / size[0], b[1] / size[1], b[2] / size[0], b[3] / size[1]] for b in boxes]
        f["box_end"].append(len(f["box_at"]))

    def _tokens(self, turns: list[dict[str, Any]]) -> tuple[list[int], list[int]]:
        done: list[tuple[str, str | None]] = []
        ids: list[int] = []
        flags: list[int] = []
        for turn in turns:
            asked = self._encode([*done, (turn["user"], None)])
            done.append((turn["user"], turn["reply"]))
            whole = self._encode(done)
            if whole[: len(asked)] != asked:
                raise ValueError(f"the reply {turn['reply']!r} changes the tokens of its question")
            flags += [0] * (len(asked) - len(ids)) + [1] * (len(whole) - 1 - len(asked)) + [0]
            ids = whole
        # The last reply ends with one `</s>`; the template's second one is never fed.
        return ids[:-1], flags[:-1]

    def _encode(self, turns: list[tuple[str, str | None]]) -> list[int]:
        text = "<im_end>" + prompt(turns).split("<im_end>", 1)[1]
        return self.t.encode(text)[1 + self.skip :]

    def save(self, folder: Path) -> None:
        """Writes `conversations.npz`."""
        arrays = {k: np.asarray(v) for k, v in self.flat.items()}
        arrays["ids"] = arrays["ids"].astype(np.int16)
        arrays["reply"] = arrays["reply"].astype(np.uint8)
        arrays["box"] = np.asarray(self.flat["box"], np.float32).reshape(-1, 4)
        arrays["prefix"] = np.asarray(self.prefix)
        np.savez(folder / "conversations.npz", **arrays)


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("data", type=Path)
    args.add_argument("tokenizer", type=Path)
    args.add_argument("--clip-side", type=int, default=160)
    args.add_argument("--sam-side", type=int, default=192)
    args.add_argument("--jobs", type=int, default=2)
    a = args.parse_args()
    out = a.data / "cache"
    out.mkdir(exist_ok=True)
    coco = json.loads((a.data / "annotations.json").read_text())
    world = World(coco)
    per_image: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for annotation in coco["annotations"]:
        per_image[annotation["image_id"]].append(annotation)
    images = coco["images"]
    ordered = [x for image in images for x in sorted(per_image[image["id"]], key=is_part)]
    rows = {x["id"]: i for i, x in enumerate(ordered)}
    save_annotations(out, world, images, ordered, rows)
    save_pictures(a, out, world, images, per_image, len(ordered))
    number = {image["id"]: i for i, image in enumerate(images)}
    talk = Conversations(Tokenizer(a.tokenizer), rows)
    with (a.data / "conversations.jsonl").open() as lines:
        for line in lines:
            entry = json.loads(line)
            image = images[number[entry["image_id"]]]
            talk.add(number[entry["image_id"]], entry, (image["width"], image["height"]))
    talk.save(out)
    lengths = np.diff([0, *talk.flat["ids_end"]])
    print(f"{len(images)} images, {len(ordered)} masks, {len(lengths)} conversations of {lengths.mean():.1f} tokens")


def save_annotations(
    out: Path, world: World, images: list[Any], ordered: list[dict[str, Any]], rows: dict[int, int]
) -> None:
    """Writes `annotations.npz`: per row the image, category, colour, box, and for a part the row of
    what it belongs to (else -1); the categories' names."""
    number = {image["id"]: i for i, image in enumerate(images)}
    labels = np.asarray([world.label(x) for x in ordered])
    box = np.asarray([x["bbox"] for x in ordered], np.float32)
    size = np.asarray([[images[number[x["image_id"]]][k] for k in ("width", "height")] for x in ordered])
    box = np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], 1) / np.tile(size, 2)
    np.savez(
        out / "annotations.npz",
        image=np.asarray([number[x["image_id"]] for x in ordered]),
        kind=labels[:, 0],
        color=labels[:, 1],
        part=np.asarray([is_part(x) for x in ordered]),
        owner=np.asarray([rows[x["attributes"]["part_of"]] if is_part(x) else -1 for x in ordered]),
        box=box.astype(np.float32),
        names=np.asarray(world.names),
    )


def save_pictures(
    a: argparse.Namespace,
    out: Path,
    world: World,
    images: list[Any],
    per_image: dict[int, list[dict[str, Any]]],
    masks: int,
) -> None:
    """Writes `clip.npy`, `sam.npy`, `labels.npy` and `masks.npy`."""
    new = np.lib.format.open_memmap
    n = len(images)
    clip = new(out / "clip.npy", "w+", np.uint8, (n, a.clip_side, a.clip_side, 3))
    sam = new(out / "sam.npy", "w+", np.uint8, (n, a.sam_side, a.sam_side, 3))
    labels = new(out / "labels.npy", "w+", np.uint8, (n, 3, LABEL_SIDE, LABEL_SIDE))
    packed = new(out / "masks.npy", "w+", np.uint8, (masks, MASK_SIDE * MASK_SIDE // 8))
    row = 0

    def jobs() -> Any:
        for image in images:
            own = sorted(per_image[image["id"]], key=is_part)
            yield a.data / "images" / image["file_name"], own, [world.label(x) for x in own], a.clip_side, a.sam_side

    with Pool(a.jobs) as pool:
        for i, (c, s, m, l) in enumerate(pool.imap(picture, jobs(), chunksize=16)):
            clip[i], sam[i], labels[i] = c, s, l
            packed[row : row + len(m)] = m
            row += len(m)


if __name__ == "__main__":
    main()
