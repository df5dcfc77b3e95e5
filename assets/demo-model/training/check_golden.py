"""Compares this model with recorded stages: `python check_golden.py DIR`.

DIR has the layout of the golden data: `manifest.json`, `images/`, `expected/`, a checkpoint
(`glamm-tiny` and `clip-tiny`, or what the manifest's `checkpoint` names).
Prints the worst relative error of every stage and fails above 1e-4.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file

from glamm.checkpoint import load
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
    for stage, error in sorted(worst.items(), key=lambda item: -item[1]):
        print(f"{stage:40} {error:.2e}")
    if wrong_ids or max(worst.values()) > LIMIT:
        sys.exit("differs")


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
