"""Whether llama.cpp and we compute the same: `check_llama_cpp.py GLAMM OURS.gguf EXPORTED.gguf LIBRARY_DIR`.

Gives a few tokens to `glamm dev logits` and to llama.cpp , and compares the logits behind each. Both quantise
activations, to blocks of their own, so they differ a little; the likeliest token must not, unless two are
closer than that.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
from gguf import GGUFReader
from llama_library import Llama

TOKENS = [1, 450, 338, 278, 3002, 29973, 7000, 15, 31999, 5]
LIMIT = 0.05


def ours(glamm: str, model: str, tokens: list[int]) -> np.ndarray:
    """[tokens, vocabulary]."""
    command = [glamm, "dev", "logits", "--device", "cpu", "--model", model, "--tokens", ",".join(map(str, tokens))]
    return np.array(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def theirs(library: str, model: str, tokens: list[int]) -> np.ndarray:
    """The same of llama.cpp."""
    llama = Llama(library, model, threads=2)
    return np.stack([llama.decode([token]) for token in tokens])


def main() -> None:
    glamm, model, exported, library = sys.argv[1:5]
    config = json.loads(bytes(GGUFReader(model).fields["glamm.config"].parts[-1]))
    tokens = [token % config["vocab_size"] for token in TOKENS]
    a, b = ours(glamm, model, tokens), theirs(library, exported, tokens)
    difference = np.linalg.norm(a - b, axis=1) / np.linalg.norm(a, axis=1)
    close = [np.sort(row)[-1] - row[other] < LIMIT * row.std() for row, other in zip(a, b.argmax(1))]
    print(json.dumps({
        "same_argmax": f"{int((a.argmax(1) == b.argmax(1)).sum())} of {len(tokens)}",
        "relative_difference": [round(float(d), 5) for d in difference],
    }))
    if max(difference) > LIMIT or not all(close):
        sys.exit("they differ")


if __name__ == "__main__":
    main()
