"""llama.cpp's side: `llama_cpp.py LLAMA_BENCH MODEL.gguf [--threads N] [--runs N] [--only decode,prefill]`.

Runs its own `llama-bench` on an exported model: tokens decoded behind 700 positions, and a prompt of 640.
Prints JSON: tokens per second, median and each.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess

ROWS = {
    "decode": ["-p", "0", "-n", "16", "-d", "700"],
    "prefill": ["-p", "640", "-n", "0"],
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("llama_bench")
    parser.add_argument("model")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--runs", default="3")
    parser.add_argument("--only", default=",".join(ROWS))
    args = parser.parse_args()
    rows = []
    for row in args.only.split(","):
        command = [args.llama_bench, "-m", args.model, "-t", args.threads, "-r", args.runs, "-o", "json", *ROWS[row]]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)[0]
        each = found["samples_ts"]
        rows.append({"row": row, "tokens_per_second": statistics.median(each), "each": each})
    print(json.dumps({"peer": "llama.cpp", "build": found["build_commit"], "model": args.model, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
