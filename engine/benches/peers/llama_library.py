"""llama.cpp through the bindings of llama-cpp-python, straight from its source package.

`Llama(library, model)` loads an exported model; `library` is the directory that `build_llama_cpp.sh` has printed.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import numpy as np


class Llama:
    """One sequence of one model."""

    def __init__(self, library: str, model: str, threads: int, context: int = 1024) -> None:
        folder = Path(library).resolve()
        os.environ["LLAMA_CPP_LIB_PATH"] = str(folder)
        package = next(path for path in folder.parents[1].glob("llama_cpp_python-*") if path.is_dir())
        sys.path.insert(0, str(package))
        import llama_cpp.llama_cpp as api

        self.api = api
        api.llama_backend_init()
        self.quiet = api.llama_log_callback(lambda *_: None)
        api.llama_log_set(self.quiet, ctypes.c_void_p(0))
        self.model = api.llama_model_load_from_file(model.encode(), api.llama_model_default_params())
        params = api.llama_context_default_params()
        params.n_ctx = params.n_batch = context
        params.n_threads = params.n_threads_batch = threads
        self.context = api.llama_init_from_model(self.model, params)
        self.vocabulary = api.llama_vocab_n_tokens(api.llama_model_get_vocab(self.model))

    def keep(self, positions: int) -> None:
        """Forgets all positions but the first."""
        memory = self.api.llama_get_memory(self.context)
        if not self.api.llama_memory_seq_rm(memory, 0, positions, -1):
            raise RuntimeError("llama.cpp could not forget")

    def decode(self, tokens: list[int]) -> np.ndarray:
        """Computes the tokens behind those that are there; logits of the last."""
        array = (self.api.llama_token * len(tokens))(*tokens)
        if self.api.llama_decode(self.context, self.api.llama_batch_get_one(array, len(tokens))) != 0:
            raise RuntimeError("llama.cpp could not decode")
        logits = self.api.llama_get_logits_ith(self.context, -1)
        return np.ctypeslib.as_array(logits, shape=(self.vocabulary,)).copy()
