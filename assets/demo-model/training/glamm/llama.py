"""LLaMA: the language model, with a block mask for packed training and a cache for replies."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import LlmConfig
from .layers import Linear, attend, joint

Cache = tuple[Tensor, Tensor]


class RmsNorm(nn.Module):
    """Root mean square norm."""

    def __init__(self, dims: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dims))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)


def rotary(positions: Tensor, c: LlmConfig) -> tuple[Tensor, Tensor]:
    """cos and sin tables [B, 1, L, head_dim] in the halves convention."""
    exponent = torch.arange(0, c.head_dim, 2, dtype=torch.float32, device=positions.device) / c.head_dim
    angle = positions[:, None, :, None].float() * (1.0 / c.rope_theta**exponent)
    angle = torch.cat([angle, angle], -1)
    return angle.cos(), angle.sin()


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


def bias_of(allowed: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Additive mask: 0 where a key may be seen, minus infinity elsewhere."""
    return torch.zeros(allowed.shape, dtype=dtype).masked_fill_(~allowed, float("-inf"))


def causal_bias(length: int) -> Tensor:
    """[1, 1, L, L] for one plain sequence."""
    return bias_of(torch.ones(length, length, dtype=torch.bool).tril())[None, None]


class Attention(nn.Module):
    """Multi-head attention with rotary positions and no biases."""

    def __init__(self, c: LlmConfig) -> None:
        super().__init__()
        self.heads, self.head_dim = c.num_attention_heads, c.head_dim
        self.q_proj = Linear(c.hidden_size, c.hidden_size, bias=False)
        self.k_proj = Linear(c.hidden_size, c.hidden_size, bias=False)
        self.v_proj = Linear(c.hidden_size, c.hidden_size, bias=False)
        self.o_proj = Linear(c.hidden_size, c.hidden_size, bias=False)

    def forward(
        self, x: Tensor, table: tuple[Tensor, Tensor], bias: Tensor, cache: Cache | None
    ) -> tuple[Tensor, Cache]:
        b, n, d = x.shape
        qkv = joint(x, self.q_proj, self.k_proj, self.v_proj)
        q, k, v = qkv.view(b, n, 3, self.heads, self.head_dim).permute(2, 0, 3, 1, 4)
        q, k = _rotate(q, *table), _rotate(k, *table)
        if cache is not None:
            k, v = torch.cat([cache[0], k], 2), torch.cat([cache[1], v], 2)
        y = attend(q, k, v, bias)
        return self.o_proj(y.transpose(1, 2).reshape(b, n, d)), (k, v)


class Mlp(nn.Module):
    """SiLU-gated MLP."""

    def __init__(self, c: LlmConfig) -> None:
        super().__init__()
        self.gate_proj = Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.down_proj = Linear(c.intermediate_size, c.hidden_size, bias=False)
        self.up_proj = Linear(c.hidden_size, c.intermediate_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = joint(x, self.gate_proj, self.up_proj).chunk(2, -1)
        return self.down_proj(F.silu(gate) * up)


class Layer(nn.Module):
    """A pre-norm block."""

    def __init__(self, c: LlmConfig) -> None:
        super().__init__()
        self.self_attn = Attention(c)
        self.mlp = Mlp(c)
        self.input_layernorm = RmsNorm(c.hidden_size, c.rms_norm_eps)
        self.post_attention_layernorm = RmsNorm(c.hidden_size, c.rms_norm_eps)

    def forward(
        self, x: Tensor, table: tuple[Tensor, Tensor], bias: Tensor, cache: Cache | None
    ) -> tuple[Tensor, Cache]:
        y, cache = self.self_attn(self.input_layernorm(x), table, bias, cache)
        x = x + y
        return x + self.mlp(self.post_attention_layernorm(x)), cache

    def train_forward(self, x: Tensor, cos: Tensor, sin: Tensor, bias: Tensor) -> Tensor:
        """Without a cache; this is what the trainer compiles."""
        return self.forward(x, (cos, sin), bias, None)[0]
