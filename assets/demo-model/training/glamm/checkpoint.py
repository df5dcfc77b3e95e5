"""Reading checkpoints in the Hugging Face layout, and writing the demo model in it."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from . import config as sizes
from .model import Glamm


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """All tensors of a directory, sharded or not, pickled or safetensors, widened to float32."""
    out: dict[str, Tensor] = {}
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    for file in files:
        part = load_file(file) if file.suffix == ".safetensors" else torch.load(file, weights_only=True)
        out |= {k: v.float() if v.is_floating_point() else v for k, v in part.items()}
    if not out:
        raise FileNotFoundError(f"no weights in {folder}")
    return out


def clip_dir(folder: Path) -> Path:
    """Where the CLIP tower of a checkpoint lies: inside it or beside it."""
    name = json.loads((folder / "config.json").read_text())["mm_vision_tower"]
    return next(p for p in (folder / name, folder.parent / name) if p.is_dir())


def load(folder: Path) -> Glamm:
    """Builds the model of a checkpoint directory and fills it; missing tensors are an error."""
    tower = clip_dir(folder)
    model = Glamm(sizes.read(folder, tower))
    own = {f"clip.{k}": v for k, v in read_tensors(tower).items() if k.startswith("vision_model.")}
    state = read_tensors(folder) | own
    missing = model.load_state_dict(state, strict=False).missing_keys
    if missing:
        raise KeyError(f"{folder} lacks {missing[:5]}")
    return model.eval()


def split_state(model: Glamm) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Tensors of the GLaMM file and of the CLIP file, in f16."""
    glamm, clip = {}, {}
    for key, value in model.state_dict().items():
        half = value.detach().half().contiguous()
        if key.startswith("clip."):
            clip[key.removeprefix("clip.")] = half
        else:
            glamm[key] = half
    return glamm, clip
