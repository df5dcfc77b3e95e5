"""llama.cpp's side: `llama_rows.py LIBRARY_DIR MODEL.gguf [--threads N] [--runs N] [--only decode,prefill]`.

On an exported model: 16 tokens decoded one at a time behind 700 positions, and a prompt of 640, with the
logits of its last position, as its own `llama-bench -d 700 -n 16` and `-p 640` measure. One run more warms
up. Prints JSON: tokens per second, median and each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Callable

from llama_library import Llama

DEPTH, TOKENS, PROMPT = 700, 16, 640


def rates(work: Callable[[], int], before: Callable[[], None], runs: int) -> list[float]:
    """Tokens a second."""
    found = []
    for _ in range(runs + 1):
        before()
        begin = time.perf_counter()
        tokens = work()
        found.append(tokens / (time.perf_counter() - begin))
    return found[1:]


def decode(llama: Llama, runs: int) -> list[float]:
    """One token at a time."""
    llama.keep(0)
    llama.decode(prompt(DEPTH))

    def steps() -> int:
        token = 5
        for _ in range(TOKENS):
            token = int(llama.decode([token]).argmax())
        return TOKENS

    return rates(steps, lambda: llama.keep(DEPTH), runs)


def prefill(llama: Llama, runs: int) -> list[float]:
    """A prompt from nothing."""
    return rates(lambda: llama.decode(prompt(PROMPT)) is not None and PROMPT, lambda: llama.keep(0), runs)


def prompt(positions: int) -> list[int]:
    return [3 + i % 256 for i in range(positions)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="decode,prefill")
    args = parser.parse_args()
    llama = Llama(args.library, args.model, args.threads)
    rows = []
    for row in args.only.split(","):
        each = {"decode": decode, "prefill": prefill}[row](llama, args.runs)
        rows.append({"row": row, "tokens_per_second": statistics.median(each), "each": each})
    print(json.dumps({"peer": "llama.cpp", "model": args.model, "threads": args.threads, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
