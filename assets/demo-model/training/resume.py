"""Makes a checkpoint to continue from out of an exported model:
`python resume.py MODEL_DIR RUN --kinds N [--average MODEL_DIR]` (N: categories of the data set).

`--average` begins halfway between two exported models, one of which went on from the other: better
than either, where the second learnt something new and forgot a little."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from glamm.checkpoint import load
from glamm.heads import Heads


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("model", type=Path)
    args.add_argument("run", type=Path)
    args.add_argument("--average", type=Path)
    args.add_argument("--kinds", type=int, required=True)
    a = args.parse_args()
    model = load(a.model)
    state = {k: v.detach().clone() for k, v in model.state_dict().items()}
    if a.average:
        other = load(a.average).state_dict()
        state = {k: v.lerp(other[k].to(v.dtype), 0.5) for k, v in state.items()}
    a.run.mkdir(parents=True, exist_ok=True)
    heads = Heads(model.config, a.kinds).state_dict()
    rest = {"optimiser": {}, "step": 0, "start": time.time(), "until": ""}
    torch.save({"model": state, "ema": dict(state), "heads": heads} | rest, a.run / "last.pt")


if __name__ == "__main__":
    main()
