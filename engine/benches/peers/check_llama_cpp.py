"""Whether llama.cpp and we compute the same: `check_llama_cpp.py GLAMM OURS.gguf EXPORTED.gguf LIBRARY_DIR`.

Gives a few tokens to `glamm dev logits` and to llama.cpp (through the bindings of llama-cpp-python, whose
source package lies beside the library that `build_llama_cpp.sh` has built), and compares the logits behind each. Both
quantise activations, to blocks of their own, so they differ a little; the likeliest token must not, unless
two are closer than that. Needs `pip install diskcache jinja2` beside numpy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader

TOKENS = [1, 450, 338, 278, 3002, 29973, 7000, 15, 31999, 5]
LIMIT = 0.05


def ours(glamm: str, model: str, tokens: list[int]) -> np.ndarray:
    """[tokens, vocabulary]."""
    command = [glamm, "dev", "logits", "--device", "cpu", "--model", model, "--tokens", ",".join(map(str, tokens))]
    return np.array(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def theirs(model: str, library: Path, tokens: list[int]) -> np.ndarray:
    """The same of llama.cpp."""
    os.environ["LLAMA_CPP_LIB_PATH"] = str(library)
    package = next(path for path in library.parent.glob("llama_cpp_python-*") if path.is_dir())
    sys.path.insert(0, str(package))
    from llama_cpp import Llama

    llama = Llama(model, n_ctx=512, logits_all=True, verbose=False, n_threads=2)
    llama.eval(tokens)
    return np.array(llama.scores[: len(tokens)])


def main() -> None:
    glamm, model, exported, library = sys.argv[1:5]
    config = json.loads(bytes(GGUFReader(model).fields["glamm.config"].parts[-1]))
    tokens = [token % config["vocab_size"] for token in TOKENS]
    a, b = ours(glamm, model, tokens), theirs(exported, Path(library).resolve(), tokens)
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
