"""Writes a model directory in the Hugging Face layout: `python export.py TOKENIZER_DIR OUT_DIR
[--checkpoint RUN/last.pt [--last]]`. Without a checkpoint the weights are random (to try the sizes)."""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from glamm import config as sizes
from glamm.checkpoint import load, split_state
from glamm.init import initialise
from glamm.model import Glamm

HERE = Path(__file__).parent


def token(content: str) -> dict[str, object]:
    """A special token as the tokenizer files of LLaMA describe it."""
    return {"content": content, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}


def full_config(tokenizer: Path) -> dict[str, object]:
    """`config.json` with what follows from the tokenizer filled in."""
    added = json.loads((tokenizer / "added_tokens.json").read_text())
    base = json.loads((HERE / "config" / "config.json").read_text())
    return base | {"vocab_size": max(added.values()) + 1, "bbox_token_idx": added["<bbox>"]}


def write_text_files(tokenizer: Path, out: Path) -> None:
    """Everything but the weights."""
    (out / "clip").mkdir(parents=True, exist_ok=True)
    names = {"bos_token": token("<s>"), "eos_token": token("</s>"), "unk_token": token("<unk>")}
    config = full_config(tokenizer)
    files = {
        "config.json": config,
        "generation_config.json": {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "use_cache": False},
        "special_tokens_map.json": names | {"pad_token": "<unk>"},
        "tokenizer_config.json": {
            "add_bos_token": True,
            "add_eos_token": False,
            "clean_up_tokenization_spaces": False,
            "model_max_length": config["model_max_length"],
            "pad_token": None,
            "padding_side": "right",
            "sp_model_kwargs": {},
            "tokenizer_class": "LlamaTokenizer",
        }
        | names,
    }
    for name, value in files.items():
        (out / name).write_text(json.dumps(value, indent=2) + "\n")
    for name in ("tokenizer.model", "added_tokens.json"):
        if (tokenizer / name).resolve() != (out / name).resolve():
            shutil.copyfile(tokenizer / name, out / name)
    for name in ("config.json", "preprocessor_config.json"):
        shutil.copyfile(HERE / "config" / "clip" / name, out / "clip" / name)


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("tokenizer", type=Path)
    args.add_argument("out", type=Path)
    args.add_argument("--checkpoint", type=Path)
    args.add_argument("--last", action="store_true", help="the last weights instead of the averaged ones")
    args.add_argument("--keep", type=float, default=0.0, help="so much of the weights that OUT has already")
    a = args.parse_args()
    before = load(a.out).state_dict() if a.keep else {}
    write_text_files(a.tokenizer, a.out)
    model = Glamm(sizes.read(a.out, a.out / "clip"))
    initialise(model)
    if a.checkpoint:
        saved = torch.load(a.checkpoint, map_location="cpu", weights_only=True)
        state = saved["model" if a.last else "ema"]
        model.load_state_dict({k: v.lerp(before[k].to(v.dtype), a.keep) if before else v for k, v in state.items()})
    glamm, clip = split_state(model)
    save_file(glamm, a.out / "model.safetensors", {"format": "pt"})
    save_file(clip, a.out / "clip" / "model.safetensors", {"format": "pt"})
    print(f"{sum(v.numel() for v in [*glamm.values(), *clip.values()]) / 1e6:.2f} M parameters")


if __name__ == "__main__":
    main()
