"""Compares this model with recorded stages: `python check_golden.py DIR`.

DIR has the layout of the golden data: `manifest.json`, `images/`, `expected/`, a checkpoint
(`glamm-tiny` and `clip-tiny`, or what the manifest's `checkpoint` names). Where
`segments.safetensors` lies beside DIR, masks of clicks and boxes are compared with SAM's own.
Prints the worst relative error of every stage and fails above 1e-4.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file

from glamm.checkpoint import load
from glamm.mask_decoder import BACKGROUND, BOX_END, BOX_START, FOREGROUND
from glamm.model import Glamm
from glamm.stages import case_stages, image_stages
from glamm.text import Tokenizer

LIMIT = 1e-4


def main() -> None:
    root = Path(sys.argv[1])
    manifest = json.loads((root / "manifest.json").read_text())
    folder = root / manifest.get("checkpoint", "glamm-tiny")
    model, tokenizer = load(folder), Tokenizer(folder)
    worst: dict[str, float] = {}
    wrong_ids = 0
    for name, entry in manifest["images"].items():
        found, _ = image_stages(model, Image.open(root / entry["file"]).convert("RGB"))
        compare(load_file(root / entry["tensor_file"]), found, worst)
    for case in manifest["cases"]:
        wanted = load_file(root / case["tensor_file"])
        image = Image.open(root / manifest["images"][case["image"]]["file"]).convert("RGB")
        ids = tokenizer.encode_prompt(case["prompt"])
        if ids != case["input_ids"]:
            wrong_ids += 1
            print(f"{case['id']}: prompt ids differ")
        compare(wanted, case_stages(model, tokenizer, image, case), worst)
    segments = root.parent / "segments.safetensors"
    if segments.exists() and "wide" in manifest["images"]:
        recorded = load_file(segments)
        found = places_stages(model, root, manifest["images"]["wide"], recorded)
        compare({k: recorded[k] for k in found}, found, worst)
    for stage, error in sorted(worst.items(), key=lambda item: -item[1]):
        print(f"{stage:40} {error:.2e}")
    if wrong_ids or max(worst.values()) > LIMIT:
        sys.exit("differs")


@torch.no_grad()
def places_stages(
    model: Glamm, root: Path, image: dict[str, Any], recorded: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """All masks and predicted IoUs of the recorded clicks and boxes, which are in pixels of the image."""
    grounding, c = model.model.grounding_encoder, model.config.sam
    embedding = load_file(root / image["tensor_file"])["sam_image_embedding"]
    height, width = image[f"sam{c.image_size}"]["resize_list_hw"]
    scale = torch.tensor([width / image["width"], height / image["height"]])
    out = {}
    for name in ("click", "clicks", "box", "both"):
        clicks = recorded.get(f"{name}_clicks", torch.empty(0, 3))
        places, kinds = [clicks[:, :2]], [torch.where(clicks[:, 2] > 0, FOREGROUND, BACKGROUND)]
        if f"{name}_box" in recorded:
            places.append(recorded[f"{name}_box"].view(2, 2))
            kinds.append(torch.tensor([BOX_START, BOX_END]))
        sparse = grounding.prompt_encoder.embed_points((torch.cat(places) * scale)[None], torch.cat(kinds)[None])
        logits, iou = grounding.decode(embedding, sparse, 1 + c.num_multimask_outputs)
        out |= {f"{name}_logits": logits[0], f"{name}_iou": iou[0]}
    return out


def compare(wanted: dict[str, torch.Tensor], found: dict[str, torch.Tensor], worst: dict[str, float]) -> None:
    """Adds the relative error of every stage in both."""
    for name in wanted.keys() & found.keys():
        a, b = wanted[name].double(), found[name].double()
        error = float((a - b).norm() / a.norm().clamp(min=1e-12)) if a.shape == b.shape else float("inf")
        worst[name] = max(worst.get(name, 0.0), error)
    for name in wanted.keys() - found.keys():
        worst[f"{name} (not computed)"] = 0.0


if __name__ == "__main__":
    main()
