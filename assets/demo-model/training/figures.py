"""Free-running figures of an exported model on prepared held-out scenes:
`python figures.py MODEL_DIR DATA_DIR [--scenes N] [--first I]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from glamm.checkpoint import load
from glamm.data import Data
from glamm.evaluate import evaluate, questions, report
from glamm.text import Tokenizer


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("model", type=Path)
    args.add_argument("data", type=Path)
    args.add_argument("--scenes", type=int, default=100)
    args.add_argument("--first", type=int, default=0)
    a = args.parse_args()
    data, tokenizer = Data(a.data), Tokenizer(a.model)
    asked = questions(a.data, data, tokenizer, range(a.first, a.first + a.scenes))
    print(report(evaluate(load(a.model), data, tokenizer, asked)))


if __name__ == "__main__":
    main()
