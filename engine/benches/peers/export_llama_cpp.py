"""The language model of our one-file GGUF as a GGUF for llama.cpp: `export_llama_cpp.py OURS.gguf OUT.gguf`.

Every block of every matrix is copied as it is, so both programs multiply with the same numbers. Two
things differ. llama.cpp turns neighbouring channels of a head by the rotary embedding, LLaMA as Hugging
Face stores it turns channel i with channel i + width / 2; so rows of the query and key matrices change
places. And there is no vocabulary: token ids are all that a benchmark needs.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from gguf import GGUFReader, GGUFWriter

OUTSIDE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
INSIDE = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def main() -> None:
    source, target = sys.argv[1:3]
    reader = GGUFReader(source)
    config = json.loads(bytes(reader.fields["glamm.config"].parts[-1]))
    writer = GGUFWriter(target, "llama")
    describe(writer, config)
    for tensor in reader.tensors:
        name = name_in_llama_cpp(tensor.name)
        if name is not None:
            writer.add_tensor(name, interleaved(tensor, config), raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file(progress=False)
    writer.close()


def describe(writer: GGUFWriter, config: dict) -> None:
    """The sizes that llama.cpp needs."""
    heads = config["num_attention_heads"]
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_rope_freq_base(config.get("rope_theta", 10_000.0))
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")


def name_in_llama_cpp(name: str) -> str | None:
    """None for what is not the language model's."""
    if name in OUTSIDE:
        return OUTSIDE[name]
    if not name.startswith("model.layers."):
        return None
    index, _, rest = name.removeprefix("model.layers.").partition(".")
    part = INSIDE.get(rest.removesuffix(".weight"))
    return part and f"blk.{index}.{part}.weight"


def interleaved(tensor, config: dict) -> np.ndarray:
    """Stored rows; of queries and keys, the two halves of each head interleaved."""
    rows = np.asarray(tensor.data)
    heads = {
        "q_proj": config["num_attention_heads"],
        "k_proj": config.get("num_key_value_heads") or config["num_attention_heads"],
    }
    for part, count in heads.items():
        if part in tensor.name:
            halves = rows.reshape(count, 2, rows.shape[0] // count // 2, rows.shape[1])
            return halves.swapaxes(1, 2).reshape(rows.shape)
    return rows


if __name__ == "__main__":
    main()
