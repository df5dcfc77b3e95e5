"""Sizes of every part, read from the same files as the Rust engine reads."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


@dataclass
class LlmConfig:
    """LLaMA."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    vocab_size: int
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10_000.0
    max_position_embeddings: int = 2048

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads


@dataclass
class ClipConfig:
    """CLIP vision tower."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    image_size: int
    patch_size: int
    layer_norm_eps: float = 1e-5

    @property
    def grid(self) -> int:
        return self.image_size // self.patch_size


@dataclass
class RegionConfig:
    """Region encoder."""

    embed_dims: int = 1024
    inner_dims: int = 1024
    pos_hidden: int = 256
    out_dims: int = 4096
    num_fuse: int = 5
    gn_groups: int = 64
    roi_output_size: int = 14
    roi_sampling_ratio: int = 2
    strides: list[float] = field(default_factory=lambda: [1.75, 3.5, 7.0, 14.0])
    box_scale: float = 224.0
    level_layers: list[int] = field(default_factory=lambda: [-11, -8, -5, -2])


@dataclass
class SamConfig:
    """Grounding encoder: image encoder, prompt encoder, mask decoder."""

    image_size: int = 1024
    patch_size: int = 16
    encoder_embed_dim: int = 1280
    encoder_depth: int = 32
    encoder_num_heads: int = 16
    global_attn_indexes: list[int] = field(default_factory=lambda: [7, 15, 23, 31])
    window_size: int = 14
    mlp_ratio: float = 4.0
    prompt_embed_dim: int = 256
    mask_in_chans: int = 16
    decoder_depth: int = 2
    decoder_num_heads: int = 8
    decoder_mlp_dim: int = 2048
    num_multimask_outputs: int = 3
    iou_head_depth: int = 3
    iou_head_hidden_dim: int = 256

    @property
    def grid(self) -> int:
        return self.image_size // self.patch_size


@dataclass
class Config:
    """All of GLaMM."""

    llm: LlmConfig
    clip: ClipConfig
    region: RegionConfig
    sam: SamConfig
    out_dim: int
    select_layer: int

    @property
    def image_tokens(self) -> int:
        """Positions that an image takes in the language model."""
        return self.clip.grid**2

    def state_index(self, layer: int) -> int:
        """Index into the list of hidden states (0 is the output of the embeddings)."""
        return layer if layer >= 0 else self.clip.num_hidden_layers + 1 + layer


def _pick(cls: type, values: dict[str, Any]) -> Any:
    names = {f.name for f in fields(cls)}
    return cls(**{k: v for k, v in values.items() if k in names})


def parse(glamm: dict[str, Any], clip: dict[str, Any]) -> Config:
    """Builds the sizes from the two parsed JSON files."""
    arch = glamm.get("arch") or glamm.get("tiny_arch") or {}
    llm = _pick(LlmConfig, glamm)
    tower = _pick(ClipConfig, clip.get("vision_config", clip))
    region = {"embed_dims": tower.hidden_size, "out_dims": llm.hidden_size} | arch.get("region", {})
    return Config(
        llm=llm,
        clip=tower,
        region=_pick(RegionConfig, region),
        sam=_pick(SamConfig, arch.get("sam", {})),
        out_dim=glamm.get("out_dim", 256),
        select_layer=glamm.get("mm_vision_select_layer", -2),
    )


def read(glamm_dir: Path, clip_dir: Path) -> Config:
    """Reads `config.json` of both directories."""
    return parse(
        json.loads((glamm_dir / "config.json").read_text()),
        json.loads((clip_dir / "config.json").read_text()),
    )
