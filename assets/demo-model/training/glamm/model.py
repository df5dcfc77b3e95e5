"""All of GLaMM, with the released checkpoints' tensor names."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .clip import Clip
from .config import Config
from .layers import Linear
from .llama import Cache, Layer, RmsNorm, rotary
from .mask_decoder import GroundingEncoder
from .region import RegionEncoder


class GlammModel(nn.Module):
    """Everything below `model.`."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        width = c.llm.hidden_size
        self.embed_tokens = nn.Embedding(c.llm.vocab_size, width)
        self.layers = nn.ModuleList(Layer(c.llm) for _ in range(c.llm.num_hidden_layers))
        self.norm = RmsNorm(width, c.llm.rms_norm_eps)
        self.mm_projector = nn.Sequential(
            Linear(c.clip.hidden_size, width), nn.GELU(), Linear(width, width)
        )
        self.region_encoder = RegionEncoder(c.region)
        self.grounding_encoder = GroundingEncoder(c.sam)
        self.text_hidden_fcs = nn.ModuleList(
            [nn.Sequential(Linear(width, width), nn.ReLU(), Linear(width, c.out_dim))]
        )


class Glamm(nn.Module):
    """The checkpoint root; the CLIP tower is held beside it, as it is stored apart."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.config = c
        self.model = GlammModel(c)
        self.lm_head = Linear(c.llm.hidden_size, c.llm.vocab_size, bias=False)
        self.clip = Clip(c.clip)

    def clip_states(self, pixels: Tensor) -> list[Tensor]:
        """Hidden states of CLIP up to the selected one, [B, 1 + patches, width] each."""
        c = self.config
        last = max([c.state_index(c.select_layer)] + [c.state_index(i) for i in c.region.level_layers])
        return self.clip.vision_model(pixels, last)

    def image_rows(self, states: list[Tensor]) -> Tensor:
        """Rows that replace the image placeholder, [B, patches, LLM width]."""
        selected = states[self.config.state_index(self.config.select_layer)]
        return self.model.mm_projector(selected[:, 1:])

    def region_rows(self, states: list[Tensor], boxes: Tensor, image: Tensor) -> Tensor:
        """Rows that replace `<bbox>` embeddings, [K, LLM width]; boxes normalised to 0..1."""
        return self.model.region_encoder(self.region_states(states), boxes, image)

    def region_states(self, states: list[Tensor]) -> list[Tensor]:
        """The hidden states that feed the region encoder, shallow first."""
        return [states[self.config.state_index(i)] for i in self.config.region.level_layers]

    def llm(
        self, x: Tensor, positions: Tensor, bias: Tensor, caches: list[Cache] | None = None
    ) -> tuple[Tensor, list[Cache]]:
        """Final-norm hidden states of embeddings x [B, L, W]; bias [B or 1, 1, L, keys]."""
        cos, sin = rotary(positions, self.config.llm)
        table = (cos.to(x.dtype), sin.to(x.dtype))
        new: list[Cache] = []
        for i, layer in enumerate(self.model.layers):
            x, cache = layer(x, table, bias, caches[i] if caches else None)
            new.append(cache)
        return self.model.norm(x), new

    def llm_train(self, x: Tensor, positions: Tensor, bias: Tensor) -> Tensor:
        """As `llm`, without a cache."""
        cos, sin = (t.to(x.dtype) for t in rotary(positions, self.config.llm))
        for layer in self.model.layers:
            x = layer.train_forward(x, cos, sin, bias)
        return self.model.norm(x)

    def seg_prompts(self, hidden: Tensor) -> Tensor:
        """`[SEG]` embeddings from the hidden state of the token before, [M, out_dim]."""
        return self.model.text_hidden_fcs[0](hidden)


def full_size_mask(logits: Tensor, frame: int, resized: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Low-resolution logits [M, h, w] to the picture's own size (height, width)."""
    up = torch.nn.functional.interpolate(logits[:, None], (frame, frame), mode="bilinear", align_corners=False)
    up = up[..., : resized[0], : resized[1]]
    return torch.nn.functional.interpolate(up, size, mode="bilinear", align_corners=False)[:, 0]
