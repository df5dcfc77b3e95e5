"""Keeps what the frozen parts of an exported model say of a prepared data set, for `train_decoder.py`:
`python prepare_decoder.py DATA_DIR MODEL_DIR`. Writes `DATA_DIR/cache/decoder.npz` with the grounding
encoder's embeddings, and the prompts of the `[SEG]`s of one row of conversations a picture, with
their true masks."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from glamm import losses
from glamm.checkpoint import load
from glamm.data import Data, Packer

LENGTH, MASKS, BATCH = 384, 12, 8


@torch.no_grad()
def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("data", type=Path)
    args.add_argument("model", type=Path)
    a = args.parse_args()
    torch.set_num_threads(1)
    data, model = Data(a.data), load(a.model)
    packer = Packer(data, LENGTH, model.config.image_tokens, MASKS, 0)
    lists: dict[str, list[np.ndarray]] = {k: [] for k in ("embedding", "prompt", "image", "mask")}
    for start in range(0, len(data), BATCH):
        batch = packer.pack(np.arange(start, min(start + BATCH, len(data))))
        picture = losses.sam_input(batch.sam, torch.float32)
        lists["embedding"].append(model.model.grounding_encoder.image_encoder(picture).half().numpy())
        states = model.clip_states(losses.clip_input(batch.clip, torch.float32))
        hidden = losses.read(model, data, batch, states, model.image_rows(states))
        item, at = batch.seg.unbind(1)
        lists["prompt"].append(model.seg_prompts(hidden[item, at]).half().numpy())
        lists["image"].append(batch.images[item].numpy())
        lists["mask"].append(np.packbits(batch.masks.flatten(1).numpy(), axis=1))
    arrays = {k: np.concatenate(v) for k, v in lists.items()}
    np.savez(a.data / "cache" / "decoder.npz", **arrays)
    print(f"{len(arrays['embedding'])} pictures, {len(arrays['prompt'])} [SEG]")


if __name__ == "__main__":
    main()
