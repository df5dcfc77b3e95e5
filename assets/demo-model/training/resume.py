"""Makes a checkpoint to continue from out of an exported model:
`python resume.py MODEL_DIR RUN --kinds N` (N: categories of the data set)."""

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
    args.add_argument("--kinds", type=int, required=True)
    a = args.parse_args()
    model = load(a.model)
    state = {k: v.detach().clone() for k, v in model.state_dict().items()}
    a.run.mkdir(parents=True, exist_ok=True)
    heads = Heads(model.config, a.kinds).state_dict()
    rest = {"optimiser": {}, "step": 0, "start": time.time(), "until": ""}
    torch.save({"model": state, "ema": dict(state), "heads": heads} | rest, a.run / "last.pt")


if __name__ == "__main__":
    main()
